"""The settings of `fastnet train DATA --model ctc`."""
from __future__ import annotations

import argparse
from typing import Any

from fastnet.cli.errors import WrongUseError
from fastnet.cli.recipes import RECOGNIZER, optimizer_settings
from fastnet.cli.settings import TEST, TrainSettings
from fastnet.cli.speech.manifest import MANIFESTS, manifest_of

__all__ = ["is_transcription", "speech_settings"]

_SPOKEN_DIGITS = "fsdd"
_SPEECH_RECIPES: dict[str, dict[str, Any]] = {
    _SPOKEN_DIGITS: {"epochs": 6, "batch_size": 24, "lr": 3e-3, "weight_decay": 0.01, "patience": None,
              "validation_split": 0.05},
    "folder": {"epochs": 60, "batch_size": 16, "lr": 3e-3, "weight_decay": 0.01, "patience": 15,
               "validation_split": 0.1},
}
_WITHOUT_EFFECT = ("task", "class_weight", "label_smoothing", "mixup", "cutmix", "size", "activation", "time", "target",
                   "leave_out", "kind", "hidden", "drop_missing_target", "encoding", "horizon", "window", "season",
                   "gaps")


def is_transcription(args: argparse.Namespace) -> bool:
    """Whether the command line asks for a model that transcribes speech.

    Args:
        args: of `fastnet train`.
    """
    return bool(args.model == RECOGNIZER)


def speech_settings(args: argparse.Namespace) -> TrainSettings:
    """The settings of a training, for JSON.

    Args:
        args: of `fastnet train`.

    Raises:
        WrongUseError: options that conflict, or data without transcripts.
    """
    if args.data != _SPOKEN_DIGITS and manifest_of(args.data) is None:
        raise WrongUseError(f"--model {RECOGNIZER} transcribes speech: expected {_SPOKEN_DIGITS}, or a folder of "
                            f"recordings with a file of transcripts ({', '.join(MANIFESTS)}), got {args.data!r}")
    for name in _WITHOUT_EFFECT:
        if getattr(args, name, None):
            raise WrongUseError(f"--{name.replace('_', '-')} has no effect on --model {RECOGNIZER}")
    if args.augment not in (None, "standard", "none"):
        raise WrongUseError(f"--augment {args.augment} is for images")
    if args.data == _SPOKEN_DIGITS and args.test is not None:
        raise WrongUseError(f"--test: {_SPOKEN_DIGITS} has its own test set")
    if args.patience is not None and args.validation == 0:
        raise WrongUseError("--patience needs --validation above 0")
    is_digits = args.data == _SPOKEN_DIGITS
    settings: TrainSettings = {"model": args.model, "optimizer": "adamw",
                               **_SPEECH_RECIPES[_SPOKEN_DIGITS if is_digits else "folder"],
                               "dropout": 0.1 if args.dropout is None else args.dropout, "schedule": args.schedule,
                               "seed": args.seed, "augment": args.augment or ("none" if is_digits else "standard")}
    settings |= optimizer_settings(args.optimizer, "adamw")
    settings |= {} if is_digits else {"test_split": TEST if args.test is None else args.test}
    settings |= {"validation_split": args.validation} if args.validation is not None else {}
    given = ("epochs", "batch_size", "lr", "weight_decay", "patience", "ema", "skip_unreadable")
    return settings | {name: value for name in given if (value := getattr(args, name)) not in (None, False)}
