"""Linear layers whose weight alone is quantised, to 8 or 4 bits in groups."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import zeros
from fastnet.functional.quantized import weight_only_linear
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_buffer

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["WeightOnlyLinear", "fitting_group"]


def fitting_group(in_features: int, group_size: int) -> int:
    """The largest even number up to `group_size` that divides `in_features`; 0 if there is none.

    Args:
        in_features: columns of the weight.
        group_size: the wanted size of a group.

    Example:
        >>> from fastnet.nn.quantized.weight_only import fitting_group
        >>> fitting_group(96, 32), fitting_group(100, 32), fitting_group(7, 32)
        (32, 20, 0)
    """
    return next((n for n in range(min(group_size, in_features), 1, -1) if in_features % n == 0 and n % 2 == 0), 0)


class WeightOnlyLinear(Module):
    """Linear layer with a weight of 8 or 4 bits and float32 activations.

    A weight is (integer - zero) * scale, with a scale and a zero for each group of neighbours in a row.

    Args:
        in_features: length of the input's last dimension.
        out_features: length of the output's last dimension.
        bits: 4 or 8.
        group_size: neighbours that share a scale; it divides in_features.

    Raises:
        ValueError: a group size that does not divide in_features, or other bits.

    Shape:
        (..., in_features) to (..., out_features), float32. weight is int8 (out_features, in_features), or uint8
        (out_features, in_features / 2) with the first of two numbers in the lower 4 bits. scale is float32
        (out_features, in_features / group_size), zero has the weight's dtype and the scale's shape.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> quantized.WeightOnlyLinear(64, 2, bits=4)(fastnet.ones(5, 64)).shape
        (5, 2)
    """

    weight: Tensor
    scale: Tensor
    zero: Tensor
    bias: Tensor

    def __init__(self, in_features: int, out_features: int, bits: int = 4, group_size: int = 32) -> None:
        super().__init__()
        if bits not in (4, 8):
            raise ValueError(f"WeightOnlyLinear: expected bits to be 4 or 8, got {bits}")
        if group_size < 1 or in_features % group_size or (bits == 4 and group_size % 2):
            raise ValueError(f"WeightOnlyLinear: expected a group_size that divides in_features={in_features} and is "
                             f"even for 4 bits, got {group_size}")
        self.in_features, self.out_features, self.bits, self.group_size = in_features, out_features, bits, group_size
        dtype = dtypes.int8 if bits == 8 else dtypes.uint8
        groups = in_features // group_size
        self.register_buffer("weight", new_buffer(zeros, out_features, in_features * bits // 8, dtype=dtype))
        self.register_buffer("scale", new_buffer(zeros, out_features, groups, dtype=dtypes.float32))
        self.register_buffer("zero", new_buffer(zeros, out_features, groups, dtype=dtype))
        self.register_buffer("bias", new_buffer(zeros, out_features, dtype=dtypes.float32))

    def set_integers(self, integers: Array, scale: Array, zero: Array, bias: Array | None) -> None:
        """Store a quantised weight.

        Args:
            integers: (out_features, in_features), from 0 to 15 or from -128 to 127.
            scale, zero: (out_features, groups).
            bias: (out_features,) or None.
        """
        if self.bits == 4:
            pairs = integers.astype(np.uint8)
            integers = pairs[:, 0::2] | pairs[:, 1::2] << 4
        with no_grad():
            for buffer, values in ((self.weight, integers), (self.scale, scale), (self.zero, zero)):
                buffer.copy_(from_numpy(values.astype(buffer.dtype)))
            if bias is not None:
                self.bias.copy_(from_numpy(bias))

    def forward(self, input: Tensor) -> Tensor:
        return weight_only_linear(input, self.weight, self.scale, self.zero, self.bias)

    def extra_repr(self) -> str:
        return (f"in_features={self.in_features}, out_features={self.out_features}, bits={self.bits}, "
                f"group_size={self.group_size}")
