"""Cells of integer LSTM and GRU layers: no floating-point number takes part.

Gates are int16 with 12 bits of fraction (Q3.12), from -8 to 8: `quantized_matmul` writes them, one part from the input
and one from the state, which are added with saturation. The sigmoid and the hyperbolic tangent are tables of 513 int16
(tools/fixed_point.py), with results of 15 bits of fraction (Q0.15). Products are divided by powers of two, rounded to
nearest, halves away from zero. `tables` (2, 513) holds the sigmoid and the hyperbolic tangent.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.fixed_point import clamped16, divided, interpolated, multiplied

GATE_BITS, UNIT_BITS = 12, 15           # of fraction: of gates, and of numbers from -1 to 1
ONE = 1 << UNIT_BITS


def _as_gate(c, fraction):
    """int16 with `fraction` bits of fraction as Q3.12, with saturation."""
    if fraction <= GATE_BITS:
        return clamped16(np.int64(c) << GATE_BITS - fraction)
    return divided(np.int64(c), fraction - GATE_BITS)


def _quantized(x, result, dtype):
    """clamp(multiplied(x) + zero) to the dtype of the state."""
    multiplier, shift, zero = result
    limits = np.iinfo(dtype)
    return np.clip(multiplied(x, multiplier, shift) + zero, limits.min, limits.max)


@kernel(outputs=2)
def quantized_lstm_cell(h, c, gates_x, gates_h, before, tables, result, fraction=11):
    """c = f*before + i*g, h = o*tanh(c), where i, f, o = sigmoid and g = tanh of the gates.

    Args:
        h: (B, H), int8: o*tanh(c), of 30 bits of fraction, times the factor of result.
        c: (B, H), int16, with `fraction` bits of fraction; it may be `before`.
        gates_x, gates_h: (B, 4*H), int16, whose sum has the gates i, f, g and o.
        before: (B, H), int16, the cells before this step.
        tables: (2, 513), int16.
        result: (multiplier, shift, zero) of h.
        fraction: of the cells, from 1 to 15.
    """
    gates = clamped16(np.int64(gates_x) + gates_h)
    i, f, g, o = np.split(gates, 4, axis=1)
    i, f, o = (interpolated(tables[0], gate) for gate in (i, f, o))
    g = interpolated(tables[1], g)
    kept = divided(f * np.int64(before), UNIT_BITS)
    c[...] = clamped16(kept + divided(i * g, 2 * UNIT_BITS - fraction))
    h[...] = _quantized(o * interpolated(tables[1], _as_gate(c, fraction)), result, h.dtype)


@kernel(outputs=2)
def quantized_gru_cell(h, state, gates_x, gates_h, before, tables, result):
    """state = (1 - z)*n + z*before, where r, z = sigmoid of the gates and n = tanh(gate of x + r*gate of h).

    Args:
        h: (B, H), int8: the state times the factor of result.
        state: (B, H), int16, with 15 bits of fraction; it may be `before`.
        gates_x, gates_h: (B, 3*H), int16, which have the gates r, z and n.
        before: (B, H), int16, the state before this step.
        tables: (2, 513), int16.
        result: (multiplier, shift, zero) of h.
    """
    x_r, x_z, x_n = np.split(np.int64(gates_x), 3, axis=1)
    h_r, h_z, h_n = np.split(np.int64(gates_h), 3, axis=1)
    r, z = (interpolated(tables[0], clamped16(a + b)) for a, b in ((x_r, h_r), (x_z, h_z)))
    n = interpolated(tables[1], clamped16(x_n + divided(r * h_n, UNIT_BITS)))
    state[...] = clamped16(divided((ONE - z) * n, UNIT_BITS) + divided(z * np.int64(before), UNIT_BITS))
    h[...] = _quantized(np.int64(state), result, h.dtype)
