"""The settings of `fastnet train FILE --time COLUMN`."""
from __future__ import annotations

import argparse
from typing import Any

from fastnet.cli.errors import WrongUseError
from fastnet.cli.recipes import FORECASTERS, LINEAR, optimizer_settings
from fastnet.cli.settings import TEST, TrainSettings, is_table

__all__ = ["HORIZON", "WINDOW", "forecast_settings", "is_forecast"]

HORIZON = 6                             # rows to forecast
WINDOW = 32                             # rows of a model's input, at least
_VALIDATION_SHARE = 0.15
_HIDDEN: dict[str, tuple[int, ...]] = {"lstm": (32,), "tcn": (16, 16, 16, 16), LINEAR: ()}
_RECIPE: dict[str, Any] = {"epochs": 30, "batch_size": 32, "optimizer": "adamw", "lr": 3e-3, "patience": 10}
_OTHERS = ("task", "class_weight", "label_smoothing", "augment", "mixup", "cutmix", "size", "skip_unreadable",
           "activation")                # options that have no meaning here
_OF_NETWORKS = ("hidden", "dropout", "epochs", "batch_size", "lr", "optimizer", "weight_decay", "patience", "ema",
                "resume", "plot", "energy")


def is_forecast(args: argparse.Namespace) -> bool:
    """Whether the command line asks for forecasts of a time series.

    Args:
        args: of `fastnet train`.
    """
    return is_table(args.data) and bool(args.time) and args.split != "time" and args.model in (*FORECASTERS, LINEAR)


def forecast_settings(args: argparse.Namespace) -> TrainSettings:
    """The settings of a training, for JSON.

    Args:
        args: of `fastnet train`.

    Raises:
        WrongUseError: options that conflict.
    """
    for name in _OTHERS:
        if getattr(args, name, None):
            raise WrongUseError(f"--{name.replace('_', '-')} has no effect on forecasts")
    named = [args.time, *args.target, *args.leave_out]
    if len(set(named)) < len(named):
        raise WrongUseError("--time, --target and --leave-out name a column twice")
    for name in _OF_NETWORKS if args.model == LINEAR else ():
        if getattr(args, name) is not None:
            raise WrongUseError(f"--{name.replace('_', '-')} has no effect on --model linear, which is solved exactly")
    if args.patience is not None and args.validation == 0:
        raise WrongUseError("--patience needs --validation above 0")
    hidden = list(args.hidden or _HIDDEN[args.model])
    if args.model == "lstm" and len(set(hidden)) > 1:
        raise WrongUseError(f"--hidden: the layers of an lstm have the same size, got {','.join(map(str, hidden))}")
    settings: TrainSettings = {"model": args.model, **_RECIPE, "hidden": hidden, "dropout": args.dropout or 0.0,
                               "schedule": args.schedule, "seed": args.seed}
    settings |= optimizer_settings(args.optimizer, settings["optimizer"])
    settings |= {"test_split": TEST if args.test is None else args.test,
                 "validation_split": _VALIDATION_SHARE if args.validation is None else args.validation,
                 "time": args.time, "target": args.target, "leave_out": args.leave_out, "kinds": dict(args.kind),
                 "horizon": list(args.horizon or range(1, HORIZON + 1)), "window": args.window, "season": args.season,
                 "gaps": args.gaps or "split", "encoding": args.encoding}
    given = ("epochs", "batch_size", "lr", "weight_decay", "patience", "ema")
    return settings | {name: getattr(args, name) for name in given if getattr(args, name) is not None}
