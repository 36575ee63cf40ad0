import itertools

import numpy as np

from . import Case, garbage, real

ROWS = ((0, 3), (3, 1), (1, 5), (2, 7), (3, 8), (5, 9), (2, 16), (3, 17), (4, 33), (2, 65), (17, 64), (40, 100),
        (3, 2100), (300, 70), (1100, 16))
BENCH_ROWS = (1024, 768)
LOOSE = {"rtol": (2e-5, 1e-12), "atol": (2e-5, 1e-13)}
# float64 is no more exact than its mean, and its twin sums in another order
FAR = {"rtol": (2e-5, 1e-7), "atol": (5e-4, 1e-7)}


def vector(rng, dtype, n, wanted=True):
    return rng.uniform(0.5, 1.5, n).astype(dtype) if wanted else None


def output(shape, dtype, wanted=True):
    return garbage(shape, dtype) if wanted else None


# ---- layer norm -----------------------------------------------------------------------------------------------------

def layer_norm(weight=True, bias=True, scale=2, offset=1):
    def make(rng, dtype, shape):
        rows, n = shape
        x = real(rng, shape, dtype, special=False) * dtype(scale) + dtype(offset)
        return (garbage(shape, dtype), garbage(rows, np.float64), garbage(rows, dtype), x,
                vector(rng, dtype, n, weight), vector(rng, dtype, n, bias), 1e-5), {}
    return make


def layer_norm_backward(dx=True, dweight=True, dbias=True, weight=True, offset=1):
    def make(rng, dtype, shape):
        rows, n = shape
        x, dy = real(rng, shape, dtype, special=False) + dtype(offset - 1), real(rng, shape, dtype, special=False)
        return (output(shape, dtype, dx), output(n, dtype, dweight), output(n, dtype, dbias), x,
                vector(rng, dtype, n, weight), vector(rng, np.float64, rows) + (offset - 1), vector(rng, dtype, rows),
                dy), {}
    return make


def rms_norm(weight=True):
    def make(rng, dtype, shape):
        return (garbage(shape, dtype), garbage(shape[0], dtype), real(rng, shape, dtype, special=False) + dtype(1),
                vector(rng, dtype, shape[1], weight), 1e-5), {}
    return make


def rms_norm_backward(dx=True, dweight=True, weight=True):
    def make(rng, dtype, shape):
        rows, n = shape
        x, dy = (real(rng, shape, dtype, special=False) for _ in range(2))
        return (output(shape, dtype, dx), output(n, dtype, dweight), x, vector(rng, dtype, n, weight),
                vector(rng, dtype, rows), dy), {}
    return make


def wanted_of(names):
    """Every choice of the named outputs but all of them, with a note for each."""
    for choice in itertools.product((True, False), repeat=len(names)):
        if any(choice) and not all(choice):
            yield "only_" + "_".join(n for n, c in zip(names, choice) if c), dict(zip(names, choice))


OUTPUTS = ("dx", "dweight", "dbias")
CASES = [
    Case("layer_norm", layer_norm(), ROWS, BENCH_ROWS, **LOOSE),
    Case("layer_norm", layer_norm(bias=False), ROWS, None, note="weight", **LOOSE),
    Case("layer_norm", layer_norm(False, False), ROWS, None, note="plain", **LOOSE),
    Case("layer_norm", layer_norm(scale=1e-2, offset=12345.678), ROWS, None, note="far from 0", **FAR),
    Case("layer_norm", layer_norm(scale=0, offset=12345.678), ROWS, None, note="constant", **FAR),
    Case("layer_norm_backward", layer_norm_backward(offset=1e4), ROWS, None, note="far from 0", **FAR),
    Case("layer_norm_backward", layer_norm_backward(), ROWS, BENCH_ROWS, rtol=(1e-5, 1e-13), atol=(5e-4, 1e-12)),
    Case("layer_norm_backward", layer_norm_backward(weight=False), ROWS, None, note="plain", atol=(5e-4, 1e-12)),
    *(Case("layer_norm_backward", layer_norm_backward(**wanted), ROWS[::2], None, note=note, atol=(5e-4, 1e-12))
      for note, wanted in wanted_of(OUTPUTS)),
    Case("rms_norm", rms_norm(), ROWS, BENCH_ROWS, **LOOSE),
    Case("rms_norm", rms_norm(False), ROWS, None, note="plain", **LOOSE),
    Case("rms_norm_backward", rms_norm_backward(), ROWS, BENCH_ROWS, rtol=(1e-5, 1e-13), atol=(5e-4, 1e-12)),
    Case("rms_norm_backward", rms_norm_backward(weight=False), ROWS, None, note="plain", atol=(5e-4, 1e-12)),
    *(Case("rms_norm_backward", rms_norm_backward(**wanted), ROWS[::2], None, note=note, atol=(5e-4, 1e-12))
      for note, wanted in wanted_of(OUTPUTS[:2])),
]
