"""Products of vectors and matrices that are made of `matmul` and of multiplications."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor, method
from fastnet.functional.arithmetic import add, mul
from fastnet.functional.dims import as_dim
from fastnet.functional.inplace import in_place
from fastnet.functional.joining import stack
from fastnet.functional.linear import bmm, dot, matmul, mv, outer
from fastnet.functional.shape import permute

if TYPE_CHECKING:
    from fastnet._core.annotations import Number

__all__ = ["addbmm", "addmv", "addr", "baddbmm", "chain_matmul", "cross", "inner", "kron", "renorm", "tensordot",
           "vdot"]


@method()
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The dot products of the last dimensions: out[..., i, j] = sum over k of input[..., i, k] * other[j, k].

    Args:
        input, other: tensors whose last dimensions are equal; a 0-d tensor multiplies.

    Raises:
        RuntimeError: last dimensions that differ.

    Example:
        >>> import fastnet
        >>> fastnet.inner(fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        tensor(11.)
    """
    if input.ndim == 0 or other.ndim == 0:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner: expected equal last dimensions, got shapes {shape_text(input)} and "
                           f"{shape_text(other)}")
    return tensordot(input, other, ([-1], [-1]))


@method()
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The dot product of two vectors: `dot`, which for real numbers is the same.

    Example:
        >>> import fastnet
        >>> fastnet.vdot(fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        tensor(11.)
    """
    return dot(input, other)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over dimensions of two tensors.

    Args:
        a, b: tensors.
        dims: the number of last dimensions of a and first ones of b, or a pair of lists of dimensions.

    Raises:
        RuntimeError: lists of different lengths, or dimensions whose lengths differ.

    Example:
        >>> import fastnet
        >>> fastnet.tensordot(fastnet.ones(2, 3), fastnet.ones(3, 4), 1).shape
        (2, 4)
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot: expected dims from 0 to {min(a.ndim, b.ndim)}, got {dims}")
        dims = (range(a.ndim - dims, a.ndim), range(dims))
    first, second = ([as_dim(x, int(d)) for d in listed] for x, listed in zip((a, b), dims))
    for i, j in zip(first, second):                     # a dimension of length 1 is repeated
        if a.shape[i] == 1 != b.shape[j]:
            b = b.sum(j, keepdim=True)
        elif b.shape[j] == 1 != a.shape[i]:
            a = a.sum(i, keepdim=True)
    if [a.shape[d] for d in first] != [b.shape[d] for d in second]:
        raise RuntimeError(f"tensordot: the dimensions {first} of shape {shape_text(a)} and {second} of "
                           f"{shape_text(b)} differ")
    rest_a = [d for d in range(a.ndim) if d not in first]
    rest_b = [d for d in range(b.ndim) if d not in second]
    shape = (*(a.shape[d] for d in rest_a), *(b.shape[d] for d in rest_b))
    count = 1
    for d in first:
        count *= a.shape[d]
    rows, columns = _count_of(a, rest_a), _count_of(b, rest_b)
    left = permute(a, *rest_a, *first).reshape(rows, count)
    return matmul(left, permute(b, *second, *rest_b).reshape(count, columns)).reshape(shape)


def _count_of(x: Tensor, dims: Sequence[int]) -> int:
    count = 1
    for d in dims:
        count *= x.shape[d]
    return count


@method()
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: each element of the input times all of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.kron(fastnet.tensor([1, 10]), fastnet.tensor([1, 2]))
        tensor([ 1,  2, 10, 20])
    """
    n = max(input.ndim, other.ndim)
    a, b = ((1,) * (n - x.ndim) + tuple(x.shape) for x in (input, other))
    spread = input.reshape(*(m for size in a for m in (size, 1))) if n else input
    return mul(spread, other.reshape(*(m for size in b for m in (1, size))) if n else other).reshape(
        *(i * j for i, j in zip(a, b)))


@method()
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product of vectors of 3 elements.

    Args:
        input, other: tensors that broadcast.
        dim: the dimension of length 3; by default the first one of this length.

    Raises:
        RuntimeError: no dimension of length 3.

    Example:
        >>> import fastnet
        >>> fastnet.cross(fastnet.tensor([1.0, 0.0, 0.0]), fastnet.tensor([0.0, 1.0, 0.0]))
        tensor([0., 0., 1.])
    """
    if dim is None:
        dim = next((d for d, n in enumerate(input.shape) if n == 3), -1)
    if input.ndim == 0 or input.shape[as_dim(input, dim)] != 3 or other.shape[as_dim(other, dim)] != 3:
        raise RuntimeError(f"cross: expected a dimension of length 3, got shapes {shape_text(input)} and "
                           f"{shape_text(other)}")
    axis = as_dim(input, dim) - input.ndim
    (a, b, c), (x, y, z) = input.unbind(axis), other.unbind(axis)
    parts = [b * z - c * y, c * x - a * z, a * y - b * x]
    return stack(parts, axis)


def _scaled_sum(name: str, input: Tensor, product: Tensor, beta: Number, alpha: Number) -> Tensor:
    """beta * input + alpha * product; the input may be NaN if beta is 0."""
    if product.dtype.kind in "iu":                      # as in PyTorch, fractions are dropped
        alpha, beta = int(alpha), int(beta)
    product = product if alpha == 1 else product * alpha
    if input.dtype != product.dtype:
        raise RuntimeError(f"{name}: expected one dtype, got {input.dtype} and {product.dtype}")
    if beta == 0:
        return add(product, input.new_zeros(()).expand(input.shape))
    return add(input if beta == 1 else input * beta, product)


@method()
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec).

    Args:
        input: broadcasts to (n,).
        mat: (n, m).
        vec: (m,).
        beta, alpha: numbers.

    Example:
        >>> import fastnet
        >>> fastnet.addmv(fastnet.ones(2), fastnet.eye(2), fastnet.tensor([1.0, 2.0]))
        tensor([2., 3.])
    """
    return _scaled_sum("addmv", input, mv(mat, vec), beta, alpha)


@method()
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2).

    Args:
        input: broadcasts to (n, m).
        vec1: (n,).
        vec2: (m,).
        beta, alpha: numbers.

    Example:
        >>> import fastnet
        >>> fastnet.addr(fastnet.zeros(2, 2), fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        tensor([[3., 4.],
                [6., 8.]])
    """
    return _scaled_sum("addr", input, outer(vec1, vec2), beta, alpha)


@method()
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2).

    Args:
        input: broadcasts to (b, n, p).
        batch1: (b, n, m).
        batch2: (b, m, p).
        beta, alpha: numbers.

    Example:
        >>> import fastnet
        >>> fastnet.baddbmm(fastnet.ones(1, 1, 1), fastnet.ones(1, 1, 2), fastnet.ones(1, 2, 1))
        tensor([[[3.]]])
    """
    return _scaled_sum("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@method()
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * the sum of bmm(batch1, batch2) over the batch.

    Args:
        input: broadcasts to (n, p).
        batch1: (b, n, m).
        batch2: (b, m, p).
        beta, alpha: numbers.

    Example:
        >>> import fastnet
        >>> fastnet.addbmm(fastnet.ones(1, 1), fastnet.ones(3, 1, 2), fastnet.ones(3, 2, 1))
        tensor([[7.]])
    """
    return _scaled_sum("addbmm", input, bmm(batch1, batch2).sum(0), beta, alpha)


def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices, from the left.

    Raises:
        RuntimeError: no matrices, or shapes that do not fit.

    Example:
        >>> import fastnet
        >>> fastnet.chain_matmul(fastnet.eye(2), fastnet.ones(2, 3), fastnet.ones(3, 1))
        tensor([[3.],
                [3.]])
    """
    if not matrices:
        raise RuntimeError("chain_matmul: expected at least one matrix")
    result = matrices[0]
    for x in matrices[1:]:
        result = matmul(result, x)
    return result


@method()
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """The input with each entry along a dimension scaled down to a p-norm of at most `maxnorm`.

    Args:
        input: 2 dimensions or more.
        p: the order of the norm, positive.
        dim: the dimension whose entries are limited.
        maxnorm: the limit.

    Raises:
        RuntimeError: fewer than 2 dimensions, an order that is not positive, or a negative limit.

    Example:
        >>> import fastnet
        >>> fastnet.renorm(fastnet.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
        tensor([[0.6, 0.8],
                [0.3, 0.4]])
    """
    if input.ndim < 2 or not p > 0 or maxnorm < 0:
        raise RuntimeError(f"renorm: expected 2 dimensions or more, p > 0 and maxnorm >= 0, got shape "
                           f"{shape_text(input)}, {p} and {maxnorm}")
    axis = as_dim(input, dim)
    others = tuple(d for d in range(input.ndim) if d != axis)
    norms = input.norm(p, others, keepdim=True)
    factor = (maxnorm / (norms + 1e-7)).where(norms > maxnorm, norms.new_ones(()))
    return mul(input, factor)


for _method in ("addbmm", "addmm", "addmv", "addr", "baddbmm", "renorm"):
    in_place(_method + "_", _method)
