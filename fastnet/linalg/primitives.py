"""The differentiable operations that linear algebra is composed of: kernels of `linalg_extra` and their gradients.

An operation with several results returns them one after the other in its last dimension; `parts` takes them apart.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.memory import empty
from fastnet.autograd import gradient, op
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["cholesky_factor", "determinant", "eig_joined", "eigh_joined", "inverse", "lu_joined", "matrix_exponential",
           "parts", "pseudoinverse", "qr_joined", "sign_and_log", "solution", "svd_joined", "triangular_solution"]


def parts(joined: Tensor, *shapes: Shape) -> list[Tensor]:
    """The results of an operation that returns several."""
    found, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        found.append(joined.narrow(-1, start, size).reshape(*joined.shape[:-1], *shape))
        start += size
    return found


def _empty_matrices(x: Array, *shape: int) -> Array:
    """An array of x's batch and dtype."""
    return empty((*x.shape[:-2], *shape), x.dtype)


def _gradient_by(kernel: str, like: Array, *arguments: Array | bool) -> Array:
    out = empty(like.shape, like.dtype)
    getattr(K, kernel)(out, *arguments)
    return out


@op
def inverse(a: Array) -> Result[Array]:
    """The inverse of matrices (..., n, n)."""
    out = _empty_matrices(a, *a.shape[-2:])
    K.linalg_inv(out, a)
    return out, (gradient(_of_inverse, out),)


def _of_inverse(g: Array, out: Array) -> Array:
    return _gradient_by("linalg_inv_backward", out, out, g)


@op
def solution(a: Array, b: Array) -> Result[Array]:
    """The solution x of a x = b, for (..., n, n) and (..., n, k)."""
    out = empty(b.shape, b.dtype)
    K.linalg_solve(out, a, b)
    return out, gradient(_of_solution, a).then(gradient(_by_matrix, out), _right_side)


def _of_solution(g: Array, a: Array) -> Array:
    """The gradient by the right side."""
    out = empty(g.shape, g.dtype)
    K.linalg_solve(out, a.swapaxes(-1, -2), g)
    return out


def _by_matrix(db: Array, x: Array) -> Array:
    out = empty((*x.shape[:-1], x.shape[-2]), x.dtype)
    K.linalg_solve_backward(out, db, x)
    return out


def _right_side(db: Array) -> Array:
    return db


@op
def triangular_solution(a: Array, b: Array, upper: bool, unit: bool) -> Result[Array]:
    """As `solution`, for a triangle of a."""
    out = empty(b.shape, b.dtype)
    K.linalg_solve_triangular(out, a, b, upper, unit)
    return out, gradient(_of_triangular_solution, a, upper, unit).then(
        gradient(_by_triangle, out, upper, unit), _right_side, None, None)


def _of_triangular_solution(g: Array, a: Array, upper: bool, unit: bool) -> Array:
    out = empty(g.shape, g.dtype)
    K.linalg_solve_triangular(out, a.swapaxes(-1, -2), g, not upper, unit)
    return out


def _by_triangle(db: Array, x: Array, upper: bool, unit: bool) -> Array:
    full = _by_matrix(db, x)
    return _gradient_by("linalg_triangle", full, full, upper, unit)


@op
def cholesky_factor(a: Array) -> Result[Array]:
    """The lower triangular L with L L^T = a."""
    out = _empty_matrices(a, *a.shape[-2:])
    K.linalg_cholesky(out, a)
    return out, (gradient(_of_cholesky, out),)


def _of_cholesky(g: Array, out: Array) -> Array:
    return _gradient_by("linalg_cholesky_backward", out, out, g)


@op
def determinant(a: Array) -> Result[Array]:
    """The determinants of matrices."""
    out = _empty_matrices(a)
    K.linalg_det(out, a)
    return out, (gradient(_of_determinant, a),)


def _of_determinant(g: Array, a: Array) -> Array:
    return _gradient_by("linalg_det_backward", a, a, g)


@op
def sign_and_log(a: Array) -> Result[Array]:
    """The sign and the logarithm of the absolute value of determinants, (..., 2)."""
    out = _empty_matrices(a, 2)
    K.linalg_slogdet(out, a)
    return out, (gradient(_of_slogdet, a),)


def _of_slogdet(g: Array, a: Array) -> Array:
    return _gradient_by("linalg_slogdet_backward", a, a, g)


@op
def qr_joined(a: Array, complete: bool) -> Result[Array]:
    """Q and R."""
    m, n = a.shape[-2:]
    k = m if complete else min(m, n)
    out = _empty_matrices(a, m * k + k * n)
    K.linalg_qr(out, a, complete)
    if complete and m > n:
        return out, (_no_gradient("qr", "mode='complete' with more rows than columns"), None)
    return out, (gradient(_of_qr, a, out), None)


def _of_qr(g: Array, a: Array, out: Array) -> Array:
    return _gradient_by("linalg_qr_backward", a, a, out, g)


@op
def eigh_joined(a: Array, vectors: bool) -> Result[Array]:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    n = a.shape[-1]
    out = _empty_matrices(a, n + n * n)
    K.linalg_eigh(out, a)
    return out, (gradient(_of_eigh, out, n, vectors), None)


def _of_eigh(g: Array, out: Array, n: int, vectors: bool) -> Array:
    da = empty((*out.shape[:-1], n, n), out.dtype)
    K.linalg_eigh_backward(da, out, g, vectors)
    return da


@op
def eig_joined(a: Array) -> Result[Array]:
    """Complex eigenvalues and eigenvectors of matrices."""
    n = a.shape[-1]
    out = empty((*a.shape[:-2], n + n * n), dtypes.complex_of(a.dtype))
    K.linalg_eig(out, a)
    return out, None


@op
def svd_joined(a: Array, full: bool, vectors: bool) -> Result[Array]:
    """U, S and V^T."""
    m, n = a.shape[-2:]
    k = min(m, n)
    out = _empty_matrices(a, m * m + k + n * n if full else m * k + k + k * n)
    K.linalg_svd(out, a, full)
    if full and m != n:
        return out, (gradient(_of_full_svd, out, m, n, vectors), None, None)
    return out, (gradient(_of_svd, out, m, n, vectors), None, None)


def _of_full_svd(g: Array, out: Array, m: int, n: int, vectors: bool) -> Array:
    """The gradient by the first min(m, n) singular vectors; the others are any basis of the rest."""
    return _of_svd(_reduced_svd(g, m, n), _reduced_svd(out, m, n), m, n, vectors)


def _reduced_svd(full: Array, m: int, n: int) -> Array:
    """The joined U, S and V^T of min(m, n) singular vectors, of those of all."""
    batch, k = full.shape[:-1], min(m, n)
    out = empty((*batch, m * k + k + k * n), full.dtype)
    K.copy(out[..., :m * k].reshape(*batch, m, k), full[..., :m * m].reshape(*batch, m, m)[..., :k])
    K.copy(out[..., m * k:m * k + k], full[..., m * m:m * m + k])
    K.copy(out[..., m * k + k:].reshape(*batch, k, n), full[..., m * m + k:].reshape(*batch, n, n)[..., :k, :])
    return out


def _of_svd(g: Array, out: Array, m: int, n: int, vectors: bool) -> Array:
    da = empty((*out.shape[:-1], m, n), out.dtype)
    K.linalg_svd_backward(da, out, g, vectors)
    return da


@op
def pseudoinverse(a: Array, rtol: float) -> Result[Array]:
    """The pseudoinverse of matrices (..., m, n)."""
    m, n = a.shape[-2:]
    out = _empty_matrices(a, n, m)
    K.linalg_pinv(out, a, rtol)
    return out, (gradient(_of_pinv, a, out), None)


def _of_pinv(g: Array, a: Array, out: Array) -> Array:
    return _gradient_by("linalg_pinv_backward", a, a, out, g)


@op
def matrix_exponential(a: Array) -> Result[Array]:
    """The matrix exponential."""
    out = _empty_matrices(a, *a.shape[-2:])
    K.linalg_matrix_exp(out, a)
    return out, (gradient(_of_matrix_exp, a),)


def _of_matrix_exp(g: Array, a: Array) -> Array:
    return _gradient_by("linalg_matrix_exp_backward", a, a, g)


@op
def lu_joined(a: Array) -> Result[Array]:
    """P, L and U."""
    m, n = a.shape[-2:]
    k = min(m, n)
    out = _empty_matrices(a, m * m + m * k + k * n)
    K.linalg_lu(out, a)
    return out, (gradient(_of_lu, out, m, n),)


def _of_lu(g: Array, out: Array, m: int, n: int) -> Array:
    da = empty((*out.shape[:-1], m, n), out.dtype)
    K.linalg_lu_backward(da, out, g)
    return da


def _no_gradient(name: str, case: str) -> object:
    return gradient(_raise_without_gradient, name, case)


def _raise_without_gradient(g: Array, name: str, case: str) -> Array:
    raise RuntimeError(f"linalg.{name}: there is no gradient for {case}")
