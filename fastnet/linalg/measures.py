"""Determinants, norms, ranks and condition numbers of matrices."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fastnet import dtypes
from fastnet._core.tensor import Tensor
from fastnet.functional.compare import where
from fastnet.functional.dims import as_dim
from fastnet.functional.norms import norm as p_norm
from fastnet.functional.ordering import maximum
from fastnet.functional.shape import movedim
from fastnet.linalg.checks import check_matrices, check_real, check_square
from fastnet.linalg.decompositions import eigvalsh, svdvals
from fastnet.linalg.primitives import determinant, sign_and_log
from fastnet.linalg.solvers import inv

if TYPE_CHECKING:
    from fastnet._core.annotations import Dims, DTypeLike, TensorOrNumber

__all__ = ["SignAndLog", "cond", "det", "logdet", "matrix_norm", "matrix_rank", "norm", "slogdet", "vector_norm"]


class SignAndLog(NamedTuple):
    """The sign of determinants, and the logarithm of their absolute value.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.slogdet(fastnet.eye(2)).sign
        tensor(1.)
    """

    sign: Tensor
    logabsdet: Tensor


def det(A: Tensor) -> Tensor:
    """Determinant of square matrices.

    Args:
        A: (..., n, n).

    Raises:
        RuntimeError: matrices that are not square, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.det(fastnet.tensor([[2.0, 1.0], [1.0, 2.0]]))
        tensor(3.)
    """
    check_square("det", A)
    return determinant(A)


def slogdet(A: Tensor) -> SignAndLog:
    """Sign of the determinant, and the logarithm of its absolute value: -inf for a singular matrix.

    Args:
        A: (..., n, n).

    Raises:
        RuntimeError: matrices that are not square, or another dtype.
        LinAlgError: in backward, a singular matrix.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.slogdet(fastnet.tensor([[-2.0]]))
        SignAndLog(sign=tensor(-1.), logabsdet=tensor(0.6931))
    """
    check_square("slogdet", A)
    both = sign_and_log(A)
    return SignAndLog(both.select(-1, 0), both.select(-1, 1))


def logdet(input: Tensor) -> Tensor:
    """Logarithm of the determinant of square matrices; NaN if it is negative.

    Args:
        input: (..., n, n).

    Raises:
        RuntimeError: matrices that are not square, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.logdet(fastnet.tensor([[2.0]]))
        tensor(0.6931)
    """
    sign, logarithm = slogdet(input)
    return where(sign < 0, math.nan, logarithm)


def vector_norm(x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False, *,
                dtype: DTypeLike | None = None) -> Tensor:
    """Norm of vectors, sum(|x|^ord)^(1/ord): see `fastnet.norm`.

    Args:
        x: any shape.
        ord: a number; inf for max(|x|), -inf for min(|x|), 0 for the number of nonzero elements.
        dim: a dimension, a tuple of several, or None for all.
        keepdim: keep the reduced dimensions, with length 1.
        dtype: convert to this first.

    Raises:
        RuntimeError: another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.vector_norm(fastnet.tensor([3.0, -4.0]))
        tensor(5.)
    """
    return p_norm(x, float(ord), dim, keepdim, dtype)


def matrix_norm(A: Tensor, ord: float | Literal["fro", "nuc"] = "fro", dim: tuple[int, int] = (-2, -1),
                keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """Norm of matrices.

    Args:
        A: at least two dimensions.
        ord: "fro" (Frobenius), "nuc" (sum of the singular values), 2 and -2 (the largest and the smallest singular
            value), 1 and -1 (the largest and the smallest column sum), inf and -inf (of row sums).
        dim: the dimensions of the matrices.
        keepdim: keep both dimensions, with length 1.
        dtype: convert to this first.

    Raises:
        RuntimeError: fewer than two dimensions, another dtype or another ord.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.matrix_norm(fastnet.tensor([[1.0, -2.0], [3.0, 4.0]]), 1)
        tensor(6.)
    """
    A = A if dtype is None else A.to(dtype)
    check_matrices("matrix_norm", A)
    rows, columns = as_dim(A, dim[0]), as_dim(A, dim[1])
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: expected two different dimensions, got {dim}")
    if ord == "fro":
        return p_norm(A, 2, (rows, columns), keepdim)
    x = movedim(A, (rows, columns), (-2, -1))
    if ord in (1, -1, math.inf, -math.inf):
        sums = x.abs().sum(-2 if abs(ord) == 1 else -1)
    elif ord in (2, -2, "nuc"):
        sums = svdvals(x)
    else:
        raise RuntimeError(f"linalg.matrix_norm: expected ord 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    found = sums.sum(-1) if ord == "nuc" else sums.amax(-1) if ord > 0 else sums.amin(-1)
    if keepdim:
        for d in sorted((rows, columns)):
            found = found.unsqueeze(d)
    return found


def norm(A: Tensor, ord: float | str | None = None, dim: Dims = None, keepdim: bool = False, *,
         dtype: DTypeLike | None = None) -> Tensor:
    """Norm of vectors or matrices: `matrix_norm` if `ord` is given for two dimensions, else `vector_norm`.

    Args:
        A: any shape.
        ord: the kind of norm; by default the Euclidean norm of all elements.
        dim: one dimension for vectors, two for matrices, or None for all.
        keepdim: keep the reduced dimensions, with length 1.
        dtype: convert to this first.

    Raises:
        RuntimeError: another dtype, or an ord for more than two dimensions.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[3.0, 0.0], [0.0, 4.0]])
        >>> fastnet.linalg.norm(x), fastnet.linalg.norm(x, "nuc")
        (tensor(5.), tensor(7.))
    """
    count = A.ndim if dim is None else 1 if isinstance(dim, int) else len(tuple(dim))    # type: ignore[arg-type]
    if ord is not None and count > 2:
        raise RuntimeError(f"linalg.norm: expected one or two dimensions for ord={ord!r}, got {count}")
    if ord is not None and count == 2:
        pair: Any = (-2, -1) if dim is None else dim
        kind: Any = ord
        return matrix_norm(A, kind, pair, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: expected matrices for ord={ord!r}, got {count} dimensions")
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def matrix_rank(A: Tensor, tol: TensorOrNumber | None = None, hermitian: bool = False, *,
                atol: TensorOrNumber | None = None, rtol: TensorOrNumber | None = None) -> Tensor:
    """Rank of matrices, int64: the number of singular values above max(atol, rtol * the largest).

    Args:
        A: (..., m, n).
        tol, atol: an absolute limit, a number or one for each matrix.
        hermitian: whether the matrices are symmetric.
        rtol: a relative limit, as atol; by default max(m, n) times the precision of the dtype, or 0 if atol is given.

    Raises:
        RuntimeError: fewer than two dimensions, or another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.matrix_rank(fastnet.tensor([[1.0, 2.0], [2.0, 4.0]]))
        tensor(1)
    """
    check_matrices("matrix_rank", A)
    A = A.detach()
    values = eigvalsh(A).abs() if hermitian else svdvals(A)
    atol = tol if atol is None else atol
    precision = max(A.shape[-2:]) * dtypes.finfo(A.dtype).eps
    absolute = _limit(0.0 if atol is None else atol, A)
    relative = where(absolute > 0, 0.0, precision) if rtol is None else _limit(rtol, A)
    largest = values.amax(-1, keepdim=True) if values.shape[-1] else values.new_zeros((*values.shape[:-1], 1))
    return (values > maximum(largest * relative, absolute)).sum(-1)


def _limit(value: TensorOrNumber, A: Tensor) -> Tensor:
    """A number, or one for each matrix, as a tensor that broadcasts with singular values."""
    return value.to(A.dtype).unsqueeze(-1) if isinstance(value, Tensor) else A.new_full((1,), float(value))


def cond(A: Tensor, p: float | Literal["fro", "nuc"] | None = None) -> Tensor:
    """Condition number of matrices: norm(A) * norm(inv(A)).

    Args:
        A: (..., m, n); square unless p is 2 or -2.
        p: the norm, as ord of `matrix_norm`; None for 2.

    Raises:
        RuntimeError: fewer than two dimensions, another dtype, matrices that are not square.

    Example:
        >>> import fastnet
        >>> fastnet.linalg.cond(fastnet.tensor([[4.0, 0.0], [0.0, 2.0]]))
        tensor(2.)
    """
    check_matrices("cond", A)
    check_real("cond", A)
    if p in (None, 2, -2):
        values = svdvals(A)
        largest, smallest = values.amax(-1), values.amin(-1)
        return smallest / largest if p == -2 else largest / smallest
    check_square("cond", A)
    kind: Any = p
    return matrix_norm(A, kind) * matrix_norm(inv(A), kind)
