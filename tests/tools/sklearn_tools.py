"""What the tests of the estimators share."""
import re


def in_words(parameter):
    """A test's name for a parameter: its text, without the address that a function's has."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(parameter))
