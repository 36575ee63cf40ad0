"""Recurrent layers with int8 weights: in integers throughout, or with float states."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional.joining import stack
from fastnet.functional.kernel_calls import contiguous, fill
from fastnet.functional.keys import constant
from fastnet.functional.quantized_numbers import gate_tables
from fastnet.functional.quantized_products import check_bytes, dynamic_linear

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result

__all__ = ["dynamic_gru", "dynamic_lstm", "quantized_gru", "quantized_lstm"]

_GATE_RANGE = -(1 << 15), (1 << 15) - 1
_GATE_COUNTS = {"lstm": 4, "gru": 3}
_GATE_TABLES = gate_tables()


@op
def _quantized_layer(x: Array, h0: Array | None, state: Array | None, w_ih: Array, w_hh: Array,
                     b_ih: Array | None, b_hh: Array | None, m_ih: Array, s_ih: Array, m_hh: Array, s_hh: Array,
                     cell: str, zero_x: int, zero_h: int, result: tuple[int, ...],
                     fraction: int) -> Result[Array]:
    """The last state, int16, and the hidden numbers of all steps, int8, one after the other as bytes."""
    x = contiguous(x)
    steps, batch, features = x.shape
    tables = constant(_GATE_TABLES)
    units, wide = w_hh.shape[1], w_hh.shape[0]
    flat = empty((batch * units * (2 + steps),), dtypes.int8)
    kept = flat[:2 * batch * units].view(dtypes.int16).reshape(batch, units)
    out = flat[2 * batch * units:].reshape(steps, batch, units)
    _first_state(kept, state, 0)
    gates_x, gates_h = empty((steps * batch, wide), dtypes.int16), empty((batch, wide), dtypes.int16)
    K.quantized_matmul(gates_x, x.reshape(steps * batch, features), w_ih, b_ih, m_ih, s_ih, zero_x, 0, *_GATE_RANGE)
    h = empty((batch, units), dtypes.int8)
    _first_state(h, h0, zero_h)
    for t in range(steps):
        K.quantized_matmul(gates_h, h, w_hh, b_hh, m_hh, s_hh, zero_h, 0, *_GATE_RANGE)
        h, given = out[t], gates_x[t * batch:(t + 1) * batch]
        if cell == "lstm":
            K.quantized_lstm_cell(h, kept, given, gates_h, kept, tables, result, fraction)
        else:
            K.quantized_gru_cell(h, kept, given, gates_h, kept, tables, result)
    return flat, None


def _first_state(to: Array, first: Array | None, zero: int) -> None:
    if first is None:
        fill(to, zero)
    else:
        K.copy(to, first)


@op(view=True)
def _bytes_as_int16(x: Array) -> Result[Array]:
    return x.view(dtypes.int16), None


def _run_quantized(name: str, input: Tensor, state: Any, weights: Sequence[Tensor | None],
                   factors: Sequence[Tensor], zero_x: int, zero_h: int, result: Sequence[int],
                   fraction: int) -> tuple[Tensor, Tensor]:
    cell = name.removeprefix("quantized_")
    check_bytes(name, "input", input)
    w_ih, w_hh = weights[:2]
    if w_ih is None or w_hh is None or input.ndim != 3 or input.shape[2] != w_ih.shape[1] or (
            w_hh.shape[0] != _GATE_COUNTS[cell] * w_hh.shape[1]):
        raise RuntimeError(f"{name}: expected an input (T, B, features) for the weights, got shape "
                           f"{shape_text(input)}")
    hidden, kept = state
    flat = _quantized_layer(input, hidden, kept, *weights, *factors, cell, zero_x, zero_h,
                            tuple(result), fraction)
    steps, batch, units = input.shape[0], input.shape[1], w_hh.shape[1]
    last = 2 * batch * units
    return (flat[last:].reshape(steps, batch, units), _bytes_as_int16(flat[:last]).reshape(batch, units))


def quantized_lstm(input: Tensor, state: tuple[Tensor | None, Tensor | None], weights: Sequence[Tensor | None],
                   factors: Sequence[Tensor], zero_x: int, zero_h: int, result: tuple[int, int],
                   fraction: int = 11) -> tuple[Tensor, Tensor]:
    """LSTM over all time steps in integers, one layer and direction; `quantized_lstm_cell` has the formulas.

    Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735.

    Args:
        input: (T, B, I), int8.
        state: the first hidden numbers (B, H), int8, and cells (B, H), int16; None for 0.
        weights: of the input (4*H, I) and of the state (4*H, H), int8, and their biases (4*H,), int32, or None.
        factors: multiplier and shift of the input's sums, then of the state's sums, (4*H,) each, int32. They turn the
            sums into gates with 12 bits of fraction: a factor is scale of x * scale of the weight * 2^12.
        zero_x, zero_h: the integers that stand for 0 in the input and in the hidden numbers.
        result: (multiplier, shift) of 2^-30 / scale of the hidden numbers.
        fraction: bits of fraction of the cells; 11 lets them reach 16.

    Returns:
        (the hidden numbers (T, B, H), int8; the last cells (B, H), int16).

    Raises:
        RuntimeError: another dtype or shape.

    Example:
        >>> import fastnet
        >>> from fastnet.functional.quantized_numbers import factor_of, factors_of
        >>> w = [fastnet.ones(4, 1, dtype=fastnet.int8)] * 2 + [None, None]
        >>> factors = [fastnet.tensor(a) for a in factors_of([2.0 ** 7] * 4)] * 2
        >>> x = fastnet.ones(2, 1, 1, dtype=fastnet.int8) * 32
        >>> quantized_lstm(x, (None, None), w, factors, 0, 0, factor_of(2.0 ** -23))
        (tensor([[[ 47]],
        <BLANKLINE>
                [[105]]], dtype=int8), tensor([[2912]], dtype=int16))
    """
    return _run_quantized("quantized_lstm", input, state, weights, factors, zero_x, zero_h, (*result, zero_h),
                          fraction)


def quantized_gru(input: Tensor, state: Tensor | None, weights: Sequence[Tensor | None], factors: Sequence[Tensor],
                  zero_x: int, zero_h: int, result: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """GRU over all time steps in integers, one layer and direction; `quantized_gru_cell` has the formulas.

    Cho et al. 2014, https://arxiv.org/abs/1406.1078. Between steps the state keeps 15 bits of fraction; matrix products
    read its int8 form.

    Args:
        input: (T, B, I), int8.
        state: the first state (B, H), int16, with 15 bits of fraction; None for 0.
        weights: of the input (3*H, I) and of the state (3*H, H), int8, and their biases (3*H,), int32, or None.
        factors, zero_x, zero_h: as of `quantized_lstm`.
        result: (multiplier, shift) of 2^-15 / scale of the hidden numbers.

    Returns:
        (the hidden numbers (T, B, H), int8; the last state (B, H), int16).

    Raises:
        RuntimeError: another dtype or shape.

    Example:
        >>> import fastnet
        >>> from fastnet.functional.quantized_numbers import factor_of, factors_of
        >>> w = [fastnet.ones(3, 1, dtype=fastnet.int8)] * 2 + [None, None]
        >>> factors = [fastnet.tensor(a) for a in factors_of([2.0 ** 7] * 3)] * 2
        >>> x = fastnet.ones(1, 1, 1, dtype=fastnet.int8) * 32
        >>> quantized_gru(x, None, w, factors, 0, 0, factor_of(2.0 ** -8))
        (tensor([[[26]]], dtype=int8), tensor([[6712]], dtype=int16))
    """
    first = None if state is None else _hidden_of(state, zero_h, tuple(result))
    return _run_quantized("quantized_gru", input, (first, state), weights, factors, zero_x, zero_h, (*result, zero_h),
                          0)


@op
def _hidden_of(state: Array, zero_h: int, factor: tuple[int, ...]) -> Result[Array]:
    """The int8 form of a state."""
    out = empty(state.shape, dtypes.int8)
    K.requantize(out, contiguous(state), (0, *factor), (zero_h, -128, 127))
    return out, None


# ---- float states ---------------------------------------------------------------------------------------------------

def dynamic_lstm(input: Tensor, state: tuple[Tensor, Tensor], weights: Sequence[Tensor], scales: Sequence[Tensor],
                 biases: Sequence[Tensor | None]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """LSTM with int8 weights over all time steps: rows are quantised by their own range, cells are float32.

    Args:
        input: (T, B, I), float32.
        state: the first hidden state and cells, (B, H).
        weights: of the input (4*H, I) and of the state (4*H, H), int8.
        scales: (4*H,) of each weight.
        biases: (4*H,) of each product, float32, or None.

    Returns:
        (the hidden states (T, B, H), the last state).

    Example:
        >>> import fastnet
        >>> w = [fastnet.ones(4, 1, dtype=fastnet.int8)] * 2
        >>> state = fastnet.zeros(1, 1), fastnet.zeros(1, 1)
        >>> dynamic_lstm(fastnet.ones(1, 1, 1), state, w, [fastnet.ones(4)] * 2, [None, None])[0]
        tensor([[[0.3696]]])
    """
    h, c = state
    gates_x, outputs = dynamic_linear(input, weights[0], scales[0], biases[0]), []
    for gates in gates_x.unbind(0):
        i, f, g, o = (gates + dynamic_linear(h, weights[1], scales[1], biases[1])).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return stack(outputs), (h, c)


def dynamic_gru(input: Tensor, state: Tensor, weights: Sequence[Tensor], scales: Sequence[Tensor],
                biases: Sequence[Tensor | None]) -> tuple[Tensor, Tensor]:
    """GRU with int8 weights over all time steps: rows are quantised by their own range, states are float32.

    Args:
        input: (T, B, I), float32.
        state: the first state, (B, H).
        weights: of the input (3*H, I) and of the state (3*H, H), int8.
        scales: (3*H,) of each weight.
        biases: (3*H,) of each product, float32, or None.

    Returns:
        (the states (T, B, H), the last state).

    Example:
        >>> import fastnet
        >>> w = [fastnet.ones(3, 1, dtype=fastnet.int8)] * 2
        >>> dynamic_gru(fastnet.ones(1, 1, 1), fastnet.zeros(1, 1), w, [fastnet.ones(3)] * 2, [None, None])[0]
        tensor([[[0.2048]]])
    """
    h, outputs = state, []
    for gates in dynamic_linear(input, weights[0], scales[0], biases[0]).unbind(0):
        x_r, x_z, x_n = gates.chunk(3, dim=1)
        h_r, h_z, h_n = dynamic_linear(h, weights[1], scales[1], biases[1]).chunk(3, dim=1)
        n = (x_n + (x_r + h_r).sigmoid() * h_n).tanh()
        h = n + (x_z + h_z).sigmoid() * (h - n)
        outputs.append(h)
    return stack(outputs), h
