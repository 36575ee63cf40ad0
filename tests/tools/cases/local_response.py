from . import Case, garbage, real
from .norm import LOOSE, vector

ROWS = ((0, 3), (3, 0), (2, 1), (1, 5), (3, 7), (2, 8), (3, 9), (2, 16), (3, 17), (5, 33), (300, 20), (2, 600))
BENCH = (32 * 27 * 27, 96)


def forward(size, alpha=0.5, beta=0.75, k=1.0):
    def make(rng, dtype, shape):
        x = real(rng, shape, dtype, special=False)
        return (garbage(shape, dtype), garbage(shape, dtype), x, size, alpha, beta, k), {}
    return make


def backward(size, alpha=0.5, beta=0.75):
    def make(rng, dtype, shape):
        scale = vector(rng, dtype, shape)
        x, dy = (real(rng, shape, dtype, special=False) for _ in range(2))
        return (garbage(shape, dtype), x, scale, dy, size, alpha, beta), {}
    return make


CASES = [case for size, attributes, note in (
             (5, {}, ""), (1, {}, "single"), (4, {"beta": 1.25}, "even"), (41, {"beta": 0.5}, "wide"))
         for bench in (BENCH if not note else None,)
         for case in (Case("local_response_norm", forward(size, **attributes), ROWS, bench, note=note, **LOOSE),
                      Case("local_response_norm_backward", backward(size, **attributes), ROWS, bench, note=note,
                           **LOOSE))]
