"""Attention: `python -m benchmarks.attention [--rows TEXT,..] [--rounds N] [--threads N]`.

Times scaled dot-product attention, forward and in training, and generation token by token, beside PyTorch. See
README.md.
"""
import sys

from .attention_engines import ENGINES, MODES, rows
from .row_tables import compare_rows, parse_rows
from .timing import Plan, busy
from .workers import missing

SECONDS = 0.2           # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    options = parse_rows("benchmarks.attention", __doc__, "infer, step, generate, t512, causal", argv)
    found = rows(options.rows.split(","))
    if not found:
        print(f"no row has {options.rows!r} in its name", file=sys.stderr)
        return 2
    names = [name for name in ENGINES if not missing(name, "attention_engines")]
    print(busy(), end="")
    return int(compare_rows("attention_engines", MODES, names, found, Plan(options.rounds, SECONDS), options.threads))


if __name__ == "__main__":
    sys.exit(main())
