"""Metrics that follow from how often each class was taken for each other."""
import math

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import one_of
from fastnet.functional.creation import full
from fastnet.metrics.classes import expect_binary, expect_numbers, read
from fastnet.metrics.metric import Metric

AVERAGES = ("auto", "binary", "macro", "micro", "weighted", None)


class _Confusion(Metric):
    """Counts in a table: (C, C), the true class along the first dimension; for labels (L, 2, 2), a table for each."""

    totals = ("table",)

    def reset(self):
        self.table = np.zeros((0, 0), np.int64)

    def measure(self, output, target):
        batch = read(self.name, output, target)
        # the number of classes goes along: a table is as large even where the last ones are not seen
        # (and a clone is what a compiled function returns sooner than its argument)
        classes = full((), batch.classes(), dtype=dtypes.int64)
        return batch.predicted(), batch.target.clone(), classes, batch.peak()

    def accumulate(self, predicted, target, classes, peak):
        expect_numbers(self.name, peak)
        if predicted.dtype == bool:
            expect_binary(self.name, target)
        classes = int(classes)
        shape = (classes, classes) if predicted.ndim == 1 else (predicted.shape[1], classes, classes)
        self._expect_table(shape)
        cells = target.astype(np.int64) * classes + predicted
        if predicted.ndim == 2:
            cells += np.arange(shape[0]) * classes**2
        if not self.table.size:
            self.table = np.zeros(shape, np.int64)
        np.add.at(self.table.reshape(-1), cells.reshape(-1), 1)

    def compute(self):
        self._expect_some(self.table.any())
        return self._figure()

    def _expect_table(self, shape):
        if self.table.size:
            self._expect_same("a table of shape", shape, self.table.shape)

    def _figure(self):
        """What the table says."""
        raise NotImplementedError


class ConfusionMatrix(_Confusion):
    """How many samples of class i were taken for class j, int64 (C, C): scikit-learn's `confusion_matrix`.

    For labels it is (L, 2, 2), a matrix for each, as `multilabel_confusion_matrix`. Every class that the model has an
    output for has its row and column, seen or not: with scikit-learn that is `labels=range(C)`.

    Args:
        name: the key in logs, "confusion_matrix".

    Raises:
        ValueError: by `update`: shapes that do not fit, NaN among the outputs, binary targets that are not 0 or 1.
        IndexError: by `update`: a class out of range.

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
    larger_is_better = None

    def _figure(self):
        return self.table.copy()


class _Score(_Confusion):
    """A quotient of counts for each class, and its average over them.

    Args:
        average: how the classes' scores become one. "binary": the score of class 1, of two; "macro": their mean;
            "weighted": their mean weighted by how many samples each has; "micro": one quotient of all classes' counts;
            None: an array of each class's. "auto" is "binary" where there are two classes, else "macro". A class that
            is neither in the targets nor predicted stays out of the mean; a label does not.
        zero_division: the score where there is nothing to divide by: 0, 1 or NaN, which stays out of the mean.
        name: the key in logs.

    Raises:
        ValueError: another average or zero_division.
    """

    def __init__(self, average="auto", zero_division=0.0, name=None):
        if average not in AVERAGES:
            raise one_of("average", average, AVERAGES)
        if zero_division not in (0, 1) and not math.isnan(zero_division):
            raise ValueError(f"{type(self).__name__}: expected a zero_division of 0, 1 or NaN, got {zero_division}")
        self.average, self.zero_division = average, float(zero_division)
        super().__init__(name)

    def _expect_table(self, shape):
        super()._expect_table(shape)
        if self.average == "binary" and shape != (2, 2):
            what = f"{shape[0]} {'classes' if len(shape) == 2 else 'labels'}"
            raise ValueError(f"{self.name}: average='binary' is for two classes, got {what}; choose 'macro', 'micro', "
                             "'weighted' or None")

    def _figure(self):
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

    def _counts(self):
        """(3, classes or labels): how many are right, predicted, true."""
        if self.table.ndim == 3:
            return np.stack([self.table[:, 1, 1], self.table[:, :, 1].sum(1), self.table[:, 1].sum(1)])
        return np.stack([self.table.diagonal(), self.table.sum(0), self.table.sum(1)])

    @staticmethod
    def _quotient(right, predicted, true):
        """Dividends and divisors of the scores."""
        raise NotImplementedError


def _mean(scores, weights):
    """The mean of those scores that are not NaN; the plain one where no weight is left."""
    known = ~np.isnan(scores)
    scores, weights = scores[known], weights[known]
    if not scores.size:
        return math.nan
    return float(np.average(scores, weights=weights if weights.any() else None))


class Precision(_Score):
    """The share of right ones among those predicted to be of a class, TP / (TP + FP): scikit-learn's `precision_score`.

    Args:
        average: "auto", "binary" (class 1 of two), "macro" (mean over the classes that occur), "micro" (of the classes'
            summed counts), "weighted" (mean by the classes' frequency), None (an array). "auto" is "binary" where there
            are two classes, else "macro".
        zero_division: the score of a class that is never predicted: 0, 1 or NaN, which stays out of the mean.
        name: the key in logs, "precision".

    Raises:
        ValueError: another average or zero_division; by `update`: shapes that do not fit, NaN among the outputs, binary
            targets that are not 0 or 1.
        IndexError: by `update`: a class out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.Precision()
        >>> metric.update(fastnet.tensor([2.0, 1.0, 3.0, -1.0]), fastnet.tensor([1, 0, 1, 1]))
        >>> round(metric.compute(), 4)
        0.6667
    """

    name = "precision"

    @staticmethod
    def _quotient(right, predicted, true):
        return right, predicted


class Recall(_Score):
    """The share of right ones among those that are of a class, TP / (TP + FN): scikit-learn's `recall_score`.

    Arguments and errors are those of `Precision`; zero_division is the score of a class that has no sample.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.Recall()
        >>> metric.update(fastnet.tensor([2.0, 1.0, 3.0, -1.0]), fastnet.tensor([1, 0, 1, 1]))
        >>> round(metric.compute(), 4)
        0.6667
    """

    name = "recall"

    @staticmethod
    def _quotient(right, predicted, true):
        return right, true


class F1(_Score):
    """The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN): scikit-learn's `f1_score`.

    Arguments and errors are those of `Precision`; zero_division is the score of a class that has no sample and is never
    predicted.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.F1(average="macro")
        >>> metric.update(fastnet.tensor([2.0, 1.0, 3.0, -1.0]), fastnet.tensor([1, 0, 1, 0]))
        >>> round(metric.compute(), 4)
        0.7333
    """

    name = "f1"

    @staticmethod
    def _quotient(right, predicted, true):
        return 2 * right, predicted + true
