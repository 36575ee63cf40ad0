"""The losses under scikit-learn's names: summed over outputs, averaged over samples."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fastnet import nn
from fastnet._core.errors import one_of
from fastnet.nn import functional as F
from fastnet.training.losses import LOSSES, TINY, Loss

if TYPE_CHECKING:
    from fastnet import Tensor

__all__ = ["REGRESSION", "PerSample", "log_loss", "loss_of", "needs_scores_of_classes"]


def _half_squares(output: Tensor, target: Tensor) -> Tensor:
    difference = output - target
    return difference * difference * 0.5


def _poisson(output: Tensor, target: Tensor) -> Tensor:
    """Half the deviance of counts whose mean is exp(output)."""
    return output.exp() - target * output + target * target.clamp(min=TINY).log() - target


def _logistic(output: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(output, target, reduction="none")


def _absolute(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).abs()


def _huber(output: Tensor, target: Tensor) -> Tensor:
    return F.huber_loss(output, target, reduction="none")


REGRESSION: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared_error": _half_squares, "poisson": _poisson, "absolute_error": _absolute, "huber": _huber}


class PerSample(Loss):
    """The mean over the samples of a loss that is summed over the outputs.

    Args:
        spec: a function of (output, target) that returns one number, one per sample, or one per output of each sample.
    """

    def __call__(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        each = self.function(output, target)
        if each.ndim > 1:
            each = each.flatten(1).sum(1)
        if weight is None:
            return each.mean() if each.ndim else each
        if each.ndim == 0:
            raise ValueError("class_weight and sample_weight need a loss that returns one number per sample, as with "
                             "reduction='none'; this one returns their mean")
        return (each * weight).sum() / weight.sum().clamp(min=TINY)


def log_loss(softmax: bool, several: bool) -> Loss:
    """scikit-learn's loss for classifiers, of the softmax or of the logistic function.

    Args:
        softmax: whether there is one score per class.
        several: whether there are several labels per sample, whose losses are summed.
    """
    if softmax:
        return Loss(nn.CrossEntropyLoss())
    return PerSample(_logistic) if several else Loss(nn.BCEWithLogitsLoss())


def loss_of(spec: Any, names: Mapping[str, Any]) -> Loss:
    """The Loss for an estimator's parameter `loss`.

    Args:
        spec: a key of `names` or of `fastnet.training.losses.LOSSES`, a loss module of `fastnet.nn`, or a function.
        names: {name: a `Loss`, or a function of (output, target)}.

    Raises:
        ValueError: an unknown name.
        TypeError: `spec` cannot be called with (output, target), such as a class.
    """
    if isinstance(spec, str) and spec in names:
        return names[spec] if isinstance(names[spec], Loss) else PerSample(names[spec])
    if isinstance(spec, str) and spec not in LOSSES:
        raise one_of("loss", spec, [*names, *LOSSES])
    if isinstance(spec, type):
        raise TypeError(f"loss must be a name, a loss module or a function, got the class {spec.__name__}: give "
                        f"{spec.__name__}()")
    if not isinstance(spec, str) and not callable(spec):
        raise TypeError(f"loss must be a name, a loss module or a function, got {spec!r}")
    kind = Loss if isinstance(spec, (str, nn.Module)) else PerSample
    made: Any = spec
    return kind(made)


def needs_scores_of_classes(spec: Any) -> bool:
    """Whether a loss needs one score per class, even if there are two classes."""
    return spec == "cross_entropy" or isinstance(spec, (nn.CrossEntropyLoss, nn.NLLLoss))
