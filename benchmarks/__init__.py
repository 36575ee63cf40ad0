"""How fast fastnet is beside NumPy: every kernel of the table of cases, and training steps. See README.md."""
import sys
from pathlib import Path

# The table of cases, and the tools to call them, stand with the tests.
_TESTS = str(Path(__file__).resolve().parent.parent / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)
