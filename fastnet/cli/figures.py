"""Figures of merit of a model, for each column that it predicts."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fastnet import metrics
from fastnet._core.annotations import Array

__all__ = ["class_figures", "figure_lines", "rarest", "value_figures"]

_VALUE_METRICS = ("mae", "rmse", "r2")      # in the units of the target
_RARE_METRICS = ("precision", "recall", "f1", "auc")
_RARE = 0.5                             # a class is rare below this share of an equal share of the rows


def rarest(counts: Sequence[int]) -> int | None:
    """Index of the rarest class if it has less than half of an equal share of the rows, else None.

    Args:
        counts: number of rows of each class.

    Example:
        >>> from fastnet.cli.figures import rarest
        >>> rarest([95, 5]), rarest([60, 40])
        (1, None)
    """
    place = int(np.argmin(counts))
    return place if counts[place] * len(counts) < _RARE * sum(counts) else None


def class_figures(scores: Array, y: Array, rare: int | None = None) -> dict[str, float]:
    """Accuracy of class scores; for an imbalanced target also precision, recall, F1 and AUC.

    With two classes these are of the rarest class, with more they are means over the classes.

    Args:
        scores: (N, C), logits.
        y: (N,), int64.
        rare: index of the rarest class; None: only the accuracy.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.figures import class_figures
        >>> class_figures(np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([0, 1]))
        {'accuracy': 1.0}
    """
    names = ["accuracy", *(_RARE_METRICS if rare is not None else ())]
    if scores.shape[1] == 2 and rare == 0:              # metrics measure the second of two classes
        scores, y = scores[:, ::-1], 1 - y
    if len(np.unique(y)) < scores.shape[1] and rare is not None:
        names.remove("auc")                             # undefined if a class has no rows
    return _measured(names, scores, y)


def value_figures(predicted: Array, actual: Array) -> dict[str, float]:
    """Mean absolute error, root mean squared error, and R2.

    Args:
        predicted, actual: (N,), in the units of the target.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.figures import value_figures
        >>> value_figures(np.array([1.0, 4.0]), np.array([1.0, 2.0]))["mae"]
        1.0
    """
    return _measured(_VALUE_METRICS, predicted, actual)


def _measured(names: Iterable[str], predicted: Array, actual: Array) -> dict[str, float]:
    found = [metrics.get(name) for name in names]
    for metric in found:
        metric.update(predicted, actual)
    return {metric.name: float(metric.compute()) for metric in found}


def figure_lines(figures: Mapping[str, float], prefix: str = "") -> list[str]:
    """Figures as text, one per line, without the loss.

    Args:
        figures: the result of `Saved.figures`.
        prefix: of each line.

    Example:
        >>> from fastnet.cli.figures import figure_lines
        >>> figure_lines({"loss": 0.1, "accuracy": 0.975}, "test ")
        ['test accuracy: 0.9750']
    """
    return [f"{prefix}{name}: {value:.4f}" for name, value in figures.items() if name != "loss"]
