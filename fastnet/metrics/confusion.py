"""The confusion matrix, and the metrics that follow from it: precision, recall, F1 and the Jaccard index."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import one_of
from fastnet.functional.creation import full
from fastnet.metrics.classes import classifier_batch, expect_binary, expect_numbers
from fastnet.metrics.metric import Metric

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["AVERAGES", "F1", "ConfusionMatrix", "JaccardIndex", "Precision", "Recall"]

Average: TypeAlias = Literal["auto", "binary", "macro", "micro", "weighted"]
AVERAGES: tuple[Average | None, ...] = ("auto", "binary", "macro", "micro", "weighted", None)


class _Confusion(Metric):
    """Counts in a table: (C, C) with the true class first; for multilabel (L, 2, 2), one table per label."""

    totals: tuple[str, ...] = ("table",)
    ignore_index: int | None = None     # targets with this number do not count

    table: Array

    def reset(self) -> None:
        self.table = np.zeros((0, 0), np.int64)

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        batch = classifier_batch(self.name, output, target, self.ignore_index)
        # The number of classes is returned too: the table must include classes that no sample has.
        # A compiled function returns a clone faster than its argument.
        classes = full((), batch.classes(), dtype=dtypes.int64)
        return batch.predicted(), batch.target.clone(), classes, batch.peak()

    def accumulate(self, predicted: Array, target: Array, number: Array, peak: Array) -> None:
        expect_numbers(self.name, peak)
        counted = np.full(target.shape, True) if self.ignore_index is None else target != self.ignore_index
        target = np.where(counted, target, 0)
        if predicted.dtype == bool:
            expect_binary(self.name, target)
        classes = int(number)
        shape: tuple[int, ...] = (classes, classes) if predicted.ndim == 1 else (predicted.shape[1], classes, classes)
        self._expect_table(shape)
        cells = target.astype(np.int64) * classes + predicted
        if predicted.ndim == 2:
            cells += np.arange(shape[0]) * classes**2
        if not self.table.size:
            self.table = np.zeros(shape, np.int64)
        np.add.at(self.table.reshape(-1), cells[counted], 1)

    def compute(self) -> Any:
        self._expect_some(self.table.any())
        return self._result()

    def _expect_table(self, shape: tuple[int, ...]) -> None:
        if self.table.size:
            self._expect_same("a table of shape", shape, self.table.shape)

    def _result(self) -> Any:
        """Compute the metric from the table."""
        raise NotImplementedError


class ConfusionMatrix(_Confusion):
    """Confusion matrix, int64 (C, C): how many samples of class i were predicted as class j.

    It equals scikit-learn's `confusion_matrix` with `labels=range(C)`: each output of the model has a row and a column,
    even if no sample has its class. For multilabel targets it is (L, 2, 2), one matrix per label, as in
    `multilabel_confusion_matrix`.

    Args:
        name: the key in logs; "confusion_matrix" by default.

    Raises:
        ValueError: by `update`: shapes that do not match, NaN among the outputs, binary targets that are not 0 or 1.
        IndexError: by `update`: class number out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.ConfusionMatrix()
        >>> metric.update(fastnet.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 4.0]]), fastnet.tensor([0, 1]))
        >>> metric.compute()
        array([[1, 0, 0],
               [0, 0, 1],
               [0, 0, 0]])
    """

    name = "confusion_matrix"
    larger_is_better: bool | None = None

    if TYPE_CHECKING:
        def compute(self) -> Array: ...

    def _result(self) -> Array:
        return self.table.copy()


class _Score(_Confusion):
    """A quotient of counts for each class, and its average over the classes. See `Precision` for the arguments.

    Classes that occur neither in the targets nor in the predictions do not count in the mean; labels always do.
    """

    average: Average | None
    zero_division: float

    def __init__(self, average: Average | None = "auto", zero_division: float = 0.0, name: str | None = None) -> None:
        if average not in AVERAGES:
            raise one_of("average", average, AVERAGES)
        if zero_division not in (0, 1) and not math.isnan(zero_division):
            raise ValueError(f"{type(self).__name__}: expected a zero_division of 0, 1 or NaN, got {zero_division}")
        self.average, self.zero_division = average, float(zero_division)
        super().__init__(name)

    if TYPE_CHECKING:
        def compute(self) -> float | Any: ...                   # an array if average is None

    def _expect_table(self, shape: tuple[int, ...]) -> None:
        super()._expect_table(shape)
        if self.average == "binary" and shape != (2, 2):
            what = f"{shape[0]} {'classes' if len(shape) == 2 else 'labels'}"
            raise ValueError(f"{self.name}: expected two classes for average='binary', got {what}; choose 'macro', "
                             "'micro', 'weighted' or None")

    def _result(self) -> float | Array:
        average = self.average
        if average == "auto":
            average = "binary" if self.table.shape == (2, 2) else "macro"
        counts = self._counts()
        if average == "binary":
            counts = counts[:, 1:]
        elif average == "micro":
            counts = counts.sum(1, keepdims=True)
        elif average is not None and self.table.ndim == 2:
            counts = counts[:, (counts > 0).any(0)]
        above, below = self._quotient(*counts)
        scores = np.where(below == 0, self.zero_division, above / np.maximum(below, 1))
        if average is None:
            return scores
        return _mean(scores, counts[2] if average == "weighted" else np.ones(len(scores)))

    def _counts(self) -> Array:
        """Numbers of correct, predicted and true samples of each class or label, (3, classes or labels)."""
        if self.table.ndim == 3:
            return np.stack([self.table[:, 1, 1], self.table[:, :, 1].sum(1), self.table[:, 1].sum(1)])
        return np.stack([self.table.diagonal(), self.table.sum(0), self.table.sum(1)])

    @staticmethod
    def _quotient(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        """Dividends and divisors of the scores."""
        raise NotImplementedError


def _mean(scores: Array, weights: Array) -> float:
    """Weighted mean of the scores that are not NaN; unweighted if all their weights are 0."""
    known = ~np.isnan(scores)
    scores, weights = scores[known], weights[known]
    if not scores.size:
        return math.nan
    return float(np.average(scores, weights=weights if weights.any() else None))


class Precision(_Score):
    """Precision, TP / (TP + FP): the fraction of the samples predicted as a class that have this class.

    It equals scikit-learn's `precision_score`.

    Args:
        average: how to average over the classes.
            "binary": the score of class 1, of two classes;
            "macro": the mean over the classes that occur in targets or predictions;
            "weighted": the mean weighted by the number of samples of each class;
            "micro": computed from the sums of all classes' counts;
            None: no average: an array with the score of each class;
            "auto": "binary" if there are two classes, else "macro".
        zero_division: the score of a class that is never predicted: 0, 1 or NaN. NaN is left out of the mean.
        name: the key in logs; "precision" by default.

    Raises:
        ValueError: unknown average or zero_division; by `update`: shapes that do not match, NaN among the outputs,
            binary targets that are not 0 or 1.
        IndexError: by `update`: class number out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.Precision()
        >>> metric.update(fastnet.tensor([2.0, 1.0, 3.0, -1.0]), fastnet.tensor([1, 0, 1, 1]))
        >>> round(metric.compute(), 4)
        0.6667
    """

    name = "precision"

    @staticmethod
    def _quotient(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        return right, predicted


class Recall(_Score):
    """Recall, TP / (TP + FN): the fraction of the samples of a class that are predicted as this class.

    It equals scikit-learn's `recall_score`. Arguments and errors are those of `Precision`; zero_division is the score
    of a class without samples.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.Recall()
        >>> metric.update(fastnet.tensor([2.0, 1.0, 3.0, -1.0]), fastnet.tensor([1, 0, 1, 1]))
        >>> round(metric.compute(), 4)
        0.6667
    """

    name = "recall"

    @staticmethod
    def _quotient(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        return right, true


class F1(_Score):
    """F1 score, 2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall (scikit-learn's `f1_score`).

    Arguments and errors are those of `Precision`; zero_division is the score of a class that has no samples and is
    never predicted.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.F1(average="macro")
        >>> metric.update(fastnet.tensor([2.0, 1.0, 3.0, -1.0]), fastnet.tensor([1, 0, 1, 0]))
        >>> round(metric.compute(), 4)
        0.7333
    """

    name = "f1"

    @staticmethod
    def _quotient(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        return 2 * right, predicted + true


class JaccardIndex(_Score):
    """Intersection over union (IoU), TP / (TP + FP + FN), by default its mean over the classes (mIoU).

    It equals torchmetrics' `JaccardIndex` and scikit-learn's `jaccard_score`. In segmentation each pixel is a sample.

    Args:
        average: see `Precision`; "binary" is the IoU of class 1 alone.
        ignore_index: targets with this number do not count. If it is the number of a class, the class is left out of
            the mean.
        zero_division: the score of a class that has no samples and is never predicted: 0, 1 or NaN.
        name: the key in logs; "jaccard_index" by default.

    Raises:
        ValueError: unknown average or zero_division; by `update`: shapes that do not match, NaN among the outputs,
            binary targets that are not 0 or 1.
        IndexError: by `update`: class number out of range.

    Shape:
        Logits (N, C, ...) and integers (N, ...), or logits and zeros and ones, both (N, 1, ...).

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.JaccardIndex(ignore_index=255)
        >>> pixels = fastnet.tensor([[[2.0, 0.0, 1.0, 0.0]], [[0.0, 1.0, 0.0, 3.0]]]).transpose(0, 1)
        >>> metric.update(pixels, fastnet.tensor([[0, 1, 1, 255]]))         # predicted: 0, 1, 0, 1
        >>> metric.compute()
        0.5
    """

    name = "jaccard_index"

    def __init__(self, average: Average | None = "macro", ignore_index: int | None = None, zero_division: float = 0.0,
                 name: str | None = None) -> None:
        self.ignore_index = ignore_index
        super().__init__(average, zero_division, name)

    def _counts(self) -> Array:
        counts = super()._counts()
        if self.ignore_index is not None and 0 <= self.ignore_index < counts.shape[1]:
            counts[:, self.ignore_index] = 0
        return counts

    @staticmethod
    def _quotient(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        return right, predicted + true - right
