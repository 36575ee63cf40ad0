"""Products with rows of a sparse matrix in CSR form; they need SciPy."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def csr_matmul(out, rows, indptr, indices, values, w):
    """out = A[rows] @ w, A (n, k) sparse, in CSR form: rows (m,) int64, w (k, d), out (m, d)."""
    out[...] = _rows(rows, indptr, indices, values, len(w)) @ w


@kernel()
def csr_matmul_backward(dw, rows, indptr, indices, values, dy):
    """dw = A[rows].T @ dy, A (n, k) sparse, in CSR form: rows (m,) int64, dy (m, d), dw (k, d), all of it written."""
    part = _rows(rows, indptr, indices, values, len(dw))
    # renumber the columns that occur, so that the product has no rows for the others
    occurs = np.zeros(len(dw), bool)
    occurs[part.indices] = True
    columns, number = np.flatnonzero(occurs), np.cumsum(occurs, dtype=part.indices.dtype) - 1
    dw[...] = 0
    dw[columns] = _matrix(part.indptr, number[part.indices], part.data, len(columns)).T @ dy


def _rows(rows, indptr, indices, values, columns):
    return _matrix(indptr, indices, values, columns)[rows]


def _matrix(indptr, indices, values, columns):
    from scipy.sparse import csr_array
    return csr_array((values, indices, indptr), shape=(len(indptr) - 1, columns))
