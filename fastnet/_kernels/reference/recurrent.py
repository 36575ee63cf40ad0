"""Recurrent layers over all time steps, and their gradients.

Arrays over time have a row for each sequence and time step: first those of all sequences at step 0, then at step 1 and
so on. Without `sizes` every sequence has all steps. With it (int64, one number for each step), step t has the first
sizes[t] sequences of the batch; sizes do not increase, so longer sequences come first. With `reverse` the steps are
computed from the last to the first, each sequence from its own end.

B is the batch, R the number of rows, H the units, P the elements of a state (P = H without a projection), G the number
of gates. weight is (G*H, P), bias (G*H,) or None: the product of the state by the weight plus the bias is added to
`gates` (R, G*H), which the caller computed from the input. h0 (B, P) and c0 (B, H) are the first states, or None for 0;
hn and cn the last states of each sequence. out (R, P) and dout may have a stride between rows.

Outputs that only a gradient reads are None if no gradient is wanted.

A layer of one step may have weight None and the product of the state by the weight in `product` (B, G*H). Its gradient
then leaves out the weight, too: dh0 is only the part that does not pass through the gates.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.mathematics import sigmoid_of


def _active_rows(rows, batch, sizes, reverse):
    """(number of sequences, slice of the rows) of each step, in the order of computation."""
    counts = [batch] * (rows // max(batch, 1)) if sizes is None else [min(max(int(n), 0), batch) for n in sizes]
    ends = np.minimum(np.cumsum(counts, dtype=np.int64), rows)
    steps = [(n, slice(int(end) - n, int(end))) for n, end in zip(counts, ends)]
    return steps[::-1] if reverse else steps


def _first_states(to, first):
    to[...] = 0 if first is None else first


def _from_state(h, weight, bias, product):
    sums = product if weight is None else h @ weight.T
    return sums if bias is None else sums + bias


@kernel(outputs=7, flushes=True)
def lstm_(out, hn, cn, before, cells, mixed, gates, h0, c0, weight, bias, projection, sizes=None, reverse=False,
          product=None, input=None, input_weight=None):
    """i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of the gates; c' = f*c + i*g; h' = o*tanh(c'), or its projection.

    projection is (P, H) or None. For the gradient, before (R, P) and cells (R, H) are the states before each step,
    mixed (R, H) is o*tanh(c') if there is a projection, and gates become i, f, g, o.

    With input (R, I) and input_weight (G*H, I), and without a projection, gates are not read: the part of the input is
    their product.
    """
    _first_states(hn, h0)
    _first_states(cn, c0)
    for n, at in _active_rows(len(gates), len(hn), sizes, reverse):
        h, c = hn[:n], cn[:n]
        from_input = gates[at] if input_weight is None else input[at] @ input_weight.T
        i, f, g, o = np.split(from_input + _from_state(h, weight, bias, product), 4, axis=1)
        i, f, g, o = sigmoid_of(i), sigmoid_of(f), np.tanh(g), sigmoid_of(o)
        if before is not None:
            before[at] = h
        if cells is not None:
            cells[at] = c
            gates[at] = np.concatenate((i, f, g, o), axis=1)
        c[...] = f * c + i * g
        units = o * np.tanh(c)
        if mixed is not None:
            mixed[at] = units
        h[...] = units if projection is None else units @ projection.T
        out[at] = h


@kernel(outputs=4, flushes=True)
def lstm_backward(dgates, dh0, dc0, dprojected, gates, cells, weight, projection, dout, dhn, dcn, sizes=None,
                  reverse=False):
    """The gradients of the gates before their activation, of h0 and c0, and of the projected states.

    gates and cells are as lstm_ wrote them; dhn and dcn, the gradients of hn and cn, may be None for 0. dprojected
    (R, P) is None without a projection.
    """
    _first_states(dh0, dhn)
    _first_states(dc0, dcn)
    for n, at in _active_rows(len(gates), len(dh0), sizes, not reverse):
        i, f, g, o = np.split(gates[at], 4, axis=1)
        bent = np.tanh(f * cells[at] + i * g)
        dh, dc = dh0[:n] + dout[at], dc0[:n]
        if projection is not None:
            dprojected[at] = dh
            dh = dh @ projection
        slope = dh * o * (1 - bent * bent) + dc
        dgates[at] = np.concatenate((slope * g * i * (1 - i), slope * cells[at] * f * (1 - f), slope * i * (1 - g * g),
                                     dh * bent * o * (1 - o)), axis=1)
        dc[...] = slope * f
        dh0[:n] = 0 if weight is None else dgates[at] @ weight


@kernel(outputs=5, flushes=True)
def gru_(out, hn, before, hidden, gates, h0, weight, bias, sizes=None, reverse=False, product=None):
    """r, z = sigmoid of the gates; n = tanh(gate + r*q), where q is the product of the state; h' = (1 - z)*n + z*h.

    For the gradient, before (R, H) holds the states before each step, hidden (R, H) holds q, and gates become r, z, n.
    """
    _first_states(hn, h0)
    for count, at in _active_rows(len(gates), len(hn), sizes, reverse):
        h = hn[:count]
        x_r, x_z, x_n = np.split(gates[at], 3, axis=1)
        h_r, h_z, q = np.split(_from_state(h, weight, bias, product), 3, axis=1)
        r, z = sigmoid_of(x_r + h_r), sigmoid_of(x_z + h_z)
        n = np.tanh(x_n + r * q)
        if before is not None:
            before[at] = h
        if hidden is not None:
            hidden[at] = q
            gates[at] = np.concatenate((r, z, n), axis=1)
        h[...] = n + z * (h - n)
        out[at] = h


@kernel(outputs=3, flushes=True)
def gru_backward(dgates, dhidden, dh0, gates, hidden, before, weight, dout, dhn, sizes=None, reverse=False):
    """The gradients of the gates' part from the input, of their part from the state, and of h0."""
    _first_states(dh0, dhn)
    for count, at in _active_rows(len(gates), len(dh0), sizes, not reverse):
        r, z, n = np.split(gates[at], 3, axis=1)
        dh = dh0[:count] + dout[at]
        dn = dh * (1 - z) * (1 - n * n)
        dr, dz = dn * hidden[at] * r * (1 - r), dh * (before[at] - n) * z * (1 - z)
        dgates[at] = np.concatenate((dr, dz, dn), axis=1)
        dhidden[at] = np.concatenate((dr, dz, dn * r), axis=1)
        dh0[:count] = dh * z + (0 if weight is None else dhidden[at] @ weight)


@kernel(outputs=3, flushes=True)
def rnn(out, hn, before, gates, h0, weight, bias, sizes=None, reverse=False, product=None, relu=False):
    """h' = tanh(gate), or relu(gate). For the gradient, before (R, H) holds the states before each step."""
    _first_states(hn, h0)
    for n, at in _active_rows(len(gates), len(hn), sizes, reverse):
        h = hn[:n]
        if before is not None:
            before[at] = h
        sums = gates[at] + _from_state(h, weight, bias, product)
        h[...] = np.maximum(sums, 0) if relu else np.tanh(sums)
        out[at] = h


@kernel(outputs=2, flushes=True)
def rnn_backward(dgates, dh0, out, weight, dout, dhn, sizes=None, reverse=False, relu=False):
    """The gradients of the gates before their activation and of h0; out is the result of rnn."""
    _first_states(dh0, dhn)
    for n, at in _active_rows(len(dgates), len(dh0), sizes, not reverse):
        dh = dh0[:n] + dout[at]
        dgates[at] = np.where(out[at] > 0, dh, 0) if relu else dh * (1 - out[at] * out[at])
        dh0[:n] = 0 if weight is None else dgates[at] @ weight
