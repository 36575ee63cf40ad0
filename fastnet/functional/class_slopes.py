"""The gradients of classification losses as operations on tensors, for `create_graph=True`."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.autograd import gradient
from fastnet.functional.activation import softmax_slope
from fastnet.functional.creation import arange

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["of_bce_logits", "of_bce_target", "of_bce_weight", "of_label_logits", "of_probability",
           "of_probability_logits", "of_target_probabilities", "probabilities_to_logits"]


def probabilities_to_logits(probs: Array, shape: Shape) -> gradient:
    """The gradient function from saved probabilities, (n, C), to their logits."""
    return gradient(softmax_slope, probs.reshape(*shape, 1), "softmax", (1,))


def of_label_logits(g: Tensor, probs: Tensor, target: Tensor, total: Tensor | None, weight: Tensor | None,
                    ignore_index: int, label_smoothing: float) -> Tensor:
    """The gradient of the logits of `cross_entropy` with labels."""
    c = probs.shape[1]
    labels = target.unsqueeze(1)
    wanted = (labels == arange(c)).to(probs.dtype) * (1 - label_smoothing) + label_smoothing / c
    share = wanted if weight is None else wanted * weight
    return _of_shares(g if total is None else g / total, probs, share.where(labels != ignore_index, 0.0))


def of_probability_logits(g: Tensor, probs: Tensor, target: Tensor, scale: float, weight: Tensor | None,
                          label_smoothing: float) -> Tensor:
    """The gradient of the logits of `cross_entropy` with target probabilities."""
    wanted = target * (1 - label_smoothing) + label_smoothing / probs.shape[1]
    return _of_shares(g * scale, probs, wanted if weight is None else wanted * weight)


def _of_shares(g: Tensor, probs: Tensor, share: Tensor) -> Tensor:
    """g times the gradient of -sum_k share_k log softmax_k."""
    return (probs * share.sum(1, keepdim=True) - share) * (g.unsqueeze(1) if g.ndim else g)


def of_target_probabilities(g: Tensor, x: Tensor, weight: Tensor | None, factor: float) -> Tensor:
    """The gradient of the target probabilities of `cross_entropy`."""
    slope = x.log_softmax(1) * factor
    slope = slope if weight is None else slope * weight
    return slope * (g.unsqueeze(1) if g.ndim else g)


def of_bce_logits(g: Tensor, x: Tensor, t: Tensor, pos_weight: Tensor | None, scale: float) -> Tensor:
    """The gradient of the logits of binary cross-entropy."""
    gain = t if pos_weight is None else t * pos_weight
    return ((1 - t) - (1 - t + gain) * (-x).sigmoid()) * (g * scale)


def of_bce_target(g: Tensor, x: Tensor, pos_weight: Tensor | None, scale: float) -> Tensor:
    """The gradient of the target of binary cross-entropy with logits."""
    below = _log_one_plus_exp(-x)
    return ((below if pos_weight is None else pos_weight * below) - _log_one_plus_exp(x)) * (g * scale)


def of_probability(g: Tensor, x: Tensor, log_p: Tensor, log_q: Tensor, scale: float) -> Tensor:
    """The gradient of the target of binary cross-entropy of probabilities x."""
    return ((1 - x).log().clamp(min=-100.0) - x.log().clamp(min=-100.0)) * (g * scale)


def of_bce_weight(g: Tensor, x: Tensor, t: Tensor, scale: float) -> Tensor:
    """The gradient of the weight of positive examples."""
    return t * _log_one_plus_exp(-x) * (g * scale)


def _log_one_plus_exp(x: Tensor) -> Tensor:
    """log(1 + e^x), without overflow."""
    return x.clamp(min=0.0) + (-x.abs()).exp().log1p()
