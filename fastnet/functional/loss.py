"""Losses between two tensors of one shape. Those of classifiers are in classification.py.

Signatures are PyTorch's without the two arguments that it deprecated (size_average and reduce); what stands behind them
there is keyword-only here. `reduction` is "none" (the loss of each element), "mean" (the default) or "sum".
"""
import sys
import warnings

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, one_of, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels

REDUCTIONS = ("none", "mean", "sum")


# ---- what all losses share ------------------------------------------------------------------------------------------

def check_tensors(name, **tensors):
    """Refuse what is no tensor."""
    for what, x in tensors.items():
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, what, x)


def check_reduction(reduction, known=REDUCTIONS):
    """Refuse a reduction that is none of the known ones."""
    if reduction not in known:
        raise one_of("reduction", reduction, known)


def reduced(losses, reduction, count=1):
    """The array of losses, or its 0-d sum or mean; "batchmean" is the sum divided by `count`."""
    if reduction == "none":
        return losses
    out = empty((1, 1), losses.dtype)
    getattr(K, "mean" if reduction == "mean" else "sum")(out, losses.reshape(1, losses.size, 1))
    return kernels.scale(out, 1 / count).reshape(()) if reduction == "batchmean" else out.reshape(())


def factor(losses, reduction, count=1):
    """What a reduction multiplies the gradient of each loss by."""
    count = {"mean": losses.size, "batchmean": count}.get(reduction, 1)
    return 1 / max(count, 1)


def reduce_tensor(losses, reduction):
    """`reduced` for a tensor on the tape."""
    check_reduction(reduction)
    return losses if reduction == "none" else getattr(losses, reduction)()


def matched(name, input, target, may_broadcast=True):
    """Both tensors in one floating-point dtype and one shape.

    Raises:
        ValueError: the shapes differ and may not.
        RuntimeError: they do not broadcast.
    """
    check_tensors(name, input=input, target=target)
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
    if dtype.kind != "f":
        raise RuntimeError(f"{name}: expected floating-point tensors, got {input.dtype} and {target.dtype}")
    return input.to(dtype), target.to(dtype)


def _warned(name, input, target):
    """`matched`, with PyTorch's warning where the shapes differ."""
    pair = matched(name, input, target)
    if input.shape != target.shape:
        warnings.warn(f"{name}: the target has shape {shape_text(target)}, the input {shape_text(input)}: they are "
                      "broadcast, which is likely not what you want; give both the same shape", UserWarning,
                      stacklevel=_depth())
    return pair


def _depth():
    """The stacklevel at which the caller of this function's caller sees the first line outside the package."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and (frame.f_globals.get("__name__") or "").startswith("fastnet."):
        frame, depth = frame.f_back, depth + 1
    return depth


def broadcast(name, what, x, input):
    """A weight in the input's shape and dtype."""
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


def weighted(name, losses, weight, reduction, by_weight):
    """Losses times a weight each; their mean is divided by the weights' sum if `by_weight`, else by their number."""
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

def _of_difference(name):
    """Define the loss `name` of kernels that depend on x - t alone: what x gains, t loses."""
    forward, backward = name, name + "_backward"

    def slope(g, x, t, scale, *attributes):
        dx = empty(x.shape, x.dtype)
        getattr(K, backward)(dx, x, t, g, scale, *attributes)
        return dx

    def loss(x, t, *attributes, reduction):
        losses = empty(x.shape, x.dtype)
        getattr(K, forward)(losses, x, t, *attributes)
        scale = factor(losses, reduction)
        return reduced(losses, reduction), (gradient(slope, x, t, scale, *attributes),
                                            gradient(slope, x, t, -scale, *attributes), *(None for _ in attributes))
    loss.__name__ = loss.__qualname__ = name
    return op(loss)


_mse_loss = _of_difference("mse_loss")
_l1_loss = _of_difference("l1_loss")
_huber_loss = _of_difference("huber_loss")
_smooth_l1_loss = _of_difference("smooth_l1_loss")


def mse_loss(input, target, *, reduction="mean", weight=None):
    """Squared error: (input - target)^2.

    Args:
        input, target: of one shape. Others that broadcast are served with a warning.
        reduction: "none", "mean" or "sum".
        weight: of the same shape, one for each element; the mean is then the weighted mean.

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


def l1_loss(input, target, *, reduction="mean", weight=None):
    """Absolute error: |input - target|. Its gradient where they are equal is 0.

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


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """With d = input - target: d^2/2 where |d| < delta, else delta (|d| - delta/2).

    Squared error near the target, linear far from it, so that outliers do not rule the gradient. Huber 1964,
    https://doi.org/10.1214/aoms/1177703732.

    Args:
        input, target: of one shape. Others that broadcast are served with a warning.
        reduction: "none", "mean" or "sum".
        delta: where the square ends; positive.
        weight: of the same shape, a factor for each element's loss.

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


def smooth_l1_loss(input, target, *, reduction="mean", beta=1.0):
    """With d = input - target: d^2/(2 beta) where |d| < beta, else |d| - beta/2.

    The Huber loss divided by its delta; with beta 0 the L1 loss. Girshick 2015, https://arxiv.org/abs/1504.08083.

    Args:
        input, target: of one shape. Others that broadcast are served with a warning.
        reduction: "none", "mean" or "sum".
        beta: where the square ends; not negative.

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
        raise RuntimeError(f"smooth_l1_loss: expected a beta that is not negative, got {beta}")
    input, target = _warned("smooth_l1_loss", input, target)
    return _smooth_l1_loss(input, target, float(beta), reduction=reduction)


@op
def _kl_div(x, t, *, reduction, log_target):
    if not log_target:
        K.check_finite(t, what="target")
    losses = empty(x.shape, x.dtype)
    K.kl_div(losses, x, t, log_target)
    rows = x.shape[0] if x.ndim else 1
    scale = factor(losses, reduction, rows)
    return reduced(losses, reduction, max(rows, 1)), (gradient(_kl_of_input, t, scale, log_target),
                                                      gradient(_kl_of_target, x, t, scale, log_target))


def _kl_of_input(g, t, scale, log_target):
    out = empty(t.shape, t.dtype)
    K.kl_div_backward(out, t, t, g, scale, log_target)          # does not read the input
    return out


def _kl_of_target(g, x, t, scale, log_target):
    """g * scale * (log t + 1 - x), times t with log_target, where t's own derivative is in it."""
    log_t = t if log_target else kernels.unary("log", t)
    slope = kernels.sub(kernels.add(log_t, kernels.scalar(1, x.dtype)), x)
    slope = kernels.mul(kernels.unary("exp", t), slope) if log_target else slope
    return kernels.mul(slope, kernels.scale(g, scale))


def kl_div(input, target, *, reduction="mean", log_target=False):
    """The Kullback-Leibler divergence of the distribution `input` from `target`: t (log t - input), 0 log 0 being 0.

    Args:
        input: log-probabilities.
        target: probabilities, or log-probabilities with log_target; shapes may broadcast.
        reduction: "none", "mean", "sum", or "batchmean", the sum divided by the first dimension's length, which is the
            divergence as it is defined; "mean" divides by the number of elements.
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
