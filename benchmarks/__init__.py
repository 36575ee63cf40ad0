"""Benchmarks of fastnet against other engines, NumPy and the processor. See README.md."""
import sys
from pathlib import Path

# The benchmarks share the table of cases and its tools with the tests.
_TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path += [str(folder) for folder in (_TESTS / "tools", _TESTS / "kernels") if str(folder) not in sys.path]
