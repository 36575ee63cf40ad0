"""The cost of an eager call: `python -m benchmarks.eager [--rows TEXT,..] [--rounds N] [--threads N]`.

Times twenty common operations on tensors so small that the call takes most of the time, forward and backward, against
eager PyTorch.
"""
import sys

from .row_tables import run_table

SECONDS = 0.03          # of a turn


def main(argv=None):
    """Print the tables; returns the exit status."""
    return run_table("eager", __doc__, "infer, step, cat, n64", SECONDS, argv)


if __name__ == "__main__":
    sys.exit(main())
