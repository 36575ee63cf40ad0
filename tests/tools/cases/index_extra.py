import numpy as np

from . import Case, garbage, real

# rows, columns, how many are picked
SIZES = ((1, 1, 1), (4, 3, 0), (5, 7, 9), (33, 2, 100))


def key(rng, size):
    n, _, picked = size
    return rng.integers(-n, n, picked), slice(None, None, 2)


def index_get(rng, dtype, size):
    x, k = real(rng, size[:2], dtype), key(rng, size)
    return (garbage(x[k].shape, dtype), x, *k), {}


def index_put_(rng, dtype, size):
    x, k = real(rng, size[:2], dtype), key(rng, size)
    return (x, real(rng, x[k].shape[1:], dtype), *k), {}


def index_add_(rng, dtype, size):
    x, k = real(rng, size[:2], dtype), key(rng, size)
    return (x, real(rng, x[k].shape, dtype), *k), {}


def mask(rng, dtype, size):
    x = real(rng, size[:2], dtype)
    chosen = rng.random(x.shape) < 0.5
    return (garbage(int(chosen.sum()), dtype), x, chosen), {}


def one_hot(rng, dtype, size):
    n, m, classes = size
    return (garbage((n, m, classes), dtype), rng.integers(-1, classes + 1, (n, m))), {}


CASES = [
    Case("index_get", index_get, sizes=SIZES, bench=(1000, 1000, 1000)),
    Case("index_get", mask, sizes=SIZES, bench=None, note="mask"),
    Case("index_put_", index_put_, sizes=SIZES, bench=(1000, 1000, 1000)),
    Case("index_add_", index_add_, sizes=SIZES, bench=(1000, 1000, 1000)),
    Case("one_hot", one_hot, sizes=SIZES, bench=(128, 10, 100), dtypes=(np.float32, np.float64, np.int64)),
]
