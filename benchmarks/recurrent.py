"""Recurrent layers: `python -m benchmarks.recurrent [--rows TEXT,..] [--rounds N] [--threads N]`.

Times LSTM and GRU layers, forward and in training, and cells in a Python loop, against PyTorch. See README.md.
"""
import sys

from .row_tables import run_table

SECONDS = 0.1           # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    return run_table("recurrent", __doc__, "infer, step, cell, lstm128, b64, t500, l2", SECONDS, argv, rounds=3)


if __name__ == "__main__":
    sys.exit(main())
