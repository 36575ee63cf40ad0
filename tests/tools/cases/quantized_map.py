import numpy as np

from . import LENGTHS, Case, garbage
from .quantized_matmul import bytes_of

SHAPES = ((0, 1, 3), (1, 1, 1), (1, 1, 17), (1, 1, 13001), (2, 3, 5), (300, 33, 1), (2, 17, 64), (3, 0, 2),
          (4, 5, 1000))
ROWS = ((0, 4), (1, 1), (3, 0), (2, 7), (5, 33), (1, 5000), (64, 65))
BOTH = np.int8, np.uint8


def numbers(rng, channels, dtype):
    limits = np.iinfo(dtype)
    return (rng.uniform(0.01, 0.1, channels).astype(np.float32),
            rng.integers(limits.min, limits.max + 1, channels).astype(np.int32))


def with_special(rng, shape):
    """Numbers with infinities, NaN, zeros and halves of a scale of 0.5 among them."""
    x = (4 * rng.standard_normal(shape)).astype(np.float32)
    if x.size >= 16:
        x.reshape(-1)[:9] = np.inf, -np.inf, np.nan, 0, -0.0, 0.25, 0.75, -0.25, 1e30
    return x


def quantized(out, halves=False):
    def make(rng, _, shape):
        scale, zero = numbers(rng, shape[1], out)
        if halves:
            scale[...] = 0.5
        return (garbage(shape, out), with_special(rng, shape), scale, zero), {}
    return make


def dequantized(dtype):
    def make(rng, _, shape):
        scale, zero = numbers(rng, shape[1], np.int8)
        q = rng.integers(-10**6, 10**6, shape).astype(np.int32) if dtype == np.int32 else bytes_of(rng, shape, dtype)
        return (garbage(shape, np.float32), q, scale, zero), {}
    return make


def rows(out, wild=False, positive=False):
    def make(rng, _, shape):
        x = with_special(rng, shape) if wild else rng.standard_normal(shape).astype(np.float32)
        x = np.abs(x) if positive else x
        if x.shape[0] > 2:
            x[1] = 0
        return (garbage(shape, out), garbage(shape[:1], np.float32), garbage(shape[:1], np.int32), x), {}
    return make


def requantized(dtype, out, shift=-3, zero=5):
    def make(rng, _, n):
        limits = np.iinfo(out)
        return (garbage(n, out), bytes_of(rng, n, dtype), (zero, 1931843217, shift),
                (limits.min + 100, limits.min, limits.max)), {}
    return make


def summed(dtype):
    def make(rng, _, n):
        limits = np.iinfo(dtype)
        result = (limits.min + 120, 1700000000, -17, limits.min, limits.max)
        return (garbage(n, dtype), bytes_of(rng, n, dtype), bytes_of(rng, n, dtype), (3, 1 << 30, 0),
                (limits.min, 1500000001, -1), result), {}
    return make


def multiplied(dtype):
    def make(rng, _, n):
        limits = np.iinfo(dtype)
        result = (limits.min + 120, 1700000000, -6, limits.min + 3, limits.max)
        return (garbage(n, dtype), bytes_of(rng, n, dtype), bytes_of(rng, n, dtype), 3, limits.min, result), {}
    return make


def by_table(dtype):
    def make(rng, _, n):
        return (garbage(n, dtype), bytes_of(rng, n, dtype), bytes_of(rng, 256, dtype)), {}
    return make


def softmax(dtype, scale=0.1):
    table = np.rint(np.exp(-scale * np.arange(256)) * 2.0 ** 20).astype(np.int32)

    def make(rng, _, shape):
        return (garbage(shape, dtype), bytes_of(rng, shape, dtype), table.copy()), {}
    return make


def case(kernel, make, note, sizes=LENGTHS, bench=None):
    return Case(kernel, make, sizes, bench, (0, 0), (0, 0), note, (np.float32,))


CASES = [
    *[case("quantize", quantized(d), d.__name__, SHAPES, (1, 1, 1 << 20) if d == np.int8 else None) for d in BOTH],
    case("quantize", quantized(np.int8, halves=True), "halves", SHAPES),
    *[case("dequantize", dequantized(d), d.__name__, SHAPES, (1, 1, 1 << 20) if d == np.int8 else None)
      for d in (*BOTH, np.int32)],
    *[case("quantize_rows", rows(d), d.__name__, ROWS, (64, 4096) if d == np.int8 else None) for d in BOTH],
    case("quantize_rows", rows(np.int8, wild=True), "wild", ROWS),
    case("quantize_rows", rows(np.uint8, positive=True), "positive", ROWS),
    case("requantize", requantized(np.int8, np.int8), "int8", bench=1 << 20),
    case("requantize", requantized(np.uint8, np.uint8, zero=130), "uint8"),
    case("requantize", requantized(np.int16, np.int8, -9), "int16"),
    case("requantize", requantized(np.int32, np.int8, -24), "int32"),
    case("requantize", requantized(np.int8, np.int8, 4), "left"),
    *[case("quantized_add", summed(d), d.__name__, bench=1 << 20 if d == np.int8 else None) for d in BOTH],
    *[case("quantized_mul", multiplied(d), d.__name__, bench=1 << 20 if d == np.int8 else None) for d in BOTH],
    *[case("byte_table", by_table(d), d.__name__, bench=1 << 20 if d == np.int8 else None) for d in BOTH],
    *[case("quantized_softmax", softmax(d), d.__name__, ROWS, (64, 1000) if d == np.int8 else None) for d in BOTH],
    case("quantized_softmax", softmax(np.int8, 0.001), "flat", ROWS),
]
