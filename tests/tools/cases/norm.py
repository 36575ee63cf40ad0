import itertools

import numpy as np

from . import Case, garbage, real

ROWS = ((0, 3), (3, 1), (1, 5), (2, 7), (3, 8), (5, 9), (2, 16), (3, 17), (4, 33), (2, 65), (17, 64), (40, 100),
        (3, 2100), (300, 70), (1100, 16))
# (N, C, L): narrow and wide, one chunk of images and several, several tiles of columns
CHANNELS = ((0, 3, 2), (2, 3, 0), (3, 0, 2), (3, 1, 1), (2, 5, 1), (7, 16, 1), (33, 17, 1), (300, 9, 1), (20, 300, 1),
            (5, 3, 3), (4, 90, 9), (600, 3, 2), (2, 6, 63), (2, 3, 64), (3, 5, 65), (9, 2, 2100), (3, 1, 16400))
BENCH_ROWS, BENCH_CHANNELS = (1024, 768), (256, 512, 1)
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


# ---- batch norm -----------------------------------------------------------------------------------------------------

def batch_norm_stats(scale=2, offset=1):
    def make(rng, dtype, shape):
        x = real(rng, shape, dtype, special=False) * dtype(scale) + dtype(offset)
        return (garbage(shape[1], np.float64), garbage(shape[1], dtype), x), {}
    return make


def means(rng, dtype, c, offset):
    """Running means, or with an offset those of a batch, in float64."""
    return vector(rng, np.float64, c) + offset if offset else vector(rng, dtype, c)


def batch_norm(weight=True, bias=True, offset=0):
    def make(rng, dtype, shape):
        c = shape[1]
        x = real(rng, shape, dtype, special=False) + dtype(offset)
        return (garbage(shape, dtype), x, means(rng, dtype, c, offset),
                vector(rng, dtype, c), vector(rng, dtype, c, weight), vector(rng, dtype, c, bias), 1e-5), {}
    return make


def batch_norm_backward(training, dx=True, dweight=True, dbias=True, weight=True, offset=0):
    def make(rng, dtype, shape):
        c = shape[1]
        return (output(shape, dtype, dx), output(c, dtype, dweight), output(c, dtype, dbias),
                real(rng, shape, dtype, special=False) + dtype(offset), means(rng, dtype, c, offset),
                vector(rng, dtype, c), vector(rng, dtype, c, weight),
                real(rng, shape, dtype, special=False), 1e-5, training), {}
    return make


def batch_norm_update(momentum, count=32):
    def make(rng, dtype, c):
        return (vector(rng, dtype, c), vector(rng, dtype, c), np.array(3, np.int64), vector(rng, np.float64, c),
                vector(rng, dtype, c), count, momentum), {}
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
    Case("batch_norm_stats", batch_norm_stats(), CHANNELS, BENCH_CHANNELS, **LOOSE),
    Case("batch_norm_stats", batch_norm_stats(1e-2, 12345.678), CHANNELS, None, note="far from 0", rtol=(1e-5, 1e-8)),
    Case("batch_norm_stats", batch_norm_stats(0, 12345.678), CHANNELS, None, note="constant", rtol=(0, 1e-13)),
    Case("batch_norm", batch_norm(offset=1e4), CHANNELS, None, note="far from 0", **FAR),
    Case("batch_norm_backward", batch_norm_backward(True, offset=1e4), CHANNELS, None, note="far from 0", **FAR),
    Case("batch_norm", batch_norm(), CHANNELS, BENCH_CHANNELS, **LOOSE),
    Case("batch_norm", batch_norm(weight=False), CHANNELS, None, note="bias", **LOOSE),
    Case("batch_norm", batch_norm(False, False), CHANNELS, None, note="plain", **LOOSE),
    *(Case("batch_norm_backward", batch_norm_backward(training), CHANNELS, BENCH_CHANNELS,
           note="training" if training else "constants", rtol=(1e-5, 1e-13), atol=(5e-4, 1e-12))
      for training in (True, False)),
    *(Case("batch_norm_backward", batch_norm_backward(training, weight=False, **wanted), CHANNELS[::2], None,
           note=f"{note}_{'training' if training else 'constants'}", atol=(5e-4, 1e-12))
      for note, wanted in wanted_of(OUTPUTS) for training in (True, False)),
    Case("batch_norm_update_", batch_norm_update(0.1), (0, 1, 3, 17, 300), 512),
    Case("batch_norm_update_", batch_norm_update(None), (3, 17), None, note="cumulative"),
    Case("batch_norm_update_", batch_norm_update(0.1, 1), (3,), None, note="single"),
    Case("batch_norm_update_", batch_norm_update(0.1, 0), (3,), None, note="nothing"),
]
