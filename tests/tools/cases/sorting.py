import numpy as np

from . import Case, garbage, real

SORTED = (np.float32, np.float64, np.int64, np.int32)
# rows, columns
SIZES = ((0, 3), (3, 0), (1, 1), (3, 7), (5, 16), (2, 17), (2, 33), (70, 65), (2, 399), (3, 401), (2, 5000), (300, 20))
SOME = tuple(s for s in SIZES if s[1])


def elements(rng, dtype, shape):
    """With equal elements, which keep their order, both zeros, infinities and NaN."""
    x = rng.integers(-50, 50, shape).astype(dtype)
    if x.dtype.kind == "i":
        return x * np.array(2**24 if dtype == np.int32 else 2**50, dtype)
    x += np.round(rng.standard_normal(shape), 1).astype(dtype) * (rng.random(shape) < 0.5)
    x[rng.random(shape) < 0.03] = np.nan
    x[rng.random(shape) < 0.03] = -0.0
    x[rng.random(shape) < 0.03] = -np.inf
    x[rng.random(shape) < 0.02] = np.inf
    return x


def argsort(descending):
    def make(rng, dtype, shape):
        return (garbage(shape, np.int64), elements(rng, dtype, shape)), {"descending": descending}
    return make


def topk(descending, divisor):
    def make(rng, dtype, shape):
        k = -(-shape[1] // divisor)
        return (garbage((shape[0], k), np.int64), elements(rng, dtype, shape)), {"descending": descending}
    return make


def ascending(rng, dtype, shape):
    """Every element is among the largest so far."""
    x = np.sort(real(rng, shape, dtype), 1)
    return (garbage((shape[0], -(-shape[1] // 7)), np.int64), x), {}


def kth(rng, dtype, shape):
    return (garbage((shape[0], 1), np.int64), elements(rng, dtype, shape)), {"k": shape[1] // 3}


def searched(shared, right):
    def make(rng, dtype, shape):
        # stable: NumPy's other sorts may put equal zeros in any order of their signs
        x = np.sort(elements(rng, dtype, (1 if shared else shape[0], shape[1])), 1, kind="stable")
        values = elements(rng, dtype, (shape[0], 9))
        return (garbage(values.shape, np.int64), x, values), {"right": right}
    return make


CASES = [
    Case("argsort", argsort(False), SIZES, (64, 1000), dtypes=SORTED),
    Case("argsort", argsort(True), SIZES, None, note="descending", dtypes=SORTED),
    Case("topk", topk(True, 7), SIZES, (64, 10000), dtypes=SORTED),
    Case("topk", topk(False, 7), SIZES, None, note="smallest", dtypes=SORTED),
    Case("topk", topk(True, 2), SIZES, None, note="many", dtypes=SORTED),
    Case("topk", ascending, SIZES, None, note="ascending"),
    Case("kth", kth, SOME, (64, 1000), dtypes=SORTED),
    Case("searchsorted", searched(True, False), SIZES, (64, 1000), note="shared", dtypes=SORTED),
    Case("searchsorted", searched(False, True), SIZES, None, note="right", dtypes=SORTED),
]
