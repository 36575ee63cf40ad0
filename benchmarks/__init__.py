"""How fast fastnet is beside NumPy: every kernel of the table of cases, and training steps. See README.md."""
import sys
from pathlib import Path

# The table of cases, and the tools to call them, stand with the tests.
_TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path += [str(folder) for folder in (_TESTS / "tools", _TESTS / "kernels") if str(folder) not in sys.path]
