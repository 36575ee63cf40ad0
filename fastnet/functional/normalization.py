"""Normalisation over the last dimensions: layer norm, RMS norm, and vectors of unit length."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty, empty_like
from fastnet.autograd import gradient, on_tensors, op
from fastnet.backend import K
from fastnet.functional.kernel_calls import broadcast_shape, check_floating, contiguous
from fastnet.functional.norm_slopes import of_layer_norm, of_rms_norm

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, Shape, Size
    from fastnet._core.tensor import Tensor

__all__ = [
    "Gradients", "check_parameters", "checked_eps", "cosine_similarity", "layer_norm", "layer_norm_gradients",
    "needed_arrays", "normalize", "rms_norm", "rms_norm_gradients",
]

Gradients: TypeAlias = "tuple[Array | None, ...]"


def needed_arrays(needs: Sequence[bool], dtype: DType, *shapes: Shape) -> list[Array | None]:
    """An array for each gradient that is needed; None for the others."""
    return [empty(shape, dtype) if i < len(needs) and needs[i] else None for i, shape in enumerate(shapes)]


def check_parameters(name: str, input: Tensor, shape: Shape, **tensors: Tensor | None) -> None:
    """Refuse a weight, a bias or statistics whose shape or dtype does not fit the input."""
    check_floating(name, input)
    for what, x in tensors.items():
        if x is not None and x.shape != shape:
            raise RuntimeError(f"{name}: {what} has shape {shape_text(x)}, expected {shape_text(shape)} for an input "
                               f"of shape {shape_text(input)}")
        if x is not None and x.dtype != input.dtype:
            raise RuntimeError(f"{name}: {what} is {x.dtype}, the input {input.dtype}; they must be the same")


def checked_eps(name: str, eps: float) -> float:
    """eps as a float; a negative one, which would give NaN for some rows, is an error."""
    if not eps >= 0:
        raise ValueError(f"{name}: expected eps to be 0 or more, got {eps}")
    return float(eps)


# ---- over the last dimensions ---------------------------------------------------------------------------------------

@op
def _layer_norm(x: Array, weight: Array | None, bias: Array | None, shape: Shape, eps: float) -> Result[Array]:
    rows = contiguous(x).reshape(shape)
    out = empty_like(rows)
    mean, rstd = empty(shape[:1], dtypes.float64), empty(shape[:1], x.dtype)
    K.layer_norm(out, mean, rstd, rows, weight, bias, eps)
    return out.reshape(x.shape), gradient(layer_norm_gradients, rows, weight, mean, rstd, eps)


@on_tensors(of_layer_norm, 0, 1, None, None)
def layer_norm_gradients(g: Array, needs: Sequence[bool], rows: Array, weight: Array | None, mean: Array,
                         rstd: Array, eps: float) -> Gradients:
    """The gradients of the arguments of `layer_norm`."""
    shape = rows.shape
    dx, dweight, dbias = needed_arrays(needs, g.dtype, shape, shape[1:], shape[1:])
    K.layer_norm_backward(dx, dweight, dbias, rows, weight, mean, rstd, contiguous(g).reshape(shape))
    return (None if dx is None else dx.reshape(g.shape)), dweight, dbias


@op
def _rms_norm(x: Array, weight: Array | None, shape: Shape, eps: float) -> Result[Array]:
    rows = contiguous(x).reshape(shape)
    out, rstd = empty_like(rows), empty(shape[:1], x.dtype)
    K.rms_norm(out, rstd, rows, weight, eps)
    return out.reshape(x.shape), gradient(rms_norm_gradients, rows, weight, rstd, eps)


@on_tensors(of_rms_norm, 0, 1, None)
def rms_norm_gradients(g: Array, needs: Sequence[bool], rows: Array, weight: Array | None, rstd: Array,
                       eps: float) -> Gradients:
    """The gradients of the arguments of `rms_norm`."""
    dx, dweight = needed_arrays(needs, g.dtype, rows.shape, rows.shape[1:])
    K.rms_norm_backward(dx, dweight, rows, weight, rstd, contiguous(g).reshape(rows.shape))
    return (None if dx is None else dx.reshape(g.shape)), dweight


def _normalized(name: str, input: Tensor, normalized_shape: Size) -> tuple[Shape, Shape]:
    """(normalized_shape as a tuple, the shape of the input as (rows, n)).

    Raises:
        RuntimeError: normalized_shape is empty or not the end of the shape of the input.
    """
    lengths: Any = normalized_shape
    inner: Shape = tuple(lengths) if isinstance(lengths, tuple | list) else (int(lengths),)
    start = input.ndim - len(inner)
    if not inner or start < 0 or input.shape[start:] != inner:
        raise RuntimeError(f"{name}: normalized_shape {shape_text(inner)} is not the end of the input's shape "
                           f"{shape_text(input)}")
    return inner, (math.prod(input.shape[:start]), math.prod(inner))


def layer_norm(input: Tensor, normalized_shape: Size, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Layer normalisation: (x - mean) / sqrt(variance + eps) * weight + bias over the last dimensions.

    The variance is the biased one. Ba et al. 2016, https://arxiv.org/abs/1607.06450.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the length of the last dimension, or the lengths of the last several.
        weight, bias: in the shape normalized_shape, or None for 1 and 0.
        eps: added to the variance.

    Raises:
        RuntimeError: shapes or dtypes that don't fit; both are named.
        ValueError: a negative eps.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.layer_norm(fastnet.tensor([[1.0, 3.0], [20.0, 10.0]]), 2, eps=0.0)
        tensor([[-1.,  1.],
                [ 1., -1.]])
    """
    inner, shape = _normalized("layer_norm", input, normalized_shape)
    check_parameters("layer_norm", input, inner, weight=weight, bias=bias)
    weight, bias = (x if x is None or x.ndim == 1 else x.reshape(-1) for x in (weight, bias))
    return _layer_norm(input, weight, bias, shape, checked_eps("layer_norm", eps))


def rms_norm(input: Tensor, normalized_shape: Size, weight: Tensor | None = None,
             eps: float | None = None) -> Tensor:
    """RMS normalisation: x / sqrt(mean(x^2) + eps) * weight, with the mean over the last dimensions.

    Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the length of the last dimension, or the lengths of the last several.
        weight: in the shape normalized_shape, or None for 1.
        eps: added to the mean; by default the machine epsilon of the input's dtype.

    Raises:
        RuntimeError: shapes or dtypes that don't fit; both are named.
        ValueError: a negative eps.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.rms_norm(fastnet.tensor([[3.0, -3.0]]), 2, eps=0.0)
        tensor([[ 1., -1.]])
    """
    inner, shape = _normalized("rms_norm", input, normalized_shape)
    check_parameters("rms_norm", input, inner, weight=weight)
    eps = float(np.finfo(input.dtype).eps) if eps is None else checked_eps("rms_norm", eps)
    return _rms_norm(input, weight if weight is None or weight.ndim == 1 else weight.reshape(-1), shape, eps)


# ---- vectors of unit length -----------------------------------------------------------------------------------------

def _clamped_norm(x: Tensor, dim: Any, eps: float) -> Tensor:
    """max(2-norm along dim, eps). The lower limit also bounds the gradient at 0."""
    return (x * x).sum(dim, keepdim=True).clamp(min=max(eps, 0) ** 2).sqrt()


def normalize(input: Tensor, p: float = 2.0, dim: Size = 1, eps: float = 1e-12) -> Tensor:
    """Vectors scaled to unit norm: input / max(p-norm along dim, eps).

    Args:
        input: any shape.
        p: the exponent of the norm.
        dim: a dimension, or a tuple of several.
        eps: the smallest divisor.

    Raises:
        RuntimeError: integers.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.normalize(fastnet.tensor([[3.0, 4.0]]))
        tensor([[0.6, 0.8]])
    """
    check_floating("normalize", input)
    return input / (_clamped_norm(input, dim, eps) if p == 2 else input.norm(p, dim, keepdim=True).clamp(min=eps))


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Cosine of the angle between x1 and x2 along a dimension; the shapes broadcast.

    Args:
        x1, x2: vectors along `dim`.
        dim: a dimension of the shape that the two broadcast to.
        eps: the smallest divisor.

    Raises:
        RuntimeError: shapes that do not broadcast, only integers, or a negative eps.
        IndexError: a dimension out of range of the broadcast shape.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.cosine_similarity(fastnet.tensor([[1.0, 0.0]]), fastnet.tensor([[1.0, 1.0]]))
        tensor([0.7071])
    """
    shape = broadcast_shape(x1._data, x2._data)
    dtype = dtypes.result_type(x1._data, x2._data)
    if not dtypes.is_floating(dtype):
        raise RuntimeError(f"cosine_similarity: expected floating-point tensors, got {x1.dtype} and {x2.dtype}")
    if not eps >= 0:
        raise RuntimeError(f"cosine_similarity: expected eps to be 0 or more, got {eps}")
    x1, x2 = (x.to(dtype).expand(shape) for x in (x1, x2))
    return ((x1 / _clamped_norm(x1, dim, eps)) * (x2 / _clamped_norm(x2, dim, eps))).sum(dim)
