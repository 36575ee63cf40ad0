"""Integer LSTM and GRU layers as ONNX's nodes between int8 weights and int8 states."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet.onnx.emitters.quantized import dequantized_parameter, factor_of, known_array, linear_node
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.graph import Value
    from fastnet.onnx.writer import Writer

__all__: list[str] = []

_GATE_BITS, _UNIT_BITS = 12, 15         # of fraction: of gates, and of numbers from -1 to 1
# cell -> (ONNX's operator, where its gates are among fastnet's, attributes, bits of the products that become states)
_CELLS: dict[str, tuple[str, list[int], dict[str, int], int]] = {
    "lstm": ("LSTM", [0, 3, 1, 2], {}, 2 * _UNIT_BITS),
    "gru": ("GRU", [1, 0, 2], {"linear_before_reset": 1}, _UNIT_BITS)}


@emits("quantized_layer")
def quantized_layer(w: Writer, x: Value, h0: Value | None, state: Value | None, w_ih: Value, w_hh: Value,
                    b_ih: Value | None, b_hh: Value | None, m_ih: Value, s_ih: Value, m_hh: Value, s_hh: Value,
                    cell: str, zero_x: int, zero_h: int, result: tuple[int, ...], fraction: int) -> None:
    """All steps. The result joins the last state, int16, and the int8 states of all steps, which stay apart in ONNX."""
    operator, order, attributes, bits = _CELLS[cell]
    units = w_hh.shape[1]
    rows = np.concatenate([np.arange(gate * units, (gate + 1) * units) for gate in order])
    scale_h = 2.0 ** -bits / factor_of(*result[:2])
    input_factors = factor_of(known_array(w, m_ih), known_array(w, s_ih)) * 2.0 ** -_GATE_BITS
    state_factors = factor_of(known_array(w, m_hh), known_array(w, s_hh)) * 2.0 ** -_GATE_BITS
    weights = [w.unsqueeze(dequantized_parameter(w, known_array(w, weight)[rows], factors[rows], weight.name), 0)
               for weight, factors in ((w_ih, input_factors), (w_hh, state_factors / scale_h))]
    biases = np.concatenate([_real_bias(w, bias, factors)[rows]
                             for bias, factors in ((b_ih, input_factors), (b_hh, state_factors))])
    states = _states_before(w, cell, h0, state, scale_h, zero_h, fraction)
    outputs = w.add_several(operator, 3 if cell == "lstm" else 2, linear_node(w, "DequantizeLinear", x, 1.0, zero_x,
                            x.dtype, None), *weights, w.constant(biases.astype(np.float32)[None], "bias"), None,
                            *states, hidden_size=units, **attributes)
    hidden = linear_node(w, "QuantizeLinear", w.squeeze(outputs[0], 1), scale_h, zero_h, dtypes.int8, None)
    last = _as_int16(w, w.squeeze(outputs[-1], 0), fraction if cell == "lstm" else _UNIT_BITS)
    w.bind_parts(w.output, (last, last, hidden))


def _real_bias(w: Writer, bias: Value | None, factors: Array) -> Array:
    return np.zeros(factors.shape) if bias is None else known_array(w, bias) * factors


def _states_before(w: Writer, cell: str, h0: Value | None, state: Value | None, scale_h: float, zero_h: int,
                  fraction: int) -> list[str | None]:
    """The first hidden state, and the first cells of an LSTM."""
    kept = None if state is None else w.unsqueeze(
        w.add("Mul", w.to(state, dtypes.float32), w.scalar(2.0 ** -(fraction or _UNIT_BITS), dtypes.float32)), 0)
    if cell == "gru":
        return [kept]
    hidden = None if h0 is None else w.unsqueeze(
        linear_node(w, "DequantizeLinear", h0, scale_h, zero_h, dtypes.int8, None), 0)
    return [hidden, kept]


def _as_int16(w: Writer, x: str, fraction: int) -> str:
    """Numbers with bits of fraction, limited to int16."""
    limits = (w.scalar(n, dtypes.float32) for n in (-(1 << 15), (1 << 15) - 1))
    scaled = w.add("Round", w.add("Mul", x, w.scalar(2.0 ** fraction, dtypes.float32)))
    return w.to(w.add("Clip", scaled, *limits), dtypes.int16)


@emits("bytes_as_int16")
def bytes_as_int16(w: Writer, x: Value) -> str:
    """The last state of a quantised layer."""
    parts = w.parts_of(x)
    if parts is None:
        raise w.refuse("a view of bytes as int16 cannot be written as ONNX")
    return w.reshape(parts[0], [-1])


@emits("hidden_of")
def hidden_of(w: Writer, state: Value, zero_h: int, factor: tuple[int, ...]) -> str:
    """The int8 form of a state."""
    real = w.add("Mul", w.to(state, dtypes.float32), w.scalar(float(factor_of(*factor)), dtypes.float32))
    return linear_node(w, "QuantizeLinear", real, 1.0, zero_h, dtypes.int8, None)
