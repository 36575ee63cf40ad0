"""Private training: `python -m benchmarks.privacy [--rows TEXT,..]`, `python -m benchmarks.privacy --mnist 1.19`.

The first form times a training step with and without privacy, in fastnet, recorded, and in PyTorch with Opacus (its
hooks, and its ghost clipping with two backward passes), on one thread, in turns, with the same rows in a batch. The
second form trains Opacus' network for MNIST with the settings of its README for an epsilon, and prints the accuracy on
the test images for each seed, and the mean; with `--calibrated`, with the noise that spends this epsilon by the
accountant "prv", which is less. See README.md.
"""
import argparse
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

import fastnet
from fastnet import nn
from fastnet.privacy import PrivacyEngine, get_noise_multiplier

from .rows import named
from .timing import Plan, Timed, busy, every_turn

PLAN, QUICK = Plan(rounds=7, seconds=0.2), Plan(rounds=3, seconds=0.05)
SAMPLE_RATE = 0.004
MOST = 1 << 28                          # numbers in the gradients of all samples: 1 GB
# epsilon: (epochs of 250 steps, learning rate, noise multiplier, bound), as in the README of Opacus' example
TRAININGS = {1.19: (15, 0.25, 1.3, 1.5), 3.01: (60, 0.15, 1.1, 1.0), 7.10: (45, 0.25, 0.7, 1.5)}


# ---- networks, in fastnet and in PyTorch ----------------------------------------------------------------------------

def perceptron(nn, *sizes):
    layers = [layer for a, b in pairwise(sizes[:-1]) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


def mnist_network(nn):
    """The network of Opacus' example: two convolutions and two linear maps."""
    return nn.Sequential(nn.Conv2d(1, 16, 8, 2, padding=3), nn.ReLU(), nn.MaxPool2d(2, 1), nn.Conv2d(16, 32, 4, 2),
                         nn.ReLU(), nn.MaxPool2d(2, 1), nn.Flatten(), nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, 10))


def normed_network(nn):
    """Six 3x3 convolutions with group norm, for images of 32x32 pixels."""
    layers, channels = [], 3
    for width in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def transformer(nn):
    """Two encoder layers of width 128 over 32 positions."""
    layer = [nn.TransformerEncoderLayer(128, 4, 256, 0.0, batch_first=True) for _ in range(2)]
    return nn.Sequential(*layer, nn.Flatten(), nn.Linear(32 * 128, 10))


@dataclass(frozen=True)
class Row:
    name: str
    make: object
    shape: tuple
    batch: int
    classes: int = 10
    peers: bool = True


ROWS = (
    Row("mlp-784-512-256-10-b128", lambda nn: perceptron(nn, 784, 512, 256, 10), (784,), 128),
    Row("mlp-1024-2048-2048-1000-b512", lambda nn: perceptron(nn, 1024, 2048, 2048, 1000), (1024,), 512, 1000),
    Row("mnist-cnn-b240", mnist_network, (1, 28, 28), 240),
    Row("cnn-group-norm-b64", normed_network, (3, 32, 32), 64),
    Row("transformer-b64", transformer, (32, 128), 64),
    Row("transformer-lora-b64", lambda nn: fastnet.lora.apply(transformer(nn), r=8), (32, 128), 64, peers=False),
)


def data(row, samples):
    rng = np.random.default_rng(0)
    return rng.standard_normal((samples, *row.shape), np.float32), rng.integers(0, row.classes, samples)


# ---- steps ----------------------------------------------------------------------------------------------------------

def fastnet_steps(row):
    """(step, private step, rows of a batch): functions without arguments, which cycle through batches."""
    def made():
        fastnet.manual_seed(0)
        model = row.make(nn)
        return model, fastnet.optim.SGD(model.parameters(), lr=1e-6)

    def step_of(model, optimizer):
        @fastnet.compile
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss
        return step
    model, optimizer, loader = PrivacyEngine(seed=0).make_private(
        **dict(zip(("module", "optimizer"), made())), noise_multiplier=1.0, max_grad_norm=1.0,
        data_loader=fastnet.data.DataLoader(fastnet.data.TensorDataset(*data(row, 4 * row.batch)), row.batch))
    private, masks = step_of(model, optimizer), loader._masks
    x, y = next(iter(loader))
    size = len(x)
    plain = step_of(*made())
    expected = int(loader.expected_batch_size)

    def run_private():
        masks.open(size, expected)
        private(x, y)
    return lambda: plain(x, y), run_private, size


def torch_steps(row, size):
    """{name: step} of PyTorch and of Opacus, with batches of `size` rows."""
    import warnings

    import torch
    from opacus import PrivacyEngine as Engine

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    x, y = map(torch.from_numpy, data(row, size))
    steps = {"PyTorch": torch_step(torch, row, x, y)}
    for mode in ("hooks", "ghost"):
        torch.manual_seed(0)
        model = row.make(torch.nn)
        if mode == "hooks" and size * sum(p.numel() for p in model.parameters()) > MOST:
            continue                    # hooks keep the gradients of all samples
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=size)
        options = {"criterion": torch.nn.CrossEntropyLoss(), "grad_sample_mode": "ghost"} if mode == "ghost" else {}
        try:
            model, optimizer, *criterion, _ = Engine().make_private(
                module=model, optimizer=optimizer, data_loader=loader, noise_multiplier=1.0, max_grad_norm=1.0,
                poisson_sampling=False, **options)
        except Exception as error:
            print(f"Opacus ({mode}): {type(error).__name__}: {str(error).splitlines()[0][:100]}")
            continue
        steps[f"Opacus {mode}"] = torch_step(torch, row, x, y, model, optimizer, *criterion)
    return steps


def torch_step(torch, row, x, y, model=None, optimizer=None, criterion=None):
    if model is None:
        torch.manual_seed(0)
        model = row.make(torch.nn)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, fused=True)
    criterion = criterion or torch.nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    return step


def compare(rows, plan, peers):
    fastnet.set_num_threads(1)
    print(f"{busy()}{'':30s}{'rows':>6s}{'step':>10s}{'private':>10s}{'cost':>7s}"
          f"{'PyTorch':>11s}{'Opacus':>10s}{'cost':>7s}{'ghost':>10s}{'cost':>7s}")
    for row in rows:
        plain, private, size = fastnet_steps(row)
        steps = {"plain": plain, "private": private, **(torch_steps(row, size) if peers and row.peers else {})}
        times = every_turn({name: Timed(step) for name, step in steps.items()}, plan)
        print(f"{row.name:30s}{size:6d}" + "".join([
            f"{median(times['plain']) * 1e3:8.2f}ms", f"{median(times['private']) * 1e3:8.2f}ms",
            f"{cost(times, 'private', 'plain'):7.2f}", *peer_columns(times)]), flush=True)


def cost(times, private, plain):
    """The median of the ratios of the turns of two steps, which follow each other."""
    return median(a / b for a, b in zip(times[private], times[plain]))


def peer_columns(times):
    if "PyTorch" not in times:
        return
    yield f"{median(times['PyTorch']) * 1e3:9.2f}ms"
    for name in ("Opacus hooks", "Opacus ghost"):
        if name in times:
            yield f"{median(times[name]) * 1e3:8.2f}ms{cost(times, name, 'PyTorch'):7.2f}"
        else:
            yield f"{'-':>10s}{'-':>7s}"


# ---- a training -----------------------------------------------------------------------------------------------------

def normed(images):
    return ((images[:, None] / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)).astype(np.float32)


def train_mnist(epsilon, seed, epochs=None, calibrated=False):
    """Train with the settings for an epsilon; returns the accuracy on the test images.

    Args:
        calibrated: choose the noise that spends this epsilon, in place of the README's.
    """
    settings, rate, noise, bound = TRAININGS[epsilon]
    epochs = epochs or settings
    (x, y), (test_x, test_y) = fastnet.datasets.mnist(download=False)
    fastnet.manual_seed(seed)
    model = mnist_network(nn)
    optimizer = fastnet.optim.SGD(model.parameters(), lr=rate)
    loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(normed(x), y), round(SAMPLE_RATE * len(x)))
    engine = PrivacyEngine(accountant="prv" if calibrated else "rdp", seed=seed)
    if calibrated:
        noise = get_noise_multiplier(target_epsilon=epsilon, target_delta=1e-5, sample_rate=SAMPLE_RATE, epochs=epochs)
    model, optimizer, loader = engine.make_private(module=model, optimizer=optimizer, data_loader=loader,
                                                   noise_multiplier=noise, max_grad_norm=bound)
    trainer = fastnet.Trainer(model, optimizer, loss="cross_entropy", metrics="accuracy")
    start = time.perf_counter()
    trainer.fit(loader, epochs=epochs, progress=False)
    seconds = time.perf_counter() - start
    accuracy = trainer.evaluate(normed(test_x), test_y)["accuracy"]
    print(f"seed {seed}: noise {noise:.3f}, epsilon {engine.get_epsilon(1e-5):.3f} at delta 1e-5, "
          f"accuracy {accuracy:.2%}, {epochs * len(loader) / seconds:.0f} steps/s", flush=True)
    return accuracy


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="TEXT,..", help="only rows with one of these in their name")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    parser.add_argument("--alone", action="store_true", help="without PyTorch and Opacus")
    parser.add_argument("--mnist", type=float, choices=TRAININGS, metavar="EPSILON", help="train: 1.19, 3.01 or 7.10")
    parser.add_argument("--calibrated", action="store_true", help="with --mnist: the noise that spends this epsilon")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()
    if args.mnist:
        fastnet.set_num_threads(1)
        found = [train_mnist(args.mnist, seed, args.epochs, args.calibrated) for seed in range(args.seeds)]
        print(f"epsilon {args.mnist}: mean accuracy {np.mean(found):.2%} of {len(found)} seeds")
        return 0
    rows = named(ROWS, args.rows.split(","))
    compare(rows, QUICK if args.quick else PLAN, not args.alone)
    return 0


if __name__ == "__main__":
    sys.exit(main())
