"""Inverses, and solutions of systems of linear equations. Each takes float32 or float64 with any batch."""
from __future__ import annotations

import math
from typing import NamedTuple

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional import matmul
from fastnet.functional.creation import eye, zeros
from fastnet.functional.shape import movedim
from fastnet.linalg.checks import check_matrices, check_real, check_square, common_batch
from fastnet.linalg.decompositions import WithInfo, permutation, svdvals
from fastnet.linalg.primitives import inverse, pseudoinverse, solution, triangular_solution

__all__ = [
    "LeastSquares",
    "TriangularSolution",
    "cholesky_inverse",
    "cholesky_solve",
    "inv",
    "inv_ex",
    "lstsq",
    "lu_solve",
    "pinv",
    "solve",
    "solve_ex",
    "solve_triangular",
    "tensorinv",
    "tensorsolve",
    "triangular_solve",
]


class LeastSquares(NamedTuple):
    """A least-squares solution, with the sums of squared residuals, ranks and singular values that are known.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.lstsq(fastnet.eye(2), fastnet.ones(2)).rank
        tensor(2)
    """

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


class TriangularSolution(NamedTuple):
    """A solution, and the matrices of the system.

    Example:
        >>> import fastnet
        >>> fastnet.triangular_solve(fastnet.eye(1), fastnet.eye(1)).solution
        tensor([[1.]])
    """

    solution: Tensor
    cloned_coefficient: Tensor


def inv(A: Tensor) -> Tensor:
    """Inverse of square matrices. `solve(A, B)` is faster and more accurate than `inv(A) @ B`.

    Args:
        A: (..., n, n).

    Raises:
        LinAlgError: a matrix is singular.
        RuntimeError: matrices that are not square, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.inv(fastnet.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5 , 0.  ],
                [0.  , 0.25]])
    """
    check_square("inv", A)
    return inverse(A)


def inv_ex(A: Tensor, *, check_errors: bool = False) -> WithInfo:
    """`inv` as (result, zeros): unlike in PyTorch, a singular matrix is an error.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.inv_ex(fastnet.tensor([[4.0]])).result
        tensor([[0.25]])
    """
    return WithInfo(inv(A), zeros(A.shape[:-2], dtype=dtypes.int32))


def pinv(A: Tensor, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None,
         rtol: float | None = None) -> Tensor:
    """Moore-Penrose pseudoinverse of matrices.

    Args:
        A: (..., m, n).
        rcond, rtol: singular values up to this share of the largest count as 0; by default max(m, n) times the
            precision of the dtype.
        hermitian: whether the matrices are symmetric; then only their lower triangle is read.
        atol: not supported, must be None or 0.

    Raises:
        RuntimeError: fewer than two dimensions, another dtype, or atol.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.pinv(fastnet.tensor([[2.0], [0.0]]))
        tensor([[0.5, 0. ]])
    """
    check_matrices("pinv", A)
    if atol:
        raise RuntimeError(f"linalg.pinv: expected atol to be None, got {atol}; use rtol")
    if hermitian:
        A = A.tril() + A.tril(-1).mT
    rtol = rcond if rtol is None else rtol
    if rtol is None:
        rtol = max(A.shape[-2:]) * dtypes.finfo(A.dtype).eps
    return pseudoinverse(A, float(rtol))


def _with_common_batch(name: str, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    batch = common_batch(name, (A.shape[:-2], B.shape[:-2]))
    return A.expand(*batch, *A.shape[-2:]), B.expand(*batch, *B.shape[-2:])


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Solution X of A X = B.

    Args:
        A: (..., n, n).
        B: (..., n, k), or (..., n) with the batch of A. Batches broadcast.
        left: False solves X A = B.

    Raises:
        LinAlgError: a matrix is singular.
        RuntimeError: shapes that do not fit, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.solve(fastnet.tensor([[2.0, 0.0], [0.0, 4.0]]), fastnet.tensor([2.0, 2.0]))
        tensor([1. , 0.5])
    """
    check_square("solve", A)
    check_real("solve", A, B)
    if B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]):
        _check_rows("solve", A, B, -1)
        return solve(A, B.unsqueeze(-1), left=left).squeeze(-1) if left else solve(A.mT, B)
    _check_rows("solve", A, B, -2 if left else -1)
    if not left:
        return solve(A.mT, B.mT).mT
    return solution(*_with_common_batch("solve", A, B))


def _check_rows(name: str, A: Tensor, B: Tensor, dim: int) -> None:
    if B.shape[dim] != A.shape[-1]:
        raise RuntimeError(f"linalg.{name}: expected B with length {A.shape[-1]} in dimension {dim}, as A of shape "
                           f"{shape_text(A)} needs, got shape {shape_text(B)}")


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> WithInfo:
    """`solve` as (result, zeros): unlike in PyTorch, a singular matrix is an error.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.solve_ex(fastnet.tensor([[4.0]]), fastnet.tensor([2.0])).result
        tensor([0.5])
    """
    return WithInfo(solve(A, B, left=left), zeros(A.shape[:-2], dtype=dtypes.int32))


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Solution X of A X = B for triangular matrices A.

    Args:
        A: (..., n, n); only one triangle is read.
        B: (..., n, k). Batches broadcast.
        upper: whether A is upper triangular, or lower.
        left: False solves X A = B.
        unitriangular: take the diagonal of A as ones.

    Raises:
        LinAlgError: a zero on the diagonal.
        RuntimeError: shapes that do not fit, or another dtype.

    Example:
        >>> import fastnet
        >>> A, B = fastnet.tensor([[1.0, 0.0], [1.0, 2.0]]), fastnet.tensor([[1.0], [5.0]])
        >>> fastnet.linalg.solve_triangular(A, B, upper=False)
        tensor([[1.],
                [2.]])
    """
    check_square("solve_triangular", A)
    check_matrices("solve_triangular", A, B)
    if not left:
        return solve_triangular(A.mT, B.mT, upper=not upper, unitriangular=unitriangular).mT
    _check_rows("solve_triangular", A, B, -2)
    return triangular_solution(*_with_common_batch("solve_triangular", A, B), bool(upper), bool(unitriangular))


def triangular_solve(b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False,
                     unitriangular: bool = False) -> TriangularSolution:
    """`solve_triangular` under its old name in PyTorch, with its order of arguments.

    Args:
        b: (..., n, k).
        A: (..., n, n).
        upper: whether A is upper triangular, or lower.
        transpose: solve A^T X = b.
        unitriangular: take the diagonal of A as ones.

    Example:
        >>> import fastnet
        >>> fastnet.triangular_solve(fastnet.tensor([[2.0]]), fastnet.tensor([[4.0]])).solution
        tensor([[0.5]])
    """
    found = solve_triangular(A.mT if transpose else A, b, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolution(found, A.clone())


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """Solution X of A X = B, from the Cholesky factor of A: see `cholesky`.

    Args:
        B: (..., n, k).
        L: (..., n, n), lower triangular, A = L L^T.
        upper: L is upper triangular, A = L^T L.

    Raises:
        RuntimeError: shapes that do not fit, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.cholesky_solve(fastnet.tensor([[8.0]]), fastnet.tensor([[2.0]]))
        tensor([[2.]])
    """
    L = L.mT if upper else L
    return solve_triangular(L.mT, solve_triangular(L, B, upper=False), upper=True)


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """Inverse of A, from its Cholesky factor. Arguments and errors are those of `cholesky_solve`.

    Example:
        >>> import fastnet
        >>> fastnet.cholesky_inverse(fastnet.tensor([[2.0]]))
        tensor([[0.25]])
    """
    check_square("cholesky_inverse", L)
    return cholesky_solve(eye(L.shape[-1], dtype=L.dtype), L, upper)


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """Solution X of A X = B, from the result of `lu_factor(A)`.

    Args:
        LU, pivots: of `lu_factor`.
        B: (..., n, k).
        left: False solves X A = B.
        adjoint: solve A^T X = B.

    Raises:
        RuntimeError: shapes that do not fit, or another dtype.

    Example:
        >>> import fastnet
        >>> A, B = fastnet.tensor([[4.0, 3.0], [2.0, 4.0]]), fastnet.tensor([[7.0], [6.0]])
        >>> fastnet.linalg.lu_solve(*fastnet.linalg.lu_factor(A), B)
        tensor([[1.],
                [1.]])
    """
    check_square("lu_solve", LU)
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    P = permutation(pivots).to(LU.dtype)
    if adjoint:
        inner = solve_triangular(LU.mT, B, upper=False)
        return matmul(P, solve_triangular(LU.mT, inner, upper=True, unitriangular=True))
    inner = solve_triangular(LU, matmul(P.mT, B), upper=False, unitriangular=True)
    return solve_triangular(LU, inner, upper=True)


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """Least-squares solution X of A X = B: the one of least norm among those with the least |A X - B|.

    Args:
        A: (..., m, n).
        B: (..., m, k), or (..., m) with the batch of A.
        rcond: as in `pinv`.
        driver: "gelsy" (the default), "gels", "gelss" or "gelsd". The last two also return the singular values, and
            "gels" no rank.

    Returns:
        solution (..., n, k), the sums of squared residuals (if m > n and the ranks are n), ranks, singular values.

    Raises:
        RuntimeError: shapes that do not fit, or another dtype.

    Example:
        >>> import fastnet
        >>> A, B = fastnet.tensor([[1.0], [1.0]]), fastnet.tensor([[1.0], [3.0]])
        >>> fastnet.linalg.lstsq(A, B).solution
        tensor([[2.]])
    """
    check_matrices("lstsq", A)
    check_real("lstsq", A, B)
    vector = B.ndim == A.ndim - 1
    columns = B.unsqueeze(-1) if vector else B
    if columns.ndim < 2 or columns.shape[-2] != A.shape[-2]:
        raise RuntimeError(f"linalg.lstsq: expected A and B with the same number of rows, got shapes {shape_text(A)} "
                           f"and {shape_text(B)}")
    m, n = A.shape[-2:]
    found = matmul(pinv(A, rcond), columns)
    values = svdvals(A.detach())
    least = rcond if rcond is not None else max(m, n) * dtypes.finfo(A.dtype).eps
    limit = values.amax(-1, keepdim=True) * least if min(m, n) else values
    rank = (values > limit).sum(-1)
    empty = zeros(0, dtype=A.dtype)
    residuals = found.reshape(-1).narrow(0, 0, 0)
    if m > n and driver != "gelsy" and bool((rank == n).all()):
        residuals = (matmul(A, found) - columns).square().sum(-2)
    return LeastSquares(found.squeeze(-1) if vector else found, residuals,
                        zeros(0, dtype=dtypes.int64) if driver == "gels" else rank,
                        values if driver in ("gelss", "gelsd") else empty)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """Inverse of the map from the last dimensions of a tensor to its first `ind`.

    Args:
        A: with as many elements in its first `ind` dimensions as in the others.
        ind: 1 or more.

    Raises:
        LinAlgError: the map is singular.
        RuntimeError: shapes that do not fit, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.tensorinv(fastnet.eye(4).reshape(2, 2, 4)).shape
        (4, 2, 2)
    """
    rows, columns = A.shape[:ind], A.shape[ind:]
    if ind < 1 or math.prod(rows) != math.prod(columns):
        raise RuntimeError(f"linalg.tensorinv: expected as many elements in the first {ind} dimensions as in the "
                           f"others, got shape {shape_text(A)}")
    n = math.prod(rows)
    return inv(A.reshape(n, n)).reshape(*columns, *rows)


def tensorsolve(A: Tensor, B: Tensor, dims: tuple[int, ...] | None = None) -> Tensor:
    """Solution X of tensordot(A, X, X.ndim) = B.

    Args:
        A: its first dimensions are those of B, the others those of X.
        B: any shape.
        dims: dimensions of A to move to the end first.

    Raises:
        LinAlgError: the system is singular.
        RuntimeError: shapes that do not fit, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.tensorsolve(fastnet.eye(4).reshape(2, 2, 4), fastnet.ones(2, 2))
        tensor([1., 1., 1., 1.])
    """
    if dims is not None:
        A = movedim(A, dims, tuple(range(A.ndim - len(dims), A.ndim)))
    n, shape = B.numel(), A.shape[B.ndim:]
    if math.prod(shape) != n or A.numel() != n * n:
        raise RuntimeError(f"linalg.tensorsolve: expected A of a square map onto shape {shape_text(B)}, got shape "
                           f"{shape_text(A)}")
    return solve(A.reshape(n, n), B.reshape(n)).reshape(shape)
