"""Attention: `python -m benchmarks.attention [--rows TEXT,..] [--rounds N] [--threads N]`.

Times scaled dot-product attention, forward and in training, and generation token by token, against PyTorch; measures
the memory of a step over 4,096 and 16,384 positions. See README.md.
"""
import sys

from .attention_engines import ENGINES, Row
from .row_tables import parse_rows, print_memory, run_table
from .workers import missing

SECONDS = 0.2           # of a turn, which has at least one call
EXAMPLES = "infer, step, generate, t512, causal, memory"


def main(argv=None):
    """Print the tables; returns the exit status."""
    options = parse_rows("benchmarks.attention", __doc__, EXAMPLES, argv)
    memory = any(text in "memory" for text in options.rows.split(","))
    status = 0 if options.rows == "memory" else run_table("attention", __doc__, EXAMPLES, SECONDS, argv)
    if memory and sys.platform == "linux":
        names = [name for name in ENGINES if not missing(name, "attention_engines")]
        print_memory("attention_engines", names, [Row("step", 4096), Row("step", 16384)], options.threads)
    return status


if __name__ == "__main__":
    sys.exit(main())
