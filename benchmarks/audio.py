"""Features of audio: `python -m benchmarks.audio [--rows TEXT,..] [--rounds N] [--threads N]`.

Times spectrograms, logarithmic mel spectrograms and cepstra, forward and backward, against torchaudio.
"""
import sys

from .row_tables import run_table

SECONDS = 0.1           # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    return run_table("audio", __doc__, "infer, step, logmel, mfcc, n441, b32, s30", SECONDS, argv)


if __name__ == "__main__":
    sys.exit(main())
