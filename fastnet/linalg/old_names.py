"""Functions of linear algebra that PyTorch also has outside of torch.linalg, with other arguments or results."""
from __future__ import annotations

from typing import NamedTuple

from fastnet._core.tensor import Tensor
from fastnet.functional.creation import zeros
from fastnet.linalg import decompositions, solvers
from fastnet.linalg.decompositions import QRFactors

__all__ = ["OldSVD", "old_cholesky", "old_lu", "old_lu_solve", "old_qr", "old_svd"]


class OldSVD(NamedTuple):
    """Left singular vectors, singular values and right singular vectors, which are columns of V.

    Example:
        >>> import fastnet
        >>> fastnet.svd(fastnet.eye(2)).S
        tensor([1., 1.])
    """

    U: Tensor
    S: Tensor
    V: Tensor


def old_cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """See `fastnet.linalg.cholesky`.

    Example:
        >>> import fastnet
        >>> fastnet.cholesky(fastnet.tensor([[4.0]]))
        tensor([[2.]])
    """
    return decompositions.cholesky(input, upper=upper)


def old_qr(input: Tensor, some: bool = True) -> QRFactors:
    """See `fastnet.linalg.qr`, whose mode is "reduced", or "complete" if not `some`.

    Example:
        >>> import fastnet
        >>> fastnet.qr(fastnet.tensor([[4.0]])).R.abs()
        tensor([[4.]])
    """
    return decompositions.qr(input, "reduced" if some else "complete")


def old_svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> OldSVD:
    """See `fastnet.linalg.svd`. Right singular vectors are columns of V; without compute_uv, U and V are zeros.

    Example:
        >>> import fastnet
        >>> fastnet.svd(fastnet.tensor([[4.0]])).S
        tensor([4.])
    """
    if not compute_uv:
        batch, (m, n) = input.shape[:-2], input.shape[-2:]
        return OldSVD(zeros(*batch, m, m, dtype=input.dtype), decompositions.svdvals(input),
                      zeros(*batch, n, n, dtype=input.dtype))
    U, S, Vh = decompositions.svd(input, not some)
    return OldSVD(U, S, Vh.mT)


def old_lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """See `fastnet.linalg.lu_factor`, or `lu_factor_ex` with `get_infos`.

    Example:
        >>> import fastnet
        >>> fastnet.lu(fastnet.tensor([[4.0]]))[0]
        tensor([[4.]])
    """
    return decompositions.lu_factor_ex(A, pivot=pivot) if get_infos else decompositions.lu_factor(A, pivot=pivot)


def old_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """See `fastnet.linalg.lu_solve`.

    Example:
        >>> import fastnet
        >>> A, b = fastnet.tensor([[4.0]]), fastnet.tensor([[8.0]])
        >>> fastnet.lu_solve(b, *fastnet.lu(A))
        tensor([[2.]])
    """
    return solvers.lu_solve(LU_data, LU_pivots, b)
