import numpy as np

from fastnet._kernels.reference import linalg_extra as reference

from . import Case, garbage

SIZES = ((0, 0), (1, 1), (1, 3), (2, 4))                # (matrices, rows)


def matrices(rng, dtype, size, columns=None):
    batch, n = size
    return (rng.standard_normal((batch, n, columns or n)) + 2 * np.eye(n, columns or n)).astype(dtype)


def positive(rng, dtype, size):
    a = matrices(rng, dtype, size)
    return a @ a.swapaxes(-1, -2) + np.eye(size[1], dtype=dtype)


def of(shape, *attributes, make=matrices):
    """A kernel of one array; `shape` gives that of the result from the number of rows."""
    return lambda rng, dtype, size: (
        (garbage((size[0], *shape(size[1])), dtype), make(rng, dtype, size), *attributes), {})


def square(n):
    return n, n


def backward(*attributes, arrays=2, dy=square, make=matrices):
    """A gradient by a square matrix from `arrays` square arrays and the gradient of the result."""
    return lambda rng, dtype, size: (
        (garbage((size[0], size[1], size[1]), dtype), *(make(rng, dtype, size) for _ in range(arrays - 1)),
         rng.standard_normal((size[0], *dy(size[1]))).astype(dtype), *attributes), {})


def solve(*attributes):
    return lambda rng, dtype, size: ((garbage((*size, 2), dtype), matrices(rng, dtype, size),
                                      rng.standard_normal((*size, 2)).astype(dtype), *attributes), {})


def by_matrix(rng, dtype, size):
    db, x = (rng.standard_normal((*size, 2)).astype(dtype) for _ in range(2))
    return (garbage((*size, size[1]), dtype), db, x), {}


def joined(kernel, length, *attributes, make=matrices, with_input=False, after=()):
    """A gradient that reads the joined results of the kernel `kernel`."""
    def call(rng, dtype, size):
        a = make(rng, dtype, size)
        result = np.empty((size[0], length(size[1])), dtype)
        getattr(reference, kernel)(result, a, *attributes)
        dy = rng.standard_normal(result.shape).astype(dtype)
        return (garbage(a.shape, dtype), *((a,) if with_input else ()), result, dy, *after), {}
    return call


def vectors(n):
    return (n + n * n,)


def svd(n):
    return (2 * n * n + n,)


def case(kernel, make, note=""):
    return Case(kernel, make, SIZES, None, note=note)


CASES = [
    case("linalg_inv", of(square)),
    case("linalg_inv_backward", backward()),
    case("linalg_solve", solve()),
    case("linalg_solve_triangular", solve(True, False), "upper"),
    case("linalg_solve_triangular", solve(False, True), "unit"),
    case("linalg_solve_backward", by_matrix),
    case("linalg_triangle", of(square, True, False), "upper"),
    case("linalg_triangle", of(square, False, True), "unit"),
    case("linalg_cholesky", of(square, make=positive)),
    case("linalg_cholesky_backward", backward(make=lambda *a: np.linalg.cholesky(positive(*a)))),
    case("linalg_det", of(lambda n: ())),
    case("linalg_det_backward", backward(dy=lambda n: ())),
    case("linalg_slogdet", of(lambda n: (2,))),
    case("linalg_slogdet_backward", backward(dy=lambda n: (2,))),
    case("linalg_qr", of(lambda n: (2 * n * n,), False), "reduced"),
    case("linalg_qr", of(lambda n: (2 * n * n,), True), "complete"),
    case("linalg_qr_backward", joined("linalg_qr", lambda n: 2 * n * n, False, with_input=True)),
    case("linalg_eigh", of(vectors, make=positive)),
    case("linalg_eigh_backward", joined("linalg_eigh", lambda n: n + n * n, make=positive, after=(True,))),
    case("linalg_eig", lambda rng, dtype, size: (
        (garbage((size[0], *vectors(size[1])), np.result_type(dtype, np.complex64)), matrices(rng, dtype, size)), {})),
    case("linalg_svd", of(svd, True)),
    case("linalg_svd_backward", joined("linalg_svd", lambda n: 2 * n * n + n, False, after=(True,))),
    case("linalg_pinv", of(square, 1e-6)),
    case("linalg_pinv_backward", backward(arrays=3)),
    case("linalg_matrix_exp", of(square)),
    case("linalg_matrix_exp_backward", backward()),
    case("linalg_lu", of(lambda n: (3 * n * n,))),
    case("linalg_lu_backward", joined("linalg_lu", lambda n: 3 * n * n)),
]
