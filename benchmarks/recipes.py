"""The recipes of docs/compile.md, compiled and eager, at several sizes: `python -m benchmarks.recipes`.

Compiled and eager training take turns. A row prints the median milliseconds of each, and the ratio. Exits with 1 if the
compiled training is slower or its losses differ by a bit.
"""
import argparse
import re
import statistics
import sys
import time
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "compile.md"
SIZES = [(8, 8), (32, 64), (256, 256)]          # width, batch
STEPS, ROUNDS = 200, 5


def recipes():
    """{name: training function on the page}."""
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        if "def train_" in block:
            exec(compile(block, str(PAGE), "exec"), names)
    return {name: value for name, value in names.items() if name.startswith("train_")}


def timed(train, **arguments):
    """(seconds, losses, number of recordings) of a training."""
    start = time.perf_counter()
    losses, recordings = train(**arguments)
    return time.perf_counter() - start, losses, recordings


def main():
    argparse.ArgumentParser(prog="python -m benchmarks.recipes", allow_abbrev=False,
                            description=__doc__.split("\n\n")[1]).parse_args()
    failed = False
    print(f"{'recipe':14s} {'width':>5s} {'batch':>5s} {'eager ms':>9s} {'compiled ms':>11s} {'faster':>7s} recordings")
    for name, train in recipes().items():
        for width, batch in SIZES:
            size = {"width": width, "batch": batch, "steps": STEPS}
            runs = [(timed(train, disable=True, **size), timed(train, **size)) for _ in range(ROUNDS)]
            eager, compiled = (statistics.median(run[i][0] for run in runs) for i in (0, 1))
            (_, expected, _), (_, losses, recordings) = runs[-1]
            failed = failed or compiled >= eager or losses != expected
            print(f"{name:14s} {width:5d} {batch:5d} {1e3 * eager:9.1f} {1e3 * compiled:11.1f} {eager / compiled:7.2f} "
                  f"{recordings}{'' if losses == expected else '  losses differ'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
