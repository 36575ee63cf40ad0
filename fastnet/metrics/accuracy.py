"""Accuracy and top-k accuracy."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet.functional.compare import where
from fastnet.functional.creation import arange
from fastnet.metrics.classes import classifier_batch, expect_binary, expect_numbers
from fastnet.metrics.metric import Metric

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["Accuracy", "TopKAccuracy"]


class _Share(Metric):
    """The share of correct samples; `measure` tells which are correct."""

    totals: tuple[str, ...] = ("right", "count")

    right: int
    count: int

    def reset(self) -> None:
        self.right = self.count = 0

    def accumulate(self, right: Array, peak: Array, target: Array | None = None) -> None:
        expect_numbers(self.name, peak)
        if target is not None:
            expect_binary(self.name, target)
        self.right += int(np.count_nonzero(right))
        self.count += right.size

    def compute(self) -> float:
        self._expect_some(self.count)
        return self.right / self.count


class Accuracy(_Share):
    """Accuracy: the fraction of samples whose prediction equals the target (scikit-learn's `accuracy_score`).

    The predicted class is the one with the largest logit, the first one if several are equal. A single logit predicts
    class 1 if it is above 0. In multilabel classification all labels of a sample must be correct. Targets (N, L) mean
    multilabel classification: pass `targets.argmax(1)` for one-hot targets.

    Args:
        name: the key in logs; "accuracy" by default.

    Raises:
        ValueError: by `update`: shapes that do not match, NaN among the outputs, binary targets that are not 0 or 1.
        IndexError: by `update`: class number out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.Accuracy()
        >>> metric.update(fastnet.tensor([[2.0, 1.0], [0.0, 3.0]]), fastnet.tensor([0, 0]))
        >>> metric.update(fastnet.tensor([[2.0, 1.0], [0.0, 3.0]]), fastnet.tensor([0, 1]))
        >>> metric.compute()
        0.75
    """

    name = "accuracy"

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        batch = classifier_batch(self.name, output, target)
        if batch.kind == "classes":
            return batch.predicted() == batch.target, batch.peak()
        target = batch.target.double()          # no compiled kernel compares bools
        right = batch.predicted().double() == target
        return right.double().amin(1) > 0 if batch.kind == "labels" else right, batch.peak(), target


class TopKAccuracy(_Share):
    """Top-k accuracy: the fraction of samples whose class has one of the k largest logits.

    It equals scikit-learn's `top_k_accuracy_score`: of equal logits, the one of the higher class number counts as the
    larger one. With k or fewer classes the result is 1.

    Args:
        k: at least 1.
        name: the key in logs; "top_<k>" by default.

    Raises:
        ValueError: k is below 1; by `update`: shapes other than (N, C) and (N,), or NaN among the outputs.
        IndexError: by `update`: class number out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.TopKAccuracy(2)
        >>> metric.update(fastnet.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 4.0]]), fastnet.tensor([1, 0]))
        >>> metric.name, metric.compute()
        ('top_2', 0.5)
    """

    def __init__(self, k: int, name: str | None = None) -> None:
        if k < 1:
            raise ValueError(f"TopKAccuracy: expected k to be at least 1, got {k}")
        self.k = k
        super().__init__(self._default_name() if name is None else name)

    def _default_name(self) -> str:
        return f"top_{self.k}"

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        batch = classifier_batch(self.name, output, target)
        if batch.kind != "classes":
            raise ValueError(f"{self.name}: expected outputs (N, C) with C >= 2 classes and targets (N,), got "
                             f"{shape_text(output)} and {shape_text(target)}")
        logits, place = batch.output, batch.target.unsqueeze(1)
        own = logits.gather(1, place)
        later = arange(batch.classes(), dtype=dtypes.float64) > place.double()
        before = where(later, logits >= own, logits > own)
        return before.double().sum(1) < self.k, batch.peak()
