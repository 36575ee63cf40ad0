"""Shares of samples that a classifier gets right."""
import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet.functional.compare import where
from fastnet.functional.creation import arange
from fastnet.metrics.classes import expect_binary, expect_numbers, read
from fastnet.metrics.metric import Metric


class _Share(Metric):
    """The share of right samples; `measure` tells which are right."""

    totals = ("right", "count")

    def reset(self):
        self.right = self.count = 0

    def accumulate(self, right, peak, target=None):
        expect_numbers(self.name, peak)
        if target is not None:
            expect_binary(self.name, target)
        self.right += int(np.count_nonzero(right))
        self.count += right.size

    def compute(self):
        self._expect_some(self.count)
        return self.right / self.count


class Accuracy(_Share):
    """The share of samples whose prediction is the target: scikit-learn's `accuracy_score`.

    The prediction is the class with the largest logit, the first of equals; of a single logit, whether it is above 0.
    Of several labels all must be right. Targets (N, L) are labels: give `targets.argmax(1)` of one-hot classes.

    Args:
        name: the key in logs, "accuracy".

    Raises:
        ValueError: by `update`: shapes that do not fit, NaN among the outputs, binary targets that are not 0 or 1.
        IndexError: by `update`: a class out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.Accuracy()
        >>> metric.update(fastnet.tensor([[2.0, 1.0], [0.0, 3.0]]), fastnet.tensor([0, 0]))
        >>> metric.update(fastnet.tensor([[2.0, 1.0], [0.0, 3.0]]), fastnet.tensor([0, 1]))
        >>> metric.compute()
        0.75
    """

    name = "accuracy"

    def measure(self, output, target):
        batch = read(self.name, output, target)
        if batch.kind == "classes":
            return batch.predicted() == batch.target, batch.peak()
        target = batch.target.double()          # no compiled kernel compares bools
        right = batch.predicted().double() == target
        return right.double().amin(1) > 0 if batch.kind == "labels" else right, batch.peak(), target


class TopKAccuracy(_Share):
    """The share of samples whose class has one of the k largest logits: scikit-learn's `top_k_accuracy_score`.

    Of equal logits that of the higher class counts as the larger, as there. With k classes or fewer it is 1.

    Args:
        k: at least 1.
        name: the key in logs, "top_<k>".

    Raises:
        ValueError: k is below 1; by `update`: what is not (N, C) logits and (N,) classes, or NaN among the outputs.
        IndexError: by `update`: a class out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.TopKAccuracy(2)
        >>> metric.update(fastnet.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 4.0]]), fastnet.tensor([1, 0]))
        >>> metric.name, metric.compute()
        ('top_2', 0.5)
    """

    def __init__(self, k, name=None):
        if k < 1:
            raise ValueError(f"TopKAccuracy: expected k to be at least 1, got {k}")
        self.k = k
        super().__init__(f"top_{k}" if name is None else name)

    def measure(self, output, target):
        batch = read(self.name, output, target)
        if batch.kind != "classes":
            raise ValueError(f"{self.name}: expected outputs (N, C) for C >= 2 classes and targets (N,), got "
                             f"{shape_text(output)} and {shape_text(target)}")
        logits, place = batch.output, batch.target.unsqueeze(1)
        own = logits.gather(1, place)
        later = arange(batch.classes(), dtype=dtypes.float64) > place.double()
        before = where(later, logits >= own, logits > own)
        return before.double().sum(1) < self.k, batch.peak()
