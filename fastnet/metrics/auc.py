"""The area under the ROC curve."""
import math
import warnings

import numpy as np

from fastnet.metrics.classes import expect_binary, read
from fastnet.metrics.metric import Metric


class AUC(Metric):
    """The area under the ROC curve: scikit-learn's `roc_auc_score`, exact.

    It is the chance that a positive sample scores above a negative one, a tie counting half:
    (#{s+ > s-} + #{s+ = s-} / 2) / (P N). All outputs and targets are kept until `reset`, for it has no running sum.

    One logit: of class 1. Labels: the mean over them. Classes: the mean over each against the rest, by softmax
    (`multi_class="ovr"`); of two, the area of class 1.

    Where a class (or a label) has no sample, or no other has one, its area is not defined: the result is NaN, with a
    warning.

    Args:
        name: the key in logs, "auc".

    Raises:
        ValueError: by `update`: shapes that do not fit, outputs that are not finite, targets that are not 0 or 1.
        IndexError: by `update`: a class out of range.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.AUC()
        >>> metric.update(fastnet.tensor([0.1, 0.4]), fastnet.tensor([0, 0]))
        >>> metric.update(fastnet.tensor([0.35, 0.8]), fastnet.tensor([1, 1]))
        >>> metric.compute()
        0.75
    """

    name = "auc"
    totals = ("outputs", "targets")

    def reset(self):
        self.outputs, self.targets = [], []

    def measure(self, output, target):
        batch = read(self.name, output, target)
        return batch.output, batch.target.clone()       # which a compiled function returns sooner than its argument

    def accumulate(self, output, target):
        if not np.isfinite(output).all():
            raise ValueError(f"{self.name}: there is NaN or infinity among the outputs; expected finite numbers")
        if output.ndim == target.ndim:
            expect_binary(self.name, target)
            target = target != 0
        if self.outputs:
            self._expect_same("samples of the shapes", (output.shape[1:], target.shape[1:]),
                              (self.outputs[0].shape[1:], self.targets[0].shape[1:]))
        self.outputs.append(np.array(output))           # copies: the arrays may be somebody's, who writes to them
        self.targets.append(np.array(target))

    def compute(self):
        self._expect_some(sum(map(len, self.targets)))
        scores, targets = np.concatenate(self.outputs), np.concatenate(self.targets)
        if targets.ndim == 2:
            return float(np.mean([self._area(t, s, f"label {k}") for k, (t, s) in enumerate(zip(targets.T, scores.T))]))
        if scores.ndim == 1:
            return self._area(targets, scores, "class 1")
        scores = scores.astype(np.float64)
        if scores.shape[1] == 2:                        # softmax is a rising function of the difference
            return self._area(targets == 1, scores[:, 1] - scores[:, 0], "class 1")
        return float(np.mean([self._area(targets == k, s, f"class {k}") for k, s in enumerate(_softmax(scores).T)]))

    def _area(self, positive, scores, what):
        area = roc_area(positive, scores)
        if math.isnan(area):
            there = "every" if positive.any() else "no"
            warnings.warn(f"{self.name}: {there} sample is of {what}; the area is not defined and NaN", UserWarning,
                          stacklevel=3)
        return area

    def state_dict(self):
        return {key: np.concatenate(kept) if (kept := getattr(self, key)) else np.zeros(0) for key in self.totals}

    def load_state_dict(self, state):
        self.reset()
        super().load_state_dict({key: [np.array(kept)] if len(kept) else [] for key, kept in state.items()})


def roc_area(positive, scores):
    """The area under the ROC curve, exact; NaN if there are no positives or no negatives.

    Args:
        positive: bool, (N,).
        scores: (N,).

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
    return int(positives @ (2 * below + negatives)) / (2 * pairs)       # whole numbers: no cut into batches matters


def _softmax(scores):
    exps = np.exp(scores - scores.max(1, keepdims=True))
    return exps / exps.sum(1, keepdims=True)
