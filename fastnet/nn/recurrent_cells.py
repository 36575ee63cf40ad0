"""Recurrent cells: one time step, for loops in Python."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.errors import check_sizes, one_of, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.recurrent import GATES, recurrent_cell
from fastnet.nn import init
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """The arguments and the forward pass of all recurrent cells.

    Args:
        input_size: features of the input.
        hidden_size: units.
        bias: whether there are biases.
        num_chunks: the number of gates: 4 of an LSTM, 3 of a GRU, 1 of an RNN.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Raises:
        ValueError: a size of 0 or less.

    Example:
        >>> import fastnet
        >>> fastnet.nn.GRUCell(3, 4).weight_ih.shape
        (12, 3)
    """

    input_size: int
    hidden_size: int
    bias: bool
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | Any            # None without biases
    bias_hh: Parameter | Any

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        name = type(self).__name__
        check_sizes(name, input_size=input_size, hidden_size=hidden_size)
        for argument, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise ValueError(f"{name}: expected {argument} to be 1 or more, got {size}")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        gates = num_chunks * hidden_size
        self.weight_ih = new_parameter(gates, input_size, device=device, dtype=dtype)
        self.weight_hh = new_parameter(gates, hidden_size, device=device, dtype=dtype)
        for bias_name in ("bias_ih", "bias_hh"):
            self.register_parameter(bias_name, new_parameter(gates, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values of all parameters, uniform in [-1/sqrt(hidden_size), 1/sqrt(hidden_size)]."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, mode: str, input: Tensor, states: tuple[Any, ...]) -> tuple[Tensor, ...]:
        name = type(self).__name__
        if not isinstance(input, Tensor) or input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            given = f"shape {shape_text(input)}" if isinstance(input, Tensor) else type(input).__name__
            error = RuntimeError if isinstance(input, Tensor) and input.ndim in (1, 2) else ValueError
            raise error(f"{name}: expected an input of shape (B, {self.input_size}), or ({self.input_size},) "
                        f"without a batch, got {given}")
        check_floating(name, input)
        expected = (*input.shape[:-1], self.hidden_size)
        for what, t in zip(("h", "c"), states):
            if t is not None and (not isinstance(t, Tensor) or t.shape != expected):
                found = f"shape {shape_text(t)}" if isinstance(t, Tensor) else type(t).__name__
                error = RuntimeError if isinstance(t, Tensor) and t.ndim in (1, 2) else ValueError
                raise error(f"{name}: expected {what} of shape {expected}, got {found}")
        for what, t in (("the input", input), *zip(("h", "c"), states)):
            if t is not None and t.dtype != self.weight_ih.dtype:
                raise ValueError(f"{name}: expected {what} of the weights' dtype {self.weight_ih.dtype}, got {t.dtype}")
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if input.ndim == 2:
            return recurrent_cell(mode, input, states[0], states[1], weights)
        h, c = (None if t is None else t.unsqueeze(0) for t in states)
        return tuple(t.squeeze(0) for t in recurrent_cell(mode, input.unsqueeze(0), h, c, weights))

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"


class RNNCell(RNNCellBase):
    """One step of an Elman network: h' = tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh), or relu in place of tanh.

    Elman 1990, https://doi.org/10.1207/s15516709cog1402_1.

    Args:
        input_size: features of the input.
        hidden_size: H, the units.
        bias: whether there are biases.
        nonlinearity: "tanh" or "relu".
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        forward(input, h=None): (B, input_size) and (B, H) to (B, H), or all without a batch.

    Raises:
        ValueError: a size of 0 or less; when called, an input of another shape.
        RuntimeError: when called, a state of another shape.

    Example:
        >>> import fastnet
        >>> fastnet.nn.RNNCell(3, 4)(fastnet.ones(2, 3)).shape
        (2, 4)
    """

    nonlinearity: str

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True,
                 nonlinearity: Literal["tanh", "relu"] = "tanh", device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise one_of("RNNCell: nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("RNN_" + self.nonlinearity.upper(), input, (hx, None))[0]


class LSTMCell(RNNCellBase):
    """One step of long short-term memory; the formulas are those of `LSTM`.

    Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735.

    Args:
        input_size: features of the input.
        hidden_size: H, the units.
        bias: whether there are biases.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        forward(input, (h, c)=None): (B, input_size) and twice (B, H) to (h', c'), or all without a batch.

    Raises:
        ValueError: a size of 0 or less; when called, an input of another shape.
        RuntimeError: when called, states of another shape.

    Example:
        >>> import fastnet
        >>> h, c = fastnet.nn.LSTMCell(3, 4)(fastnet.ones(2, 3))
        >>> h.shape, c.shape
        ((2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, GATES["LSTM"], device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, ...]:
        if hx is not None and (not isinstance(hx, tuple | list) or len(hx) != 2):
            raise RuntimeError(f"LSTMCell: expected hx to be a tuple (h, c), got {type(hx).__name__}")
        return self._step("LSTM", input, (None, None) if hx is None else tuple(hx))


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit; the formulas are those of `GRU`.

    Cho et al. 2014, https://arxiv.org/abs/1406.1078.

    Args:
        input_size: features of the input.
        hidden_size: H, the units.
        bias: whether there are biases.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        forward(input, h=None): (B, input_size) and (B, H) to (B, H), or all without a batch.

    Raises:
        ValueError: a size of 0 or less; when called, an input of another shape.
        RuntimeError: when called, a state of another shape.

    Example:
        >>> import fastnet
        >>> fastnet.nn.GRUCell(3, 4)(fastnet.ones(3)).shape
        (4,)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, GATES["GRU"], device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("GRU", input, (hx, None))[0]
