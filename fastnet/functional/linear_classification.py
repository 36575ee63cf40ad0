"""Cross-entropy of a linear layer over many classes, whose logits are never held at once."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.classification import check_labels, cross_entropy
from fastnet.functional.dims import check_tensors
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.linear import check_one_dtype, linear
from fastnet.functional.loss import check_reduction, reduced_by_weight

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result
    from fastnet.functional.loss import Reduction

__all__ = ["linear_cross_entropy"]

_LOGITS_AT_ONCE = 1 << 21
_LEAST_ROWS, _MOST_ROWS = 64, 256


def _rows_at_once(classes: int) -> int:
    """The rows of a chunk: a multiple of 16, so that the products of all chunks but the last have whole tiles."""
    return min(max(_LOGITS_AT_ONCE // max(classes, 1) // 16 * 16, _LEAST_ROWS), _MOST_ROWS)


def _by_chunks(x: Array, weight: Array, bias: Array | None, target: Array, rows: Array, attributes: tuple[Any, ...],
               dy: Array | None = None, slopes: tuple[Array, Array, Array | None] | None = None) -> None:
    """Compute the losses and weights of all rows, and, if `slopes` is given, the gradients of x, weight and bias.

    Args:
        rows: (2, n), the losses and the weights of the labels.
        attributes: class weights, ignore_index and label smoothing.
        dy: (n,), the gradient of each loss.
        slopes: arrays for the gradients.
    """
    n, classes = len(x), len(weight)
    size = min(_rows_at_once(classes), max(n, 1))
    buffers = empty((2, size, classes), x.dtype)
    for start in range(0, n, size):
        part = slice(start, min(start + size, n))
        logits, probs = (buffer[:part.stop - start] for buffer in buffers)
        K.matmul(logits, x[part], weight.T, bias)
        K.cross_entropy(rows[0, part], rows[1, part], probs, logits, target[part], *attributes)
        if slopes is None or dy is None:
            continue
        dx, dweight, dbias = slopes
        K.cross_entropy_backward(logits, probs, target[part], dy[part], None, *attributes)
        K.matmul(dx[part], logits, weight)
        K.matmul(dweight, logits.T, x[part], accumulate=start > 0)
        if dbias is not None:
            total = dbias if start == 0 else empty(dbias.shape, dbias.dtype)
            K.sum(total.reshape(1, -1), logits[None])
            if start:
                K.add(dbias, dbias, total)


def _new_slopes(x: Array, weight: Array, bias: Array | None) -> tuple[Array, Array, Array | None]:
    """Arrays for the gradients; those of the parameters are zeros without rows."""
    make = empty if len(x) else lambda shape, dtype: kernels.full(shape, 0, dtype)
    return (empty(x.shape, x.dtype), make(weight.shape, x.dtype), None if bias is None else make(bias.shape, x.dtype))


@op
def _fused(x: Array, weight: Array, bias: Array | None, target: Array, class_weight: Array | None, *,
           ignore_index: int, label_smoothing: float, reduction: str, tracked: bool) -> Result[Array]:
    x, weight, target = contiguous(x), contiguous(weight), contiguous(target)
    check_labels(target, len(weight), ignore_index)
    attributes = class_weight, ignore_index, label_smoothing
    rows = empty((2, len(x)), x.dtype)
    if reduction == "none":
        _by_chunks(x, weight, bias, target, rows, attributes)
        return rows[0], gradient(_recomputed, x, weight, bias, target, *attributes)
    slopes = _new_slopes(x, weight, bias) if tracked and len(weight) else None
    _by_chunks(x, weight, bias, target, rows, attributes, kernels.full((len(x),), 1, x.dtype), slopes)
    out, total = reduced_by_weight(rows[0], rows[1], reduction)
    if slopes is None:
        return out, None
    return out, (*(None if a is None else gradient(_scaled_slope, a, total) for a in slopes), None, None)


@writes_out
def _scaled_slope(g: Array, slope: Array, total: Array | None, *, out: Array | None = None) -> Array:
    """A gradient of the sum of losses, times that of the loss."""
    result = empty(slope.shape, slope.dtype) if out is None else out
    K.mul(result, slope, g if total is None else kernels.div(g, total))
    return result


def _recomputed(g: Array, needed: list[bool], x: Array, weight: Array, bias: Array | None, target: Array,
                *attributes: Any) -> list[Array | None]:
    """The gradients of all arguments where each loss has its own gradient: the logits are computed again."""
    slopes = _new_slopes(x, weight, bias)
    _by_chunks(x, weight, bias, target, empty((2, len(x)), x.dtype), attributes, contiguous(g), slopes)
    return [*slopes, None, None]


def linear_cross_entropy(input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
                         weight: Tensor | None = None, reduction: Reduction = "mean", ignore_index: int | None = None,
                         label_smoothing: float = 0.0, options: object = None) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target), without holding all logits.

    The logits of 64 to 256 rows are computed at a time, together with their share of the gradients, so that memory does
    not grow with rows times classes. Wijmans et al. 2024, "Cut your losses in large-vocabulary language models",
    https://arxiv.org/abs/2411.09009.

    Args:
        input: (..., in_features).
        linear_weight: (C, in_features); or (C, d1, ..., in_features) for targets (N, d1, ...), whose logits are held.
        target: labels in [0, C), int64, in the shape of the input without in_features. Probabilities, (..., C), are
            possible; their logits are held.
        linear_bias: (C,) or None.
        weight: (C,), the weight of each class. It gets no gradient.
        reduction: "none", "mean" or "sum". With "none", backward() computes the logits again.
        ignore_index: a label whose loss and weight are 0; None stands for -100.
        label_smoothing: between 0 and 1.
        options: ignored; PyTorch's choose the chunks.

    Raises:
        RuntimeError: shapes or dtypes that do not fit, or a label_smoothing outside [0, 1].
        ValueError: an unknown reduction.
        IndexError: a label out of range.

    Example:
        >>> import fastnet
        >>> hidden, table = fastnet.zeros(3, 8), fastnet.ones(1000, 8)
        >>> fastnet.nn.functional.linear_cross_entropy(hidden, table, fastnet.tensor([1, 2, 999]))
        tensor(6.9078)
    """
    check_reduction(reduction)
    check_tensors("linear_cross_entropy", input=input, linear_weight=linear_weight, target=target)
    ignored = -100 if ignore_index is None else int(ignore_index)
    if dtypes.is_floating(target.dtype) or linear_weight.ndim != 2 or not dtypes.is_floating(input.dtype):
        if input.ndim > 2 or (linear_weight.ndim > 2 and input.ndim != 2):
            raise RuntimeError("linear_cross_entropy: expected an input of shape (N, in_features) for target "
                               "probabilities and for a linear_weight of more than two dimensions, got "
                               f"{shape_text(input)}")
        bias = None if linear_bias is None else linear_bias.reshape(-1)
        logits = linear(input, linear_weight.reshape(-1, linear_weight.shape[-1]), bias)
        logits = logits.reshape(*input.shape[:-1], *linear_weight.shape[:-1])
        return cross_entropy(logits, target, weight, reduction=reduction, ignore_index=ignored,
                             label_smoothing=label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError("linear_cross_entropy: expected a label_smoothing between 0 and 1, got "
                           f"{label_smoothing}")
    given = [linear_weight] if linear_bias is None else [linear_weight, linear_bias]
    check_one_dtype("linear_cross_entropy", ("input", "linear_weight", "linear_bias"), input, *given)
    _check_shapes(input, linear_weight, target, linear_bias, weight)
    width = linear_weight.shape[1]
    tracked = state.grad_enabled and any(t._requires_grad for t in (input, *given))
    losses = _fused(input.reshape(math.prod(input.shape[:-1]), width), linear_weight, linear_bias,
                    target.reshape(target.numel()), None if weight is None else weight.to(input.dtype).contiguous(),
                    ignore_index=ignored, label_smoothing=float(label_smoothing), reduction=reduction, tracked=tracked)
    return losses.reshape(target.shape) if reduction == "none" else losses


def _check_shapes(input: Tensor, linear_weight: Tensor, target: Tensor, bias: Tensor | None,
                  weight: Tensor | None) -> None:
    classes, width = linear_weight.shape
    if input.ndim == 0 or input.shape[-1] != width:
        raise RuntimeError(f"linear_cross_entropy: expected input with {width} features in the last dimension, as "
                           f"linear_weight of shape {shape_text(linear_weight)} has, got shape {shape_text(input)}")
    for name, x in (("linear_bias", bias), ("weight", weight)):
        if x is not None and x.shape != (classes,):
            raise RuntimeError(f"linear_cross_entropy: expected {name} of shape ({classes},), got {shape_text(x)}")
    if target.dtype != dtypes.int64:
        raise RuntimeError(f"linear_cross_entropy: expected labels of dtype int64, got {target.dtype}; use "
                           "target.long()")
    if target.shape != input.shape[:-1]:
        raise RuntimeError(f"linear_cross_entropy: labels of shape {shape_text(target)} do not fit an input of shape "
                           f"{shape_text(input)}: expected {shape_text(input.shape[:-1])}")
