"""Attention: `python -m benchmarks.attention [--rows TEXT,..] [--rounds N] [--threads N]`.

Times scaled dot-product attention, forward and in training, and generation token by token, beside PyTorch. See
README.md.
"""
import sys

from .row_tables import run_table

SECONDS = 0.2           # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    return run_table("attention", __doc__, "infer, step, generate, t512, causal", SECONDS, argv)


if __name__ == "__main__":
    sys.exit(main())
