import numpy as np

from . import Case, garbage, real
from .index import COLUMNS, COLUMNS_BENCH, SUMS, outside

COPIES = (np.float32, np.float64, np.int64, np.int32)


def numbers(rng, shape, dtype):
    return real(rng, shape, dtype, special=False) if dtype in (np.float32, np.float64) else \
        rng.integers(-100, 100, shape).astype(dtype)


def scatter(reduce, wild=False):
    def make(rng, dtype, size):
        outer, n, m, inner = size
        index = rng.integers(0, n, (outer, m, inner))
        index = outside(rng, index, n) if wild else index
        out, src = numbers(rng, (outer, n, inner), dtype), numbers(rng, index.shape, dtype)
        return (out, index, src), {"reduce": reduce}
    return make


def rows(rng, dtype, size, wild=True):
    outer, n, m, inner = size
    index = outside(rng, rng.integers(0, n, m), n)
    return numbers(rng, (outer, n, inner), dtype), index, numbers(rng, (outer, m, inner), dtype)


def select_rows(rng, dtype, size):
    x, index, out = rows(rng, dtype, size)
    return (garbage(out.shape, dtype), x, index), {}


def copy_rows(rng, dtype, size):
    return rows(rng, dtype, size), {}


def fill_rows(rng, dtype, size):
    out, index, _ = rows(rng, dtype, size)
    return (out, index, np.array(7, dtype)), {}


def add_rows(rng, dtype, size):
    return rows(rng, dtype, size), {"alpha": 0.5}


PRODUCTS = {"rtol": (1e-4, 1e-11), "atol": (1e-4, 1e-11)}

CASES = [
    Case("scatter_", scatter("put"), COLUMNS, COLUMNS_BENCH, dtypes=COPIES),
    Case("scatter_", scatter("put", True), COLUMNS, None, note="outside", dtypes=COPIES),
    *[Case("scatter_", scatter(mode), COLUMNS, None, note=mode, dtypes=COPIES, **SUMS)
      for mode in ("add", "amax", "amin")],
    Case("scatter_", scatter("mul"), COLUMNS[:-1], None, note="mul", **PRODUCTS),
    Case("scatter_", scatter("add", True), COLUMNS, None, note="add-outside", **SUMS),
    Case("select_rows", select_rows, COLUMNS, COLUMNS_BENCH, dtypes=COPIES),
    Case("copy_rows_", copy_rows, COLUMNS, COLUMNS_BENCH, dtypes=COPIES),
    Case("fill_rows_", fill_rows, COLUMNS, COLUMNS_BENCH, dtypes=COPIES),
    Case("add_rows_", add_rows, COLUMNS, COLUMNS_BENCH, **SUMS),
]
