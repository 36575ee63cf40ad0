"""Norms of vectors, over one dimension or several, and distances between vectors."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.tensor import method
from fastnet.autograd import RESULT, gradient, on_tensors, op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import normalize_dims, reduced_by
from fastnet.functional.linear import matmul
from fastnet.functional.shape import expand, transpose, unsqueeze

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Dims, DTypeLike, Result
    from fastnet._core.tensor import Tensor

__all__ = ["cdist", "norm"]


@op
def _euclidean(x: Array, dim: Dims, keepdim: bool) -> Result[Array]:
    squares, shape, kept = reduced_by("sum", kernels.unary("square", x), dim, keepdim=keepdim)
    out = kernels.unary("sqrt", squares)
    return out.reshape(shape), (gradient(_along, x, out.reshape(kept)), None, None)


def _safe(length: Tensor) -> Tensor:
    """A divisor that gives 0 where a length is 0."""
    return length.where(length != 0, float("inf"))


@on_tensors(lambda g, x, length: x * (g.reshape(length.shape) / _safe(length)), 0, RESULT)
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
    return x.sign() * size ** (p - 1) * (g.reshape(norm.shape) / _safe(norm) ** (p - 1))


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
        input: any shape.
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


# ---- distances ------------------------------------------------------------------------------------------------------

_FEW_ROWS = 25                                   # rows up to which distances are those of differences, as in PyTorch
_DISTANCE_MODES = {"use_mm_for_euclid_dist_if_necessary": None, "use_mm_for_euclid_dist": True,
          "donot_use_mm_for_euclid_dist": False}


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0,
          compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The p-norm distance of each row of one matrix from each row of another: out[i][j] = |x1[i] - x2[j]|_p.

    Args:
        x1: (..., n, width).
        x2: (..., m, width); the leading dimensions broadcast.
        p: of the norm, 0 or more.
        compute_mode: PyTorch's names. Euclidean distances of more than 25 rows are those of
            |x|^2 + |y|^2 - 2 x y, a matrix product, which is less accurate for near rows.

    Raises:
        RuntimeError: integers, fewer than two dimensions, different widths or a negative p.

    Example:
        >>> import fastnet
        >>> fastnet.cdist(fastnet.tensor([[0.0, 0.0]]), fastnet.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[5., 1.]])
    """
    for argument, x in (("x1", x1), ("x2", x2)):
        kernels.check_floating("cdist", x, argument)
        if x.ndim < 2:
            raise RuntimeError(f"cdist: expected {argument} of at least two dimensions, got shape {shape_text(x)}")
    if x1.shape[-1] != x2.shape[-1] or not p >= 0:
        raise RuntimeError(f"cdist: expected rows of one width and p of 0 or more, got shapes {shape_text(x1)} and "
                           f"{shape_text(x2)}, p={p}")
    if compute_mode not in _DISTANCE_MODES:
        raise ValueError(f"cdist: expected compute_mode to be one of {', '.join(_DISTANCE_MODES)}, got "
                         f"{compute_mode!r}")
    batch = kernels.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    x1, x2 = (expand(x, (*batch, *x.shape[-2:])) for x in (x1, x2))
    by_product = _DISTANCE_MODES[compute_mode]
    if by_product is None:
        by_product = x1.shape[-2] > _FEW_ROWS or x2.shape[-2] > _FEW_ROWS
    if x1.shape[-1] and p == 2 and by_product:
        product = matmul(x1, transpose(x2, -2, -1))
        squares = (x1 * x1).sum(-1, keepdim=True) + (x2 * x2).sum(-1).unsqueeze(-2) - product * 2
        return _root(squares)
    differences = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    return norm(differences, p, -1) if x1.shape[-1] else differences.sum(-1)


@op
def _root(x: Array) -> Result[Array]:
    """sqrt(max(x, 0)), with gradient 0 at 0."""
    out = kernels.unary("sqrt", kernels.unary("relu", x))
    return out, (gradient(_of_root, out),)


@on_tensors(lambda g, out: 0.5 * g / _safe(out), RESULT)
def _of_root(g: Array, out: Array) -> Array:
    return kernels.scale(kernels.quotient(g, out), 0.5)
