import numpy as np

from . import Case, garbage


def randperm(rng, dtype, n):
    return (garbage(n, np.int64), np.array([42, 7], np.uint64), 3), {}


CASES = [Case("randperm", randperm, dtypes=(np.float32,))]
