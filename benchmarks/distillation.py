"""A student alone and with a teacher: `python -m benchmarks.distillation`.

Trains a ResNet-18 on the pictures of `$FASTNET_DATA/cifar10`, and then, for each seed, a ResNet-18 of a quarter of the
width twice: alone, and with the outputs of the ResNet-18, from the same initial weights and in the same order of
pictures. Prints the accuracies on the test pictures and the seconds of each training. `--save` keeps the teacher's
weights for the next run.
"""
import argparse
import statistics
import time
from pathlib import Path

import numpy as np

import fastnet
from fastnet.callbacks import LearningRateSchedule
from fastnet.data import DataLoader, TensorDataset, transforms

BATCH = 100
augmented = transforms.Compose([transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(),
                                transforms.ToChannelsFirst()])


def pictures(root):
    """((x, y), (x_test, y_test)), normalised float32: (N, 32, 32, 3), which `augmented` takes, and (N, 3, 32, 32)."""
    (x, y), (x_test, y_test) = fastnet.datasets.cifar10(root, download=False)
    mean, std = x.mean((0, 1, 2)) / 255, x.std((0, 1, 2)) / 255

    x, x_test = (((a / 255 - mean) / std).astype(np.float32) for a in (x, x_test))
    return (x, y), (np.ascontiguousarray(x_test.transpose(0, 3, 1, 2)), y_test)


def network(width, small_images):
    return fastnet.models.ResNet("basic", (2, 2, 2, 2), num_classes=10, small_images=small_images, width=width)


def trained(trainer, data, test, epochs, seed, progress):
    """(test accuracy, seconds) of a training."""
    x, y = data
    loader = DataLoader(TensorDataset(x, y), BATCH, shuffle=True, seed=seed, transform=augmented)
    begin = time.perf_counter()
    trainer.fit(loader, epochs=epochs, callbacks=LearningRateSchedule("one_cycle"), progress=progress)
    return trainer.evaluate(*test)["accuracy"], time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", help="the folder with CIFAR-10; by default $FASTNET_DATA/cifar10")
    parser.add_argument("--epochs", type=int, default=20, help="of a student")
    parser.add_argument("--teacher-epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--temperature", type=float, default=4.0)
    parser.add_argument("--alpha", type=float, default=0.9)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--teacher-width", type=int, default=64)
    parser.add_argument("--small-images", action="store_true", help="3x3 convolution of stride 1 at the beginning: 16 "
                        "times the arithmetic")
    parser.add_argument("--save", type=Path, help="file of the teacher's weights, read if it exists")
    parser.add_argument("--progress", action="store_true", help="print a line for each epoch")
    args = parser.parse_args()
    data, test = pictures(args.root)
    fastnet.manual_seed(0)
    teacher = network(args.teacher_width, args.small_images)
    trainer = fastnet.Trainer(teacher, "adamw", lr=args.lr, loss="cross_entropy", metrics="accuracy")
    if args.save and args.save.exists():
        fastnet.load(args.save, model=teacher)
        print(f"teacher: accuracy {trainer.evaluate(*test)['accuracy']:.4f}", flush=True)
    else:
        accuracy, seconds = trained(trainer, data, test, args.teacher_epochs, 0, args.progress)
        print(f"teacher: accuracy {accuracy:.4f}, {seconds:.0f} s", flush=True)
        if args.save:
            teacher.save(args.save)
    rows = []
    for seed in range(args.seeds):
        found = {}
        for kind in ("alone", "distilled"):
            fastnet.manual_seed(seed)
            student = network(16, args.small_images)
            settings = {"lr": args.lr, "loss": "cross_entropy", "metrics": "accuracy"}
            trainer = fastnet.Trainer(student, "adamw", **settings) if kind == "alone" else fastnet.Distiller(
                teacher, student, "adamw", temperature=args.temperature, alpha=args.alpha, **settings)
            found[kind] = trained(trainer, data, test, args.epochs, seed, args.progress)
        rows.append([found[kind][0] for kind in ("alone", "distilled")])
        print(f"seed {seed}: " + ", ".join(f"{kind} {accuracy:.4f} ({seconds:.0f} s)"
                                           for kind, (accuracy, seconds) in found.items()), flush=True)
    alone, distilled = map(statistics.mean, zip(*rows))
    print(f"mean: alone {alone:.4f}, distilled {distilled:.4f}, difference {100 * (distilled - alone):+.2f} points")


if __name__ == "__main__":
    main()
