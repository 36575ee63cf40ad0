"""What the command says and returns where something is wrong."""
import re

from fastnet._core.startup import INTERRUPTED, WRONG_USE

FAILED = 1


class WrongUseError(ValueError):
    """Arguments that each are right but cannot be meant."""


def line_of(error):
    """An error in words for a user, in one line.

    Args:
        error: an exception.

    Example:
        >>> from fastnet.cli.errors import line_of
        >>> line_of(FileNotFoundError(2, "No such file or directory", "flowers.csv"))
        'flowers.csv: No such file or directory'
        >>> line_of(ZeroDivisionError())
        'ZeroDivisionError'
    """
    return re.sub(r"\s*[\r\n]\s*", " ", _words_of(error))


def _words_of(error):
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    if isinstance(error, MemoryError):
        reason = f" ({error})" if str(error) else ""
        return f"out of memory{reason}: try a smaller --batch-size, smaller --hidden layers, or less data"
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    return str(error) or type(error).__name__


def code_of(error):
    """The exit code for an error.

    Args:
        error: an exception.

    Example:
        >>> from fastnet.cli.errors import WrongUseError, code_of
        >>> code_of(OSError()), code_of(WrongUseError()), code_of(KeyboardInterrupt())
        (1, 2, 130)
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return WRONG_USE if isinstance(error, WrongUseError) else FAILED
