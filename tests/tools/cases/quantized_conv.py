"""Sizes are those of `conv`: (images, input shape, channels, filters, kernel, groups)."""
import numpy as np

from . import Case, garbage
from .conv import GROUPED, SIZES, geometry, sizes_of
from .quantized_matmul import bias_of, bytes_of, factors

BENCH = (4, (1, 32, 32), 64, 64, (1, 3, 3), 1)
WIDE = ((1, (1, 1, 60), 3, 20, (1, 1, 17), 1), (2, (1, 6, 20), 5, 40, (1, 4, 3), 1),
        (1, (1, 12, 5), 64, 64, (1, 3, 3), 64), (2, (1, 6, 6), 20, 40, (1, 3, 3), 20))


def quantized(dtype=np.int8, out=np.int8, bias=True, numbers=None, **where):
    def make(rng, _, size):
        attrs = geometry(**where)
        x, weight, shape = sizes_of(size, **attrs)
        depth = int(np.prod(weight[1:]))
        args = (garbage(shape, out), bytes_of(rng, x, dtype), bytes_of(rng, weight),
                bias_of(rng, shape[-1]) if bias else None, *factors(rng, shape[-1], depth))
        return args, {**attrs, **(numbers or {})}
    return make


def integer(dtype=np.int8, zero_x=0, **where):
    def make(rng, _, size):
        attrs = geometry(**where)
        x, weight, shape = sizes_of(size, **attrs)
        return (garbage(shape, np.int32), bytes_of(rng, x, dtype), bytes_of(rng, weight)), {**attrs, "zero_x": zero_x}
    return make


def case(kernel, make, note, bench=None):
    return Case(kernel, make, (*SIZES, *GROUPED, *WIDE), bench, (0, 0), (0, 0), note, (np.float32,))


CASES = [
    case("quantized_conv", quantized(padding=1, numbers={"zero_x": -128, "zero_out": -3, "low": -3}), "padded", BENCH),
    case("quantized_conv", quantized(bias=False), "plain"),
    case("quantized_conv", quantized(np.uint8, np.uint8, stride=2, padding=2,
                                     numbers={"zero_x": 7, "zero_out": 100, "low": 0, "high": 255}), "stride"),
    case("quantized_conv", quantized(dilation=2, padding=3, numbers={"zero_x": 90}), "dilation"),
    case("integer_conv", integer(np.uint8, 200, padding=1), "padded"),
    case("integer_conv", integer(stride=2), "stride"),
]
