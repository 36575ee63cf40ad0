"""Norms of vectors, over one dimension or several."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.tensor import method
from fastnet.autograd import RESULT, gradient, on_tensors, op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import normalize_dims, reduced_by

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Dims, DTypeLike, Result
    from fastnet._core.tensor import Tensor

__all__ = ["norm", "safe_divisor"]


@op
def _euclidean(x: Array, dim: Dims, keepdim: bool) -> Result[Array]:
    squares, shape, kept = reduced_by("sum", kernels.unary("square", x), dim, keepdim=keepdim)
    out = kernels.unary("sqrt", squares)
    return out.reshape(shape), (gradient(_along, x, out.reshape(kept)), None, None)


def safe_divisor(length: Tensor) -> Tensor:
    """A divisor that gives 0 where a length is 0."""
    return length.where(length != 0, float("inf"))


@on_tensors(lambda g, x, length: x * (g.reshape(length.shape) / safe_divisor(length)), 0, RESULT)
def _along(g: Array, x: Array, length: Array) -> Array:
    """g * x / |x|, and 0 at the zero vector, where there is no gradient."""
    return kernels.mul(x, kernels.quotient(g.reshape(length.shape), length))


@op
def _is_nonzero(x: Array) -> Result[Array]:
    """1 where x is not 0, else 0. Its gradient is 0."""
    nonzero = kernels.binary("ne", x, kernels.scalar(0, x.dtype), dtypes.bool_)
    return kernels.cast(nonzero, x.dtype), (kernels.zeros_like,)


@op
def _p_norm(x: Array, p: float, dim: Dims, keepdim: bool) -> Result[Array]:
    size = kernels.unary("abs", x)
    power = kernels.scalar(p, x.dtype)
    total, shape, kept = reduced_by("sum", kernels.binary("pow", size, power), dim, keepdim=keepdim)
    out = kernels.binary("pow", total, kernels.scalar(1 / p, x.dtype))
    return out.reshape(shape), (gradient(_of_p_norm, x, out.reshape(kept), p), None, None, None)


def _p_norm_on_tape(g: Tensor, x: Tensor, norm: Tensor, p: float) -> Tensor:
    size = x.abs().where(x != 0, 1.0)
    return x.sign() * size ** (p - 1) * (g.reshape(norm.shape) / safe_divisor(norm) ** (p - 1))


@on_tensors(_p_norm_on_tape, 0, RESULT)
def _of_p_norm(g: Array, x: Array, norm: Array, p: float) -> Array:
    """g * sign(x) (|x| / norm)^(p-1), and 0 where x or the norm is 0."""
    less = kernels.scalar(p - 1, x.dtype)
    rise = kernels.mul(kernels.unary("sign", x), kernels.binary("pow", kernels.unary("abs", x), less))
    rise = kernels.masked(kernels.binary("ne", x, kernels.scalar(0, x.dtype), dtypes.bool_), rise)
    return kernels.mul(rise, kernels.quotient(g.reshape(norm.shape), kernels.binary("pow", norm, less)))


def _check_elements(name: str, input: Tensor, dim: Dims) -> None:
    """Refuse a norm that is not defined without elements."""
    if empty_dims := [d for d in normalize_dims(input, dim) if input.shape[d] == 0]:
        raise RuntimeError(f"{name}: expected elements in dimension {empty_dims[0]}, got shape {shape_text(input)}")


@method()
def norm(input: Tensor, p: float | Literal["fro"] = 2, dim: Dims = None, keepdim: bool = False,
         dtype: DTypeLike | None = None) -> Tensor:
    """The p-norm, sum(|x|^p)^(1/p). Its gradient at the zero vector is 0.

    Args:
        input: any shape, real or complex.
        p: a number; inf for max(|x|), -inf for min(|x|), 0 for the number of nonzero elements, "fro" for 2.
        dim: a dimension, a tuple of several, or None for all.
        keepdim: keep the reduced dimensions, with length 1.
        dtype: convert to this first.

    Raises:
        RuntimeError: integers (convert them first), an unknown name as p, or no elements if p is inf or negative.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([3.0, -4.0])
        >>> fastnet.norm(x), fastnet.norm(x, 1)
        (tensor(5.), tensor(7.))
    """
    input = input if dtype is None else input.to(dtype)
    input = input.abs() if input.dtype.kind == "c" else input
    kernels.check_floating("norm", input)
    if isinstance(p, str):
        if p != "fro":
            raise RuntimeError(f"norm: expected a number or 'fro' as p, got {p!r}")
        p = 2
    if p == 2:
        return _euclidean(input, dim, keepdim)
    if p < 0 or p == float("inf"):
        _check_elements("norm", input, dim)
    if p == float("inf"):
        return input.abs().amax(dim, keepdim)
    if p == float("-inf"):
        return input.abs().amin(dim, keepdim)
    if p == 0:
        return _is_nonzero(input).sum(dim, keepdim)
    if p == 1:
        return input.abs().sum(dim, keepdim)
    return _p_norm(input, float(p), dim, keepdim)
