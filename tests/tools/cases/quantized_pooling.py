"""Sizes are (images, input shape, channels)."""
import numpy as np

from . import Case, garbage
from .quantized_matmul import bytes_of

SIZES = ((0, (1, 4, 4), 3), (1, (1, 3, 3), 1), (2, (1, 7, 6), 17), (1, (3, 5, 4), 33), (3, (1, 9, 9), 64),
         (2, (1, 30, 31), 65))


def shape_of(size, kernel, stride, padding, dilation=(1, 1, 1), ceil=False):
    images, shape, channels = size
    lengths = [max((n + 2 * p - (k - 1) * d - 1 + ceil * (s - 1)) // s + 1, 0)
               for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation)]
    return (images, *lengths, channels)


def average(kernel, stride, padding, dtype=np.int8, zero=0, inside=False, ceil=False):
    def make(rng, _, size):
        images, shape, channels = size
        args = (garbage(shape_of(size, kernel, stride, padding, ceil=ceil), dtype),
                bytes_of(rng, (images, *shape, channels), dtype), kernel, stride, padding)
        return args, {"zero": zero, "count_include_pad": not inside}
    return make


def largest(kernel, stride, padding, dilation=(1, 1, 1), dtype=np.int8):
    def make(rng, _, size):
        images, shape, channels = size
        args = (garbage(shape_of(size, kernel, stride, padding, dilation), dtype),
                bytes_of(rng, (images, *shape, channels), dtype), kernel, stride, padding)
        return args, {"dilation": dilation}
    return make


def case(kernel, make, note, bench=None):
    return Case(kernel, make, SIZES, bench, (0, 0), (0, 0), note, (np.float32,))


BENCH = (8, (1, 32, 32), 64)
CASES = [
    case("quantized_average_pool", average((1, 2, 2), (1, 2, 2), (0, 0, 0)), "halves", BENCH),
    case("quantized_average_pool", average((1, 3, 3), (1, 2, 1), (0, 1, 1), zero=-128), "padded"),
    case("quantized_average_pool", average((1, 3, 2), (1, 1, 1), (0, 1, 1), np.uint8, 100, True), "inside"),
    case("quantized_average_pool", average((1, 3, 3), (1, 2, 2), (0, 0, 1), zero=7, ceil=True), "partly inside"),
    case("quantized_max_pool", largest((1, 2, 2), (1, 2, 2), (0, 0, 0)), "halves", BENCH),
    case("quantized_max_pool", largest((1, 3, 3), (1, 2, 2), (0, 1, 1), dtype=np.uint8), "padded"),
    case("quantized_max_pool", largest((1, 2, 3), (1, 1, 1), (0, 1, 1), (1, 2, 1)), "dilated"),
]
