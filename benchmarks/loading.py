"""The cost of shuffled batches, relative to training on them: `python -m benchmarks.loading [--quick]`.

Draws batches of 128 from 60,000 images of 784 numbers (MNIST if it is in $FASTNET_DATA, else noise) for compiled steps
of a 784-512-256-10 perceptron with AdamW. Exits with 1 if rows of a tensor, taken by an index tensor, cost more than 5%
of an epoch.
"""
import argparse
import sys
from itertools import chain, cycle, repeat
from statistics import median

import numpy as np

import fastnet
from fastnet import datasets, nn
from fastnet.data import DataLoader, TensorDataset

from .table import NAME, microseconds
from .timing import SETTLE, Plan, Timed, busy, every_turn

BATCH, LIMIT = 128, 0.05
PLAN, QUICK = Plan(rounds=11, seconds=0.5), Plan(rounds=3, seconds=0.1)


def images():
    """Images and labels: uint8 (60000, 784), int64 (60000,)."""
    try:
        (x, y), _ = datasets.mnist(download=False)
    except FileNotFoundError:
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (60000, 784), np.uint8), rng.integers(0, 10, 60000)
    return x.reshape(len(x), -1), y


def loaders(x, y):
    """{name: a function from an int64 array of row numbers to a batch (x, y) of float32 rows in [0, 1]}."""
    floats = x.astype(np.float32) / np.float32(255)
    loader = DataLoader(TensorDataset(floats, y), BATCH, shuffle=True, drop_last=True)
    loaded = chain.from_iterable(repeat(loader))            # epoch after epoch, each in another order
    f, b, labels = fastnet.from_numpy(floats), fastnet.from_numpy(x), fastnet.from_numpy(y)

    def by_tensor(rows):
        index = fastnet.from_numpy(rows)
        return f[index], labels[index]

    def by_bytes(rows):
        index = fastnet.from_numpy(rows)
        return b[index].float() * (1 / 255), labels[index]
    return {
        "x[index], float32": by_tensor,
        "x[index] of uint8, then float() / 255": by_bytes,
        "DataLoader, float32": lambda rows: next(loaded),
    }


def perceptron():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))


def small_steps(model):
    """An optimizer that hardly changes the weights: a network that has learnt its batches has gradients of zero."""
    return fastnet.optim.AdamW(model.parameters(), lr=1e-9)


def compiled_step():
    model = perceptron()
    optimizer = small_steps(model)

    @fastnet.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss
    return step


def orders(count):
    """The row numbers of each full batch, epoch after epoch, each in another order."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(count)
        yield from (order[i:i + BATCH] for i in range(0, count - BATCH + 1, BATCH))


def main(argv=None):
    """Print a line for each way of making batches; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", allow_abbrev=False,
                                     description=__doc__.split("\n\n")[1])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    plan = QUICK if parser.parse_args(argv).quick else PLAN
    x, y = images()
    ways, step, rows = loaders(x, y), compiled_step(), orders(len(x))
    ready = cycle([ways["x[index], float32"](next(rows)) for _ in range(8)])
    timed = {name: Timed(lambda load=load: load(next(rows))) for name, load in ways.items()}
    timed["step"] = Timed(lambda: float(step(*next(ready))))
    times = every_turn(timed, plan, SETTLE)
    steps = times.pop("step")
    print(f"{busy()}a step takes {microseconds(median(steps))} us\n"
          f"{'a batch of 128':{NAME}s}{'us':>12s}{'of the epoch':>14s}")
    shares = {name: median(load / (load + step) for load, step in zip(loads, steps)) for name, loads in times.items()}
    for name, share in shares.items():
        print(f"{name:{NAME}s}{microseconds(median(times[name])):>12s}{share:>14.1%}")
    return int(shares["x[index], float32"] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
