"""Indexing and order: `python -m benchmarks.indexing [--rows TEXT,..] [--rounds N] [--threads N]`.

Times lookups, writes at indices, movement of elements, running sums, sorting and draws on square matrices, forward and
backward, against eager PyTorch.
"""
import sys

from .row_tables import run_table

SECONDS = 0.05          # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    return run_table("indexing", __doc__, "infer, step, gather, sort, n512", SECONDS, argv, rounds=3)


if __name__ == "__main__":
    sys.exit(main())
