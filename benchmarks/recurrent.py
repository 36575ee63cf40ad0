"""Recurrent layers: `python -m benchmarks.recurrent [--rows TEXT,..] [--rounds N] [--threads N]`.

Times LSTM and GRU layers, forward and in training, and cells in a Python loop, beside PyTorch. See README.md.
"""
import sys

from .recurrent_engines import ENGINES, MODES, rows
from .row_tables import compare_rows, parse_rows
from .timing import Plan, busy
from .workers import missing

SECONDS = 0.2           # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    options = parse_rows("benchmarks.recurrent", __doc__, "infer, step, cell, lstm128, b64, t500, l2", argv)
    found = rows(options.rows.split(","))
    if not found:
        print(f"no row has {options.rows!r} in its name", file=sys.stderr)
        return 2
    names = [name for name in ENGINES if not missing(name, "recurrent_engines")]
    print(busy(), end="")
    return int(compare_rows("recurrent_engines", MODES, names, found, Plan(options.rounds, SECONDS), options.threads))


if __name__ == "__main__":
    sys.exit(main())
