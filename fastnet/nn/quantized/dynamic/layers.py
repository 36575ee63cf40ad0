"""Linear and recurrent layers with int8 weights and float32 activations."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import zeros
from fastnet.functional.joining import cat, flip, stack
from fastnet.functional.quantized import dynamic_gru, dynamic_linear, dynamic_lstm
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_buffer
from fastnet.nn.quantized.spec import quantized_weight, weight_scales

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["GRU", "LSTM", "Linear"]

_GATES_OF = {"LSTM": 4, "GRU": 3}


def _set_weight(module: Module, name: str, weight: Array) -> None:
    """Quantise a weight into the buffers `name` and `name`_scale of a module."""
    scales = weight_scales(weight)
    with no_grad():
        getattr(module, name).copy_(from_numpy(quantized_weight(weight, scales)))
        getattr(module, f"{name}_scale").copy_(from_numpy(scales))


def _register_weight(module: Module, name: str, rows: int, columns: int) -> None:
    module.register_buffer(name, new_buffer(zeros, rows, columns, dtype=dtypes.int8))
    module.register_buffer(f"{name}_scale", new_buffer(zeros, rows, dtype=dtypes.float32))


class Linear(Module):
    """Linear layer with an int8 weight: each row of the input is quantised by its own range.

    Args:
        in_features: length of the input's last dimension.
        out_features: length of the output's last dimension.

    Shape:
        (..., in_features) to (..., out_features), float32. weight is int8 (out_features, in_features), weight_scale
        and bias are float32 (out_features,).

    Example:
        >>> import fastnet
        >>> from fastnet.nn.quantized import dynamic
        >>> layer = dynamic.Linear.from_float(fastnet.nn.Linear(3, 2))
        >>> layer.weight.dtype, layer(fastnet.ones(5, 3)).shape
        (dtype('int8'), (5, 2))
    """

    weight: Tensor
    weight_scale: Tensor
    bias: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        _register_weight(self, "weight", out_features, in_features)
        self.register_buffer("bias", new_buffer(zeros, out_features, dtype=dtypes.float32))

    @classmethod
    def from_float(cls, layer: Any) -> Linear:
        """The layer with the weight and the bias of a float32 layer.

        Args:
            layer: a `fastnet.nn.Linear`.
        """
        made = cls(layer.in_features, layer.out_features)
        made.set_weight(layer.weight.detach().numpy(), layer.bias)
        return made

    def set_weight(self, weight: Array, bias: Tensor | None) -> None:
        """Quantise a weight into the layer.

        Args:
            weight: (out_features, in_features).
            bias: (out_features,) or None.
        """
        _set_weight(self, "weight", weight)
        if bias is not None:
            with no_grad():
                self.bias.copy_(bias)

    def forward(self, input: Tensor) -> Tensor:
        return dynamic_linear(input, self.weight, self.weight_scale, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


class _Recurrent(Module):
    """The weights and the forward pass of both recurrent layers."""

    mode: str

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, batch_first: bool = False,
                 bidirectional: bool = False) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.bidirectional = batch_first, bidirectional
        gates, width = _GATES_OF[self.mode] * hidden_size, input_size
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                _register_weight(self, f"weight_ih{suffix}", gates, width)
                _register_weight(self, f"weight_hh{suffix}", gates, hidden_size)
                for name in ("bias_ih", "bias_hh"):
                    self.register_buffer(name + suffix, new_buffer(zeros, gates, dtype=dtypes.float32))
            width = hidden_size * len(self._suffixes(layer))

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", *([f"_l{layer}_reverse"] if self.bidirectional else [])]

    @classmethod
    def from_float(cls, layer: Any) -> Any:
        """The layer with the weights and biases of a float32 layer, without dropout.

        Args:
            layer: a `fastnet.nn.LSTM` or `fastnet.nn.GRU` without a projection.
        """
        made = cls(layer.input_size, layer.hidden_size, layer.num_layers, layer.batch_first, layer.bidirectional)
        for name, parameter in layer.named_parameters():
            if name.startswith("weight"):
                _set_weight(made, name, parameter.detach().numpy())
            else:
                with no_grad():
                    getattr(made, name).copy_(parameter)
        return made

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        if not isinstance(input, Tensor) or input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            raise RuntimeError(f"{type(self).__name__}: expected an input (T, B, {self.input_size}), or (T, "
                               f"{self.input_size}) without a batch, got "
                               f"{f'shape {shape_text(input)}' if isinstance(input, Tensor) else type(input).__name__}")
        batched = input.ndim == 3
        x = input if batched else input.unsqueeze(1)
        x = x.transpose(0, 1) if batched and self.batch_first else x
        first = self._first_states(hx, x.shape[1], batched)
        last: list[list[Tensor]] = [[] for _ in first]
        for layer in range(self.num_layers):
            outputs = []
            for direction, suffix in enumerate(self._suffixes(layer)):
                at = layer * len(self._suffixes(layer)) + direction
                out, states = self._run(flip(x, [0]) if direction else x, [t[at] for t in first], suffix)
                outputs.append(flip(out, [0]) if direction else out)
                for list_of, state in zip(last, states):
                    list_of.append(state)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, 2)
        ends = [stack(states) if batched else stack(states).squeeze(1) for states in last]
        out = x.squeeze(1) if not batched else x.transpose(0, 1) if self.batch_first else x
        return out, tuple(ends) if len(ends) == 2 else ends[0]

    def _first_states(self, hx: Any, batch: int, batched: bool) -> list[Tensor]:
        count = 2 if self.mode == "LSTM" else 1
        shape = self.num_layers * len(self._suffixes(0)), batch, self.hidden_size
        if hx is None:
            return [zeros(shape)] * count
        given = list(hx) if isinstance(hx, tuple | list) else [hx]
        wanted = shape if batched else shape[::2]
        if [t.shape for t in given] != [wanted] * count:
            raise RuntimeError(f"{type(self).__name__}: expected hx to be {count} tensor(s) of shape "
                               f"{shape_text(wanted)}, got {', '.join(map(shape_text, given))}")
        return given if batched else [t.unsqueeze(1) for t in given]

    def _run(self, x: Tensor, states: list[Tensor], suffix: str) -> tuple[Tensor, tuple[Tensor, ...]]:
        weights = [getattr(self, f"{name}{suffix}") for name in ("weight_ih", "weight_hh")]
        scales = [getattr(self, f"{name}{suffix}_scale") for name in ("weight_ih", "weight_hh")]
        biases = [getattr(self, f"{name}{suffix}") for name in ("bias_ih", "bias_hh")]
        if self.mode == "LSTM":
            return dynamic_lstm(x, (states[0], states[1]), weights, scales, biases)
        out, last = dynamic_gru(x, states[0], weights, scales, biases)
        return out, (last,)

    def extra_repr(self) -> str:
        return (f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, batch_first={self.batch_first}, "
                f"bidirectional={self.bidirectional}")


class LSTM(_Recurrent):
    """LSTM with int8 weights. Rows of inputs and states are quantised by their own range, cells are float32.

    Args:
        input_size: features of the input.
        hidden_size: units of each layer and direction.
        num_layers: layers, each of which reads the states of the one before.
        batch_first: input and output are (B, T, ...), not (T, B, ...).
        bidirectional: each layer also reads the sequence from its end.

    Shape:
        As of `fastnet.nn.LSTM`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.quantized import dynamic
        >>> layer = dynamic.LSTM.from_float(fastnet.nn.LSTM(3, 4))
        >>> layer(fastnet.ones(5, 2, 3))[0].shape
        (5, 2, 4)
    """

    mode = "LSTM"


class GRU(_Recurrent):
    """GRU with int8 weights. Rows of inputs and states are quantised by their own range. Arguments as of `LSTM`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.quantized import dynamic
        >>> layer = dynamic.GRU.from_float(fastnet.nn.GRU(3, 4))
        >>> layer(fastnet.ones(5, 2, 3))[0].shape
        (5, 2, 4)
    """

    mode = "GRU"
