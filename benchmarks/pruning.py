"""A ResNet-18 without half of its channels, on CIFAR-10: `python -m benchmarks.pruning`.

Trains the network on the images of `$FASTNET_DATA/cifar10`, prunes a fraction of its channels by `ln_channels`, removes
them by `compact`, and trains the small network a little more. Prints the accuracy on the test images after each step,
the greatest difference between the outputs of the masked and the compacted network, and the time of a batch of each, in
turns. `--save FILE` keeps the trained network, and `--load FILE` begins with it. `--small-images` keeps the size of the
images in the first layers: more accurate, and 15 times the work.
"""
import argparse
import copy
import time

import numpy as np

import fastnet
from fastnet import data, prune

from .timing import Plan, Timed, busy, in_turns

BATCH, TIMED_BATCH = 128, 32


def prepared(x, *others):
    """Images of bytes (N, H, W, C) as numbers around 0, (N, C, H, W)."""
    x = (np.asarray(x, np.float32) - 120) / 64
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), *others


def trained(model, images, labels, epochs, lr, seed):
    """Train by SGD with a schedule that ends at 0; prints the seconds."""
    transform = data.Compose([data.RandomHorizontalFlip(), data.RandomCrop(32, padding=4, fill=120), prepared])
    loader = data.DataLoader(data.TensorDataset(images, labels), BATCH, shuffle=True, drop_last=True, seed=seed,
                             transform=transform, prefetch=2)
    optimizer = fastnet.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    start = time.perf_counter()
    fastnet.Trainer(model, optimizer, loss="cross_entropy").fit(
        loader, epochs=epochs, callbacks=[fastnet.callbacks.LearningRateSchedule("one_cycle")], progress=False)
    print(f"  trained {epochs} epochs in {time.perf_counter() - start:.0f} s", flush=True)


def accuracy(model, images, labels):
    """The percentage of images that a model classifies."""
    run = fastnet.compile(model.eval())
    with fastnet.no_grad():
        right = sum(int((run(fastnet.tensor(x)).argmax(1).numpy() == y).sum()) for x, y in zip(
            np.array_split(images, 8), np.array_split(labels, 8)))
    return 100 * right / len(labels)


def timed(models, plan):
    """The seconds of a batch of each of {name: model}, in turns."""
    x = fastnet.randn(TIMED_BATCH, 3, 32, 32)
    calls = {name: fastnet.compile(model.eval().forward) for name, model in models.items()}
    with fastnet.no_grad():
        return in_turns({name: Timed(lambda run=run: run(x)) for name, run in calls.items()}, plan)


def parse(argv):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pruning", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amount", type=float, default=0.5, help="the fraction of channels to remove (0.5)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--tune", type=int, default=5, help="epochs after the channels are removed (5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, default=64, help="channels of the first layers (64, as in ResNet-18)")
    parser.add_argument("--small-images", action="store_true")
    parser.add_argument("--save", metavar="FILE")
    parser.add_argument("--load", metavar="FILE")
    parser.add_argument("--speed", action="store_true", help="only the times, of networks that are not trained")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    print(busy())
    fastnet.manual_seed(args.seed)
    model = fastnet.models.ResNet("basic", (2, 2, 2, 2), 10, small_images=args.small_images, width=args.width)
    example = fastnet.randn(2, 3, 32, 32)
    if args.speed:
        small, _ = prune.compact(prune.ln_channels(copy.deepcopy(model), example, args.amount), example, speed=False)
    else:
        small = accuracies(args, model, example)
    seconds = timed({"whole": model, "compact": small}, Plan(rounds=11, seconds=0.25))
    print(f"a batch of {TIMED_BATCH}: whole {1000 * seconds['whole']:.2f} ms, compact "
          f"{1000 * seconds['compact']:.2f} ms: {seconds['whole'] / seconds['compact']:.2f} times as fast")


def accuracies(args, model, example):
    """Train, prune, compact and train again; returns the compacted network."""
    (x, y), (x_test, y_test) = fastnet.datasets.cifar10(download=False)
    test = prepared(x_test)[0]
    if args.load:
        fastnet.load(args.load, model=model)
    else:
        trained(model, x, y, args.epochs, 0.1, args.seed)
    if args.save:
        model.save(args.save)
    before = accuracy(model, test, y_test)
    print(f"whole: {before:.2f}% of {len(y_test)} test images")
    masked = prune.ln_channels(copy.deepcopy(model), example, args.amount)
    small, report = prune.compact(masked, example, speed=False)
    print(report)
    with fastnet.no_grad():
        inputs = fastnet.tensor(test[:256])
        difference = (masked.eval()(inputs) - small.eval()(inputs)).abs().max().item()
    print(f"pruned: {accuracy(small, test, y_test):.2f}%; masked and compact differ by at most {difference:.1e}")
    trained(small, x, y, args.tune, 0.05, args.seed + 1)
    after = accuracy(small, test, y_test)
    print(f"compact: {after:.2f}%, {after - before:+.2f} points", flush=True)
    return small


if __name__ == "__main__":
    main()
