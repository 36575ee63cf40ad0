"""The overhead of the training loop: `python -m benchmarks.loop [--quick]`.

Trains a 784-512-256-10 perceptron with AdamW for one epoch of 60,000 images (MNIST if it is in $FASTNET_DATA, else
noise), in batches of 128, in three ways that take turns: `Trainer.fit` with shuffling, accuracy and progress bar; a
loop by hand with shuffling only; and the compiled step alone, on eight prepared batches. Exits with 1 if `fit` takes
more than 5% longer than the loop by hand.
"""
import argparse
import contextlib
import io
import sys
import time
from itertools import cycle, islice
from statistics import median

import fastnet

from .loading import BATCH, compiled_step, images, perceptron, small_steps
from .table import NAME, microseconds
from .timing import SETTLE, busy, rounds, undisturbed

LIMIT = 0.05


class Terminal(io.StringIO):
    """A standard error that reports to be a terminal, so that `fit` shows a progress bar."""

    def isatty(self):
        return True


def ways(x, y):
    """{name: a function that trains for an epoch}."""
    step, tensors = compiled_step(), (fastnet.from_numpy(x), fastnet.from_numpy(y))
    ready = [tuple(t[i * BATCH:(i + 1) * BATCH].clone() for t in tensors) for i in range(8)]
    count = -(-len(x) // BATCH)
    model = perceptron()
    trainer = fastnet.Trainer(model, small_steps(model), loss="cross_entropy", metrics=["accuracy"])

    def steps_alone():
        for batch in islice(cycle(ready), count):
            float(step(*batch))

    def by_hand():
        order = fastnet.randperm(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start:start + BATCH]
            float(step(*[t[rows] for t in tensors]))

    def fit():
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(Terminal()):
            trainer.fit(x, y, epochs=1, batch_size=BATCH)
    return {"Trainer.fit": fit, "loop by hand": by_hand, "steps alone": steps_alone}


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main(argv=None):
    """Print a line for each way of training; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", allow_abbrev=False,
                                     description=__doc__.split("\n\n")[1])
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    count = 3 if parser.parse_args(argv).quick else 11
    x, y = images()
    x = x.astype("float32") / 255
    runs = ways(x, y)
    with undisturbed():
        for run in runs.values():
            run()
        times = rounds({name: lambda run=run: timed(run) for name, run in runs.items()}, count, SETTLE)
    batches = -(-len(x) // BATCH)
    print(f"{busy()}{'an epoch of MNIST':{NAME}s}{'us a batch':>12s}{'over a loop by hand':>22s}"
          f"{'over steps alone':>19s}")
    for name, seconds in times.items():
        over = [median(a / b for a, b in zip(seconds, times[other])) - 1 for other in ("loop by hand", "steps alone")]
        print(f"{name:{NAME}s}{microseconds(median(seconds) / batches):>12s}{over[0]:>22.1%}{over[1]:>19.1%}")
    return int(median(a / b for a, b in zip(times["Trainer.fit"], times["loop by hand"])) > 1 + LIMIT)


if __name__ == "__main__":
    sys.exit(main())
