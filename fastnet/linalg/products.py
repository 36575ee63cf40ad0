"""Powers, exponentials and products of matrices and vectors."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.creation import arange, eye
from fastnet.functional.dims import as_dim
from fastnet.functional.joining import stack
from fastnet.functional.kernel_calls import broadcast_shapes
from fastnet.functional.linear import matmul
from fastnet.functional.strided_views import diagonal as diagonal_
from fastnet.linalg.checks import check_square
from fastnet.linalg.primitives import matrix_exponential
from fastnet.linalg.solvers import inv

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape

__all__ = ["cross", "diagonal", "matrix_exp", "matrix_power", "multi_dot", "vander",
           "vecdot"]


def matrix_exp(A: Tensor) -> Tensor:
    """Exponential of square matrices, the sum of A^k / k!. It needs SciPy.

    Args:
        A: (..., n, n).

    Raises:
        RuntimeError: matrices that are not square, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.matrix_exp(fastnet.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    check_square("matrix_exp", A)
    return matrix_exponential(A)


def matrix_power(A: Tensor, n: int) -> Tensor:
    """Integer power of square matrices; a negative one is that of the inverse.

    Args:
        A: (..., k, k).
        n: the power.

    Raises:
        LinAlgError: a negative power of a singular matrix.
        RuntimeError: matrices that are not square, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.matrix_power(fastnet.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
        tensor([[1., 3.],
                [0., 1.]])
    """
    check_square("matrix_power", A)
    if n < 0:
        A, n = inv(A), -n
    if n == 0:
        return A.clone().copy_(eye(A.shape[-1], dtype=A.dtype))
    found: Tensor | None = None
    while n:
        if n & 1:
            found = A if found is None else matmul(found, A)
        n >>= 1
        A = matmul(A, A) if n else A
    return found.clone() if found is A else found       # type: ignore[return-value]


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Product of two or more matrices, in the order of fewest multiplications.

    Args:
        tensors: matrices; the first and the last may be vectors.

    Raises:
        ValueError: fewer than two.
        RuntimeError: shapes that do not fit.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.multi_dot([fastnet.ones(2, 3), fastnet.ones(3, 4), fastnet.ones(4)])
        tensor([12., 12.])
    """
    matrices = list(tensors)
    if len(matrices) < 2:
        raise ValueError(f"linalg.multi_dot: expected at least two tensors, got {len(matrices)}")
    row, column = matrices[0].ndim == 1, matrices[-1].ndim == 1
    if row:
        matrices[0] = matrices[0].unsqueeze(0)
    if column:
        matrices[-1] = matrices[-1].unsqueeze(1)
    if bad := [x for x in matrices if x.ndim != 2]:
        raise RuntimeError(f"linalg.multi_dot: expected matrices, got shape {shape_text(bad[0])}")
    product = _chain_product(matrices, _splits([x.shape for x in matrices]), 0, len(matrices) - 1)
    product = product.squeeze(0) if row else product
    return product.squeeze(-1) if column else product


def _splits(shapes: list[Shape]) -> dict[tuple[int, int], int]:
    """Where to split the product of matrices i to j, for the fewest multiplications. CLRS, section 15.2."""
    sizes = [shapes[0][0], *(s[1] for s in shapes)]
    n = len(shapes)
    cost = {(i, i): 0 for i in range(n)}
    split = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))
    return split


def _chain_product(matrices: list[Tensor], splits: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return matrices[i]
    k = splits[i, j]
    return matmul(_chain_product(matrices, splits, i, k), _chain_product(matrices, splits, k + 1, j))


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Cross product of vectors of three numbers.

    Args:
        input, other: tensors with length 3 in `dim`; shapes broadcast.
        dim: the dimension of the vectors.

    Raises:
        RuntimeError: another length, or shapes that do not broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.cross(fastnet.tensor([1.0, 0.0, 0.0]), fastnet.tensor([0.0, 1.0, 0.0]))
        tensor([0., 0., 1.])
    """
    axis = as_dim(input, dim)
    if input.shape[axis] != 3 or other.shape[as_dim(other, dim)] != 3:
        raise RuntimeError(f"linalg.cross: expected length 3 in dimension {dim}, got shapes {shape_text(input)} and "
                           f"{shape_text(other)}")
    if input.ndim != other.ndim:
        raise RuntimeError(f"linalg.cross: expected tensors with as many dimensions, got shapes {shape_text(input)} "
                           f"and {shape_text(other)}")
    shape = broadcast_shapes(input.shape, other.shape)
    x, y = input.expand(shape).unbind(axis), other.expand(shape).unbind(axis)
    return stack([x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]], axis)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Dot product of vectors along a dimension.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.vecdot(fastnet.ones(2, 3), fastnet.ones(3))
        tensor([3., 3.])
    """
    return (x * y).sum(dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """`fastnet.diagonal` of the last two dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.diagonal(fastnet.eye(2))
        tensor([1., 1.])
    """
    return diagonal_(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Vandermonde matrix: column k holds x^k.

    Args:
        x: (..., n).
        N: the number of columns, by default n.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.vander(fastnet.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 1., 1.],
                [1., 2., 4.],
                [1., 3., 9.]])
    """
    x = x if x.ndim else x.reshape(1)
    count: Any = x.shape[-1] if N is None else N
    return x.unsqueeze(-1) ** arange(count, dtype=x.dtype)
