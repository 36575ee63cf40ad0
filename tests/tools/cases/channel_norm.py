import numpy as np

from . import Case, garbage, real
from .norm import FAR, LOOSE, OUTPUTS, output, vector, wanted_of

# (N, R, C, G): one chunk of rows and several, several blocks of channels, groups of one channel and of several
SHAPES = ((1, 0, 3, 3), (0, 2, 4, 2), (1, 3, 0, 0), (1, 1, 3, 3), (1, 2, 5, 5), (1, 7, 16, 16), (1, 33, 17, 17),
          (1, 300, 9, 9), (1, 20, 300, 300), (1, 600, 65, 65), (1, 2100, 1, 1), (1, 777, 130, 130), (3, 1, 4, 1),
          (2, 5, 6, 3), (5, 300, 8, 4), (3, 20, 300, 2), (2, 40, 34, 34), (2, 515, 6, 1), (1, 290, 33, 11),
          (1, 5, 1100, 1100), (9, 300, 6, 3))
BENCH = (1, 32 * 32 * 32, 64, 64)
SUMS = {"rtol": (1e-5, 1e-13), "atol": (5e-4, 1e-12)}


def inputs(rng, dtype, size, offset=0):
    """x as a kernel takes it: without the dimension of samples if there is one sample."""
    n, r, c, _ = size
    return real(rng, (r, c) if n == 1 else (n, r, c), dtype, special=False) + dtype(offset)


def groups(size):
    return size[3] if size[0] == 1 else (size[0], size[3])


CHANNELS = (0, 1, 7, 16, 33, 300)


def affine(weight=True, bias=True, offset=0):
    def make(rng, dtype, channels):
        size = (1, 1, channels, channels)
        return (garbage((3, channels), dtype), means(rng, dtype, size, offset), vector(rng, dtype, channels),
                vector(rng, dtype, channels, weight), vector(rng, dtype, channels, bias), 1e-5), {}
    return make


def stats(scale=2, offset=1):
    def make(rng, dtype, size):
        x = inputs(rng, dtype, size) * dtype(scale) + dtype(offset)
        return (garbage(groups(size), np.float64), garbage(groups(size), dtype), x), {}
    return make


def group_norm(weight=True, bias=True, scale=2, offset=1):
    def make(rng, dtype, size):
        x = inputs(rng, dtype, size) * dtype(scale) + dtype(offset)
        return (garbage(x.shape, dtype), garbage(groups(size), np.float64), garbage(groups(size), dtype), x,
                vector(rng, dtype, size[2], weight), vector(rng, dtype, size[2], bias), 1e-5), {}
    return make


def means(rng, dtype, size, offset):
    """Running means, or with an offset those of a batch, in float64."""
    return vector(rng, np.float64, groups(size)) + offset if offset else vector(rng, dtype, groups(size))


def forward(weight=True, bias=True, residual=False, activation="none", offset=0):
    def make(rng, dtype, size):
        x = inputs(rng, dtype, size, offset)
        return (garbage(x.shape, dtype), x, means(rng, dtype, size, offset), vector(rng, dtype, groups(size)),
                vector(rng, dtype, size[2], weight), vector(rng, dtype, size[2], bias),
                inputs(rng, dtype, size) if residual else None, 1e-5, activation), {}
    return make


def backward(training, dx=True, dresidual=False, dweight=True, dbias=True, weight=True, mask=None, offset=0):
    """mask: None, "input" or "output", the array whose sign masks dy."""
    def make(rng, dtype, size):
        x, c = inputs(rng, dtype, size, offset), size[2]
        return (output(x.shape, dtype, dx), output(x.shape, dtype, dresidual), output(c, dtype, dweight),
                output(c, dtype, dbias), x, inputs(rng, dtype, size) if mask == "output" else None,
                means(rng, dtype, size, offset), vector(rng, dtype, groups(size)), vector(rng, dtype, c, weight),
                -vector(rng, dtype, c) if mask == "input" else None, inputs(rng, dtype, size), 1e-5, training,
                "relu" if mask else "none"), {}
    return make


def update(momentum, count=32, samples=None):
    def make(rng, dtype, c):
        shape = c if samples is None else (samples, c)
        return (vector(rng, dtype, c), vector(rng, dtype, c), np.array(3, np.int64), vector(rng, np.float64, shape),
                vector(rng, dtype, shape), count, momentum), {}
    return make


CASES = [
    Case("channel_norm_stats", stats(), SHAPES, BENCH, **LOOSE),
    Case("channel_norm_stats", stats(1e-2, 12345.678), SHAPES, None, note="far from 0", rtol=(1e-5, 1e-8)),
    Case("channel_norm_stats", stats(0, 12345.678), SHAPES, None, note="constant", rtol=(0, 1e-13)),
    Case("channel_affine", affine(), CHANNELS, None, **LOOSE),
    Case("channel_affine", affine(False, False, 1e4), CHANNELS, None, note="plain", **LOOSE),
    Case("channel_norm", forward(offset=1e4), SHAPES, None, note="far from 0", **FAR),
    Case("channel_norm", forward(), SHAPES, BENCH, **LOOSE),
    Case("channel_norm", forward(activation="relu"), SHAPES, BENCH, note="relu", **LOOSE),
    Case("channel_norm", forward(residual=True), SHAPES[::2], None, note="residual", **LOOSE),
    Case("channel_norm", forward(residual=True, activation="relu"), SHAPES, BENCH, note="residual relu", **LOOSE),
    Case("channel_norm", forward(weight=False), SHAPES, None, note="bias", **LOOSE),
    Case("channel_norm", forward(False, False), SHAPES, None, note="plain", **LOOSE),
    Case("group_norm", group_norm(), SHAPES, (32, 14 * 14, 128, 32), **LOOSE),
    Case("group_norm", group_norm(False, False), SHAPES, None, note="plain", **LOOSE),
    Case("channel_norm_backward", backward(True, offset=1e4), SHAPES, None, note="far from 0", **FAR),
    *(Case("channel_norm_backward", backward(training, **options), SHAPES, BENCH if training else None,
           note=f"{note} {'training' if training else 'constants'}", **SUMS)
      for training in (True, False)
      for note, options in (("plain", {}), ("relu", {"mask": "input"}),
                            ("residual relu", {"mask": "output", "dresidual": True}))),
    *(Case("channel_norm_backward", backward(training, weight=False, mask=mask, **wanted), SHAPES[::2], None,
           note=f"{note}_{mask}_{'training' if training else 'constants'}", atol=(5e-4, 1e-12))
      for note, wanted in wanted_of((*OUTPUTS, "dresidual"))
      for training, mask in ((True, None), (True, "output"), (False, "input"))),
    Case("batch_norm_update_", update(0.1), (0, 1, 3, 17, 300), 512),
    Case("batch_norm_update_", update(None), (3, 17), None, note="cumulative"),
    Case("batch_norm_update_", update(0.1, 1), (3,), None, note="single"),
    Case("batch_norm_update_", update(0.1, 0), (3,), None, note="nothing"),
    Case("batch_norm_update_", update(0.1, samples=5), (1, 3, 17), None, note="samples"),
    Case("batch_norm_update_", update(0.1, samples=0), (3,), None, note="no samples"),
]
