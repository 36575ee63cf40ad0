"""Recurrent layers over whole sequences."""
from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.errors import check_sizes, one_of, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.random import check_probability
from fastnet.functional.recurrent import GATES, recurrent_layer
from fastnet.nn import functional as F, init
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter
from fastnet.nn.utils.rnn import PackedSequence, number_of_sequences

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]


class RNNBase(Module):
    """The arguments and the forward pass of all recurrent layers.

    Args:
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        input_size: features of the input.
        hidden_size: units of each layer and direction.
        num_layers: layers, each of which reads the states of the one before.
        bias: whether there are biases.
        batch_first: input and output are (B, T, ...), not (T, B, ...). Hidden states are not affected.
        dropout: the probability of dropout between layers, in training.
        bidirectional: each layer also reads the sequence from its end.
        proj_size: elements of a projected state; 0 for none.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Raises:
        ValueError: a size of 0 or less, a probability outside [0, 1], or proj_size not smaller than hidden_size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LSTM(3, 4).mode
        'LSTM'
    """

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        name = type(self).__name__
        if mode not in GATES:
            raise one_of(f"{name}: mode", mode, tuple(GATES))
        for argument, flag in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(flag, bool):
                raise TypeError(f"{name}: expected {argument} to be a bool, got {flag!r}")
        for argument, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if isinstance(size, int) and size < 1:
                raise ValueError(f"{name}: expected {argument} to be 1 or more, got {size}")
        check_sizes(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers, proj_size=proj_size)
        if proj_size >= hidden_size:
            raise ValueError(f"{name}: expected proj_size to be smaller than hidden_size, got proj_size={proj_size} "
                             f"and hidden_size={hidden_size}")
        check_probability(name, dropout)
        if dropout and num_layers == 1:
            warnings.warn(f"{name}: dropout={dropout} has no effect with one layer, because it lies between layers",
                          UserWarning, stacklevel=3)
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        for layer in range(num_layers):
            for direction in range(self._directions):
                self._add_weights(layer, direction, device, dtype)
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _state_size(self) -> int:
        return self.proj_size or self.hidden_size

    def _add_weights(self, layer: int, direction: int, device: Device, dtype: DTypeLike | None) -> None:
        gates, state_size = GATES[self.mode] * self.hidden_size, self._state_size
        width = self.input_size if layer == 0 else state_size * self._directions
        biases = [(gates,), (gates,)] if self.bias else [None, None]
        projection = (state_size, self.hidden_size) if self.proj_size else None
        shapes = [(gates, width), (gates, state_size), *biases, projection]
        for parameter, shape in zip(_parameter_names(layer, direction), shapes):
            if shape is not None:
                self.register_parameter(parameter, new_parameter(*shape, device=device, dtype=dtype))

    def _weights(self, layer: int) -> list[Tensor | None]:
        """The parameters of all directions of a layer, None for those that it does not have."""
        return [getattr(self, name, None) for direction in range(self._directions)
                for name in _parameter_names(layer, direction)]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[p for name in _parameter_names(layer, direction) if (p := getattr(self, name, None)) is not None]
                for layer in range(self.num_layers) for direction in range(self._directions)]

    def flatten_parameters(self) -> None:
        """Do nothing: parameters lie in an arena already. It exists for programs that call it."""

    def reset_parameters(self) -> None:
        """Draw new initial values of all parameters, uniform in [-1/sqrt(hidden_size), 1/sqrt(hidden_size)]."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    # ---- forward ----------------------------------------------------------------------------------------------------

    def forward(self, input: Tensor | PackedSequence, hx: Any = None) -> tuple[Any, Any]:
        name = type(self).__name__
        if isinstance(input, PackedSequence):
            batch = number_of_sequences(input)
            self._check_input(name, input.data, 2)
            first = self._first_states(name, hx, batch, True)
            if input.sorted_indices is not None:
                first = [None if t is None else t.index_select(1, input.sorted_indices) for t in first]
            rows, last = self._run(input.data, batch, input.batch_sizes, first)
            if input.unsorted_indices is not None:
                last = [t.index_select(1, input.unsorted_indices) for t in last]
            return PackedSequence(rows, *input[1:]), self._states(last)
        if not isinstance(input, Tensor) or input.ndim not in (2, 3):
            given = f"shape {shape_text(input)}" if isinstance(input, Tensor) else type(input).__name__
            raise ValueError(f"{name}: expected an input of shape {'(B, T, ' if self.batch_first else '(T, B, '}"
                             f"{self.input_size}), or (T, {self.input_size}) without a batch, got {given}")
        self._check_input(name, input, input.ndim)
        batched = input.ndim == 3
        x = input if batched else input.unsqueeze(1)
        x = x.transpose(0, 1) if batched and self.batch_first else x
        steps, batch = x.shape[:2]
        if steps == 0:
            raise RuntimeError(f"{name}: expected a sequence of at least one step, got an input of shape "
                               f"{shape_text(input)}")
        first = self._first_states(name, hx, batch, batched)
        rows, last = self._run(x.reshape(steps * batch, self.input_size), batch, None, first)
        out = rows.reshape(steps, batch, rows.shape[1])
        if not batched:
            return out.squeeze(1), self._states([t.squeeze(1) for t in last])
        return (out.transpose(0, 1) if self.batch_first else out), self._states(last)

    def _check_input(self, name: str, input: Tensor, ndim: int) -> None:
        weight = self._parameters.get(_parameter_names(0, 0)[0])    # None if it is computed from others
        if input.ndim != ndim or input.shape[-1] != self.input_size:
            raise RuntimeError(f"{name}: expected an input with {self.input_size} features in the last dimension, got "
                               f"shape {shape_text(input)}")
        check_floating(name, input)
        if weight is not None and input.dtype != weight.dtype:
            raise ValueError(f"{name}: expected an input of the weights' dtype {weight.dtype}, got {input.dtype}")

    def _first_states(self, name: str, hx: Any, batch: int, batched: bool) -> list[Tensor | None]:
        """The first states, checked, with a batch dimension: of h and, for an LSTM, of c."""
        wanted = [("h_0", self._state_size), ("c_0", self.hidden_size)][:2 if self.mode == "LSTM" else 1]
        if hx is None:
            return [None, None]
        given = tuple(hx) if isinstance(hx, tuple | list) else (hx,)
        if len(given) != len(wanted):
            expected = "a tuple (h_0, c_0)" if len(wanted) == 2 else "one tensor h_0"
            raise RuntimeError(f"{name}: expected hx to be {expected}, got {len(given)} tensor(s)")
        layers = self.num_layers * self._directions
        for (what, size), t in zip(wanted, given):
            shape = (layers, batch, size) if batched else (layers, size)
            if not isinstance(t, Tensor) or t.shape != shape:
                found = f"shape {shape_text(t)}" if isinstance(t, Tensor) else type(t).__name__
                raise RuntimeError(f"{name}: expected {what} of shape {shape}, got {found}")
            if t.dtype != self.all_weights[0][0].dtype:
                raise RuntimeError(f"{name}: expected {what} of dtype {self.all_weights[0][0].dtype}, got {t.dtype}")
        states = [t if batched else t.unsqueeze(1) for t in given]
        return states if len(states) == 2 else [*states, None]

    def _run(self, rows: Tensor, batch: int, sizes: Tensor | None,
             first: list[Tensor | None]) -> tuple[Tensor, list[Tensor]]:
        """Run all layers. Returns the rows of the last layer's output, and the last states of all layers."""
        last: list[list[Tensor]] = [[], []]
        for layer in range(self.num_layers):
            at = slice(layer * self._directions, (layer + 1) * self._directions)
            own = [None if t is None else t if self.num_layers == 1 else t[at] for t in first]
            result = recurrent_layer(self.mode, rows, batch, sizes, own[0], own[1], self._weights(layer))
            rows = result.output
            if self.dropout and layer < self.num_layers - 1:
                rows = F.dropout(rows, self.dropout, self.training)
            for states, t in zip(last, (result.hidden, result.cells)):
                if t is not None:
                    states.append(t)
        return rows, [states[0] if len(states) == 1 else cat(states) for states in last if states]

    def _states(self, last: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
        return tuple(last) if self.mode == "LSTM" else last[0]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False),
                              ("dropout", 0), ("bidirectional", False)):
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text


def _parameter_names(layer: int, direction: int) -> list[str]:
    suffix = f"_l{layer}" + ("_reverse" if direction else "")
    return [name + suffix for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")]


class RNN(RNNBase):
    """Elman network: h' = tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh), or relu in place of tanh.

    Elman 1990, https://doi.org/10.1207/s15516709cog1402_1.

    Args:
        input_size: features of the input.
        hidden_size: H, the units of each layer and direction.
        num_layers: layers, each of which reads the states of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: input and output are (B, T, ...), not (T, B, ...). Hidden states are not affected.
        dropout: the probability of dropout between layers, in training.
        bidirectional: each layer also reads the sequence from its end; D is 2, else 1.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        forward(input, h_0=None) takes (T, B, input_size), (T, input_size) without a batch, or a PackedSequence. It
        returns the states of the last layer, (T, B, D*H), and the last states of all layers, (num_layers*D, B, H),
        which is also the shape of h_0.

    Raises:
        ValueError: a size of 0 or less, or a probability outside [0, 1].
        RuntimeError: when called, an input or a state of another shape.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.RNN(3, 4, batch_first=True)
        >>> out, last = layer(fastnet.ones(2, 5, 3))
        >>> out.shape, last.shape
        ((2, 5, 4), (1, 2, 4))
    """

    nonlinearity: str

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1,
                 nonlinearity: Literal["tanh", "relu"] = "tanh", bias: bool = True, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise one_of("RNN: nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__("RNN_" + nonlinearity.upper(), input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory.

    With i, f, g, o = x @ W_ih.T + b_ih + h @ W_hh.T + b_hh in four parts of H: c' = sigmoid(f)*c + sigmoid(i)*tanh(g)
    and h' = sigmoid(o)*tanh(c'), or its projection W_hr @ h'. Hochreiter and Schmidhuber 1997,
    https://doi.org/10.1162/neco.1997.9.8.1735; projections: Sak et al. 2014, https://arxiv.org/abs/1402.1128.

    Args:
        input_size: features of the input.
        hidden_size: H, the units of each layer and direction.
        num_layers: layers, each of which reads the states of the one before.
        bias: whether there are biases.
        batch_first: input and output are (B, T, ...), not (T, B, ...). Hidden states are not affected.
        dropout: the probability of dropout between layers, in training.
        bidirectional: each layer also reads the sequence from its end; D is 2, else 1.
        proj_size: P, elements of a projected state; 0 for no projection, with P = H.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        forward(input, (h_0, c_0)=None) takes (T, B, input_size), (T, input_size) without a batch, or a PackedSequence.
        It returns the states of the last layer, (T, B, D*P), and the last states (h, c) of all layers,
        (num_layers*D, B, P) and (num_layers*D, B, H), which are also the shapes of h_0 and c_0.

    Raises:
        ValueError: a size of 0 or less, a probability outside [0, 1], or a projection that is not smaller than H.
        RuntimeError: when called, an input or a state of another shape.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.LSTM(3, 4, num_layers=2)
        >>> out, (h, c) = layer(fastnet.ones(5, 2, 3))
        >>> out.shape, h.shape, c.shape
        ((5, 2, 4), (2, 2, 4), (2, 2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         proj_size, device, dtype)


class GRU(RNNBase):
    """Gated recurrent unit.

    With r, z, n = x @ W_ih.T + b_ih and r', z', n' = h @ W_hh.T + b_hh in three parts of H: z = sigmoid(z + z'),
    n = tanh(n + sigmoid(r + r')*n') and h' = (1 - z)*n + z*h. Cho et al. 2014, https://arxiv.org/abs/1406.1078.

    Args:
        input_size: features of the input.
        hidden_size: H, the units of each layer and direction.
        num_layers: layers, each of which reads the states of the one before.
        bias: whether there are biases.
        batch_first: input and output are (B, T, ...), not (T, B, ...). Hidden states are not affected.
        dropout: the probability of dropout between layers, in training.
        bidirectional: each layer also reads the sequence from its end; D is 2, else 1.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        forward(input, h_0=None) takes (T, B, input_size), (T, input_size) without a batch, or a PackedSequence. It
        returns the states of the last layer, (T, B, D*H), and the last states of all layers, (num_layers*D, B, H),
        which is also the shape of h_0.

    Raises:
        ValueError: a size of 0 or less, or a probability outside [0, 1].
        RuntimeError: when called, an input or a state of another shape.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.GRU(3, 4, bidirectional=True)
        >>> out, last = layer(fastnet.ones(5, 2, 3))
        >>> out.shape, last.shape
        ((5, 2, 8), (2, 2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)
