"""Features of audio: `python -m benchmarks.audio [--rows TEXT,..] [--rounds N] [--threads N]`.

Times spectrograms, logarithmic mel spectrograms and cepstra, forward and backward, beside torchaudio.
"""
import sys

from .audio_engines import ENGINES, MODES, rows
from .row_tables import compare_rows, parse_rows
from .timing import Plan, busy
from .workers import missing

SECONDS = 0.1           # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    options = parse_rows("benchmarks.audio", __doc__, "infer, step, logmel, mfcc, n441, b32, s30", argv)
    found = rows(options.rows.split(","))
    if not found:
        print(f"no row has {options.rows!r} in its name", file=sys.stderr)
        return 2
    names = [name for name in ENGINES if not missing(name, "audio_engines")]
    print(busy(), end="")
    return int(compare_rows("audio_engines", MODES, names, found, Plan(options.rounds, SECONDS), options.threads))


if __name__ == "__main__":
    sys.exit(main())
