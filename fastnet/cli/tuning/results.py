"""The results of a search: a line for each trial, a table, a plot, and JSON."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnet._core.optional import optional
from fastnet._core.shapes import ceil_div
from fastnet._io.figures import save_figure
from fastnet.cli.tuning.space import option_words
from fastnet.training.history import aligned

__all__ = ["OPTIONS", "draw_trials", "finished", "trial_line", "trial_rows", "trial_table"]

OPTIONS = "options"                     # the attribute of a trial that holds its options of `fastnet train`
_COMPLETE, _PRUNED = "COMPLETE", "PRUNED"
_SHOWN = 10                             # trials in the table
_PANELS_IN_A_ROW = 3                             # panels side by side in a plot
_LOGARITHMIC = ("lr", "weight_decay")
_CHOICES = ("batch_size", "width", "layers", "halving")         # parameters of few values


def finished(study: Any) -> list[Any]:
    """The trials that completed or were pruned.

    Args:
        study: an Optuna study.
    """
    return [trial for trial in study.trials if trial.state.name in (_COMPLETE, _PRUNED)]


def trial_line(trial: Any, best: float) -> str:
    """A line about a trial that has ended.

    Args:
        trial: a frozen Optuna trial.
        best: the lowest loss so far.
    """
    options = " ".join(option_words(trial.user_attrs[OPTIONS]))
    if trial.state.name == _PRUNED:
        return f"trial {trial.number + 1:3d}: pruned after epoch {_last_epoch(trial)}  {options}"
    mark = "  (best so far)" if trial.value == best else ""
    return f"trial {trial.number + 1:3d}: validation loss {trial.value:.4f}  {options}{mark}"


def trial_rows(study: Any) -> list[dict[str, Any]]:
    """The trials for JSON.

    Args:
        study: an Optuna study.
    """
    return [{"trial": trial.number + 1, "state": trial.state.name.lower(), "validation_loss": trial.value,
             "epochs": _last_epoch(trial), "options": trial.user_attrs[OPTIONS],
             "losses": [trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values)]}
            for trial in finished(study)]


def trial_table(study: Any) -> list[str]:
    """The best trials as lines of a table.

    Args:
        study: an Optuna study.
    """
    complete = sorted((t for t in finished(study) if t.state.name == _COMPLETE), key=lambda t: (t.value, t.number))
    names = list(complete[0].user_attrs[OPTIONS])
    rows = [["trial", "validation loss", "epochs", *(name.replace("_", " ") for name in names)]]
    for trial in complete[:_SHOWN]:
        words = option_words(trial.user_attrs[OPTIONS])[1::2]
        rows.append([str(trial.number + 1), f"{trial.value:.4f}", str(_last_epoch(trial)), *words])
    return aligned(rows).split("\n")


def draw_trials(study: Any, path: str) -> None:
    """Draw the losses of all trials, over their number and over each parameter.

    Args:
        study: an Optuna study with a complete trial.
        path: of the image.
    """
    figure_class = optional("matplotlib.figure", "drawing a search").Figure
    trials = [t for t in finished(study) if t.value is not None and math.isfinite(t.value)]
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    across = min(len(names) + 1, _PANELS_IN_A_ROW)
    down = ceil_div(len(names) + 1, across)
    figure = figure_class(figsize=(5.2 * across, 3.8 * down), layout="constrained")
    for i, name in enumerate([None, *names]):
        _draw_panel(figure.add_subplot(down, across, i + 1), trials, name)
    save_figure(figure, path)


def _draw_panel(axes: Any, trials: Sequence[Any], name: str | None) -> None:
    """The losses over a parameter; None: over the number of the trial, with the lowest loss so far."""
    shown = [t for t in trials if name is None or name in t.params]
    values = sorted({t.params[name] for t in shown}) if name in _CHOICES else []
    for state, colour, marker in ((_PRUNED, "#aaaaaa", "x"), (_COMPLETE, "#1f5fa8", "o")):
        some = [t for t in shown if t.state.name == state]
        where = [t.number + 1 if name is None else values.index(t.params[name]) if values else t.params[name]
                 for t in some]
        axes.scatter(where, [t.value for t in some], color=colour, marker=marker, s=24, label=state.lower())
    if name is None:
        lowest, numbers = math.inf, []
        for trial in (t for t in shown if t.state.name == _COMPLETE):
            lowest = min(lowest, trial.value)
            numbers.append((trial.number + 1, lowest))
        axes.step(*zip(*numbers), where="post", color="#d1495b", label="best")
        axes.legend(frameon=False)
    elif values:
        axes.set_xticks(range(len(values)), map(str, values))
    elif name in _LOGARITHMIC:
        axes.set_xscale("log")
    axes.set(xlabel="trial" if name is None else name.replace("_", " "), ylabel="validation loss")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _last_epoch(trial: Any) -> int:
    return max(trial.intermediate_values, default=0)
