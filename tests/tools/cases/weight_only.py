"""Sizes are (rows, depth, columns, groups)."""
import numpy as np

from . import Case, garbage
from .quantized_matmul import bytes_of

SIZES = ((0, 4, 3, 1), (1, 2, 1, 1), (1, 8, 7, 2), (3, 64, 33, 2), (1, 96, 100, 3), (8, 256, 65, 2), (2, 66, 16, 1),
         (1, 512, 300, 16))


def packed(rng, columns, depth, groups, bits, zero):
    weight = bytes_of(rng, (columns, depth)) if bits == 8 else bytes_of(rng, (columns, depth // 2), np.uint8)
    scale = rng.uniform(0.001, 0.01, (columns, groups)).astype(np.float32)
    zeros = None
    if zero:
        zeros = rng.integers(0, 16, (columns, groups)).astype(weight.dtype)
    return weight, scale, zeros


def product(bits, zero=False, bias=False):
    def make(rng, dtype, size):
        m, k, n, groups = size
        x = rng.standard_normal((m, k)).astype(np.float32)
        attrs = {"bias": rng.standard_normal(n).astype(np.float32)} if bias else {}
        return (garbage((m, n), np.float32), x, *packed(rng, n, k, groups, bits, zero)), attrs
    return make


def unpacked(bits, zero=False):
    def make(rng, dtype, size):
        _, k, n, groups = size
        return (garbage((n, k), np.float32), *packed(rng, n, k, groups, bits, zero)), {}
    return make


CASES = [
    *[Case("weight_only_matmul", product(bits, zero, zero), SIZES, (1, 4096, 4096, 32) if not zero else None,
           (1e-5, 1e-5), (1e-5, 1e-5), f"{bits}{'-zero' if zero else ''}", (np.float32,))
      for bits in (8, 4) for zero in (False, True)],
    *[Case("unpack_weight", unpacked(bits, zero), SIZES, None, (0, 0), (0, 0), f"{bits}{'-zero' if zero else ''}",
           (np.float32,)) for bits in (8, 4) for zero in (False, True)],
]
