"""Figures that say how good a model is, each accumulated over batches exactly and agreeing with scikit-learn's.

A Metric takes what the model gives: one logit a class (N, C) with classes (N,); one logit a sample (N,) or (N, 1), or a
label (N, L), with targets of 0 and 1; numbers for regression. Targets (N, C) are always labels, each of which may be
there or not: of one-hot targets or probabilities, as cross-entropy takes them, give `targets.argmax(1)`.
"""
import copy
import re

from fastnet._core.errors import one_of
from fastnet.metrics.accuracy import Accuracy, TopKAccuracy
from fastnet.metrics.auc import AUC
from fastnet.metrics.confusion import F1, ConfusionMatrix, Precision, Recall
from fastnet.metrics.metric import Metric
from fastnet.metrics.regression import MAE, MSE, R2, RMSE

__all__ = ["AUC", "Accuracy", "ConfusionMatrix", "F1", "MAE", "MSE", "Metric", "Precision", "R2", "RMSE", "Recall",
           "TopKAccuracy", "get"]

_NAMED = {kind.name: kind for kind in (Accuracy, AUC, ConfusionMatrix, F1, MAE, MSE, Precision, R2, Recall, RMSE)}


def get(spec):
    """A new Metric that has accumulated nothing: of this name, or like this one.

    Args:
        spec: "accuracy", "auc", "confusion_matrix", "f1", "mae", "mse", "precision", "r2", "recall", "rmse", "top_5"
            (or another number), or a Metric, of which a copy is made.

    Raises:
        ValueError: anything else; the names are listed.

    Example:
        >>> import fastnet
        >>> fastnet.metrics.get("top_3"), fastnet.metrics.get(fastnet.metrics.F1(average="micro"))
        (TopKAccuracy('top_3'), F1('f1'))
    """
    if isinstance(spec, Metric):
        made = copy.deepcopy(spec)
        made.reset()
        return made
    if isinstance(spec, str):
        if spec in _NAMED:
            return _NAMED[spec]()
        top = re.fullmatch(r"top_([1-9][0-9]*)", spec)
        if top:
            return TopKAccuracy(int(top[1]))
    raise one_of("metric", spec, [*_NAMED, "top_5"])
