import numpy as np

from . import Case, garbage, real
from .reduce import SHAPES, of_integers

BENCH = (64, 1000, 1)


def running(rng, dtype, shape, **attrs):
    return (garbage(shape, dtype), real(rng, shape, dtype, special=False)), attrs


def reversed_(rng, dtype, shape):
    return running(rng, dtype, shape, reverse=True)


def integers(rng, dtype, shape):
    (_, x), _ = of_integers(rng, dtype, shape)
    return (garbage(shape, np.int64), x), {}


def factors(rng, dtype, shape):
    """Numbers near 1 or -1, so that long products stay in range; some are 0."""
    x = (rng.choice([-1, 1], shape) * (1 + 0.01 * rng.standard_normal(shape))).astype(dtype)
    x[rng.random(shape) < 0.001] = 0
    return x


def product(rng, dtype, shape):
    return (garbage(shape, dtype), factors(rng, dtype, shape)), {}


def product_backward(rng, dtype, shape):
    x = factors(rng, dtype, shape)
    return (garbage(shape, dtype), x, np.multiply.accumulate(x, 1), real(rng, shape, dtype, special=False)), {}


def log_sum(rng, dtype, shape):
    x = real(rng, shape, dtype)
    x[:, :2] = -np.inf
    return (garbage(shape, dtype), x), {}


def log_sum_backward(rng, dtype, shape):
    (_, x), _ = log_sum(rng, dtype, shape)
    return (garbage(shape, dtype), x, np.logaddexp.accumulate(x, 1), real(rng, shape, dtype, special=False)), {}


def extreme(rng, dtype, shape):
    x = rng.integers(0, 9, shape).astype(dtype)
    x[rng.random(shape) < 0.1 / max(shape[1], 1)] = np.nan
    return (garbage(shape, np.int64), x), {}


SUMS = {"rtol": (1e-5, 1e-11), "atol": (1e-4, 1e-11)}
SHORT = tuple(s for s in SHAPES if s[1] < 5000)

CASES = [
    Case("cumsum", running, SHAPES, BENCH, **SUMS),
    Case("cumsum", reversed_, SHAPES, None, note="reverse", **SUMS),
    Case("cumsum", integers, SHAPES, None, note="integers", dtypes=(np.int64, np.int32, np.uint8, np.bool_)),
    Case("cumprod", product, SHAPES, BENCH, **SUMS),
    Case("cumprod_backward", product_backward, SHORT, BENCH, **SUMS),
    Case("logcumsumexp", log_sum, SHAPES, BENCH, **SUMS),
    Case("logcumsumexp_backward", log_sum_backward, SHORT, BENCH, **SUMS),
    Case("cummax", extreme, SHORT, BENCH),
    Case("cummin", extreme, SHORT, BENCH),
]
