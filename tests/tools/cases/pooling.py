import numpy as np

from . import Case, garbage, real

# (N, D, H, W, C) of the larger image
IMAGES = ((0, 1, 4, 4, 3), (2, 1, 3, 4, 0), (1, 1, 4, 4, 1), (2, 1, 5, 7, 3), (1, 3, 4, 5, 15), (2, 4, 6, 5, 16),
          (1, 1, 7, 6, 17), (3, 2, 4, 4, 33), (16, 1, 14, 15, 5))
BENCH = (32, 1, 28, 28, 32)
ONE = (1, 1, 0, 1)
# (kernel, stride, padding, dilation) for D, H, W; None: adaptive
WINDOWS = {
    "halves": (ONE, (2, 2, 0, 1), (2, 2, 0, 1)),
    "overlap": ((1, 1, 0, 1), (3, 2, 1, 1), (3, 2, 1, 1)),
    "row": (ONE, ONE, (4, 1, 2, 1)),
    "gaps": ((2, 1, 1, 2), (1, 3, 0, 1), (2, 1, 1, 3)),
    "one": ((3, 3, 0, 1), (4, 4, 0, 1), (3, 3, 0, 2)),      # one window in places, with elements between its taps
    "outside": (ONE, ONE, (2, 5, 1, 9)),            # windows that lie in the padding alone
    "adaptive": None,
}


def pooled(size, windows):
    """The shape of the pooled image."""
    if windows is None:
        return (size[0], 1, 3, 2, size[4])
    lengths = [(i + 2 * p - (k - 1) * d - 1) // s + 1 for i, (k, s, p, d) in zip(size[1:4], windows)]
    return (size[0], *(max(n, 1) for n in lengths), size[4])


def ties(rng, shape, dtype):
    """Few values, so that elements of a window are equal, and some that are not finite."""
    x = rng.integers(-2, 3, shape).astype(dtype)
    x[rng.random(shape) < 0.05] = np.nan
    x[rng.random(shape) < 0.1] = -np.inf
    return x


def max_pool(windows, winner):
    def make(rng, dtype, size):
        shape = pooled(size, windows)
        return (garbage(shape, dtype), winner and garbage(shape, winner), ties(rng, size, dtype)), {"windows": windows}
    return make


def max_pool_backward(windows):
    def make(rng, dtype, size):
        shape = pooled(size, windows)
        winner = rng.integers(0, 9, shape).astype(np.uint8)
        winner[rng.random(shape) < 0.1] = 255
        return (garbage(size, dtype), winner, real(rng, shape, dtype)), {"windows": windows}
    return make


def avg_pool(windows, **attrs):
    def make(rng, dtype, size):
        return (garbage(pooled(size, windows), dtype), real(rng, size, dtype)), {"windows": windows, **attrs}
    return make


def avg_pool_backward(windows, **attrs):
    def make(rng, dtype, size):
        return (garbage(size, dtype), real(rng, pooled(size, windows), dtype)), {"windows": windows, **attrs}
    return make


def max_unpool(rng, dtype, size):
    n, d, h, w, c = size
    index = rng.integers(-1, d * h * w + 1, (n, h * w, c))
    return (garbage((n, d * h * w, c), dtype), real(rng, index.shape, dtype), index), {}


SUMS = {"rtol": (1e-5, 1e-12), "atol": (2e-5, 1e-13)}
# the padding of "outside" has windows without elements, whose average is not defined
AVERAGED = {note: windows for note, windows in WINDOWS.items() if note not in ("outside", "gaps")}
COUNTS = {"": {}, "_inside": {"count_include_pad": False}, "_divisor": {"divisor": 3}}


def timed(note):
    return BENCH if note in ("halves", "overlap") else None


CASES = [
    *(Case("max_pool", max_pool(windows, winner), IMAGES, timed(note) if winner is np.uint8 else None,
           note=f"{note}-{winner.__name__ if winner else 'inference'}")
      for note, windows in WINDOWS.items() for winner in (np.uint8, np.int64, None)
      if note != "adaptive" or winner is not np.uint8),
    *(Case("max_pool_backward", max_pool_backward(windows), IMAGES, timed(note), note=note, **SUMS)
      for note, windows in WINDOWS.items() if windows),
    Case("max_pool", max_pool(None, np.uint8), IMAGES[:-1], None, note="adaptive-uint8"),
    Case("max_pool_backward", max_pool_backward(None), IMAGES[:-1], None, note="adaptive", **SUMS),
    *(Case("avg_pool", avg_pool(windows, **attrs), IMAGES, None if suffix else timed(note), note=note + suffix, **SUMS)
      for note, windows in AVERAGED.items() for suffix, attrs in COUNTS.items()),
    *(Case("avg_pool_backward", avg_pool_backward(windows, **attrs), IMAGES, None if suffix else timed(note),
           note=note + suffix, **SUMS)
      for note, windows in AVERAGED.items() for suffix, attrs in COUNTS.items()),
    Case("max_unpool", max_unpool, IMAGES, BENCH),
]
