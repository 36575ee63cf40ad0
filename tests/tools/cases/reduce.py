import numpy as np

from . import Case, garbage, real

# (outer, n, inner): rows, one column, few columns and many, empty axes, more than one chunk of either kind
SHAPES = (
    (0, 3, 1), (3, 0, 1), (3, 0, 2), (2, 3, 0), (1, 1, 1), (5, 3, 1), (3, 4, 1), (2, 5, 1), (4, 7, 1), (3, 8, 1),
    (3, 9, 1), (3, 15, 1), (2, 16, 1), (3, 17, 1), (3, 31, 1), (2, 33, 1), (2, 63, 1), (2, 65, 1), (700, 10, 1),
    (2, 2047, 1), (2, 2049, 1), (17, 4500, 1), (1, 13001, 1), (3, 8200, 1),
    (1, 5, 3), (2, 17, 4), (3, 3, 5), (1, 33, 16), (2, 16, 33), (2, 15, 65), (3, 2, 300), (20, 257, 7), (1, 700, 3),
    (1, 1500, 70), (2, 600, 530), (1, 40, 520))
SOME = tuple(s for s in SHAPES if s[1])
NONE = ((3, 0, 1), (2, 0, 5))


def reduced(x, dtype=None):
    return garbage((x.shape[0], x.shape[2]), dtype or x.dtype)


def reduction(rng, dtype, shape):
    x = real(rng, shape, dtype)
    return (reduced(x), x), {}


# (N, positions, channels): parts of vectors, of groups and of chunks
IMAGES = ((0, 3, 2), (2, 0, 3), (1, 1, 1), (2, 3, 5), (2, 16, 16), (1, 17, 33), (3, 65, 7), (2, 70, 70), (1, 2050, 18),
          (1, 31, 600), (2, 300, 65), (1, 4200, 9))


SOME_IMAGES = tuple(s for s in IMAGES if 0 not in s[1:])


def across(axis, make_input):
    """A reduction of a channels-last array, of which `make_input` makes the input."""
    def make(rng, dtype, shape):
        (_, x), _ = make_input(rng, dtype, shape)
        return (garbage((shape[0], shape[3 - axis]), dtype), x, axis), {}
    return make


def with_nan(rng, dtype, shape):
    x = real(rng, shape, dtype)
    x[rng.random(shape) < 0.2 / max(shape[1], 1)] = np.nan
    x[rng.random(shape) < 0.2 / max(shape[1], 1)] = -np.inf
    x[rng.random(shape) < 0.2 / max(shape[1], 1)] = np.inf
    return (reduced(x), x), {}


def of_integers(rng, dtype, shape):
    x = rng.integers(0, 2 if dtype == np.bool_ else 100, shape).astype(dtype)
    return (reduced(x, np.int64), x), {}


def place(rng, dtype, shape):
    (_, x), _ = with_nan(rng, dtype, shape)
    return (reduced(x, np.int64), x), {}


def place_of_equals(rng, dtype, shape):
    x = rng.integers(0, 3, shape).astype(dtype)
    return (reduced(x, np.int64), x), {}


def variance(correction, scale=1, offset=3):
    def make(rng, dtype, shape):
        x = real(rng, shape, dtype, special=False) * dtype(scale) + dtype(offset)
        return (reduced(x), reduced(x, np.float64), x), {"correction": correction}
    return make


def softmax(rng, dtype, shape):
    x = real(rng, shape, dtype)
    if x.size > 20:
        x[0, 0, 0] = -np.inf
        x[-1] = -np.inf                         # a whole row
        x[x.shape[0] // 2, -1, -1] = np.nan
    return (garbage(shape, dtype), x), {}


def softmax_backward(rng, dtype, shape):
    y = rng.random(shape).astype(dtype)
    y /= np.maximum(y.sum(axis=1, keepdims=True), 1)
    return (garbage(shape, dtype), y, real(rng, shape, dtype, special=False)), {}


def log_softmax_backward(rng, dtype, shape):
    (_, y, dy), _ = softmax_backward(rng, dtype, shape)
    return (garbage(shape, dtype), np.log(y + dtype(1e-9)), dy), {}


def everything(rng, dtype, shape):
    return (garbage((), dtype), real(rng, shape, dtype)), {}


def weighted(rng, dtype, shape):
    weights = rng.random(shape).astype(dtype) + dtype(0.5)
    return (garbage((), dtype), garbage((1,), dtype), real(rng, shape, dtype, special=False) * weights, weights), {}


# sums of n numbers about 1: the terms' errors grow with sqrt(n), of which NumPy adds some columns one by one
SUMS = {"rtol": (1e-5, 1e-13), "atol": (2e-4, 1e-12)}
LARGE = (64, 8192, 1)

def log_sum(rng, dtype, shape):
    (_, x), _ = softmax(rng, dtype, shape)
    return (reduced(x), x), {}


def log_sum_backward(rng, dtype, shape):
    x = real(rng, shape, dtype)
    y = np.logaddexp.reduce(x, 1, initial=-np.inf).astype(dtype)
    return (garbage(shape, dtype), x, y, real(rng, y.shape, dtype)), {}


CASES = [
    Case("sum", reduction, SHAPES, LARGE, **SUMS),
    Case("sum", with_nan, SHAPES, None, note="nan", **SUMS),
    Case("sum", of_integers, SHAPES, None, note="integers", dtypes=(np.int64, np.int32, np.uint8, np.bool_)),
    Case("mean", reduction, SHAPES, LARGE, rtol=(1e-5, 1e-13), atol=(1e-5, 1e-14)),
    Case("weighted_mean", weighted, SHAPES, LARGE, rtol=(1e-5, 1e-13), atol=(1e-5, 1e-14)),
    Case("var", variance(1), SHAPES, LARGE, rtol=(1e-5, 1e-13)),
    Case("var", variance(0), SHAPES, None, rtol=(1e-5, 1e-13), note="biased"),
    Case("var", variance(1, 1e-2, 12345.678), SHAPES, None, note="far from 0", rtol=(1e-5, 1e-8)),
    Case("std", variance(1), SHAPES, LARGE, rtol=(1e-5, 1e-13)),
    Case("std", variance(0, 1e-2, -12345.678), SHAPES, None, note="far from 0", rtol=(1e-5, 1e-8)),
    Case("std", variance(1, 1e30, 1e31), SHAPES, None, note="large", rtol=(1e-5, 1e-13)),
    Case("std", variance(1, 1e-30, 0), SHAPES, None, note="small", rtol=(1e-5, 1e-11), atol=(0, 0)),
    Case("amax", with_nan, SOME, LARGE),
    Case("amin", with_nan, SOME, LARGE),
    Case("amax", with_nan, NONE, None, note="empty", raises=ValueError),
    Case("amin", with_nan, NONE, None, note="empty", raises=ValueError),
    *(case for axis, note in ((1, "positions"), (2, "channels")) for case in (
        Case("sum_across", across(axis, reduction), IMAGES, (16, 56 * 56, 64), note=note, **SUMS),
        Case("mean_across", across(axis, reduction), IMAGES, None, note=note, rtol=(1e-5, 1e-13), atol=(1e-5, 1e-14)),
        Case("amax_across", across(axis, with_nan), SOME_IMAGES, None, note=note),
        Case("amin_across", across(axis, with_nan), SOME_IMAGES, None, note=note),
        Case("amax_across", across(axis, with_nan), ((2, 0, 0),), None, note=f"no {note}", raises=ValueError),
        Case("amin_across", across(axis, with_nan), ((2, 0, 0),), None, note=f"no {note}", raises=ValueError))),
    Case("argmax", place, SOME, LARGE),
    Case("argmin", place, SOME, LARGE),
    Case("argmax", place_of_equals, SOME, None, note="equals"),
    Case("argmin", place_of_equals, SOME, None, note="equals"),
    Case("argmax", place, NONE, None, note="empty", raises=ValueError),
    Case("argmin", place, NONE, None, note="empty", raises=ValueError),
    Case("softmax", softmax, SHAPES, (1024, 1000, 1), rtol=(1e-5, 1e-13), atol=(1e-7, 1e-15)),
    Case("softmax_backward", softmax_backward, SHAPES, (1024, 1000, 1), rtol=(1e-5, 1e-13), atol=(1e-6, 1e-14)),
    Case("log_softmax", softmax, SHAPES, (1024, 1000, 1), rtol=(1e-5, 1e-13), atol=(1e-5, 1e-13)),
    Case("log_softmax_backward", log_softmax_backward, SHAPES, (1024, 1000, 1), rtol=(1e-5, 1e-13),
         atol=(1e-5, 1e-13)),
    Case("sum_squares", everything, SHAPES, (1, 1 << 20, 1), rtol=(1e-5, 1e-13)),
    Case("square_sums", reduction, SHAPES, LARGE, rtol=(1e-5, 1e-13)),
    Case("logsumexp", log_sum, SHAPES, (1000, 1000, 1)),
    Case("logsumexp_backward", log_sum_backward, SHAPES, (1000, 1000, 1), rtol=(1e-5, 1e-12), atol=(1e-5, 1e-12)),
]
