import numpy as np

from . import Case, garbage, real

# (outer, n, m, inner)
AXES = ((0, 2, 3, 4), (1, 1, 1, 1), (2, 3, 0, 4), (2, 3, 5, 0), (3, 4, 7, 1), (2, 7, 3, 3), (5, 9, 4, 15),
        (1, 4, 9, 16), (2, 5, 8, 17), (2, 4, 6, 63), (1, 5, 3, 64), (2, 3, 6, 65), (40, 20, 41, 3), (3, 30, 17, 130))
BENCH = (8, 28, 56, 56 * 64)
SUMS = {"rtol": (1e-5, 1e-12), "atol": (1e-5, 1e-13)}


def resample(rng, dtype, size, wild=False):
    outer, n, m, inner = size
    counts = rng.integers(0, 5, m)
    starts = np.concatenate(([0], np.cumsum(counts)))
    index, weights = rng.integers(0, n, starts[-1]), real(rng, starts[-1], dtype, special=False)
    if wild:
        index = np.where(rng.random(index.size) < 0.2, -1, index)
        index = np.where(rng.random(index.size) < 0.1, n + rng.integers(0, 2**60), index)
        starts = np.where(rng.random(m + 1) < 0.2, rng.integers(-2**60, 2**60), starts)
    return (garbage((outer, m, inner), dtype), real(rng, (outer, n, inner), dtype, special=False), starts, index,
            weights), {}


def wild(rng, dtype, size):
    return resample(rng, dtype, size, wild=True)


CASES = [
    Case("resample", resample, AXES, BENCH, **SUMS),
    Case("resample", wild, AXES, None, note="outside", **SUMS),
]
