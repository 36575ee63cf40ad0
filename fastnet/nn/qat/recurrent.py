"""Recurrent layers whose weights are rounded as those of int8 layers are."""
from __future__ import annotations

from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.nn import recurrent
from fastnet.nn.qat.fake_quantize import WeightFakeQuantize

__all__ = ["GRU", "LSTM"]


class _RoundedWeights(recurrent.RNNBase):
    """The weights of a recurrent layer, rounded. A call returns the output alone."""

    def _add_rounding(self) -> None:
        for name, parameter in list(self.named_parameters()):
            if name.startswith("weight"):
                self.add_module(f"{name}_fake_quant", WeightFakeQuantize(len(parameter)))

    def _weights(self, layer: int) -> list[Tensor | None]:
        names = {id(p): name for name, p in self._parameters.items()}
        return [self._rounded(names.get(id(p)), p) for p in super()._weights(layer)]

    def _rounded(self, name: str | None, parameter: Any) -> Any:
        rounding = self._modules.get(f"{name}_fake_quant")
        return parameter if rounding is None else rounding(parameter)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return super().forward(input, hx)[0]


class LSTM(_RoundedWeights, recurrent.LSTM):
    """LSTM whose weights are rounded to int8 of each gate of each unit, for training. A call returns the output.

    Args:
        input_size: features of the input.
        hidden_size: units of each layer.
        num_layers: layers, each of which reads the states of the one before.
        batch_first: input and output are (B, T, ...), not (T, B, ...).

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.LSTM(3, 4)(fastnet.ones(5, 2, 3)).shape
        (5, 2, 4)
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, batch_first: bool = False) -> None:
        recurrent.LSTM.__init__(self, input_size, hidden_size, num_layers, True, batch_first)
        self._add_rounding()


class GRU(_RoundedWeights, recurrent.GRU):
    """GRU whose weights are rounded to int8 of each gate of each unit, for training. Arguments as of `LSTM`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.GRU(3, 4)(fastnet.ones(5, 2, 3)).shape
        (5, 2, 4)
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, batch_first: bool = False) -> None:
        recurrent.GRU.__init__(self, input_size, hidden_size, num_layers, True, batch_first)
        self._add_rounding()
