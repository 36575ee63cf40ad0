"""The settings of `fastnet train` that a command line gives, and the model that they describe."""
from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from fastnet import datasets, nn
from fastnet._core.errors import did_you_mean
from fastnet.audio.folders import holds_recordings
from fastnet.callbacks.schedule import SCHEDULES
from fastnet.cli.errors import WrongUseError
from fastnet.cli.networks import image_side, make_network
from fastnet.cli.pretrained import pretrained_network, pretrained_settings
from fastnet.cli.recipes import (
    FORECASTERS,
    KEYWORD_NETWORKS,
    LINEAR,
    NETWORKS,
    OPTIMIZER_CHOICES,
    PERCEPTRON,
    RECIPES,
    RECOGNIZER,
    SOUNDS,
    TEXT_SETS,
    network_recipe,
    optimizer_settings,
)
from fastnet.cli.speech.manifest import manifest_of
from fastnet.data.tables import SHEET_ENDINGS, TABLE_ENDINGS
from fastnet.data.text_lines import STANDARD_INPUT

__all__ = [
    "ACTIVATION",
    "ACTIVATION_CHOICES",
    "IMAGE_OPTIONS",
    "KINDS",
    "SCHEDULE_CHOICES",
    "SIZE",
    "SPLITS",
    "TABLE_OPTIONS",
    "TEST",
    "TEXT_OPTIONS",
    "VALIDATION",
    "TrainSettings",
    "is_table",
    "kind_of",
    "layer_sizes",
    "make_model",
    "model_text",
    "settings_of",
]

TrainSettings: TypeAlias = "dict[str, Any]"          # can be written as JSON


ACTIVATION_CHOICES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid}
ACTIVATION = "relu"
SCHEDULE_CHOICES = (*SCHEDULES, "constant")
SPLITS = ("random", "time")
KINDS = ("category", "number", "text", "date")
TABLE_OPTIONS: dict[str, str] = {
    "target": "--target", "task": "--task", "leave_out": "--leave-out", "kind": "--kind", "time": "--time",
    "drop_missing_target": "--drop-missing-target", "encoding": "--encoding"}
IMAGE_OPTIONS: dict[str, str] = {"augment": "--augment", "mixup": "--mixup", "cutmix": "--cutmix"}
TEXT_OPTIONS: dict[str, str] = {"steps": "--steps", "layers": "--layers", "heads": "--heads", "width": "--width",
                                "block": "--block", "vocab_size": "--vocab-size"}
TEST = 0.2                              # held-out share of a table or a folder
SIZE = 32                               # pixels: height and width of the images of a folder, for perceptrons
VALIDATION = 0.1                        # held-out share of the rows to train on, for perceptrons


def kind_of(data: str) -> str:
    """The kind of data: the name of a data set, "table", "folder" (of images) or "recordings" (a folder of them).

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
        return "recordings" if holds_recordings(data) else "folder"
    known = (f"expected {', '.join([*datasets.names(), *TEXT_SETS])}, a table that ends in {', '.join(TABLE_ENDINGS)}, "
             "or a folder with one folder of images or recordings per class")
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
    return [*datasets.names(), *TEXT_SETS, *there]


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
    pretrained = pretrained_settings(args)
    args.model = args.model or PERCEPTRON
    kind = kind_of(args.data)
    _check_conflicts(args, kind)
    settings = _network_settings(args, kind) if args.model in NETWORKS else _perceptron_settings(args, kind)
    settings["seed"] = args.seed
    if kind in ("table", "folder", "recordings"):
        settings["test_split"] = TEST if args.test is None else args.test
    if kind == "table":
        settings |= {"target": args.target, "task": args.task}
        settings |= {name: value for name, value in (
            ("leave_out", args.leave_out), ("kinds", dict(args.kind)), ("time", args.time),
            ("drop_missing_target", args.drop_missing_target), ("encoding", args.encoding)) if value}
    settings |= {"split": args.split} if args.split != SPLITS[0] else {}
    if kind == "folder":
        settings["size"] = args.size or (image_side(args.data) if args.model in NETWORKS else SIZE)
    optional = ("class_weight", "label_smoothing", "ema", "augment", "mixup", "cutmix", "skip_unreadable")
    settings |= {name: getattr(args, name) for name in optional if getattr(args, name)}
    given = {name: getattr(args, name) for name in ("epochs", "batch_size", "lr", "weight_decay", "patience")}
    settings |= {name: value for name, value in given.items() if value is not None}
    settings |= {"validation_split": args.validation} if args.validation is not None else {}
    return settings | pretrained | ({"size": args.size} if args.size else {})


def _perceptron_settings(args: argparse.Namespace, kind: str) -> TrainSettings:
    """The recipe for a kind of data, with the hidden layers and the optimizer that the command line gives."""
    optimizer = args.optimizer or "adamw"
    settings: TrainSettings = {"model": args.model} | asdict(RECIPES[kind])
    settings |= {name: getattr(args, name) for name in ("hidden", "dropout") if getattr(args, name) is not None}
    settings["hidden"] = [] if args.model == LINEAR else list(settings["hidden"])
    return settings | {"activation": args.activation or ACTIVATION, "optimizer": optimizer,
                       "lr": OPTIMIZER_CHOICES[optimizer][1], "schedule": args.schedule, "validation_split": VALIDATION}


def _network_settings(args: argparse.Namespace, kind: str) -> TrainSettings:
    """The recipe of a convolutional network for a kind of data; another optimizer has its own learning rate."""
    recipe = asdict(network_recipe(kind))
    changed = optimizer_settings(args.optimizer, recipe["optimizer"])
    return {"model": args.model} | recipe | changed | {"schedule": args.schedule}


def _check_conflicts(args: argparse.Namespace, kind: str) -> None:
    """Raise for options that have no effect on this data or model, rather than ignore them."""
    conflicts = [
        (args.test is not None and kind in datasets.names(), f"--test: {kind} has its own test set"),
        *((getattr(args, name) and kind != "table", f"{option} is for tables")
          for name, option in TABLE_OPTIONS.items()),
        (args.split == "time" and kind != "table", "--split time is for tables"),
        (args.model in FORECASTERS, f"--model {args.model} forecasts a time series: expected a table and --time "
         f"COLUMN, and no --split, got {args.data}"),
        (kind == "folder" and manifest_of(args.data), f"{args.data} holds transcripts of recordings: use --model "
         f"{RECOGNIZER}"),
        *((getattr(args, name), f"--{name} is for forecasts of a table with --time COLUMN and --model "
           f"{', '.join(FORECASTERS)} or {LINEAR}") for name in ("horizon", "window", "season", "gaps")),
        (args.time and args.split != "time", f"--time needs --split time; or, for forecasts, --model "
         f"{', '.join(FORECASTERS)} or {LINEAR}"),
        *((twice, f"{option} names a column twice") for option, twice in _repeated(args).items()),
        (bool(set(args.target) & set(args.leave_out)), "--leave-out and --target name the same column: remove one of "
         "the two"),
        (args.size and kind != "folder", "--size is for folders of images"),
        (args.skip_unreadable and kind not in ("folder", "recordings"), "--skip-unreadable is for folders of images or "
         "recordings"),
        (args.cutmix and kind in SOUNDS, "--cutmix is for images"),
        (kind in SOUNDS and args.augment not in (None, "standard", "none"), f"--augment {args.augment} is for images"),
        *((getattr(args, name), f"{option} is for texts: --model gpt or transformer")
          for name, option in TEXT_OPTIONS.items()),
        *((getattr(args, name) and kind == "table", f"{option} is for images")
          for name, option in IMAGE_OPTIONS.items()),
        (args.class_weight and (args.mixup or args.cutmix), "--class-weight cannot be used with --mixup or --cutmix, "
         "which mix the classes of samples"),
        (args.pretrained and kind != "folder", "--pretrained is for folders of images"),
        (args.model in KEYWORD_NETWORKS and kind not in SOUNDS, f"--model {args.model} is for recordings"),
        (args.model in NETWORKS and kind == "table", f"--model {args.model} is for images and recordings"),
        (args.model != PERCEPTRON and any((args.hidden, args.activation, args.dropout)), "--hidden, --activation and "
         f"--dropout configure hidden layers, which --model {args.model} does not have"),
        (args.patience is not None and args.validation == 0, "--patience needs --validation above 0"),
    ]
    for conflict, message in conflicts:
        if conflict:
            raise WrongUseError(message)


def _repeated(args: argparse.Namespace) -> dict[str, bool]:
    """{option: whether it names a column more than once}."""
    named = {"--target": args.target, "--leave-out": args.leave_out, "--kind": [name for name, _ in args.kind]}
    return {option: len(set(names)) < len(names) for option, names in named.items()}


def make_model(shape: Sequence[int], outputs: int, settings: TrainSettings) -> nn.Module:
    """The model that the settings describe.

    Args:
        shape: of a sample.
        outputs: number of scores or values per sample.
        settings: the result of `settings_of`.

    Raises:
        ValueError: a convolutional network that does not take images of this size.

    Example:
        >>> from fastnet.cli.settings import make_model
        >>> model = make_model((4,), 3, {"model": "mlp", "hidden": [8], "activation": "relu", "dropout": 0.1})
        >>> [type(layer).__name__ for layer in model]
        ['Linear', 'ReLU', 'Dropout', 'Linear']
    """
    if "pretrained" in settings:
        return pretrained_network(settings, shape, outputs)
    if settings["model"] in NETWORKS:
        return make_network(settings["model"], shape, outputs)
    sizes = layer_sizes(shape, outputs, settings)
    layers: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
    for width, following in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(width, following), ACTIVATION_CHOICES[settings["activation"]](),
                   nn.Dropout(settings["dropout"])]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def layer_sizes(shape: Sequence[int], outputs: int, settings: TrainSettings) -> list[int]:
    """The widths of a perceptron's layers, from the input to the output.

    Args:
        shape, outputs, settings: see `make_model`.

    Example:
        >>> from fastnet.cli.settings import layer_sizes
        >>> layer_sizes((8, 8), 10, {"hidden": [16]})
        [64, 16, 10]
    """
    return [math.prod(shape), *settings["hidden"], outputs]


def model_text(shape: Sequence[int], outputs: int, settings: TrainSettings) -> str:
    """A short description of the model, and of the recipe of a convolutional network.

    Args:
        shape, outputs, settings: see `make_model`.

    Example:
        >>> from fastnet.cli.settings import model_text
        >>> model_text((8, 8), 10, {"model": "mlp", "hidden": [16]})
        '64-16-10 perceptron'
    """
    if settings["model"] not in NETWORKS:
        sizes = layer_sizes(shape, outputs, settings)
        return f"{'-'.join(map(str, sizes))} {'perceptron' if len(sizes) > 2 else 'linear model'}"
    noun = "spectrograms" if settings["model"] in KEYWORD_NETWORKS else "images"
    return (f"{settings['model']} for {outputs} classes of {noun} of {' x '.join(map(str, shape))}, "
            f"{settings['optimizer']} with a learning rate up to {settings['lr']:g}")
