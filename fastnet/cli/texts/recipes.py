"""The settings of `fastnet train` on texts: recipes, changed by the command line."""
from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fastnet.cli.errors import WrongUseError
from fastnet.cli.recipes import GPT, TEXT_MODELS, TEXT_SETS, TRANSFORMER, optimizer_settings
from fastnet.cli.settings import IMAGE_OPTIONS, TABLE_OPTIONS, TrainSettings

__all__ = ["TextRecipe", "text_settings", "trains_on_text"]

_OTHER_OPTIONS: dict[str, str] = TABLE_OPTIONS | IMAGE_OPTIONS | {
    "test": "--test", "hidden": "--hidden", "activation": "--activation", "size": "--size",
    "skip_unreadable": "--skip-unreadable", "class_weight": "--class-weight"}


@dataclass(frozen=True)
class TextRecipe:
    """Default settings of a model for texts.

    Args:
        layers, heads, width: of the model; of a Transformer, the encoder and the decoder each have these layers.
        block: the most tokens that the model sees.
        vocab_size: tokens of the byte-pair encoding; None: the characters of the text.
        batch_size: windows of a batch; of translations, tokens of one language.
        steps: updates, or None: `epochs` passes over the data.
        lr: the highest of the schedule.
        validation_split: share of the text that is held out, its end.
    """
    layers: int
    heads: int
    width: int
    block: int
    vocab_size: int | None
    batch_size: int
    steps: int | None
    epochs: int
    dropout: float
    lr: float
    weight_decay: float
    label_smoothing: float
    ema: float | bool
    validation_split: float
    optimizer: str = "adamw"


_RECIPES = {
    GPT: TextRecipe(layers=4, heads=4, width=128, block=64, vocab_size=None, batch_size=12, steps=2000, epochs=1,
                    dropout=0.0, lr=4e-3, weight_decay=0.1, label_smoothing=0.0, ema=False, validation_split=0.1),
    TRANSFORMER: TextRecipe(layers=3, heads=4, width=256, block=128, vocab_size=6000, batch_size=2048, steps=None,
                            epochs=20, dropout=0.25, lr=1.2e-3, weight_decay=0.01, label_smoothing=0.1, ema=True,
                            validation_split=0.0),
}


def trains_on_text(args: argparse.Namespace) -> bool:
    """Whether the training of a command line is one on text.

    Args:
        args: of `fastnet train`.
    """
    return args.data in TEXT_SETS or args.model in TEXT_MODELS


def text_settings(args: argparse.Namespace) -> TrainSettings:
    """The settings of a training on text, for JSON: the recipe for its model, changed by the command line.

    Args:
        args: of `fastnet train`.

    Raises:
        WrongUseError: options that conflict.
    """
    model = args.model or TEXT_SETS[args.data]
    _check_text_conflicts(args, model)
    settings: dict[str, Any] = {"model": model} | asdict(_RECIPES[model]) | {
        "schedule": args.schedule, "patience": None, "seed": args.seed}
    settings |= optimizer_settings(args.optimizer, settings["optimizer"])
    names = ("layers", "heads", "width", "block", "vocab_size", "batch_size", "dropout", "lr", "weight_decay",
             "label_smoothing", "ema", "patience", "encoding")
    settings |= {name: value for name in names if (value := getattr(args, name)) is not None}
    settings |= {"validation_split": args.validation} if args.validation is not None else {}
    if args.epochs is not None:
        settings |= {"epochs": args.epochs, "steps": None}
    if args.steps is not None:
        settings["steps"] = args.steps
    if settings["width"] % settings["heads"]:
        raise WrongUseError(f"expected a --width that is a multiple of --heads, got {settings['width']} and "
                            f"{settings['heads']}")
    return settings


def _check_text_conflicts(args: argparse.Namespace, model: str) -> None:
    """Raise for options that have no effect on texts, rather than ignore them."""
    right = TEXT_SETS.get(args.data, GPT)
    conflicts = [
        (model != right, f"{args.data} is for --model {right}, got --model {model}"),
        (args.data not in TEXT_SETS and Path(args.data).is_dir(), f"--model {model} takes a file of text, "
         f"{args.data} is a folder"),
        *((getattr(args, name), f"{option} is not for texts") for name, option in _OTHER_OPTIONS.items()
          if name != "encoding"),
        (args.encoding and args.data in TEXT_SETS, "--encoding is for files"),
        (args.split != "random", "--split is for tables: the end of a text is held out"),
        (args.validation is not None and args.data == "multi30k", "--validation: multi30k has its own validation set"),
        (args.epochs is not None and args.steps is not None, "--epochs and --steps both say how long to train: give "
         "one of them"),
        (args.steps is not None and model == TRANSFORMER, "--steps is for language models: use --epochs"),
        (args.patience is not None and args.validation == 0, "--patience needs --validation above 0"),
    ]
    for conflict, message in conflicts:
        if conflict:
            raise WrongUseError(message)
