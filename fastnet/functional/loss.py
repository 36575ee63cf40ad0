"""Regression losses, between two tensors of one shape. Classification losses are in classification.py.

Signatures are PyTorch's without `size_average` and `reduce`, which it deprecated; the arguments that follow these there
are keyword-only here. `reduction` is "none" (the loss of each element), "mean" (the default) or "sum".
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

from fastnet import dtypes
from fastnet._core.errors import one_of, shape_text
from fastnet._core.memory import empty, empty_like, view_rows
from fastnet._core.state import warn_user
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, on_tensors, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import check_tensors

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result

__all__ = [
    "REDUCTIONS", "Reduction", "broadcast_weight", "check_reduction", "huber_loss", "kl_div", "l1_loss",
    "matched", "mse_loss", "reduce_tensor", "reduced", "reduced_by_weight", "reduction_factor", "smooth_l1_loss",
    "weighted",
]

REDUCTIONS = ("none", "mean", "sum")
Reduction: TypeAlias = Literal["none", "mean", "sum"]


# ---- shared by all losses -------------------------------------------------------------------------------------------

def check_reduction(reduction: str, known: tuple[str, ...] = REDUCTIONS) -> None:
    """Refuse an unknown reduction."""
    if reduction not in known:
        raise one_of("reduction", reduction, known)


def reduced(losses: Array, reduction: str, count: int = 1) -> Array:
    """The array of losses, or its 0-d sum or mean; "batchmean" is the sum divided by `count`."""
    if reduction == "none":
        return losses
    out = empty((1, 1), losses.dtype)
    getattr(K, "mean" if reduction == "mean" else "sum")(out, view_rows(kernels.contiguous(losses), 0, losses.ndim))
    return kernels.scale(out, 1 / count).reshape(()) if reduction == "batchmean" else out.reshape(())


def reduced_by_weight(losses: Array, weights: Array, reduction: str) -> tuple[Array, Array | None]:
    """Reduced losses; and, for "mean", the sum of the weights, by which it divides."""
    if reduction != "mean":
        return reduced(losses, reduction), None
    out, total = empty((), losses.dtype), empty((), losses.dtype)
    K.weighted_mean(out, total, losses, weights)
    return out, total


def reduction_factor(losses: Array, reduction: str, count: int = 1) -> float:
    """The factor by which a reduction multiplies the gradient of each loss."""
    count = {"mean": losses.size, "batchmean": count}.get(reduction, 1)
    return 1 / max(count, 1)


def reduce_tensor(losses: Tensor, reduction: str) -> Tensor:
    """`reduced` for a tensor on the tape."""
    check_reduction(reduction)
    return losses if reduction == "none" else getattr(losses, reduction)()


def matched(name: str, input: Tensor, target: Tensor, may_broadcast: bool = True) -> tuple[Tensor, Tensor]:
    """Both tensors in one floating-point dtype and one shape.

    Raises:
        ValueError: the shapes differ, and may_broadcast is False.
        RuntimeError: they do not broadcast.
    """
    check_tensors(name, input=input, target=target)
    if input.shape == target.shape and input.dtype is target.dtype and input.dtype.kind == "f":      # the common case
        return input, target
    if input.shape != target.shape:
        if not may_broadcast:
            raise ValueError(f"{name}: the target has shape {shape_text(target)}, the input {shape_text(input)}; they "
                             "must be the same")
        try:
            shape = kernels.broadcast_shapes(input.shape, target.shape)
        except ValueError:
            raise RuntimeError(f"{name}: the target's shape {shape_text(target)} does not fit the input's "
                               f"{shape_text(input)}") from None
        input, target = input.expand(shape), target.expand(shape)
    dtype = dtypes.promote(input.dtype, target.dtype)
    if not dtypes.is_floating(dtype):
        raise RuntimeError(f"{name}: expected floating-point tensors, got {input.dtype} and {target.dtype}")
    return input.to(dtype), target.to(dtype)


def _warned(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """`matched`, with PyTorch's warning where the shapes differ."""
    pair = matched(name, input, target)
    if input.shape != target.shape:
        warn_user(f"{name}: the target has shape {shape_text(target)}, the input {shape_text(input)}: they are "
                  "broadcast, which is likely not what you want; give both the same shape")
    return pair


def broadcast_weight(name: str, what: str, x: Tensor, input: Tensor) -> Tensor:
    """A weight in the shape and dtype of the input."""
    check_tensors(name, **{what: x})
    try:
        fits = kernels.broadcast_shapes(x.shape, input.shape) == input.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name}: {what} has shape {shape_text(x)}, which does not broadcast to the input's "
                         f"{shape_text(input)}")
    x = x.to(input.dtype)
    return x if x.shape == input.shape else x.expand(input.shape)


def weighted(name: str, losses: Tensor, weight: Tensor, reduction: str, by_weight: bool) -> Tensor:
    """Losses times weights, reduced. "mean" divides by the sum of the weights if `by_weight`, else by their number."""
    check_reduction(reduction)
    check_tensors(name, weight=weight)
    if weight.shape != losses.shape:
        raise ValueError(f"{name}: the weight has shape {shape_text(weight)}, the losses {shape_text(losses)}; they "
                         "must be the same")
    weighted = losses * weight
    if reduction == "mean" and by_weight:
        return weighted.sum() / weight.sum()
    return reduce_tensor(weighted, reduction)


# ---- losses of a difference -----------------------------------------------------------------------------------------

def _of_difference(name: str, on_tape: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Define a loss by a kernel that depends only on x - t: the gradient of t is that of x, negated.

    Args:
        on_tape: the slope as operations on tensors, a function of x - t and the attributes.
    """
    forward, backward = name, name + "_backward"

    @on_tensors(lambda g, x, t, scale, *attributes: on_tape(x - t, *attributes) * (g * scale), 0, 1)
    def slope(g: Array, x: Array, t: Array, scale: float, *attributes: float) -> Array:
        dx = empty_like(x)
        getattr(K, backward)(dx, x, t, g, scale, *attributes)
        return dx

    def loss(x: Array, t: Array, *attributes: float, reduction: str) -> Result[Array]:
        losses = empty_like(x)
        getattr(K, forward)(losses, x, t, *attributes)
        scale = reduction_factor(losses, reduction)
        return reduced(losses, reduction), (gradient(slope, x, t, scale, *attributes),
                                            gradient(slope, x, t, -scale, *attributes), *(None for _ in attributes))
    loss.__name__ = loss.__qualname__ = name
    return op(loss)


_mse_loss = _of_difference("mse_loss", lambda d: d * 2)
_l1_loss = _of_difference("l1_loss", lambda d: d.sign())
_huber_loss = _of_difference("huber_loss", lambda d, delta: d.clamp(-delta, delta))
_smooth_l1_loss = _of_difference("smooth_l1_loss",
                                 lambda d, beta: (d / beta).clamp(-1.0, 1.0) if beta else d.sign())


def mse_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean", weight: Tensor | None = None) -> Tensor:
    """Mean squared error: (input - target)^2.

    Args:
        input, target: tensors of one shape. Different shapes that broadcast give a warning.
        reduction: "none", "mean" or "sum".
        weight: a weight for each element, of the same shape; "mean" is then the weighted mean.

    Raises:
        RuntimeError: shapes that do not broadcast (both are named), or neither tensor is floating-point.
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.mse_loss(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        tensor(2.)
    """
    check_reduction(reduction)
    input, target = _warned("mse_loss", input, target)
    if weight is not None:
        return weighted("mse_loss", _mse_loss(input, target, reduction="none"), weight, reduction, by_weight=True)
    return _mse_loss(input, target, reduction=reduction)


def l1_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean", weight: Tensor | None = None) -> Tensor:
    """Mean absolute error: |input - target|. The gradient is 0 where they are equal.

    Arguments and errors are those of `mse_loss`.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.l1_loss(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]), reduction="none")
        tensor([0., 2.])
    """
    check_reduction(reduction)
    input, target = _warned("l1_loss", input, target)
    if weight is not None:
        return weighted("l1_loss", _l1_loss(input, target, reduction="none"), weight, reduction, by_weight=True)
    return _l1_loss(input, target, reduction=reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: Reduction = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """Huber loss: with d = input - target, d^2/2 where |d| < delta, else delta (|d| - delta/2).

    Quadratic near the target and linear far from it, so that outliers do not dominate the gradient. Huber 1964,
    https://doi.org/10.1214/aoms/1177703732.

    Args:
        input, target: tensors of one shape. Different shapes that broadcast give a warning.
        reduction: "none", "mean" or "sum".
        delta: the |d| from which the loss is linear; positive.
        weight: a factor for the loss of each element, of the same shape.

    Raises:
        RuntimeError: shapes that do not broadcast (both are named), or delta is not positive.
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.huber_loss(fastnet.tensor([0.5, 3.0]), fastnet.zeros(2), reduction="none")
        tensor([0.125, 2.5  ])
    """
    check_reduction(reduction)
    if not delta > 0:
        raise RuntimeError(f"huber_loss: expected a positive delta, got {delta}")
    input, target = _warned("huber_loss", input, target)
    if weight is not None:
        losses = _huber_loss(input, target, float(delta), reduction="none")
        return weighted("huber_loss", losses, weight, reduction, by_weight=False)
    return _huber_loss(input, target, float(delta), reduction=reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean", beta: float = 1.0) -> Tensor:
    """Smooth L1 loss: with d = input - target, d^2/(2 beta) where |d| < beta, else |d| - beta/2.

    It is the Huber loss divided by its delta; with beta=0 it is the L1 loss. Girshick 2015, https://arxiv.org/abs/1504.08083.

    Args:
        input, target: tensors of one shape. Different shapes that broadcast give a warning.
        reduction: "none", "mean" or "sum".
        beta: the |d| from which the loss is linear; 0 or more.

    Raises:
        RuntimeError: shapes that do not broadcast (both are named), or a negative beta.
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.smooth_l1_loss(fastnet.tensor([2.0, 5.0]), fastnet.zeros(2), beta=4.0)
        tensor(1.75)
    """
    check_reduction(reduction)
    if not beta >= 0:
        raise RuntimeError(f"smooth_l1_loss: expected beta to be 0 or more, got {beta}")
    input, target = _warned("smooth_l1_loss", input, target)
    return _smooth_l1_loss(input, target, float(beta), reduction=reduction)


@op
def _kl_div(x: Array, t: Array, *, reduction: str, log_target: bool) -> Result[Array]:
    if not log_target:
        K.check_finite(t, what="target")
    losses = empty_like(x)
    K.kl_div(losses, x, t, log_target)
    rows = x.shape[0] if x.ndim else 1
    scale = reduction_factor(losses, reduction, rows)
    return reduced(losses, reduction, max(rows, 1)), (gradient(_kl_of_input, t, scale, log_target),
                                                      gradient(_kl_of_target, x, t, scale, log_target))


def _minus_target(g: Tensor, t: Tensor, scale: float, log_target: bool) -> Tensor:
    return -(t.exp() if log_target else t) * (g * scale)


@on_tensors(_minus_target, 1)
def _kl_of_input(g: Array, t: Array, scale: float, log_target: bool) -> Array:
    out = empty_like(t)
    K.kl_div_backward(out, t, t, g, scale, log_target)          # the kernel does not read the input
    return out


def _kl_slope(g: Tensor, x: Tensor, t: Tensor, scale: float, log_target: bool) -> Tensor:
    slope = (t + 1 - x) * t.exp() if log_target else t.log() + 1 - x
    return slope * (g * scale)


@on_tensors(_kl_slope, 0, 1)
def _kl_of_target(g: Array, x: Array, t: Array, scale: float, log_target: bool) -> Array:
    """g * scale * (log t + 1 - x), times t if the target is log t."""
    log_t = t if log_target else kernels.unary("log", t)
    slope = kernels.sub(kernels.add(log_t, kernels.scalar(1, x.dtype)), x)
    slope = kernels.mul(kernels.unary("exp", t), slope) if log_target else slope
    return kernels.mul(slope, kernels.scale(g, scale))


def kl_div(input: Tensor, target: Tensor, *, reduction: Literal["none", "mean", "sum", "batchmean"] = "mean",
           log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence of the distribution `input` from `target`: t (log t - input), with 0 log 0 = 0.

    Args:
        input: log-probabilities.
        target: probabilities, or log-probabilities with log_target; shapes may broadcast.
        reduction: "none", "mean", "sum", or "batchmean". "batchmean" divides the sum by the batch size, as the
            definition of the divergence does; "mean" divides it by the number of elements.
        log_target: whether the target holds log-probabilities.

    Raises:
        RuntimeError: shapes that do not broadcast; both are named.
        ValueError: a target that is not finite, or an unknown reduction.

    Example:
        >>> import fastnet
        >>> p = fastnet.tensor([[0.5, 0.5]])
        >>> fastnet.nn.functional.kl_div(p.log(), fastnet.tensor([[1.0, 0.0]]), reduction="batchmean")
        tensor(0.6931)
    """
    check_reduction(reduction, (*REDUCTIONS, "batchmean"))
    input, target = matched("kl_div", input, target)
    return _kl_div(input, target, reduction=reduction, log_target=bool(log_target))
