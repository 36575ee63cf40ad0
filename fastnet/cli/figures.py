"""Figures of how good a model is, of each column that it predicts; and of what is known without a model."""
import numpy as np

from fastnet import metrics

VALUE_MEASURES = ("mae", "rmse", "r2")      # in the units of the target
RARE_MEASURES = ("precision", "recall", "f1", "auc")
_RARE = 0.5                             # of an even share of the rows


def rarest(counts):
    """The place of the rarest class if it has less than half of an even share of the rows, else None.

    Args:
        counts: how many rows each class has.

    Example:
        >>> from fastnet.cli.figures import rarest
        >>> rarest([95, 5]), rarest([60, 40])
        (1, None)
    """
    place = int(np.argmin(counts))
    return place if counts[place] * len(counts) < _RARE * sum(counts) else None


def class_figures(scores, y, rare=None):
    """How good scores of classes are: accuracy, and of an imbalanced target precision, recall, F1 and AUC.

    Of two classes those are of the rarest, of more they are means over the classes.

    Args:
        scores: (N, C), logits.
        y: (N,), int64.
        rare: the place of the rarest class; None: only accuracy.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.figures import class_figures
        >>> class_figures(np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([0, 1]))
        {'accuracy': 1.0}
    """
    names = ["accuracy", *(RARE_MEASURES if rare is not None else ())]
    if scores.shape[1] == 2 and rare == 0:              # metrics measure the second of two
        scores, y = scores[:, ::-1], 1 - y
    if len(np.unique(y)) < scores.shape[1] and rare is not None:
        names.remove("auc")                             # which is not defined where a class has no rows
    return _measured(names, scores, y)


def value_figures(predicted, actual):
    """How good values are: the mean absolute error, the root of the mean squared error, and R2.

    Args:
        predicted, actual: (N,), in the units of the target.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.figures import value_figures
        >>> value_figures(np.array([1.0, 4.0]), np.array([1.0, 2.0]))["mae"]
        1.0
    """
    return _measured(VALUE_MEASURES, predicted, actual)


def _measured(names, predicted, actual):
    found = [metrics.get(name) for name in names]
    for metric in found:
        metric.update(predicted, actual)
    return {metric.name: float(metric.compute()) for metric in found}


def figure_lines(figures, before=""):
    """The figures for people, one a line.

    Args:
        figures: what `Saved.figures` gave.
        before: what stands in front of each.

    Example:
        >>> from fastnet.cli.figures import figure_lines
        >>> figure_lines({"loss": 0.1, "accuracy": 0.975}, "test ")
        ['test accuracy: 0.9750']
    """
    return [f"{before}{name}: {value:.4f}" for name, value in figures.items() if name != "loss"]
