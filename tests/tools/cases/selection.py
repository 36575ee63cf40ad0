import numpy as np

from . import Case, garbage, real
from .scatter import COPIES

# outer, rows, columns
MATRICES = ((1, 1, 1), (0, 3, 3), (2, 0, 4), (2, 3, 0), (3, 5, 7), (2, 17, 16), (1, 63, 65), (700, 3, 2), (1, 130, 64))


def triangle(diagonal, upper):
    def make(rng, dtype, shape):
        x = real(rng, shape, dtype) if np.dtype(dtype).kind == "f" else rng.integers(1, 9, shape).astype(dtype)
        return (garbage(shape, dtype), x, diagonal), {"upper": upper}
    return make


def true_places(chance):
    def make(rng, dtype, n):
        mask = rng.random(n) < chance
        return (garbage(int(mask.sum()), np.int64), mask), {}
    return make


CASES = [
    *[Case("triangle", triangle(d, upper), MATRICES, (1, 1000, 1000) if d == 0 else None, dtypes=COPIES,
           note=f"{'upper' if upper else 'lower'}{d}") for d in (0, 2, -3, 1000, -1000) for upper in (False, True)],
    *[Case("true_places", true_places(chance), bench=1 << 20 if chance == 0.5 else None, dtypes=(np.float32,),
           note=str(chance)) for chance in (0, 0.5, 1)],
]
