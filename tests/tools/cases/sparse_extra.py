import numpy as np

from . import Case, garbage, real

# rows and columns of the sparse matrix, how many rows are picked, columns of the dense one
SIZES = ((1, 1, 1, 1), (4, 3, 0, 2), (7, 50, 9, 5), (33, 20, 100, 3))


def csr(rng, dtype, n, k):
    dense = real(rng, (n, k), dtype, special=False) * (rng.random((n, k)) < 0.2)
    row, column = dense.nonzero()
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=n), out=indptr[1:])
    return indptr, column.astype(np.int32), dense[row, column]


def csr_matmul(rng, dtype, size):
    n, k, m, d = size
    return (garbage((m, d), dtype), rng.integers(0, n, m), *csr(rng, dtype, n, k), real(rng, (k, d), dtype)), {}


def csr_matmul_backward(rng, dtype, size):
    n, k, m, d = size
    return (garbage((k, d), dtype), rng.integers(0, n, m), *csr(rng, dtype, n, k), real(rng, (m, d), dtype)), {}


CASES = [
    Case("csr_matmul", csr_matmul, SIZES, bench=(11000, 20000, 200, 100)),
    Case("csr_matmul_backward", csr_matmul_backward, SIZES, bench=(11000, 20000, 200, 100)),
]
