"""Sizes are (rows, depth, columns)."""
import numpy as np

from . import Case, garbage

SIZES = ((0, 3, 4), (3, 0, 5), (2, 3, 0), (1, 1, 1), (1, 7, 33), (3, 8, 16), (1, 64, 65), (5, 9, 31), (14, 33, 32),
         (15, 130, 66), (29, 64, 100), (64, 257, 130), (200, 70, 300))
BENCH = (512, 512, 512)


def bytes_of(rng, shape, dtype=np.int8):
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)


def factors(rng, count, depth, left=False):
    """Multipliers and shifts that bring sums of `depth` products into the range of int8 and beyond."""
    shift = rng.integers(-9, -4, count) - int(np.log2(max(depth, 1)) / 2)
    shift = np.where(rng.random(count) < 0.2, rng.integers(-31, 6, count), shift) if left else shift
    return rng.integers(1 << 30, (1 << 31) - 1, count).astype(np.int32), shift.astype(np.int32)


def bias_of(rng, count):
    return rng.integers(-20000, 20000, count).astype(np.int32)


def quantized(dtype=np.int8, out=np.int8, bias=True, left=False, extreme=False, **numbers):
    def make(rng, _, size):
        m, k, n = size
        a, weight = bytes_of(rng, (m, k), dtype), bytes_of(rng, (n, k))
        if extreme:                     # the largest sums
            a[...], weight[...] = np.iinfo(dtype).min if dtype == np.int8 else 255, -128
        multiplier, shift = factors(rng, n, k, left)
        return (garbage((m, n), out), a, weight, bias_of(rng, n) if bias else None, multiplier, shift), dict(numbers)
    return make


def integer(dtype=np.int8, weight_dtype=np.int8, zero_a=False, zero_weight=False):
    def make(rng, _, size):
        m, k, n = size
        attrs = {}
        if zero_a:
            attrs["zero_a"] = rng.integers(-128, 256, m).astype(np.int32)
        if zero_weight:
            attrs["zero_weight"] = rng.integers(-128, 256, n).astype(np.int32)
        return (garbage((m, n), np.int32), bytes_of(rng, (m, k), dtype), bytes_of(rng, (n, k), weight_dtype)), attrs
    return make


def dequantized(bias=True, relu=False):
    def make(rng, dtype, size):
        m, k, n = size
        scale_a, scale = (rng.uniform(0.01, 0.1, s).astype(np.float32) for s in (m, n))
        args = (garbage((m, n), np.float32), bytes_of(rng, (m, k)), bytes_of(rng, (n, k)), scale_a,
                rng.integers(-128, 128, m).astype(np.int32), scale)
        return args, {"bias": rng.standard_normal(n).astype(np.float32) if bias else None, "relu": relu}
    return make


def case(kernel, make, note, bench=None, sizes=SIZES):
    return Case(kernel, make, sizes, bench, (0, 0), (0, 0), note, (np.float32,))


CASES = [
    case("quantized_matmul", quantized(), "plain", BENCH),
    case("quantized_matmul", quantized(zero_a=-7, zero_out=3, low=3, high=100), "relu"),
    case("quantized_matmul", quantized(np.uint8, np.uint8, zero_a=131, zero_out=120, low=0, high=255), "uint8"),
    case("quantized_matmul", quantized(out=np.int16, zero_a=128, low=-32768, high=32767), "int16"),
    case("quantized_matmul", quantized(bias=False, left=True, zero_out=-5), "shifts"),
    case("quantized_matmul", quantized(extreme=True, zero_a=127), "extreme"),
    case("quantized_matmul", quantized(np.uint8, extreme=True), "extreme-uint8"),
    case("integer_matmul", integer(), "plain", BENCH),
    case("integer_matmul", integer(np.uint8, zero_a=True), "zero-a"),
    case("integer_matmul", integer(np.uint8, np.uint8, zero_weight=True), "zero-weight"),
    case("integer_matmul", integer(np.int8, np.uint8, zero_a=True, zero_weight=True), "zeros"),
    case("dequantized_matmul", dequantized(), "bias", BENCH),
    case("dequantized_matmul", dequantized(bias=False, relu=True), "relu"),
]
