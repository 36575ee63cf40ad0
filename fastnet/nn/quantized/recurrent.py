"""Recurrent layers of int8 tensors: integers throughout, with tables for the sigmoid and the hyperbolic tangent."""
from __future__ import annotations

from typing import Any

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import zeros
from fastnet.functional.quantized import factor_of, quantized_gru, quantized_lstm
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_buffer
from fastnet.nn.quantized.spec import quantize_multiplier, quantized_bias, quantized_weight, weight_scales

__all__ = ["GRU", "LSTM"]

_GATE_UNIT = 2.0**-12                   # gates are integers of this unit
_HIDDEN_SCALE = 2.0**-7                 # of states between layers, which lie in [-1, 1]
_PRODUCTS = "ih", "hh"                  # of the input, and of the state


class _IntegerRecurrent(Module):
    """The integers of both recurrent layers."""

    gates: int
    state_unit: float

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, batch_first: bool = False,
                 input_scale: float = 1.0, input_zero_point: int = 0, scale: float = _HIDDEN_SCALE,
                 zero_point: int = 0) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first = batch_first
        self.input_scale, self.input_zero_point = float(input_scale), input_zero_point
        self.scale, self.zero_point = float(scale), zero_point
        rows, width = self.gates * hidden_size, input_size
        for layer in range(num_layers):
            for product, columns in zip(_PRODUCTS, (width, hidden_size)):
                suffix = f"_{product}_l{layer}"
                self.register_buffer(f"weight{suffix}", new_buffer(zeros, rows, columns, dtype=dtypes.int8))
                for name in ("bias", "multiplier", "shift"):
                    self.register_buffer(name + suffix, new_buffer(zeros, rows, dtype=dtypes.int32))
                self.register_buffer(f"weight_scale{suffix}", new_buffer(zeros, rows, dtype=dtypes.float32))
            width = hidden_size

    def _numbers_of(self, layer: int) -> tuple[tuple[float, int], tuple[float, int]]:
        """(scale, zero point) of a layer's input, and of its states."""
        hidden = _HIDDEN_SCALE, 0
        last = layer == self.num_layers - 1
        return ((self.input_scale, self.input_zero_point) if layer == 0 else hidden,
                (self.scale, self.zero_point) if last else hidden)

    def set_weights(self, layer: Any) -> None:
        """Quantise the weights and biases of a float32 layer.

        Args:
            layer: a `fastnet.nn.GRU` or `fastnet.nn.LSTM` of the same sizes, in one direction.
        """
        for i in range(self.num_layers):
            for product, (input_scale, _) in zip(_PRODUCTS, self._numbers_of(i)):
                suffix = f"_{product}_l{i}"
                weight = getattr(layer, f"weight{suffix}").detach().numpy()
                bias = getattr(layer, f"bias{suffix}").detach().numpy()
                scales = weight_scales(weight)
                products = scales.astype(np.float64) * input_scale
                multiplier, shift = quantize_multiplier(products / _GATE_UNIT)
                with no_grad():
                    for name, values in (("weight", quantized_weight(weight, scales)), ("weight_scale", scales),
                                         ("bias", quantized_bias(bias, products)), ("multiplier", multiplier),
                                         ("shift", shift)):
                        getattr(self, name + suffix).copy_(from_numpy(values))

    def forward(self, input: Tensor) -> Tensor:
        x = input.transpose(0, 1) if self.batch_first else input
        for layer in range(self.num_layers):
            (_, zero_x), (scale, zero) = self._numbers_of(layer)
            weights = [getattr(self, f"{name}_{product}_l{layer}") for name in ("weight", "bias")
                       for product in _PRODUCTS]
            factors = [getattr(self, f"{name}_{product}_l{layer}") for product in _PRODUCTS
                       for name in ("multiplier", "shift")]
            x = self._run(x, weights, factors, zero_x, zero, factor_of(self.state_unit / scale))
        return x.transpose(0, 1) if self.batch_first else x

    def _run(self, x: Tensor, weights: list[Tensor], factors: list[Tensor], zero_x: int, zero: int,
             result: tuple[int, int]) -> Tensor:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return (f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, batch_first={self.batch_first}, "
                f"scale={self.scale:.6g}, zero_point={self.zero_point}")


class LSTM(_IntegerRecurrent):
    """LSTM of int8 tensors; cells are int16, and gates come from tables. A call returns the states of all steps.

    Args:
        input_size: features of the input.
        hidden_size: units of each layer.
        num_layers: layers, each of which reads the states of the one before.
        batch_first: input and output are (B, T, ...), not (T, B, ...).
        input_scale, input_zero_point: of the input.
        scale, zero_point: of the output.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> layer = quantized.LSTM(3, 4, input_scale=1 / 64)
        >>> layer.set_weights(fastnet.nn.LSTM(3, 4))
        >>> layer(fastnet.ones(5, 2, 3, dtype=fastnet.int8)).shape
        (5, 2, 4)
    """

    gates = 4
    state_unit = 2.0**-30

    def _run(self, x: Tensor, weights: list[Tensor], factors: list[Tensor], zero_x: int, zero: int,
             result: tuple[int, int]) -> Tensor:
        return quantized_lstm(x, (None, None), weights, factors, zero_x, zero, result)[0]


class GRU(_IntegerRecurrent):
    """GRU of int8 tensors; the state between steps is int16, and gates come from tables. Arguments as of `LSTM`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import quantized
        >>> layer = quantized.GRU(3, 4, input_scale=1 / 64)
        >>> layer.set_weights(fastnet.nn.GRU(3, 4))
        >>> layer(fastnet.ones(5, 2, 3, dtype=fastnet.int8)).shape
        (5, 2, 4)
    """

    gates = 3
    state_unit = 2.0**-15

    def _run(self, x: Tensor, weights: list[Tensor], factors: list[Tensor], zero_x: int, zero: int,
             result: tuple[int, int]) -> Tensor:
        return quantized_gru(x, None, weights, factors, zero_x, zero, result)[0]
