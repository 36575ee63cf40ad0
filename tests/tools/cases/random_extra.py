import numpy as np

from . import Case, garbage


def randperm(rng, dtype, n):
    return (garbage(n, np.int64), np.array([42, 7], np.uint64), 3), {}


def weights(rng, dtype, n):
    return (np.abs(rng.standard_normal((3, n + 2))).astype(dtype), 2), {}


def draws(low, *others):
    """A draw whose parameters are numbers from `low`, and further arrays of one number each."""
    def build(rng, dtype, n):
        parameters = low + np.abs(rng.standard_normal(n)).astype(dtype)
        return (garbage(n, dtype), np.array([42, 7], np.uint64), 3, parameters.astype(dtype),
                *(np.full(n, value, dtype) for value in others)), {}
    return build


def slopes(rng, dtype, n):
    shapes, draws = rng.uniform(0.3, 5, (2, n)).astype(dtype)
    return (garbage(n, dtype), shapes, draws), {}


CASES = [
    Case("random_poisson", draws(0)),
    Case("random_binomial", draws(5, 0.25)),
    Case("random_gamma", draws(0.1)),
    Case("gamma_slope", slopes, rtol=(1e-5, 1e-9)),
    Case("check_weights", weights, bench=None),
    Case("randperm", randperm, dtypes=(np.float32,)),
]
