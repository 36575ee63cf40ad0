"""Layers of int8 tensors. Each has the scale and the zero point of its result."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import zeros
from fastnet.functional.quantized import (
    dequantize,
    function_table,
    quantize,
    quantized_add,
    quantized_concat,
    quantized_conv,
    quantized_function,
    quantized_linear,
    quantized_mul,
)
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_buffer
from fastnet.nn.quantized.spec import clamp_limits, quantize_multiplier, quantized_bias, quantized_weight, weight_scales

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastnet._core.annotations import Array

__all__ = ["Add", "Concat", "Conv1d", "Conv2d", "Conv3d", "DeQuantize", "Function", "Linear", "Mul", "Quantize"]

_Activation = Literal["none", "relu", "relu6"]
_TABLE_SIZE = 256


class _Conversion(Module):
    """A conversion between float32 and int8."""

    def __init__(self, scale: float, zero_point: int) -> None:
        super().__init__()
        self.scale, self.zero_point = float(scale), zero_point

    def extra_repr(self) -> str:
        return f"scale={self.scale:.6g}, zero_point={self.zero_point}"


class Quantize(_Conversion):
    """Convert float32 to int8: clamp(round(input / scale) + zero_point, -128, 127).

    Args:
        scale: the distance of neighbouring integers.
        zero_point: the integer that stands for 0.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> quantized.Quantize(0.5, 3)(fastnet.tensor([1.0, -1.0, 1000.0]))
        tensor([  5,   1, 127], dtype=int8)
    """

    def forward(self, input: Tensor) -> Tensor:
        return quantize(input, self.scale, self.zero_point)


class DeQuantize(_Conversion):
    """Convert int8 to float32: (input - zero_point) * scale.

    Args:
        scale: the distance of neighbouring integers.
        zero_point: the integer that stands for 0.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> quantized.DeQuantize(0.5, 3)(fastnet.tensor([5, 1], dtype=fastnet.int8))
        tensor([ 1., -1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return dequantize(input, self.scale, self.zero_point)


class _Weighted(Module):
    """A layer with an int8 weight, an int32 bias, and a multiplier and a shift for each output channel.

    Attributes:
        weight_scale: the scale of each output channel, float32.
    """

    weight: Tensor
    bias: Tensor
    multiplier: Tensor
    shift: Tensor
    weight_scale: Tensor
    input_scale: float
    input_zero_point: int
    scale: float
    zero_point: int
    activation: str

    def _set_up(self, shape: tuple[int, ...], input_scale: float, input_zero_point: int, scale: float,
                zero_point: int, activation: str) -> None:
        self.input_scale, self.input_zero_point = float(input_scale), input_zero_point
        self.scale, self.zero_point, self.activation = float(scale), zero_point, activation
        self.register_buffer("weight", new_buffer(zeros, *shape, dtype=dtypes.int8))
        for name in ("bias", "multiplier", "shift"):
            self.register_buffer(name, new_buffer(zeros, shape[0], dtype=dtypes.int32))
        self.register_buffer("weight_scale", new_buffer(zeros, shape[0], dtype=dtypes.float32))

    def set_weight(self, weight: Array, bias: Array | None, scales: Array | None = None) -> None:
        """Quantise a weight and a bias into the layer.

        Args:
            weight: float32, of the layer's shape.
            bias: float32 (channels,), or None.
            scales: of the weight, (channels,); by default the largest magnitude of each channel / 127.
        """
        scales = weight_scales(weight) if scales is None else scales.astype(np.float32)
        products = scales.astype(np.float64) * self.input_scale
        multiplier, shift = quantize_multiplier(products / self.scale)
        whole = np.zeros(len(weight), np.int32) if bias is None else quantized_bias(bias, products)
        with no_grad():
            for buffer, values in ((self.weight, quantized_weight(weight, scales)), (self.bias, whole),
                                   (self.multiplier, multiplier), (self.shift, shift), (self.weight_scale, scales)):
                buffer.copy_(from_numpy(values))

    def _epilogue(self) -> dict[str, Any]:
        """The arguments of the operation after the weight."""
        low, high = clamp_limits(self.activation, self.scale, self.zero_point)
        return {"bias": self.bias, "multiplier": self.multiplier, "shift": self.shift, "zero_x": self.input_zero_point,
                "zero_out": self.zero_point, "low": low, "high": high}

    def _numbers(self) -> str:
        return f"scale={self.scale:.6g}, zero_point={self.zero_point}, activation={self.activation!r}"


class Linear(_Weighted):
    """Linear layer of int8 tensors: the sums are exact, and the result is rounded once.

    Args:
        in_features: length of the input's last dimension.
        out_features: length of the output's last dimension.
        input_scale, input_zero_point: of the input.
        scale, zero_point: of the output.
        activation: "none", "relu" or "relu6", which clamps the result.

    Shape:
        (..., in_features) to (..., out_features), int8. weight is int8 (out_features, in_features), bias, multiplier
        and shift are int32 (out_features,), weight_scale is float32.

    Example:
        >>> import fastnet
        >>> import numpy as np
        >>> from fastnet.nn import quantized
        >>> layer = quantized.Linear(2, 1, input_scale=0.1, scale=0.1)
        >>> layer.set_weight(np.array([[1.0, -2.0]], np.float32), np.array([0.5], np.float32))
        >>> layer(fastnet.tensor([[30, 10]], dtype=fastnet.int8))           # 3 - 2 + 0.5
        tensor([[15]], dtype=int8)
    """

    def __init__(self, in_features: int, out_features: int, input_scale: float = 1.0, input_zero_point: int = 0,
                 scale: float = 1.0, zero_point: int = 0, activation: _Activation = "none") -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self._set_up((out_features, in_features), input_scale, input_zero_point, scale, zero_point, activation)

    def forward(self, input: Tensor) -> Tensor:
        return quantized_linear(input, self.weight, **self._epilogue())

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, {self._numbers()}"


class _QuantizedConv(_Weighted):

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sequence[int], stride: Sequence[int],
                 padding: Sequence[int], dilation: Sequence[int], groups: int = 1, input_scale: float = 1.0,
                 input_zero_point: int = 0, scale: float = 1.0, zero_point: int = 0,
                 activation: _Activation = "none") -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = tuple(kernel_size), tuple(stride)
        self.padding, self.dilation = tuple(padding), tuple(dilation)
        self._set_up((out_channels, in_channels // groups, *self.kernel_size), input_scale, input_zero_point, scale,
                     zero_point, activation)

    def forward(self, input: Tensor) -> Tensor:
        return quantized_conv(input, self.weight, **self._epilogue(), stride=self.stride, padding=self.padding,
                              dilation=self.dilation, groups=self.groups)

    def extra_repr(self) -> str:
        return (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"padding={self.padding}, groups={self.groups}, {self._numbers()}")


class Conv1d(_QuantizedConv):
    """Convolution of int8 tensors over one dimension: see `Conv2d`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> quantized.Conv1d(1, 2, (3,), (1,), (1,), (1,))(fastnet.ones(1, 1, 5, dtype=fastnet.int8)).shape
        (1, 2, 5)
    """


class Conv2d(_QuantizedConv):
    """Convolution of int8 tensors: the sums are exact, and the result is rounded once.

    Args:
        in_channels, out_channels: channels.
        kernel_size, stride, padding, dilation: a number for each spatial dimension.
        groups: of channels.
        input_scale, input_zero_point: of the input.
        scale, zero_point: of the output.
        activation: "none", "relu" or "relu6", which clamps the result.

    Shape:
        (N, in_channels, H, W) to (N, out_channels, H', W'), int8.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> layer = quantized.Conv2d(1, 2, (3, 3), (1, 1), (1, 1), (1, 1))
        >>> layer(fastnet.ones(1, 1, 5, 5, dtype=fastnet.int8)).dtype
        dtype('int8')
    """


class Conv3d(_QuantizedConv):
    """Convolution of int8 tensors over three dimensions: see `Conv2d`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> layer = quantized.Conv3d(1, 2, (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1))
        >>> layer(fastnet.ones(1, 1, 2, 2, 2, dtype=fastnet.int8)).shape
        (1, 2, 2, 2, 2)
    """


class _OfTwo(Module):
    """An operation on two int8 tensors whose shapes broadcast.

    Args:
        scale_a, zero_a: of the first.
        scale_b, zero_b: of the second.
        scale, zero_point: of the result.
        activation: "none", "relu" or "relu6", which clamps the result.
    """

    _operation: Callable[..., Tensor]

    def __init__(self, scale_a: float, zero_a: int, scale_b: float, zero_b: int, scale: float, zero_point: int,
                 activation: _Activation = "none") -> None:
        super().__init__()
        self.scale_a, self.zero_a, self.scale_b, self.zero_b = float(scale_a), zero_a, float(scale_b), zero_b
        self.scale, self.zero_point, self.activation = float(scale), zero_point, activation

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self._operation(a, b, self.scale_a, self.zero_a, self.scale_b, self.zero_b, self.scale, self.zero_point,
                               *clamp_limits(self.activation, self.scale, self.zero_point))

    def extra_repr(self) -> str:
        return f"scale={self.scale:.6g}, zero_point={self.zero_point}, activation={self.activation!r}"


class Add(_OfTwo):
    """Sum of two int8 tensors, whose shapes broadcast.

    Args:
        scale_a, zero_a: of the first.
        scale_b, zero_b: of the second.
        scale, zero_point: of the result.
        activation: "none", "relu" or "relu6", which clamps the result.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> a, b = (fastnet.tensor([x], dtype=fastnet.int8) for x in (10, 20))
        >>> quantized.Add(1.0, 0, 0.5, 0, 2.0, 0)(a, b)
        tensor([10], dtype=int8)
    """

    _operation = staticmethod(quantized_add)


class Mul(_OfTwo):
    """Product of two int8 tensors, element by element; their shapes broadcast. Arguments as of `Add`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> a, b = (fastnet.tensor([x], dtype=fastnet.int8) for x in (10, 20))
        >>> quantized.Mul(1.0, 0, 0.5, 0, 2.0, 0)(a, b)
        tensor([50], dtype=int8)
    """

    _operation = staticmethod(quantized_mul)


class Concat(Module):
    """Concatenate int8 tensors, each converted to the scale of the result.

    Args:
        scales, zero_points: one of each for each tensor.
        scale, zero_point: of the result.
        dim: a dimension.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> a, b = (fastnet.tensor([x], dtype=fastnet.int8) for x in (10, 20))
        >>> quantized.Concat([1.0, 0.5], [0, 0], 1.0, 0)(a, b)
        tensor([10, 10], dtype=int8)
    """

    def __init__(self, scales: Sequence[float], zero_points: Sequence[int], scale: float, zero_point: int,
                 dim: int = 0) -> None:
        super().__init__()
        self.scales, self.zero_points = list(scales), list(zero_points)
        self.scale, self.zero_point, self.dim = float(scale), zero_point, dim

    def forward(self, *tensors: Tensor) -> Tensor:
        return quantized_concat(tensors, self.scales, self.zero_points, self.scale, self.zero_point, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, scale={self.scale:.6g}, zero_point={self.zero_point}"


class Function(Module):
    """A function of each element of an int8 tensor, by a table of its 256 values.

    Args:
        name: of the function, for people.
        input_scale, input_zero_point: of the input.
        scale, zero_point: of the output.

    Example:
        >>> import fastnet, math
        >>> from fastnet.nn import quantized
        >>> layer = quantized.Function("tanh", 0.1, 0, 1 / 128, 0)
        >>> layer.set_function(math.tanh)
        >>> layer(fastnet.tensor([0, 10, 100], dtype=fastnet.int8))
        tensor([  0,  97, 127], dtype=int8)
    """

    table: Tensor

    def __init__(self, name: str, input_scale: float, input_zero_point: int, scale: float, zero_point: int) -> None:
        super().__init__()
        self.name, self.input_scale, self.input_zero_point = name, float(input_scale), input_zero_point
        self.scale, self.zero_point = float(scale), zero_point
        self.register_buffer("table", new_buffer(zeros, _TABLE_SIZE, dtype=dtypes.int8))

    def set_function(self, function: Callable[[float], float]) -> None:
        """Fill the table.

        Args:
            function: from a real number to a real number.
        """
        table = function_table(function, self.input_scale, self.input_zero_point, self.scale, self.zero_point)
        with no_grad():
            self.table.copy_(from_numpy(table))

    def forward(self, input: Tensor) -> Tensor:
        return quantized_function(input, self.table)

    def extra_repr(self) -> str:
        return f"{self.name!r}, scale={self.scale:.6g}, zero_point={self.zero_point}"
