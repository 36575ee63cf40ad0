import numpy as np

from . import Case, garbage


def randperm(rng, dtype, n):
    return (garbage(n, np.int64), np.array([42, 7], np.uint64), 3), {}


def weights(rng, dtype, n):
    return (np.abs(rng.standard_normal((3, n + 2))).astype(dtype), 2), {}


CASES = [
    Case("check_weights", weights, bench=None),
    Case("randperm", randperm, dtypes=(np.float32,)),
]
