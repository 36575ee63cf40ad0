import numpy as np

from . import Case, garbage
from .reduce import SHAPES, of_integers, reduced, reduction

INTEGERS = (np.int64, np.int32, np.uint8, np.bool_)


def prod_backward(rng, dtype, shape):
    (dy, x), _ = reduction(rng, dtype, shape)
    return (garbage(shape, dtype), x, np.ones_like(dy)), {}


def truths(rng, dtype, shape):
    x = (rng.random(shape) < 0.5 / max(shape[1], 1)).astype(dtype)
    return (reduced(x, np.bool_), x), {}


CASES = [
    Case("prod", reduction, SHAPES, None),
    Case("prod", of_integers, SHAPES, None, note="integers", dtypes=INTEGERS),
    Case("prod_backward", prod_backward, SHAPES, None),
    Case("any", truths, SHAPES, None, dtypes=(np.float32, np.float64, *INTEGERS)),
    Case("all", truths, SHAPES, None, dtypes=(np.float32, np.float64, *INTEGERS)),
]
