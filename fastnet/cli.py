"""The command `fastnet`: train a recogniser of handwritten digits, or show what runs here."""
import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import fastnet
from fastnet import datasets, nn, optim
from fastnet._command import WRONG_USE
from fastnet._files import replacing
from fastnet.backend import config
from fastnet.train import evaluate, fit

EXAMPLES = """examples:
  fastnet train digits                     learn scikit-learn's small digits, in seconds
  fastnet train mnist --report report.json learn MNIST and write down how it went
  fastnet train mnist --hidden 128 --optimizer sgd --lr 0.05 --epochs 5
  fastnet info                             backend, instruction set, threads, versions
"""
FAILED, INTERRUPTED = 1, 130


@dataclass(frozen=True)
class Recipe:
    """What `fastnet train` does unless told otherwise."""
    hidden: tuple
    epochs: int
    batch_size: int
    dropout: float


RECIPES = {
    "digits": Recipe(hidden=(256, 128), epochs=40, batch_size=32, dropout=0.3),
    "mnist": Recipe(hidden=(512, 256), epochs=10, batch_size=128, dropout=0.2),
}
# An optimizer and the highest learning rate of its one-cycle schedule.
OPTIMIZERS: dict[str, tuple[Callable, float]] = {
    "sgd": (lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9, nesterov=True), 0.05),
    "adam": (optim.Adam, 2e-3),
    "adamw": (lambda params, lr: optim.AdamW(params, lr=lr, weight_decay=0.01), 2e-3),
    "rmsprop": (optim.RMSprop, 1e-3),
    "adagrad": (optim.Adagrad, 2e-2),
}


def main(argv=None):
    """Run the command line `argv` (default: the process's own); returns the exit code."""
    try:
        args = _parser().parse_args(argv)
        args.run(args)
    except KeyboardInterrupt:
        print("fastnet: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ImportError, ValueError, ArithmeticError, MemoryError) as e:
        print(f"fastnet: error: {e or type(e).__name__}", file=sys.stderr)
        return FAILED
    return 0


# ---- fastnet train --------------------------------------------------------------------------------------------------

def train(args):
    """Train a multilayer perceptron on a data set and measure it on the test set, once."""
    settings = _settings(args)
    (x_train, y_train), (x_test, y_test) = datasets.load(args.dataset)
    classes = int(y_train.max()) + 1
    x_train, x_test = standardised(x_train, x_test)
    fastnet.manual_seed(settings["seed"])
    sizes = (x_train.shape[1], *settings["hidden"], classes)
    model = mlp(sizes, settings["dropout"])
    parameters = sum(p.numel() for p in model.parameters())
    running = config()
    print(f"{args.dataset}: {len(x_train)} pictures to train on, {len(x_test)} to test on")
    print(f"{'-'.join(map(str, sizes))} perceptron, {parameters} parameters; {_on(running)}")
    make, _ = OPTIMIZERS[settings["optimizer"]]
    optimizer = make(model.parameters(), lr=settings["lr"])
    loss_fn = nn.CrossEntropyLoss()
    start = time.perf_counter()
    history = fit(model, optimizer, loss_fn, x_train, y_train, epochs=settings["epochs"],
                  batch_size=settings["batch_size"], scheduler=_schedule(optimizer, settings, len(x_train)),
                  validation_split=settings["validation_split"], seed=settings["seed"])
    seconds = time.perf_counter() - start
    test_loss, test_accuracy = evaluate(model, loss_fn, x_test, y_test)
    print(f"trained in {seconds:.1f} s")
    print(f"test accuracy: {test_accuracy:.4f}")
    if args.report:
        write_report(args.report, {
            "dataset": args.dataset, "backend": running["backend"], "epochs": len(history), "history": history,
            "test_accuracy": test_accuracy, "test_loss": test_loss, "train_seconds": seconds,
            "parameters": parameters, "settings": settings, "isa": running["isa"], "threads": running["threads"],
            "openmp": running["openmp"], "versions": versions()})
        print(f"report: {args.report}")


def mlp(sizes, dropout):
    """A perceptron with layers of these sizes, ReLU and dropout behind each hidden one."""
    layers = []
    for inputs, outputs in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def standardised(x_train, x_test):
    """Pictures as float32 rows, shifted and scaled so that the training set's pixels have mean 0 and variance 1."""
    mean, std = x_train.mean(), x_train.std()
    return [((x.reshape(len(x), -1) - mean) / std).astype(np.float32) for x in (x_train, x_test)]


def write_report(path, report):
    """Write `report` as JSON, whole or not at all."""
    with replacing(path, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2, allow_nan=False)
        file.write("\n")


def _settings(args):
    """The recipe of the data set with what the command line changes."""
    settings = asdict(RECIPES[args.dataset]) | {"optimizer": args.optimizer, "lr": OPTIMIZERS[args.optimizer][1],
                                                "seed": args.seed, "validation_split": 0.1}
    given = {name: getattr(args, name) for name in ("hidden", "epochs", "batch_size", "lr")}
    return settings | {name: value for name, value in given.items() if value is not None}


def _schedule(optimizer, settings, samples):
    """One cycle: the learning rate rises for the first third, then falls to nothing."""
    trained_on = samples - round(samples * settings["validation_split"])
    steps = settings["epochs"] * -(-trained_on // settings["batch_size"])
    return optim.lr_scheduler.OneCycleLR(optimizer, max_lr=settings["lr"], total_steps=steps, cycle_momentum=False)


def _on(running):
    if running["backend"] != "compiled":
        return "NumPy backend"
    threads = running["threads"]
    return f"compiled backend ({running['isa']}, {threads} thread{'s' if threads > 1 else ''})"


# ---- fastnet info ---------------------------------------------------------------------------------------------------

def info(args):
    """Print what runs here."""
    running = config()
    rows = {
        "backend": running["backend"],
        "compiled kernels": running["compiled"],
        "error": running["compiled_error"],
        "instruction set": running["isa"] and f"{running['isa']} (of {', '.join(running['isas'])})",
        "OpenMP": "yes" if running["openmp"] else "no",
        "threads": running["threads"],
        "platform": platform.platform(),
        **versions(),
    }
    for name, value in rows.items():
        if value is not None:
            print(f"{name + ':':18s}{value}")


def versions():
    """The versions of fastnet, Python and the packages that fastnet needs."""
    found = {"fastnet": fastnet.__version__, "python": platform.python_version()}
    for package in ("numpy", "safetensors", "tqdm"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


# ---- arguments ------------------------------------------------------------------------------------------------------

class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(WRONG_USE, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def _parser():
    as_written = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="fastnet", description="A neural-network engine for the CPU.", epilog=EXAMPLES,
                     formatter_class=as_written)
    parser.add_argument("--version", action="version", version=f"fastnet {fastnet.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)

    p = commands.add_parser("train", help="train a recogniser of handwritten digits", description=train.__doc__,
                            epilog=EXAMPLES, formatter_class=as_written)
    p.set_defaults(run=train)
    p.add_argument("dataset", choices=datasets.names(), help=" or ".join(datasets.names()))
    p.add_argument("--hidden", type=_sizes, metavar="N,N,..", help=f"sizes of the hidden layers {_defaults('hidden')}")
    p.add_argument("--epochs", type=_positive(int), metavar="N", help=f"passes over the data {_defaults('epochs')}")
    p.add_argument("--batch-size", type=_positive(int), metavar="N",
                   help=f"samples a step {_defaults('batch_size')}")
    p.add_argument("--optimizer", choices=list(OPTIMIZERS), default="adamw", help="default: %(default)s")
    rates = ", ".join(f"{name} {lr:g}" for name, (_, lr) in OPTIMIZERS.items())
    p.add_argument("--lr", type=_positive(float), help=f"highest learning rate of the one-cycle schedule ({rates})")
    p.add_argument("--seed", type=_seed, default=0, help="of weights, dropout and shuffling; default: %(default)s")
    p.add_argument("--report", type=_report_path, metavar="FILE", help="write settings, history and results as JSON")

    p = commands.add_parser("info", help="show backend, instruction set, threads and versions",
                            description=info.__doc__)
    p.set_defaults(run=info)
    return parser


def _defaults(name):
    def text(value):
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return "(" + "; ".join(f"{data}: {text(getattr(recipe, name))}" for data, recipe in RECIPES.items()) + ")"


def _positive(kind):
    def parse(text):
        value = _number(kind, text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
        return value
    return parse


def _number(kind, text):
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"expected {what}, got {text!r}") from None


def _sizes(text):
    try:
        return tuple(_positive(int)(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"expected sizes of layers with commas between them, such as 128,64, got {text!r}") from None


def _seed(text):
    value = _number(int, text)
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"expected 0 <= seed < 2**63, got {text!r}")
    return value


def _report_path(text):
    """Checked before the training, not after it."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, expected a file")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} is not writable")
    return path
