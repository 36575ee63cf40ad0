"""Decompositions and solutions of matrices through NumPy's and SciPy's LAPACK, and their gradients.

Matrices are the last two dimensions; the others are a batch, the same for all arguments. A kernel with several results
writes them one after the other into the last dimension of `out`.
"""
import math

import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.matrices import half_diagonal, join, lapack, split, symmetric, transposed
from fastnet._kernels.reference.tools.scipy_modules import scipy_module


@kernel(fallible=True)
def linalg_inv(out, a):
    """out = the inverse of a (..., n, n). Raises LinAlgError if it is singular."""
    out[...] = lapack("inv", np.linalg.inv, a)


@kernel()
def linalg_inv_backward(da, inverse, dy):
    """da = the gradient of linalg_inv, whose result is `inverse`."""
    at = transposed(inverse)
    da[...] = -at @ dy @ at


@kernel(fallible=True)
def linalg_solve(out, a, b):
    """out (..., n, k) = the solution x of a x = b. Raises LinAlgError if a (..., n, n) is singular."""
    out[...] = lapack("solve", np.linalg.solve, a, b)


@kernel(fallible=True)
def linalg_solve_triangular(out, a, b, upper, unit):
    """As linalg_solve, for the upper or lower triangle of a, with ones as its diagonal if `unit`."""
    out[...] = lapack("solve_triangular", np.linalg.solve, _triangle_of(a, upper, unit), b)


@kernel()
def linalg_solve_backward(da, db, x):
    """da = -db x^T: the gradient of linalg_solve by a, from that by b and the result x."""
    da[...] = -db @ transposed(x)


@kernel()
def linalg_triangle(out, a, upper, unit):
    """out = the upper or lower triangle of a, without its diagonal if `unit`."""
    out[...] = np.triu(a, int(unit)) if upper else np.tril(a, -int(unit))


def _triangle_of(a, upper, unit):
    t = np.triu(a) if upper else np.tril(a)
    if unit:
        diagonal = np.arange(a.shape[-1])
        t[..., diagonal, diagonal] = 1
    return t


@kernel(fallible=True)
def linalg_cholesky(out, a):
    """out = the lower triangular L with L L^T = a (..., n, n). Raises LinAlgError if a is not positive definite."""
    out[...] = lapack("cholesky", np.linalg.cholesky, a)


@kernel()
def linalg_cholesky_backward(da, factor, dy):
    """da = the gradient of linalg_cholesky, whose result is `factor`; symmetric."""
    inverse = np.linalg.inv(factor)
    da[...] = symmetric(transposed(inverse) @ half_diagonal(np.tril(transposed(factor) @ np.tril(dy))) @ inverse)


@kernel()
def linalg_det(out, a):
    """out (...) = the determinant of a (..., n, n)."""
    out[...] = np.linalg.det(a)


@kernel()
def linalg_det_backward(da, a, dy):
    """da = dy times the cofactors of a: correct for singular matrices, too."""
    u, s, vt = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = np.linalg.det(u) * np.linalg.det(vt)
    da[...] = (dy * sign)[..., None, None] * ((u * others[..., None, :]) @ vt)


@kernel()
def linalg_slogdet(out, a):
    """out (..., 2) = the sign of the determinant of a (..., n, n), and the logarithm of its absolute value."""
    out[..., 0], out[..., 1] = np.linalg.slogdet(a)


@kernel(fallible=True)
def linalg_slogdet_backward(da, a, dy):
    """da = dy[..., 1] times the transposed inverse of a."""
    da[...] = dy[..., 1, None, None] * transposed(lapack("slogdet", np.linalg.inv, a))


@kernel(fallible=True)
def linalg_qr(out, a, complete):
    """out = Q and R with a = Q R: (..., m, k) and (..., k, n) with k = min(m, n), or with k = m if `complete`."""
    join(out, *lapack("qr", lambda x: np.linalg.qr(x, "complete" if complete else "reduced"), a))


@kernel()
def linalg_qr_backward(da, a, result, dy):
    """da = the gradient of linalg_qr, which is not `complete` or has m <= n."""
    m, n = a.shape[-2:]
    k = min(m, n)
    q, r = split(result, (m, k), (k, n))
    dq, dr = split(dy, (m, k), (k, n))
    if m < n:                           # R = (R1, Q^T A2) with A = (A1, A2) and A1 = Q R1
        da[..., m:] = q @ dr[..., m:]
        dq = dq + a[..., m:] @ transposed(dr[..., m:])
        r, dr = r[..., :m], dr[..., :m]
    inner = np.triu(dr @ transposed(r) - transposed(q) @ dq)
    inner = half_diagonal(inner + transposed(inner))
    da[..., :k] = transposed(np.linalg.solve(r, transposed(dq + q @ inner)))


@kernel(fallible=True)
def linalg_eigh(out, a):
    """out = the n eigenvalues, ascending, and the (n, n) eigenvectors as columns, of the lower triangle of a."""
    join(out, *lapack("eigh", np.linalg.eigh, a))


@kernel()
def linalg_eigh_backward(da, result, dy, vectors):
    """da = the gradient of linalg_eigh; by the eigenvalues alone if not `vectors`."""
    n = da.shape[-1]
    values, v = split(result, (n,), (n, n))
    dvalues, dv = split(dy, (n,), (n, n))
    inner = np.zeros_like(v)
    if vectors:
        gaps = values[..., None, :] - values[..., :, None]
        inner = np.where(np.eye(n, dtype=bool), 0, (transposed(v) @ dv) / np.where(np.eye(n, dtype=bool), 1, gaps))
    diagonal = np.arange(n)
    inner[..., diagonal, diagonal] += dvalues
    da[...] = v @ inner @ transposed(v)


@kernel(fallible=True)
def linalg_eig(out, a):
    """out (complex) = the n eigenvalues, in no order, and the (n, n) eigenvectors as columns, of a."""
    join(out, *lapack("eig", np.linalg.eig, a))


@kernel(fallible=True)
def linalg_svd(out, a, full):
    """out = U, S and V^T with a = U diag(S) V^T, for a (..., m, n): (m, k), (k,), (k, n) with k = min(m, n).

    With `full`, U is (m, m) and V^T is (n, n).
    """
    join(out, *lapack("svd", lambda x: np.linalg.svd(x, full_matrices=full), a))


@kernel()
def linalg_svd_backward(da, result, dy, vectors):
    """da = the gradient of linalg_svd, not `full`; by the singular values alone if not `vectors`."""
    m, n = da.shape[-2:]
    k = min(m, n)
    u, s, vt = split(result, (m, k), (k,), (k, n))
    du, ds, dvt = split(dy, (m, k), (k,), (k, n))
    if not vectors:
        da[...] = (u * ds[..., None, :]) @ vt
        return
    squares = s * s
    gaps = squares[..., None, :] - squares[..., :, None]
    gaps = np.where(np.eye(k, dtype=bool), 1, gaps)
    by_u, by_v = transposed(u) @ du, vt @ transposed(dvt)
    inner = (by_u - transposed(by_u)) / gaps * s[..., None, :]
    inner += s[..., :, None] * ((by_v - transposed(by_v)) / gaps)
    diagonal = np.arange(k)
    inner[..., diagonal, diagonal] += ds
    total = u @ inner @ vt
    if m > k:
        total += ((du - u @ by_u) / s[..., None, :]) @ vt
    if n > k:
        total += (u / s[..., None, :]) @ (dvt - transposed(by_v) @ vt)
    da[...] = total


@kernel(fallible=True)
def linalg_pinv(out, a, rtol):
    """out (..., n, m) = the pseudoinverse of a (..., m, n); singular values up to rtol times the largest count as 0."""
    out[...] = lapack("pinv", lambda x: np.linalg.pinv(x, rcond=rtol), a)


@kernel()
def linalg_pinv_backward(da, a, inverse, dy):
    """da = the gradient of linalg_pinv, whose result is `inverse`."""
    p, pt, g = inverse, transposed(inverse), transposed(dy)
    m, n = a.shape[-2:]
    da[...] = -pt @ dy @ pt + (np.eye(m) - a @ p) @ g @ p @ pt + pt @ p @ g @ (np.eye(n) - p @ a)


@kernel()
def linalg_matrix_exp(out, a):
    """out = the matrix exponential of a (..., n, n)."""
    out[...] = scipy_module("linalg").expm(a)


@kernel()
def linalg_matrix_exp_backward(da, a, dy):
    """da = the gradient of linalg_matrix_exp."""
    n = a.shape[-1]
    block = np.zeros((*a.shape[:-2], 2 * n, 2 * n), a.dtype)
    block[..., :n, :n] = block[..., n:, n:] = transposed(a)
    block[..., :n, n:] = dy
    da[...] = scipy_module("linalg").expm(block)[..., :n, n:]


@kernel()
def linalg_lu(out, a):
    """out = P, L and U with a = P L U, for a (..., m, n): (m, m), (m, k), (k, n) with k = min(m, n)."""
    shape = a.shape[:-2]
    m, n = a.shape[-2:]
    k = min(m, n)
    lu = scipy_module("linalg").lu
    parts = [lu(x) for x in a.reshape(math.prod(shape), m, n)]
    sizes = (m, m), (m, k), (k, n)
    join(out, *(np.array([p[i] for p in parts]).reshape(*shape, *size) for i, size in enumerate(sizes)))


@kernel()
def linalg_lu_backward(da, result, dy):
    """da = the gradient of linalg_lu."""
    m, n = da.shape[-2:]
    k = min(m, n)
    p, l, u = split(result, (m, m), (m, k), (k, n))
    _, dl, du = split(dy, (m, m), (m, k), (k, n))
    l1, u1, dl1, du1 = l[..., :k, :], u[..., :k], dl[..., :k, :], du[..., :k]
    rows, columns = dl[..., k:, :], du[..., k:]             # of those below and right of the square part
    if m > n:                           # L2 = A2 U^-1
        rows = transposed(np.linalg.solve(u1, transposed(rows)))
        du1 = du1 - transposed(l[..., k:, :]) @ rows
    elif n > m:                         # U2 = L^-1 A2
        columns = np.linalg.solve(transposed(l1), columns)
        dl1 = dl1 - columns @ transposed(u[..., k:])
    inner = np.tril(transposed(l1) @ dl1, -1) + np.triu(du1 @ transposed(u1))
    inner = np.linalg.solve(transposed(l1), inner)
    inner = transposed(np.linalg.solve(u1, transposed(inner)))
    da[...] = p @ (np.concatenate([inner, rows], -2) if m > n else np.concatenate([inner, columns], -1))


