"""Metrics: accumulated exactly over batches, equal to scikit-learn's, in detection to pycocotools'.

A Metric takes the outputs of the model and the targets:

- multiclass classification: logits (N, C) and class numbers (N,);
- binary classification: logits and targets of 0 and 1, both (N,) or (N, 1);
- multilabel classification: logits and targets of 0 and 1, both (N, L);
- segmentation: logits (N, C, H, W) and class numbers (N, H, W), or logits and targets of 0 and 1, both (N, 1, H, W);
  each pixel is a sample;
- regression: numbers, both (N, ...);
- detection: `MeanAveragePrecision` takes a list with a dictionary of boxes for each image;
- retrieval: `RetrievalRecall` and its kin take scores (queries, items), and targets of 0 and 1 in the same shape or the
  number of each query's item, under torchmetrics' names.

Targets (N, C) always mean multilabel classification. If your targets are one-hot or probabilities, as cross-entropy
accepts them, pass `targets.argmax(1)`.
"""
from __future__ import annotations

import copy
import re

from fastnet._core.errors import one_of
from fastnet.metrics.accuracy import Accuracy, TopKAccuracy
from fastnet.metrics.auc import AUC
from fastnet.metrics.confusion import F1, ConfusionMatrix, JaccardIndex, Precision, Recall
from fastnet.metrics.detection import MeanAveragePrecision
from fastnet.metrics.metric import Metric
from fastnet.metrics.regression import MAE, MSE, R2, RMSE
from fastnet.metrics.retrieval import (
    RetrievalHitRate,
    RetrievalMAP,
    RetrievalMetric,
    RetrievalMRR,
    RetrievalNormalizedDCG,
    RetrievalPrecision,
    RetrievalRecall,
)

__all__ = ["AUC", "Accuracy", "ConfusionMatrix", "F1", "JaccardIndex", "MAE", "MSE", "MeanAveragePrecision",
           "Metric", "Precision", "R2", "RMSE", "Recall", "RetrievalHitRate", "RetrievalMAP", "RetrievalMRR",
           "RetrievalMetric", "RetrievalNormalizedDCG", "RetrievalPrecision", "RetrievalRecall", "TopKAccuracy", "get"]

_METRIC_TYPES: tuple[type[Metric], ...] = (Accuracy, AUC, ConfusionMatrix, F1, JaccardIndex, MAE, MSE, Precision, R2,
                                         Recall, RMSE)
_METRIC_OF = {kind.name: kind for kind in _METRIC_TYPES}


def get(spec: str | Metric) -> Metric:
    """Create an empty Metric from its name, or as a copy of another Metric.

    Args:
        spec: "accuracy", "auc", "confusion_matrix", "f1", "jaccard_index", "mae", "mse", "precision", "r2", "recall",
            "rmse", "top_5" (or another number), or a Metric, of which an empty copy is made.

    Raises:
        ValueError: unknown metric; the error lists the names.

    Example:
        >>> import fastnet
        >>> fastnet.metrics.get("top_3"), fastnet.metrics.get(fastnet.metrics.F1(average="micro"))
        (TopKAccuracy(k=3), F1(average='micro'))
    """
    if isinstance(spec, Metric):
        made = copy.deepcopy(spec)
        made.reset()
        return made
    if isinstance(spec, str):
        if spec in _METRIC_OF:
            return _METRIC_OF[spec]()
        top = re.fullmatch(r"top_([1-9][0-9]*)", spec)
        if top:
            return TopKAccuracy(int(top[1]))
    raise one_of("metric", spec, [*_METRIC_OF, "top_5"])
