"""The area under the ROC curve."""
from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.metrics.classes import classifier_batch, expect_binary
from fastnet.metrics.metric import Metric

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["AUC", "roc_area"]


class AUC(Metric):
    """Area under the ROC curve, exact (scikit-learn's `roc_auc_score`).

    It is the probability that a positive sample scores above a negative one, where a tie counts half:
    (#{s+ > s-} + #{s+ = s-} / 2) / (P N). All outputs and targets are kept until `reset`, since no running sum exists.

    - One logit per sample: the area of class 1.
    - Multilabel: the mean over the labels.
    - Multiclass: the mean over the classes of each class against all others, by softmax (`multi_class="ovr"`). With two
      classes it is the area of class 1.

    If a class or label has no positive or no negative samples, its area is undefined: the result is NaN, with a
    warning.

    Args:
        name: the key in logs; "auc" by default.

    Raises:
        ValueError: by `update`: shapes that do not match, outputs that are not finite, targets that are not 0 or 1.
        IndexError: by `update`: class number out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.AUC()
        >>> metric.update(fastnet.tensor([0.1, 0.4]), fastnet.tensor([0, 0]))
        >>> metric.update(fastnet.tensor([0.35, 0.8]), fastnet.tensor([1, 1]))
        >>> metric.compute()
        0.75
    """

    name = "auc"
    totals: tuple[str, ...] = ("outputs", "targets")

    outputs: list[Array]
    targets: list[Array]

    def reset(self) -> None:
        self.outputs, self.targets = [], []

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        batch = classifier_batch(self.name, output, target)
        return batch.output, batch.target.clone()       # a compiled function returns a clone faster than its argument

    def accumulate(self, output: Array, target: Array) -> None:
        if not np.isfinite(output).all():
            raise ValueError(f"{self.name}: expected finite outputs, got NaN or infinity")
        if output.ndim == target.ndim:
            expect_binary(self.name, target)
            target = target != 0
        if self.outputs:
            self._expect_same("outputs and targets whose samples have the shapes", (output.shape[1:], target.shape[1:]),
                              (self.outputs[0].shape[1:], self.targets[0].shape[1:]))
        self.outputs.append(np.array(output))           # copies: the caller may write to the arrays later
        self.targets.append(np.array(target))

    def compute(self) -> float:
        self._expect_some(sum(map(len, self.targets)))
        scores, targets = np.concatenate(self.outputs), np.concatenate(self.targets)
        if targets.ndim == 2:
            return float(np.mean([self._area(t, s, f"label {k}") for k, (t, s) in enumerate(zip(targets.T, scores.T))]))
        if scores.ndim == 1:
            return self._area(targets, scores, "class 1")
        scores = scores.astype(np.float64)
        if scores.shape[1] == 2:                        # softmax increases with the difference
            return self._area(targets == 1, scores[:, 1] - scores[:, 0], "class 1")
        areas = [self._area(targets == k, s, f"class {k}") for k, s in enumerate(_probabilities(scores).T)]
        return float(np.mean(areas))

    def _area(self, positive: Array, scores: Array, what: str) -> float:
        area = roc_area(positive, scores)
        if math.isnan(area):
            there = "every sample has" if positive.any() else "no sample has"
            warnings.warn(f"{self.name}: {there} {what}, so the area is undefined; the result is NaN", UserWarning,
                          stacklevel=3)
        return area

    def state_dict(self) -> dict[str, Any]:
        return {key: np.concatenate(kept) if (kept := getattr(self, key)) else np.zeros(0) for key in self.totals}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.reset()
        super().load_state_dict({key: [np.array(kept)] if len(kept) else [] for key, kept in state.items()})


def roc_area(positive: Array, scores: Array) -> float:
    """Area under the ROC curve, exact; NaN without positive or without negative samples.

    Args:
        positive: whether each sample is positive, bool (N,).
        scores: the score of each sample, (N,).

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.auc import roc_area
        >>> roc_area(np.array([False, True, True]), np.array([0.5, 0.5, 0.9]))
        0.75
    """
    distinct, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place[positive], minlength=len(distinct))
    negatives = np.bincount(place[~positive], minlength=len(distinct))
    pairs = int(positives.sum()) * int(negatives.sum())
    if not pairs:
        return math.nan
    below = np.cumsum(negatives) - negatives
    return int(positives @ (2 * below + negatives)) / (2 * pairs)       # integers: independent of the batches' sizes


def _probabilities(scores: Array) -> Array:
    exps = np.exp(scores - scores.max(1, keepdims=True))
    return exps / exps.sum(1, keepdims=True)
