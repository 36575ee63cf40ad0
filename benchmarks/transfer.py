"""Transfer on CIFAR-10: `python -m benchmarks.transfer`.

For each of five pairs of classes: trains a quarter-width resnet18 on the other eight, adapts it to the pair with 50
images of each, and trains the same network on these from nothing. Prints the accuracies on the test images of the pair,
and the times.

Adapting: everything but a new head is frozen, the features of the images and of their mirror images are cached, and the
head is trained on them. Then all layers but the batch norms, which stay frozen, are trained for a few epochs. From
nothing, all layers are trained for more epochs. Both take random crops and flips. The last lines compare an epoch of
the head on cached features with an epoch of the whole network, both on the same images.
"""
import argparse
import sys
import time

import numpy as np

import fastnet
from fastnet import data, datasets, models
from fastnet.transfer import cache_features, freeze, replace_head, unfreeze

PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
IMAGES = 50                             # of each class of a pair, to adapt with
MEAN, STD = np.float32([125.3, 123.0, 113.9]), np.float32([63.0, 62.1, 66.7])       # of CIFAR-10's pixels
BODY = {"epochs": 20, "batch_size": 64, "lr": 5e-3}
NOTHING = {"epochs": 100, "batch_size": 20, "lr": 3e-3}
HEAD = {"epochs": 60, "batch_size": 20, "lr": 1e-2}
LAYERS = {"epochs": 8, "batch_size": 20, "lr": 3e-3}
NORMS = ("*bn?", "*downsample.1")       # the batch norms of a ResNet


def network(classes):
    """A resnet18 for small images with a quarter of the channels."""
    return models.ResNet("basic", (2, 2, 2, 2), num_classes=classes, small_images=True, width=16)


def prepared(x, *others):
    """Images, uint8 (N, 32, 32, 3), as standardised float32 (N, 3, 32, 32)."""
    made = np.ascontiguousarray(((x - MEAN) / STD).transpose(0, 3, 1, 2))
    return (made, *others) if others else made


def trained(model, batches, epochs, lr):
    """Train a model; returns the seconds that it took."""
    trainer = fastnet.Trainer(model, lambda p: fastnet.optim.AdamW(p, lr=lr, weight_decay=0.01), loss="cross_entropy")
    start = time.perf_counter()
    trainer.fit(batches, epochs=epochs, callbacks=fastnet.callbacks.LearningRateSchedule("one_cycle"), progress=False)
    return time.perf_counter() - start


def augmented(x, y, batch_size, **_):
    """Batches of images that are cropped and flipped at random."""
    changes = data.Compose([data.RandomCrop(32, padding=4), data.RandomHorizontalFlip(), prepared])
    return data.DataLoader(data.TensorDataset(x, y), batch_size, shuffle=True, drop_last=len(x) > 1000,
                           transform=changes)


def accuracy(model, x, y):
    return fastnet.Trainer(model, loss="cross_entropy", metrics="accuracy").evaluate(prepared(x), y)["accuracy"]


def of_classes(part, classes, most=None):
    """Images of some classes, and their labels in the order of the classes."""
    x, y = part
    rows = [np.flatnonzero(y == c)[:most] for c in classes]
    return x[np.concatenate(rows)], np.repeat(np.arange(len(classes)), [len(r) for r in rows])


def adapted(body, x, y):
    """(a trained network, adapted to two classes, the seconds that it took)."""
    start = time.perf_counter()
    head = replace_head(body, 2)
    freeze(body)
    unfreeze(body, "fc")
    both = np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])          # with mirror images
    cached = cache_features(body, prepared(both[0]), both[1])
    batches = data.DataLoader(cached, HEAD["batch_size"], shuffle=True)
    trained(head, batches, HEAD["epochs"], HEAD["lr"])
    unfreeze(body)
    freeze(body, NORMS)
    trained(body, augmented(x, y, **LAYERS), LAYERS["epochs"], LAYERS["lr"])
    return body, time.perf_counter() - start


def compare(pair, train, test, settings):
    """A row of the table: accuracies and seconds, adapted and from nothing."""
    others = [c for c in range(10) if c not in pair]
    fastnet.manual_seed(0)
    body = network(8)
    seconds = trained(body, augmented(*of_classes(train, others), **BODY), settings.epochs, BODY["lr"])
    of_others = accuracy(body, *of_classes(test, others))
    x, y = of_classes(train, pair, IMAGES)
    fastnet.manual_seed(1)
    adapted_model, adapting = adapted(body, x, y)
    fastnet.manual_seed(1)
    fresh = network(2)
    fresh_seconds = trained(fresh, augmented(x, y, **NOTHING), NOTHING["epochs"], NOTHING["lr"])
    x_test, y_test = of_classes(test, pair)
    found = accuracy(adapted_model, x_test, y_test), accuracy(fresh, x_test, y_test)
    names = " and ".join(datasets.CIFAR10_CLASSES[c] for c in pair)
    print(f"{names:22} {found[0]:8.1%} {found[1]:12.1%} {adapting:9.2f} s {fresh_seconds:9.2f} s"
          f"     (the other eight: {of_others:.1%} after {seconds:.0f} s)", flush=True)
    return *found, adapting, fresh_seconds


def epochs_compared(x, y):
    """Seconds of an epoch of the whole network, and of one of the head on cached features."""
    whole = network(10)
    trained(whole, augmented(x, y, **BODY), 1, 1e-3)                    # records the steps
    full = trained(whole, augmented(x, y, **BODY), 1, 1e-3)
    freeze(whole)
    unfreeze(whole, "fc")
    start = time.perf_counter()
    cached = cache_features(whole, prepared(x), y)
    caching = time.perf_counter() - start
    batches = data.DataLoader(cached, BODY["batch_size"], shuffle=True)
    trained(whole.fc, batches, 1, 1e-3)
    return full, caching, trained(whole.fc, batches, 4, 1e-3) / 4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=len(PAIRS), help="the first N pairs of classes")
    parser.add_argument("--epochs", type=int, default=BODY["epochs"], help="of the training on eight classes")
    settings = parser.parse_args()
    try:
        train, test = datasets.cifar10(download=False)
    except OSError as e:
        sys.exit(f"{e}\nset FASTNET_DATA to the folder that has cifar10/")
    train = of_classes(train, range(10), 1000)
    print(f"{'left out':22} {'adapted':>8} {'from nothing':>12} {'time':>11} {'time':>11}")
    rows = np.array([compare(pair, train, test, settings) for pair in PAIRS[:settings.pairs]])
    means = rows.mean(0)
    print(f"{'mean':22} {means[0]:8.1%} {means[1]:12.1%} {means[2]:9.2f} s {means[3]:9.2f} s")
    print(f"adapted is {100 * (means[0] - means[1]):.1f} points better, in {means[2] / means[3]:.1%} of the time")
    full, caching, head = epochs_compared(*train)
    print(f"an epoch of {len(train[0])} images: {full:.2f} s; cached in {caching:.2f} s, then {head:.3f} s, "
          f"{head / full:.2%} of it")


if __name__ == "__main__":
    main()
