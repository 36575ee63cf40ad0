"""Losses of classes and probabilities; others are made of simpler operations."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet._core.annotations import DType
    from fastnet.graph import Value
    from fastnet.onnx.writer import Operand, Writer

__all__: list[str] = []


def _reduced_losses(w: Writer, losses: str, reduction: str, total: Operand = None) -> str:
    """The sum or the mean of losses, the latter by `total` if it is given; or the losses."""
    if reduction == "none":
        return losses
    if reduction == "mean" and total is None:
        return w.add("ReduceMean", losses, keepdims=0)
    result = w.add("ReduceSum", losses, keepdims=0)
    return result if reduction == "sum" else w.add("Div", result, total)


def _counted(w: Writer, target: Value, ignore_index: int) -> str:
    """Whether each label counts."""
    return w.add("Not", w.add("Equal", target, w.scalar(ignore_index, target.dtype)))


def _label_weights(w: Writer, labels: str, counted: str, weight: Value | None, dtype: DType) -> str:
    """The weight of each label; 0 for those that do not count."""
    weights = w.scalar(1, dtype) if weight is None else w.add("Gather", weight, labels, axis=0)
    return w.add("Where", counted, weights, w.scalar(0, dtype))


def _picked(w: Writer, x: Operand, labels: str) -> str:
    """The entry of each row that its label names, (n,)."""
    return w.squeeze(w.add("GatherElements", x, w.unsqueeze(labels, 1), axis=1), 1)


@emits("nll_loss")
def nll_loss(w: Writer, x: Value, target: Value, weight: Value | None, ignore_index: int, reduction: str) -> str:
    """Minus the log-probabilities (n, C) of labels (n,)."""
    counted = _counted(w, target, ignore_index)
    labels = w.add("Where", counted, target, w.scalar(0, target.dtype))
    weights = _label_weights(w, labels, counted, weight, x.dtype)
    losses = w.add("Neg", w.add("Mul", _picked(w, x, labels), weights))
    return _reduced_losses(w, losses, reduction, w.add("ReduceSum", weights, keepdims=0))


@emits("cross_entropy")
def cross_entropy(w: Writer, x: Value, target: Value, weight: Value | None, ignore_index: int, label_smoothing: float,
                  reduction: str) -> str:
    """Cross-entropy of logits (n, C) and labels (n,)."""
    counted = _counted(w, target, ignore_index)
    labels = w.add("Where", counted, target, w.scalar(0, target.dtype))
    weights = _label_weights(w, labels, counted, weight, x.dtype)
    log_probs = w.add("LogSoftmax", x, axis=1)
    losses = w.add("Mul", w.add("Neg", _picked(w, log_probs, labels)), weights)
    if label_smoothing:
        spread = log_probs if weight is None else w.add("Mul", log_probs, weight)
        spread = w.add("Neg", w.reduce("ReduceSum", spread, [1]))
        spread = w.add("Where", counted, spread, w.scalar(0, x.dtype))
        losses = w.add("Add", w.add("Mul", losses, w.scalar(1 - label_smoothing, x.dtype)),
                       w.add("Mul", spread, w.scalar(label_smoothing / x.shape[1], x.dtype)))
    return _reduced_losses(w, losses, reduction, w.add("ReduceSum", weights, keepdims=0))


@emits("cross_entropy_probs")
def cross_entropy_probs(w: Writer, x: Value, target: Value, weight: Value | None, label_smoothing: float,
                        reduction: str) -> str:
    """Cross-entropy of logits (n, C) and probabilities (n, C)."""
    log_probs = w.add("LogSoftmax", x, axis=1)
    probs: Operand = target
    if label_smoothing:
        kept = w.add("Mul", target, w.scalar(1 - label_smoothing, x.dtype))
        probs = w.add("Add", kept, w.scalar(label_smoothing / x.shape[1], x.dtype))
    products = w.add("Mul", log_probs, probs)
    products = products if weight is None else w.add("Mul", products, weight)
    return _reduced_losses(w, w.add("Neg", w.reduce("ReduceSum", products, [1])), reduction)


@emits("bce_with_logits")
def bce_with_logits(w: Writer, x: Value, target: Value, pos_weight: Value | None, reduction: str) -> str:
    """Binary cross-entropy of logits: pos_weight * t * log(1 + e^-x) + (1 - t) * log(1 + e^x)."""
    one = w.scalar(1, x.dtype)
    gain = w.add("Mul", target, w.add("Softplus", w.add("Neg", x)))
    gain = gain if pos_weight is None else w.add("Mul", gain, pos_weight)
    rest = w.add("Mul", w.add("Sub", one, target), w.add("Softplus", x))
    return _reduced_losses(w, w.add("Add", gain, rest), reduction)


@emits("bce")
def bce(w: Writer, x: Value, target: Value, reduction: str) -> str:
    """Binary cross-entropy of probabilities, with logarithms of at least -100."""
    one, least = w.scalar(1, x.dtype), w.scalar(-100, x.dtype)
    log_p, log_q = (w.add("Clip", w.add("Log", p), least) for p in (x, w.add("Sub", one, x)))
    losses = w.add("Sub", w.add("Mul", w.add("Sub", target, one), log_q), w.add("Mul", target, log_p))
    return _reduced_losses(w, losses, reduction)


@emits("kl_div")
def kl_div(w: Writer, x: Value, target: Value, reduction: str, log_target: bool) -> str:
    """target * (log(target) - x), where 0 * log(0) is 0."""
    if log_target:
        losses = w.add("Mul", w.add("Exp", target), w.add("Sub", target, x))
    else:
        zero = w.scalar(0, x.dtype)
        entropy = w.add("Mul", target, w.add("Log", w.add("Max", target, w.scalar(np.finfo(x.dtype).tiny, x.dtype))))
        entropy = w.add("Where", w.add("Greater", target, zero), entropy, zero)
        losses = w.add("Sub", entropy, w.add("Mul", target, x))
    if reduction == "batchmean":
        total = w.to(w.squeeze(w.ints(x.shape[:1]), 0), x.dtype) if x.shape else w.scalar(1, x.dtype)
        return _reduced_losses(w, losses, "mean", total)
    return _reduced_losses(w, losses, reduction)


@emits("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss")
def loss_of_difference(w: Writer, x: Value, target: Value, attributes: tuple[float, ...], reduction: str) -> str:
    """Losses of x - target. Huber's with delta is that of smooth_l1_loss with beta, times delta."""
    difference = w.add("Sub", x, target)
    if w.node.operation == "mse_loss":
        return _reduced_losses(w, w.add("Mul", difference, difference), reduction)
    size = w.add("Abs", difference)
    if w.node.operation == "l1_loss" or attributes[0] == 0:
        return _reduced_losses(w, size, reduction)
    bend, half = w.scalar(attributes[0], x.dtype), w.scalar(0.5, x.dtype)
    near = w.add("Mul", w.add("Mul", difference, difference), half)
    far = w.add("Mul", w.add("Sub", size, w.add("Mul", bend, half)), bend)
    losses = w.add("Where", w.add("Less", size, bend), near, far)
    if w.node.operation == "smooth_l1_loss":
        losses = w.add("Div", losses, bend)
    return _reduced_losses(w, losses, reduction)
