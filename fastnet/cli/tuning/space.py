"""The settings that a search varies, and their ranges around the defaults of `fastnet train`."""
from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from fastnet.cli.recipes import FORECASTERS, OPTIMIZER_CHOICES
from fastnet.cli.settings import TrainSettings

__all__ = ["default_parameters", "free_options", "option_words", "suggested"]

_OPTIONS = ("lr", "batch_size", "weight_decay", "dropout", "hidden")    # those that a search may vary
_WIDTHS = (16, 32, 64, 128, 256, 512)
_LARGEST_DEPTH = 4
_DECAYS = (1e-6, 0.3)
_KEPT_DIGITS = 3                             # of learning rates and weight decays, so that a command line is short


def free_options(args: argparse.Namespace, settings: TrainSettings) -> list[str]:
    """The options that a search varies: those that the training has and the command line does not give.

    Args:
        args: of the command line.
        settings: of its training.

    Example:
        >>> from argparse import Namespace
        >>> from fastnet.cli.tuning.space import free_options
        >>> args = Namespace(lr=0.01, batch_size=None, weight_decay=None, dropout=None, hidden=None)
        >>> free_options(args, {"batch_size": 32, "lr": 0.01, "hidden": []})
        ['batch_size', 'weight_decay']
    """
    absent = {name for name in _OPTIONS if name != "weight_decay" and settings.get(name) in (None, [])}
    absent |= {"dropout"} if settings.get("hidden") == [] else set()            # it follows hidden layers
    return [name for name in _OPTIONS if name not in absent and getattr(args, name) is None]


def suggested(trial: Any, free: Sequence[str], settings: TrainSettings) -> dict[str, Any]:
    """The options of a trial.

    Args:
        trial: an Optuna trial.
        free: see `free_options`.
        settings: of the training with its defaults.
    """
    found: dict[str, Any] = {}
    if "lr" in free:
        found["lr"] = _shortened(trial.suggest_float("lr", settings["lr"] / 30, settings["lr"] * 10, log=True))
    if "batch_size" in free:
        found["batch_size"] = trial.suggest_categorical("batch_size", _batch_sizes(settings))
    if "weight_decay" in free:
        found["weight_decay"] = _shortened(trial.suggest_float("weight_decay", *_DECAYS, log=True))
    if "dropout" in free:
        found["dropout"] = round(trial.suggest_float("dropout", 0.0, 0.5, step=0.05), 2)
    if "hidden" in free:
        layers = trial.suggest_int("layers", 1, _LARGEST_DEPTH)
        width = trial.suggest_categorical("width", _WIDTHS)
        halving = settings["model"] not in FORECASTERS and trial.suggest_categorical("halving", (True, False))
        found["hidden"] = _widths(layers, width, halving)
    return found


def default_parameters(free: Sequence[str], settings: TrainSettings) -> dict[str, Any]:
    """The parameters of the trial that has the defaults, as far as they are in the ranges.

    Args:
        free, settings: see `suggested`.

    Example:
        >>> from fastnet.cli.tuning.space import default_parameters
        >>> default_parameters(["hidden"], {"model": "mlp", "hidden": [128, 64]})
        {'layers': 2, 'width': 128, 'halving': True}
    """
    found = {name: settings[name] for name in ("lr", "batch_size", "dropout") if name in free}
    if "weight_decay" in free:
        usual = OPTIMIZER_CHOICES[settings["optimizer"]][2]
        found["weight_decay"] = max(settings.get("weight_decay", usual), _DECAYS[0])
    if "hidden" in free:
        hidden = list(settings["hidden"])
        layers, width, halving = len(hidden), hidden[0], len(set(hidden)) > 1
        if width in _WIDTHS and layers <= _LARGEST_DEPTH and hidden == _widths(layers, width, halving):
            found |= {"layers": layers, "width": width}
            found |= {} if settings["model"] in FORECASTERS else {"halving": halving}
    return found


def option_words(options: Mapping[str, Any]) -> list[str]:
    """Options as words of a command line.

    Args:
        options: {name: value}.

    Example:
        >>> from fastnet.cli.tuning.space import option_words
        >>> option_words({"lr": 0.003, "hidden": [64, 32]})
        ['--lr', '0.003', '--hidden', '64,32']
    """
    words: list[str] = []
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", ",".join(map(str, value)) if isinstance(value, list) else str(value)]
    return words


def _batch_sizes(settings: TrainSettings) -> list[int]:
    usual = settings["batch_size"]
    return sorted({max(1, usual // 4), max(1, usual // 2), usual, usual * 2, usual * 4})


def _widths(layers: int, width: int, halving: bool) -> list[int]:
    """The widths of hidden layers, the same or each half of the one before."""
    return [max(1, width >> i) if halving else width for i in range(layers)]


def _shortened(number: float) -> float:
    return float(f"{number:.{_KEPT_DIGITS}g}")
