"""Default settings of `fastnet train`, and the settings that a command line gives."""
from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from fastnet import datasets, nn, optim
from fastnet._core.errors import did_you_mean
from fastnet.callbacks.schedule import SCHEDULES
from fastnet.cli.errors import WrongUseError
from fastnet.data.tables import SHEET_ENDINGS, TABLE_ENDINGS
from fastnet.data.text_lines import STANDARD_INPUT

__all__ = ["ACTIVATION", "ACTIVATION_CHOICES", "KINDS", "MODELS", "OPTIMIZER_CHOICES", "RECIPES", "SCHEDULE_CHOICES",
           "SIZE", "SPLITS", "TABLE_OPTIONS", "TEST", "Recipe", "TrainSettings", "is_table", "kind_of",
           "layer_sizes", "make_model", "settings_of"]

TrainSettings: TypeAlias = "dict[str, Any]"          # can be written as JSON


@dataclass(frozen=True)
class Recipe:
    """Default settings for a kind of data."""
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    dropout: float
    patience: int | None                # None: no early stopping


RECIPES: dict[str, Recipe] = {
    "digits": Recipe(hidden=(256, 128), epochs=40, batch_size=32, dropout=0.3, patience=None),
    "mnist": Recipe(hidden=(512, 256), epochs=10, batch_size=128, dropout=0.2, patience=None),
    "table": Recipe(hidden=(128, 64), epochs=40, batch_size=32, dropout=0.1, patience=10),
    "folder": Recipe(hidden=(256, 128), epochs=40, batch_size=32, dropout=0.2, patience=10),
}
# {name: (optimizer, the highest learning rate of its schedule)}
OPTIMIZER_CHOICES: dict[str, tuple[Callable[..., optim.Optimizer], float]] = {
    "sgd": (lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9, nesterov=True), 0.05),
    "adam": (optim.Adam, 2e-3),
    "adamw": (lambda params, lr: optim.AdamW(params, lr=lr, weight_decay=0.01), 2e-3),
    "rmsprop": (optim.RMSprop, 1e-3),
    "adagrad": (optim.Adagrad, 2e-2),
}
ACTIVATION_CHOICES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid}
ACTIVATION = "relu"
MODELS = ("mlp", "linear")
SCHEDULE_CHOICES = (*SCHEDULES, "constant")
SPLITS = ("random", "time")
KINDS = ("category", "number", "text", "date")
TABLE_OPTIONS: dict[str, str] = {
    "target": "--target", "task": "--task", "leave_out": "--leave-out", "kind": "--kind", "time": "--time",
    "drop_missing_target": "--drop-missing-target", "encoding": "--encoding"}
TEST = 0.2                              # held-out share of a table or a folder
SIZE = 32                               # pixels: height and width of the resized images of a folder


def kind_of(data: str) -> str:
    """The kind of data: "digits", "mnist", "table" or "folder".

    Args:
        data: the name of a data set, a file or a folder.

    Raises:
        WrongUseError: none of these.

    Example:
        >>> from fastnet.cli.settings import kind_of
        >>> kind_of("digits"), kind_of("flowers.csv")
        ('digits', 'table')
    """
    if data in datasets.names():
        return data
    if is_table(data):
        return "table"
    if Path(data).is_dir():
        return "folder"
    known = (f"expected {', '.join(datasets.names())}, a table that ends in {', '.join(TABLE_ENDINGS)}, or a folder "
             "with one folder of images per class")
    if not Path(data).exists():
        raise WrongUseError(f"no such file, folder or data set: {data!r}"
                            f"{did_you_mean(data, _near_names(Path(data)), known)}")
    hint = "; save it as CSV" if str(data).lower().endswith(SHEET_ENDINGS) else ""
    raise WrongUseError(f"{known}, got {data!r}{hint}")


def _near_names(path: Path) -> list[str]:
    """The data sets, and the tables and folders of the folder that a path names."""
    try:
        there = [str(near) for near in path.parent.iterdir() if is_table(near) or near.is_dir()]
    except OSError:
        there = []
    return [*datasets.names(), *there]


def is_table(path: str | Path) -> bool:
    """Whether a path names a table: by its ending, or as standard input.

    Example:
        >>> from fastnet.cli.settings import is_table
        >>> is_table("Flowers.CSV"), is_table("-"), is_table("flowers.npy")
        (True, True, False)
    """
    return str(path) == STANDARD_INPUT or str(path).lower().endswith(TABLE_ENDINGS)


def settings_of(args: argparse.Namespace) -> TrainSettings:
    """The settings of a training, for JSON: the recipe for its data, changed by the command line.

    Args:
        args: of `fastnet train`.

    Raises:
        WrongUseError: options that conflict.
    """
    kind = kind_of(args.data)
    _check_conflicts(args, kind)
    settings: TrainSettings = {"model": args.model} | asdict(RECIPES[kind])
    settings |= {"activation": args.activation or ACTIVATION, "optimizer": args.optimizer,
                 "lr": OPTIMIZER_CHOICES[args.optimizer][1], "schedule": args.schedule,
                 "validation_split": args.validation, "seed": args.seed}
    if kind in ("table", "folder"):
        settings["test_split"] = TEST if args.test is None else args.test
    if kind == "table":
        settings |= {"target": args.target, "task": args.task}
        settings |= {name: value for name, value in (
            ("leave_out", args.leave_out), ("kinds", dict(args.kind)), ("time", args.time),
            ("drop_missing_target", args.drop_missing_target), ("encoding", args.encoding)) if value}
    settings |= {"split": args.split} if args.split != SPLITS[0] else {}
    settings |= {"class_weight": args.class_weight} if args.class_weight else {}
    if kind == "folder":
        settings["size"] = args.size or SIZE
    given = {name: getattr(args, name) for name in ("hidden", "epochs", "batch_size", "dropout", "lr", "patience")}
    settings |= {name: value for name, value in given.items() if value is not None}
    settings["hidden"] = [] if args.model == "linear" else list(settings["hidden"])
    return settings


def _check_conflicts(args: argparse.Namespace, kind: str) -> None:
    """Raise for options that have no effect on this data or model, rather than ignore them."""
    conflicts = [
        (args.test is not None and kind in datasets.names(), f"--test: {kind} has its own test set"),
        *((getattr(args, name) and kind != "table", f"{option} is for tables")
          for name, option in TABLE_OPTIONS.items()),
        (args.split == "time" and kind != "table", "--split time is for tables"),
        (args.time and args.split != "time", "--time needs --split time"),
        *((twice, f"{option} names a column twice") for option, twice in _repeated(args).items()),
        (bool(set(args.target) & set(args.leave_out)), "--leave-out and --target name the same column: remove one of "
         "the two"),
        (args.size and kind != "folder", "--size is for folders of images"),
        (args.model == "linear" and any((args.hidden, args.activation, args.dropout)),
         "--hidden, --activation and --dropout configure hidden layers, which --model linear does not have"),
        (args.patience is not None and args.validation == 0, "--patience needs --validation above 0"),
    ]
    for conflict, message in conflicts:
        if conflict:
            raise WrongUseError(message)


def _repeated(args: argparse.Namespace) -> dict[str, bool]:
    """{option: whether it names a column more than once}."""
    named = {"--target": args.target, "--leave-out": args.leave_out, "--kind": [name for name, _ in args.kind]}
    return {option: len(set(names)) < len(names) for option, names in named.items()}


def make_model(shape: Sequence[int], outputs: int, settings: TrainSettings) -> nn.Sequential:
    """The model that the settings describe.

    Args:
        shape: of a sample.
        outputs: number of scores or values per sample.
        settings: the result of `settings_of`.

    Example:
        >>> from fastnet.cli.settings import make_model
        >>> model = make_model((4,), 3, {"hidden": [8], "activation": "relu", "dropout": 0.1})
        >>> [type(layer).__name__ for layer in model]
        ['Linear', 'ReLU', 'Dropout', 'Linear']
    """
    sizes = layer_sizes(shape, outputs, settings)
    layers: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
    for width, following in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(width, following), ACTIVATION_CHOICES[settings["activation"]](),
                   nn.Dropout(settings["dropout"])]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def layer_sizes(shape: Sequence[int], outputs: int, settings: TrainSettings) -> list[int]:
    """The widths of the model's layers, from the input to the output.

    Args:
        shape, outputs, settings: see `make_model`.

    Example:
        >>> from fastnet.cli.settings import layer_sizes
        >>> layer_sizes((8, 8), 10, {"hidden": [16]})
        [64, 16, 10]
    """
    return [math.prod(shape), *settings["hidden"], outputs]
