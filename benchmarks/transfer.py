"""Transfer on CIFAR-10: `python -m benchmarks.transfer`.

For each of five pairs of classes: trains a half-width resnet18 on the other eight, adapts it to the pair with 50
images of each, and trains the same network on these from nothing. Prints the accuracies on the test images of the pair
and the times, each the mean of three draws of the 50 images.

Adapting: everything but a new head is frozen, the features of the images and of their mirror images are cached, and the
head is trained on them. The features are the mean outputs of the last three stages. Then the head and these stages are
trained for a few epochs; the first layers and all batch norms stay frozen. From nothing, all layers are trained for
more epochs. Both take random crops and flips, and both are measured by the mean probability for an image and its mirror
image. The last lines compare an epoch of the head on cached features with an epoch of the whole network, both on the
same images.

`--validate` measures on other images: those of the pair in the training part that no network has seen. The settings of
the body, of the layers and of what is frozen were chosen on such images. `--set layers.lr=1e-3` changes a setting, and
`--bodies FOLDER` keeps the networks that were trained on eight classes for the next run.
"""
import argparse
import copy
import sys
import time
from pathlib import Path

import numpy as np

import fastnet
from fastnet import data, datasets, models, nn
from fastnet.transfer import cache_features, freeze, unfreeze

PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
IMAGES, DRAWS = 50, 3                   # images of each class of a pair to adapt with, and how often they are drawn
MEAN, STD = np.float32([125.3, 123.0, 113.9]), np.float32([63.0, 62.1, 66.7])       # of CIFAR-10's pixels
SETTINGS = {
    "body": {"width": 32, "epochs": 20, "batch_size": 64, "lr": 5e-3, "weight_decay": 0.01},
    "nothing": {"epochs": 100, "batch_size": 20, "lr": 3e-3, "weight_decay": 0.01},
    "head": {"epochs": 60, "batch_size": 20, "lr": 3e-3, "weight_decay": 0.3},
    "layers": {"epochs": 10, "batch_size": 20, "lr": 1e-3, "weight_decay": 0.01},
}
LAST_STAGES = "body.layer[2-4]"         # of an Adapted; conv1, bn1 and layer1 come before
BATCH_NORMS = ["*bn[12]", "*downsample.1", "head.0"]


class Adapted(nn.Module):
    """A resnet18 with a head on the mean outputs of the last three stages: the last one alone fits the old classes."""

    def __init__(self, body, classes):
        super().__init__()
        self.body = body
        width = sum(getattr(body, stage)[-1].conv2.out_channels for stage in ("layer2", "layer3", "layer4"))
        self.head = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, classes))

    def forward(self, x):
        body = self.body
        first = body.layer1(body.relu(body.bn1(body.conv1(x))))
        second = body.layer2(first)
        third = body.layer3(second)
        stages = second, third, body.layer4(third)
        return self.head(fastnet.cat([stage.mean((2, 3)) for stage in stages], 1))


def network(classes):
    """A resnet18 for small images, which has a width of 64; half of it by default."""
    return models.ResNet("basic", (2, 2, 2, 2), num_classes=classes, small_images=True, width=SETTINGS["body"]["width"])


def prepared(x, *others):
    """Images, uint8 (N, 32, 32, 3), as standardised float32 (N, 3, 32, 32)."""
    made = np.ascontiguousarray(((x - MEAN) / STD).transpose(0, 3, 1, 2))
    return (made, *others) if others else made


def trained(model, batches, settings):
    """Train a model; returns the seconds that it took."""
    trainer = fastnet.Trainer(model, lambda p: fastnet.optim.AdamW(
        p, lr=settings["lr"], weight_decay=settings["weight_decay"]), loss="cross_entropy")
    schedule = fastnet.callbacks.LearningRateSchedule("one_cycle")
    start = time.perf_counter()
    trainer.fit(batches, epochs=settings["epochs"], callbacks=schedule, progress=False)
    return time.perf_counter() - start


def augmented(x, y, settings):
    """Batches of images that are cropped and flipped at random."""
    changes = data.Compose([data.RandomCrop(32, padding=4), data.RandomHorizontalFlip(), prepared])
    return data.DataLoader(data.TensorDataset(x, y), settings["batch_size"], shuffle=True, drop_last=len(x) > 1000,
                           transform=changes)


def accuracy(model, x, y):
    trainer = fastnet.Trainer(model, loss="cross_entropy")
    found = trainer.predict_proba(prepared(x)) + trainer.predict_proba(prepared(mirrored(x)))
    return (found.argmax(1) == y).mean()


def mirrored(x):
    return x[:, :, ::-1]


def of_classes(part, classes, rows=slice(None)):
    """The chosen rows of each class, and their labels in the order of the classes."""
    x, y = part
    chosen = [np.flatnonzero(y == c)[rows] for c in classes]
    return x[np.concatenate(chosen)], np.repeat(np.arange(len(classes)), [len(r) for r in chosen])


def body_without(pair, train, folder):
    """(a network trained on the other eight classes, how it came: its seconds, or its file in the folder)."""
    settings = SETTINGS["body"]
    name = "_".join([f"without-{pair[0]}-{pair[1]}", *(f"{key}-{value}" for key, value in settings.items())])
    path = Path(folder, f"{name}.safetensors") if folder else None
    if path and path.exists():
        return fastnet.load(path), f"read from {path}"
    fastnet.manual_seed(0)
    body = network(8)
    seconds = trained(body, augmented(*of_classes(train, without(pair)), settings), settings)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        body.save(path)
    return body, f"trained in {seconds:.0f} s"


def without(pair):
    return [c for c in range(10) if c not in pair]


def adapted(body, x, y):
    """(a trained network, adapted to two classes, the seconds that it took)."""
    start = time.perf_counter()
    model = Adapted(body, 2)
    freeze(model)
    unfreeze(model, "head")
    both = np.concatenate([x, mirrored(x)]), np.concatenate([y, y])
    cached = cache_features(model, prepared(both[0]), both[1], before="head")
    trained(model.head, data.DataLoader(cached, SETTINGS["head"]["batch_size"], shuffle=True), SETTINGS["head"])
    unfreeze(model, LAST_STAGES)
    freeze(model, BATCH_NORMS)          # 100 images are too few for statistics and scales
    trained(model, augmented(x, y, SETTINGS["layers"]), SETTINGS["layers"])
    return model, time.perf_counter() - start


def compare(pair, train, test, options):
    """A row of the table: accuracies and seconds, adapted and from nothing."""
    body, origin = body_without(pair, train, options.bodies)
    of_others = "" if options.validate else f"{accuracy(body, *of_classes(test, without(pair))):.1%} right, "
    measured = of_classes(train, pair, slice(DRAWS * IMAGES, None)) if options.validate else of_classes(test, pair)
    drawn = [of_classes(train, pair, slice(k * IMAGES, (k + 1) * IMAGES)) for k in range(DRAWS)]
    found = np.mean([compare_draw(copy.deepcopy(body), images, measured) for images in drawn], axis=0)
    names = " and ".join(datasets.CIFAR10_CLASSES[c] for c in pair)
    print(f"{names:22} {found[0]:8.1%} {found[1]:12.1%} {found[2]:9.2f} s {found[3]:9.2f} s"
          f"     (the other eight: {of_others}{origin})", flush=True)
    return found


def compare_draw(body, images, measured):
    """Accuracies and seconds with these images of a pair, adapted and from nothing."""
    fastnet.manual_seed(1)
    adapted_model, adapting = adapted(body, *images)
    fastnet.manual_seed(1)
    fresh = network(2)
    fresh_seconds = trained(fresh, augmented(*images, SETTINGS["nothing"]), SETTINGS["nothing"])
    return accuracy(adapted_model, *measured), accuracy(fresh, *measured), adapting, fresh_seconds


def epochs_compared(x, y):
    """Seconds of an epoch of the whole network, and of one of the head on cached features."""
    whole, one = network(10), SETTINGS["body"] | {"epochs": 1}
    trained(whole, augmented(x, y, one), one)                           # records the steps
    full = trained(whole, augmented(x, y, one), one)
    freeze(whole)
    unfreeze(whole, "fc")
    start = time.perf_counter()
    cached = cache_features(whole, prepared(x), y)
    caching = time.perf_counter() - start
    batches = data.DataLoader(cached, one["batch_size"], shuffle=True)
    trained(whole.fc, batches, one)
    return full, caching, trained(whole.fc, batches, one | {"epochs": 4}) / 4


def change_setting(text):
    """Enter STAGE.NAME=VALUE into SETTINGS."""
    place, _, value = text.partition("=")
    stage, _, name = place.partition(".")
    try:
        SETTINGS[stage][name] = type(SETTINGS[stage][name])(value)
    except (KeyError, ValueError):
        known = ", ".join(f"{stage}.{name}" for stage, settings in SETTINGS.items() for name in settings)
        raise argparse.ArgumentTypeError(f"expected NAME=NUMBER with one of {known}, got {text!r}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", metavar="N,..", help=f"numbers of pairs, from 0 to {len(PAIRS) - 1}; default: all")
    parser.add_argument("--validate", action="store_true", help="measure on images of the training part")
    parser.add_argument("--bodies", metavar="FOLDER", help="read the networks trained on eight classes, or keep them")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", type=change_setting,
                        help="change a setting, such as body.epochs=20")
    options = parser.parse_args()
    try:
        train, test = datasets.cifar10(download=False)
    except OSError as e:
        sys.exit(f"{e}\nset FASTNET_DATA to the folder that has cifar10/")
    train = of_classes(train, range(10), slice(1000))
    pairs = [PAIRS[int(i)] for i in options.pairs.split(",")] if options.pairs else PAIRS
    print(f"{'left out':22} {'adapted':>8} {'from nothing':>12} {'time':>11} {'time':>11}", flush=True)
    rows = np.array([compare(pair, train, test, options) for pair in pairs])
    means = rows.mean(0)
    print(f"{'mean':22} {means[0]:8.1%} {means[1]:12.1%} {means[2]:9.2f} s {means[3]:9.2f} s")
    print(f"adapted is {100 * (means[0] - means[1]):.1f} points better, in {means[2] / means[3]:.1%} of the time",
          flush=True)
    if not options.validate:
        full, caching, head = epochs_compared(*train)
        print(f"an epoch of {len(train[0])} images: {full:.2f} s; cached in {caching:.2f} s, then {head:.3f} s, "
              f"{head / full:.2%} of it")


if __name__ == "__main__":
    main()
