"""Classification losses: of two classes by logits or probabilities, of many by labels or probabilities.

Reductions and signatures are as in loss.py.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty, empty_like
from fastnet.autograd import gradient, on_tensors, op, transposes
from fastnet.backend import K
from fastnet.functional import class_slopes, kernel_calls as kernels
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.loss import (
    broadcast_weight,
    check_reduction,
    check_tensors,
    matched,
    reduced,
    reduced_by_weight,
    reduction_factor,
    weighted,
)

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet._core.tensor import Tensor
    from fastnet.functional.loss import Reduction

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "check_labels", "cross_entropy", "nll_loss"]

# ---- two classes ----------------------------------------------------------------------------------------------------

@op
def _bce_with_logits(x: Array, t: Array, pos_weight: Array | None, *, reduction: str) -> Result[Array]:
    K.check_finite(t, what="target")
    losses = empty_like(x)
    K.bce_with_logits(losses, x, t, pos_weight)
    scale = reduction_factor(losses, reduction)
    return reduced(losses, reduction), (gradient(_bce_of_logits, x, t, pos_weight, scale),
                                        gradient(_bce_of_target, x, pos_weight, scale),
                                        gradient(_bce_of_pos_weight, x, t, scale))


@on_tensors(class_slopes.of_bce_logits, 0, 1, 2)
def _bce_of_logits(g: Array, x: Array, t: Array, pos_weight: Array | None, scale: float) -> Array:
    out = empty_like(x)
    K.bce_with_logits_backward(out, x, t, g, scale, pos_weight)
    return out


@on_tensors(class_slopes.of_bce_target, 0, 2)
def _bce_of_target(g: Array, x: Array, pos_weight: Array | None, scale: float) -> Array:
    """g * scale * (pos_weight log(1 + e^-x) - log(1 + e^x))"""
    gain = _signed_softplus(x, -1) if pos_weight is None else kernels.mul(pos_weight, _signed_softplus(x, -1))
    return kernels.mul(kernels.sub(gain, _signed_softplus(x, 1)), kernels.scale(g, scale))


@on_tensors(class_slopes.of_bce_weight, 0, 1)
def _bce_of_pos_weight(g: Array, x: Array, t: Array, scale: float) -> Array:
    return kernels.mul(kernels.mul(t, _signed_softplus(x, -1)), kernels.scale(g, scale))


def _signed_softplus(x: Array, sign: int) -> Array:
    """log(1 + e^(sign * x))"""
    return kernels.call_like("softplus", kernels.scale(x, sign), 1.0, 40.0)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                                     reduction: Reduction = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of logits, stable for every input.

    -(pos_weight t log s + (1 - t) log(1 - s)) with s = sigmoid(input) and t = target.

    Args:
        input: logits, any shape.
        target: probabilities (usually 0 or 1) of the same shape.
        weight: a factor for each loss; broadcasts to the input. "mean" divides by the number of losses.
        reduction: "none", "mean" or "sum".
        pos_weight: the weight of positive examples; broadcasts to the input. Values above 1 favour recall.

    Raises:
        ValueError: the shapes differ (both are named), a target that is not finite, or an unknown reduction.

    Example:
        >>> import fastnet
        >>> logits, labels = fastnet.tensor([0.0, -100.0]), fastnet.ones(2)
        >>> fastnet.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        tensor([  0.6931, 100.    ])
    """
    check_reduction(reduction)
    name = "binary_cross_entropy_with_logits"
    input, target = matched(name, input, target, may_broadcast=False)
    if pos_weight is not None:
        pos_weight = broadcast_weight(name, "pos_weight", pos_weight, input)
    if weight is None:
        return _bce_with_logits(input, target, pos_weight, reduction=reduction)
    losses = _bce_with_logits(input, target, pos_weight, reduction="none")
    return weighted(name, losses, broadcast_weight(name, "weight", weight, input), reduction, by_weight=False)


@op
def _bce(x: Array, t: Array, *, reduction: str) -> Result[Array]:
    K.check_finite(t, what="target")
    one = kernels.scalar(1, x.dtype)
    # as in PyTorch, logarithms are at least -100, so that a certain but wrong prediction has a finite loss
    logs = (kernels.unary("log", p) for p in (x, kernels.sub(one, x)))
    log_p, log_q = (kernels.call_like("clamp", log, -100.0, float("inf")) for log in logs)
    losses = kernels.sub(kernels.mul(kernels.sub(t, one), log_q), kernels.mul(t, log_p))
    K.check_finite(losses, what="binary_cross_entropy takes inputs between 0 and 1; the loss")
    scale = reduction_factor(losses, reduction)
    return reduced(losses, reduction), (gradient(_bce_of_input, x, t, scale),
                                        gradient(_bce_of_probability, x, log_p, log_q, scale))


@on_tensors(lambda g, x, t, scale: (x - t) / (x * (1 - x)).clamp(min=1e-12) * (g * scale), 0, 1)
def _bce_of_input(g: Array, x: Array, t: Array, scale: float) -> Array:
    variance = kernels.mul(x, kernels.sub(kernels.scalar(1, x.dtype), x))
    variance = kernels.call_like("clamp", variance, 1e-12, float("inf"))
    return kernels.mul(kernels.div(kernels.sub(x, t), variance), kernels.scale(g, scale))


@on_tensors(class_slopes.of_probability, 0, None, None)
def _bce_of_probability(g: Array, x: Array, log_p: Array, log_q: Array, scale: float) -> Array:
    return kernels.mul(kernels.sub(log_q, log_p), kernels.scale(g, scale))


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                         reduction: Reduction = "mean") -> Tensor:
    """Binary cross-entropy of probabilities: -(t log p + (1 - t) log(1 - p)) with p = input and t = target.

    Logarithms are limited to -100. `binary_cross_entropy_with_logits` is faster and more accurate if logits are
    available.

    Args:
        input: probabilities, any shape.
        target: probabilities (usually 0 or 1) of the same shape.
        weight: a factor for each loss; broadcasts to the input. "mean" divides by the number of losses.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: the shapes differ (both are named), an input outside [0, 1], a target that is not finite, or an
            unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.binary_cross_entropy(fastnet.tensor([0.5, 1.0]), fastnet.tensor([1.0, 1.0]))
        tensor(0.3466)
    """
    check_reduction(reduction)
    input, target = matched("binary_cross_entropy", input, target, may_broadcast=False)
    if weight is None:
        return _bce(input, target, reduction=reduction)
    losses = _bce(input, target, reduction="none")
    weight = broadcast_weight("binary_cross_entropy", "weight", weight, input)
    return weighted("binary_cross_entropy", losses, weight, reduction, by_weight=False)


# ---- many classes ---------------------------------------------------------------------------------------------------

def check_labels(target: Array, classes: int, ignore_index: int) -> None:
    """Refuse a label that is neither in [0, classes) nor ignore_index.

    Raises:
        IndexError: the label and its position are named.
    """
    try:
        K.check_index(target, classes, ignore_index, what="label")
    except IndexError as error:
        if classes != 1:
            raise
        raise IndexError(f"{error}; the model has 1 output per sample: use nn.Linear(.., classes), or "
                         "binary_cross_entropy_with_logits") from None


@op
def _cross_entropy(x: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float,
                   reduction: str) -> Result[Array]:
    n, c = x.shape
    check_labels(target, c, ignore_index)
    losses, weights, probs = empty((n,), x.dtype), empty((n,), x.dtype), empty((n, c), x.dtype)
    K.cross_entropy(losses, weights, probs, x, target, weight, ignore_index, label_smoothing)
    out, total = reduced_by_weight(losses, weights, reduction)
    slope = gradient(_of_logits, probs, target, total, weight, ignore_index, label_smoothing)
    return out, (slope, None, None, None, None, None)


@on_tensors(class_slopes.of_label_logits, (0, class_slopes.probabilities_to_logits), None, None, None)
def _of_logits(g: Array, probs: Array, target: Array, *rest: Any) -> Array:
    result = empty(probs.shape, probs.dtype)
    K.cross_entropy_backward(result, probs, target, g, *rest)
    return result


@op
def _cross_entropy_probs(x: Array, target: Array, weight: Array | None, *, label_smoothing: float,
                         reduction: str) -> Result[Array]:
    n, c = x.shape
    K.check_finite(target, what="target probability")
    losses, probs = empty((n,), x.dtype), empty((n, c), x.dtype)
    K.cross_entropy_probs(losses, probs, x, target, weight, label_smoothing)
    scale = reduction_factor(losses, reduction)
    return reduced(losses, reduction), (gradient(_probs_of_logits, probs, target, scale, weight, label_smoothing),
                                        gradient(_of_target, x, weight, -(1 - label_smoothing) * scale), None)


@on_tensors(class_slopes.of_probability_logits, (0, class_slopes.probabilities_to_logits), 1, None, None)
def _probs_of_logits(g: Array, probs: Array, target: Array, *rest: Any) -> Array:
    result = empty(probs.shape, probs.dtype)
    K.cross_entropy_probs_backward(result, probs, target, g, *rest)
    return result


@on_tensors(class_slopes.of_target_probabilities, 0, None)
def _of_target(g: Array, x: Array, weight: Array | None, factor: float) -> Array:
    """g * factor * weight * log softmax(x)"""
    log_probs = empty((*x.shape, 1), x.dtype)
    K.log_softmax(log_probs, kernels.contiguous(x).reshape(*x.shape, 1))
    slope = kernels.scale(log_probs.reshape(x.shape), factor)
    slope = slope if weight is None else kernels.mul(slope, weight)
    return kernels.mul(slope, g.reshape(-1, 1) if g.ndim else g)


def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
                  reduction: Reduction = "mean", label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of logits, -log softmax(input)[target], computed in one pass over the logits.

    With q the distribution of the target (1 at the label, or the given probabilities), s the label smoothing, C the
    number of classes and w their weights: -sum_k w_k ((1 - s) q_k + s/C) log softmax(input)_k. For labels, "mean"
    divides by the sum of their weights, for probabilities by their number. Label smoothing: Szegedy et al. 2016,
    https://arxiv.org/abs/1512.00567.

    Args:
        input: logits, (C,), (N, C) or (N, C, d1, ...).
        target: labels in [0, C), int64, in the shape of the input without C; or probabilities in its whole shape.
        weight: (C,), the weight of each class. It gets no gradient.
        ignore_index: a label whose loss and weight are 0; only for labels.
        reduction: "none", "mean" or "sum".
        label_smoothing: between 0 and 1.

    Raises:
        ValueError: batches of different lengths, a probability that is not finite, or an unknown reduction.
        RuntimeError: other shapes that don't fit, a dtype that is neither floating-point nor int64, or a
            label_smoothing outside [0, 1].
        IndexError: a label out of range.

    Example:
        >>> import fastnet
        >>> logits = fastnet.tensor([[0.0, 0.0], [0.0, 100.0]])
        >>> fastnet.nn.functional.cross_entropy(logits, fastnet.tensor([0, 1]), reduction="none")
        tensor([0.6931, 0.    ])
    """
    check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"cross_entropy: expected a label_smoothing between 0 and 1, got {label_smoothing}")
    check_tensors("cross_entropy", input=input, target=target)
    if not dtypes.is_floating(target.dtype):
        return _by_rows("cross_entropy", _cross_entropy, input, target, weight, reduction, int(ignore_index),
                        float(label_smoothing))
    if input.shape != target.shape or not input.ndim:
        raise _misfit(input, target, f"cross_entropy: target probabilities of shape {shape_text(target)} do not fit "
                                     f"logits of shape {shape_text(input)}: expected the same shape (class labels are "
                                     "int64)")
    if ignore_index >= 0:
        raise RuntimeError(f"cross_entropy: expected no ignore_index for target probabilities, got {ignore_index}")
    weight = _class_weight("cross_entropy", weight, input)
    shape = _batch_shape(input)
    losses = _cross_entropy_probs(_class_last(input), _class_last(target.to(input.dtype)), weight,
                                  label_smoothing=float(label_smoothing), reduction=reduction)
    return losses.reshape(shape) if reduction == "none" and len(shape) != 1 else losses


def _by_rows(name: str, loss: Callable[..., Tensor], input: Tensor, target: Tensor, weight: Tensor | None,
             reduction: str, *options: Any) -> Tensor:
    """A loss of (n, C) and (n,), applied to every shape that PyTorch allows."""
    if target.dtype != dtypes.int64:
        raise RuntimeError(f"{name}: expected labels of dtype int64, got {target.dtype}; use target.long()")
    weight = _class_weight(name, weight, input)
    shape = _batch_shape(input)
    if target.shape != shape:
        raise _misfit(input, target, f"{name}: labels of shape {shape_text(target)} do not fit an input of shape "
                                     f"{shape_text(input)}: expected {shape_text(shape)}")
    if input.ndim != 2:
        input, target = _class_last(input), target.reshape(target.numel())
    losses = loss(input, target, weight, *options, reduction)
    return losses.reshape(shape) if reduction == "none" and len(shape) != 1 else losses


def _misfit(input: Tensor, target: Tensor, text: str) -> Exception:
    """The error for a target that does not fit, a ValueError as in PyTorch if the batches have different lengths."""
    batches = input.ndim > 1 and input.shape[:1] == target.shape[:1]
    return RuntimeError(text) if batches else ValueError(text)


def _class_weight(name: str, weight: Tensor | None, input: Tensor) -> Tensor | None:
    """The class weights, checked against the input."""
    check_floating(name, input)
    if input.ndim == 0:
        raise RuntimeError(f"{name}: expected an input of shape (C,), (N, C) or (N, C, ...), got ()")
    if weight is None:
        return None
    check_tensors(name, weight=weight)
    classes = input.shape[min(input.ndim - 1, 1)]
    if weight.shape != (classes,):
        raise RuntimeError(f"{name}: a weight of shape {shape_text(weight)} does not fit an input of shape "
                           f"{shape_text(input)}: expected ({classes},)")
    return weight.to(input.dtype).contiguous()


def _batch_shape(input: Tensor) -> Shape:
    """The shape without the dimension of classes."""
    shape = input.shape
    return shape[:1] + shape[2:] if len(shape) > 1 else ()


def _class_last(x: Tensor) -> Tensor:
    """(N, C, d1, ...) or (C,) as (n, C)."""
    if x.ndim == 2:
        return x
    if x.ndim > 2:
        x = x.permute(0, *range(2, x.ndim), 1)
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


@op
def _nll_loss(x: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str) -> Result[Array]:
    n, c = x.shape
    check_labels(target, c, ignore_index)
    index = target.reshape(n, 1, 1)
    picked, weights = empty((n, 1, 1), x.dtype), kernels.full((n,), 1, x.dtype)
    K.gather(picked, kernels.contiguous(x).reshape(n, c, 1), index)
    if weight is not None:
        K.embedding(weights.reshape(n, 1), weight.reshape(c, 1), target)
    counts = kernels.binary("ne", target, kernels.scalar(ignore_index, dtypes.int64), dtypes.bool_)
    weights = kernels.masked(counts, weights)
    losses = kernels.masked(counts, kernels.neg(kernels.mul(picked.reshape(n), weights)))
    out, total = reduced_by_weight(losses, weights, reduction)
    return out, (gradient(_of_log_probs, index, weights, total, x.shape), None, None, None, None)


def _of_log_probs(g: Array, index: Array, weights: Array, total: Array | None, shape: Shape) -> Array:
    slope = kernels.neg(kernels.mul(weights, g if total is None else kernels.div(g, total)))
    result = empty((*shape, 1), weights.dtype)
    K.gather_backward(result, index, slope.reshape(index.shape))
    return result.reshape(shape)


def _log_probs_at(v: Array, index: Array, weights: Array, total: Array | None, shape: Shape) -> Array:
    """The transpose of `_of_log_probs`, for each row; a sum over the rows where the loss is reduced."""
    out = empty(index.shape, v.dtype)
    K.gather(out, kernels.contiguous(v).reshape(*shape, 1), index)
    losses = kernels.neg(kernels.mul(weights, out.reshape(len(weights))))
    return losses if total is None else kernels.div(losses, total)


transposes(_of_log_probs, _log_probs_at)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
             reduction: Reduction = "mean") -> Tensor:
    """Negative log-likelihood of labels: -weight[target] * input[target].

    `cross_entropy(logits, target)` equals `nll_loss(log_softmax(logits, 1), target)`, in fewer passes over memory.

    Args:
        input: log-probabilities, (C,), (N, C) or (N, C, d1, ...).
        target: labels in [0, C), int64, in the shape of the input without C.
        weight: (C,), the weight of each class; "mean" divides by the sum of the weights of the labels.
        ignore_index: a label whose loss and weight are 0.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: batches of different lengths, or an unknown reduction.
        RuntimeError: other shapes that don't fit, labels that are not int64, or an input that is not floating-point.
        IndexError: a label out of range.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.nll_loss(fastnet.tensor([[-0.5, -1.0]]), fastnet.tensor([1]))
        tensor(1.)
    """
    check_reduction(reduction)
    check_tensors("nll_loss", input=input, target=target)
    return _by_rows("nll_loss", _nll_loss, input, target, weight, reduction, int(ignore_index))
