"""Decompositions of matrices, through LAPACK. Each takes float32 or float64, (..., m, n), with any batch."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fastnet import dtypes
from fastnet._core.tensor import Tensor
from fastnet.autograd import is_grad_enabled, no_grad
from fastnet.functional import cat
from fastnet.functional.creation import arange, zeros
from fastnet.linalg.checks import check_matrices, check_square
from fastnet.linalg.primitives import cholesky_factor, eig_joined, eigh_joined, lu_joined, parts, qr_joined, svd_joined

__all__ = [
    "Eigenpairs",
    "Factorization",
    "LUFactors",
    "QRFactors",
    "SVDFactors",
    "WithInfo",
    "cholesky",
    "cholesky_ex",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "permutation",
    "qr",
    "svd",
    "svdvals",
]

if TYPE_CHECKING:
    from typing import TypeAlias

    _QRMode: TypeAlias = Literal["reduced", "complete", "r"]


class Eigenpairs(NamedTuple):
    """Eigenvalues and eigenvectors of matrices.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.eigh(fastnet.eye(2)).eigenvalues
        tensor([1., 1.])
    """

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRFactors(NamedTuple):
    """The orthogonal and the triangular factor of matrices.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.qr(fastnet.eye(2)).R.abs()
        tensor([[1., 0.],
                [0., 1.]])
    """

    Q: Tensor
    R: Tensor


class SVDFactors(NamedTuple):
    """Left singular vectors, singular values and transposed right singular vectors of matrices.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.svd(fastnet.eye(2)).S
        tensor([1., 1.])
    """

    U: Tensor
    S: Tensor
    Vh: Tensor


class LUFactors(NamedTuple):
    """The permutation, the lower and the upper triangular factor of matrices.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.lu(fastnet.eye(2)).L
        tensor([[1., 0.],
                [0., 1.]])
    """

    P: Tensor
    L: Tensor
    U: Tensor


class Factorization(NamedTuple):
    """An LU factorization: both triangles in one matrix, and the rows that were exchanged, counted from 1.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.lu_factor(fastnet.eye(2)).pivots
        tensor([1, 2], dtype=int32)
    """

    LU: Tensor
    pivots: Tensor


class WithInfo(NamedTuple):
    """A result, and int32 zeros in place of LAPACK's codes, since a failure is an error.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.inv_ex(fastnet.eye(2)).info
        tensor(0, dtype=int32)
    """

    result: Tensor
    info: Tensor


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Cholesky factor of symmetric positive definite matrices: the lower triangular L with L L^T = A.

    Args:
        A: (..., n, n); only its lower triangle is read.
        upper: return L^T, and read the upper triangle.

    Raises:
        LinAlgError: a matrix is not positive definite.
        RuntimeError: matrices that are not square, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.cholesky(fastnet.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])
    """
    check_square("cholesky", A)
    return cholesky_factor(A.mT).mT if upper else cholesky_factor(A)


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> WithInfo:
    """`cholesky` as (result, zeros): unlike in PyTorch, a matrix that is not positive definite is an error.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.cholesky_ex(fastnet.tensor([[4.0]])).info
        tensor(0, dtype=int32)
    """
    return WithInfo(cholesky(A, upper=upper), zeros(A.shape[:-2], dtype=dtypes.int32))


def qr(A: Tensor, mode: _QRMode = "reduced") -> QRFactors:
    """QR decomposition A = Q R, with orthonormal columns of Q and an upper triangular R.

    Args:
        A: (..., m, n).
        mode: "reduced" for min(m, n) columns of Q, "complete" for m, "r" for R alone, with an empty Q.

    Raises:
        ValueError: an unknown mode.
        RuntimeError: fewer than two dimensions, another dtype; in backward, a complete Q with m > n.

    Example:
        >>> import fastnet
        >>> Q, R = fastnet.linalg.qr(fastnet.tensor([[3.0, 1.0], [4.0, 2.0]]))
        >>> R.abs()
        tensor([[5. , 2.2],
                [0. , 0.4]])
    """
    check_matrices("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"linalg.qr: expected mode 'reduced', 'complete' or 'r', got {mode!r}")
    m, n = A.shape[-2:]
    k = m if mode == "complete" else min(m, n)
    Q, R = parts(qr_joined(A, mode == "complete"), (m, k), (k, n))
    return QRFactors(zeros(0, dtype=A.dtype) if mode == "r" else Q, R)


def eigh(A: Tensor, UPLO: Literal["L", "U"] = "L") -> Eigenpairs:
    """Eigenvalues, ascending, and orthonormal eigenvectors of symmetric matrices.

    The gradient by eigenvectors is finite only if all eigenvalues differ.

    Args:
        A: (..., n, n).
        UPLO: the triangle of A that is read, "L" or "U".

    Returns:
        eigenvalues (..., n), and eigenvectors (..., n, n) as columns.

    Raises:
        RuntimeError: matrices that are not square, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.eigh(fastnet.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
        tensor([1., 3.])
    """
    return Eigenpairs(*_eigh("eigh", A, UPLO, True))


def eigvalsh(A: Tensor, UPLO: Literal["L", "U"] = "L") -> Tensor:
    """Eigenvalues, ascending, of symmetric matrices. Arguments and errors are those of `eigh`.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.eigvalsh(fastnet.tensor([[2.0, 1.0], [1.0, 2.0]]))
        tensor([1., 3.])
    """
    return _eigh("eigvalsh", A, UPLO, False)[0]


def _eigh(name: str, A: Tensor, UPLO: str, vectors: bool) -> list[Tensor]:
    check_square(name, A)
    if UPLO not in ("L", "U"):
        raise RuntimeError(f"linalg.{name}: expected UPLO 'L' or 'U', got {UPLO!r}")
    n = A.shape[-1]
    return parts(eigh_joined(A if UPLO == "L" else A.mT, vectors), (n,), (n, n))


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVDFactors:
    """Singular value decomposition A = U diag(S) Vh, with descending singular values.

    The gradient by singular vectors is finite only if all singular values differ. That by the vectors beyond min(m, n),
    which are any basis of the remaining space, is ignored.

    Args:
        A: (..., m, n).
        full_matrices: return square U and Vh instead of min(m, n) columns and rows.
        driver: ignored.

    Raises:
        RuntimeError: fewer than two dimensions, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.svd(fastnet.tensor([[3.0, 0.0], [0.0, 4.0]])).S
        tensor([4., 3.])
    """
    check_matrices("svd", A)
    m, n = A.shape[-2:]
    k = min(m, n)
    shapes = ((m, m), (k,), (n, n)) if full_matrices else ((m, k), (k,), (k, n))
    return SVDFactors(*parts(svd_joined(A, full_matrices, True), *shapes))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Singular values, descending. Arguments and errors are those of `svd`.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.svdvals(fastnet.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor([4., 3.])
    """
    check_matrices("svdvals", A)
    m, n = A.shape[-2:]
    k = min(m, n)
    return parts(svd_joined(A, False, False), (m, k), (k,), (k, n))[1]


def lu(A: Tensor, *, pivot: bool = True) -> LUFactors:
    """LU decomposition A = P L U with partial pivoting. It needs SciPy.

    Args:
        A: (..., m, n).
        pivot: only True.

    Raises:
        RuntimeError: fewer than two dimensions, another dtype, or pivot=False.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.lu(fastnet.tensor([[4.0, 3.0], [2.0, 4.0]])).U
        tensor([[4. , 3. ],
                [0. , 2.5]])
    """
    check_matrices("lu", A)
    if not pivot:
        raise RuntimeError("linalg.lu: expected pivot=True; LAPACK always exchanges rows")
    m, n = A.shape[-2:]
    k = min(m, n)
    P, L, U = parts(lu_joined(A), (m, m), (m, k), (k, n))
    return LUFactors(P.detach(), L, U)


def lu_factor(A: Tensor, *, pivot: bool = True) -> Factorization:
    """LU decomposition for `lu_solve`. Arguments and errors are those of `lu`.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.lu_factor(fastnet.tensor([[4.0, 3.0], [2.0, 4.0]])).pivots
        tensor([1, 2], dtype=int32)
    """
    P, L, U = lu(A, pivot=pivot)
    m, n = A.shape[-2:]
    k = min(m, n)
    with no_grad():
        pivots = _exchanges(P).narrow(-1, 0, k)
    lower, upper = L.tril(-1), U
    if m > n:
        upper = cat([U, U.new_zeros((*A.shape[:-2], m - n, n))], -2)
    elif n > m:
        lower = cat([lower, L.new_zeros((*A.shape[:-2], m, n - m))], -1)
    return Factorization(lower + upper, pivots)


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """`lu_factor` with zeros as third result. Arguments and errors are those of `lu`.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.lu_factor_ex(fastnet.tensor([[4.0]]))[2]
        tensor(0, dtype=int32)
    """
    return (*lu_factor(A, pivot=pivot), zeros(A.shape[:-2], dtype=dtypes.int32))


def eig(A: Tensor) -> Eigenpairs:
    """Complex eigenvalues and eigenvectors of square matrices, in no order. Without a gradient; see `eigh`.

    Args:
        A: (..., n, n).

    Raises:
        RuntimeError: matrices that are not square, or another dtype; a tensor that requires a gradient.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.eig(fastnet.tensor([[0.0, -1.0], [1.0, 0.0]])).eigenvalues
        tensor([0.+1.j, 0.-1.j], dtype=complex64)
    """
    check_square("eig", A)
    if A.requires_grad and is_grad_enabled():
        raise RuntimeError("linalg.eig: there is no gradient; use eigh for symmetric matrices, or detach()")
    n = A.shape[-1]
    return Eigenpairs(*parts(eig_joined(A), (n,), (n, n)))


def eigvals(A: Tensor) -> Tensor:
    """Complex eigenvalues of square matrices, in no order. Arguments and errors are those of `eig`.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.eigvals(fastnet.tensor([[2.0, 0.0], [0.0, 1.0]]))
        tensor([2.+0.j, 1.+0.j], dtype=complex64)
    """
    return eig(A).eigenvalues


def _exchanges(P: Tensor) -> Tensor:
    """LAPACK's exchanges of rows, from permutation matrices (..., n, n)."""
    order = P.argmax(-2)                        # row of A in each row of L U
    n = P.shape[-1]
    positions = arange(n).expand(order.shape).clone()
    found = []
    for i in range(n):
        j = (positions == order.narrow(-1, i, 1)).long().argmax(-1, keepdim=True)
        at_i, at_j = positions.narrow(-1, i, 1).clone(), positions.gather(-1, j)
        positions = positions.scatter(-1, j, at_i)
        positions = positions.scatter(-1, zeros(j.shape, dtype=dtypes.int64) + i, at_j)
        found.append(j)
    return (cat(found, -1) + 1).int() if found else order.int()


def permutation(pivots: Tensor) -> Tensor:
    """Permutation matrices P (..., n, n) with A = P L U, from LAPACK's exchanges of rows.

    Example:
        >>> import fastnet
        >>> from fastnet.linalg.decompositions import permutation
        >>> permutation(fastnet.tensor([2, 2]))
        tensor([[0., 1.],
                [1., 0.]])
    """
    n = pivots.shape[-1]
    order = arange(n).expand(pivots.shape).clone()
    for i in range(n):
        j = pivots.narrow(-1, i, 1).long() - 1
        at_i, at_j = order.narrow(-1, i, 1).clone(), order.gather(-1, j)
        order = order.scatter(-1, j, at_i).scatter(-1, zeros(j.shape, dtype=dtypes.int64) + i, at_j)
    return (arange(n).unsqueeze(-1) == order.unsqueeze(-2)).float()
