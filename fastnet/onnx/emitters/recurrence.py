"""Recurrent layers and cells as ONNX's LSTM, GRU and RNN, whose gates have another order."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.graph.dimension import is_open
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import DType
    from fastnet.graph import Value
    from fastnet.onnx.writer import Writer

__all__: list[str] = []

# mode -> (ONNX's operator, where its gates are among fastnet's, attributes)
_ONNX_MODES: dict[str, tuple[str, list[int], dict[str, Any]]] = {
    "LSTM": ("LSTM", [0, 3, 1, 2], {}),                         # i, f, g, o as i, o, f, c
    "GRU": ("GRU", [1, 0, 2], {"linear_before_reset": 1}),      # r, z, n as z, r, h
    "RNN_TANH": ("RNN", [0], {}),
    "RNN_RELU": ("RNN", [0], {"activations": ["Relu"]}),
}
_WEIGHTS_EACH = 5               # of the input, of the state, their biases, the projection


@emits("layer")
def layer(w: Writer, x: Value, h0: Value | None, c0: Value | None, sizes: Value | None, mode: str, batch: int,
          tracked: bool, weights: tuple[Value | None, ...]) -> None:
    """All steps of a layer. Its result joins output, last states and last cells, which stay apart in ONNX."""
    if sizes is not None:
        raise w.refuse("sequences of several lengths (PackedSequence) cannot be written as ONNX; export the model with "
                       "padded sequences of one length")
    groups = [weights[i:i + _WEIGHTS_EACH] for i in range(0, len(weights), _WEIGHTS_EACH)]
    if any(group[4] is not None for group in groups):
        raise w.refuse("ONNX's LSTM has no projection of the states (proj_size); use an LSTM without it and a Linear")
    directions = len(groups)
    rows, width = x.shape
    steps = _steps(rows, batch)
    sequences = w.reshape(x, (steps, batch, width))
    parts = _recurrent_node(w, mode, sequences, h0, c0, groups, x.dtype)
    units = weights[1].shape[1]                                 # type: ignore[union-attr]
    states = w.transpose(parts[0], (0, 2, 1, 3))                # (T, D, B, H) as (T, B, D, H)
    flat = w.reshape(states, (-1, directions * units))
    w.bind_parts(w.output, (flat, *parts[1:]))


def _steps(rows: Any, batch: Any) -> int:
    """The number of steps, of which each has `batch` rows; -1 if it is open."""
    if not is_open(rows):
        return int(rows) // int(batch)
    if is_open(batch) and rows.name == batch.name and rows.offset == batch.offset == 0:
        return int(rows.factor / batch.factor)                  # the batch is open
    return -1


@emits("cell")
def cell(w: Writer, x: Value, h: Value | None, c: Value | None, w_ih: Value, w_hh: Value, b_ih: Value | None,
         b_hh: Value | None, mode: str, tracked: bool) -> str:
    """One step: the states (1, B, H), or with the cells (2, B, H)."""
    h0, c0 = (None if state is None else w.unsqueeze(state, 0) for state in (h, c))
    parts = _recurrent_node(w, mode, w.unsqueeze(x, 0), h0, c0, [(w_ih, w_hh, b_ih, b_hh, None)], x.dtype)
    return parts[1] if len(parts) == 2 else w.add("Concat", parts[1], parts[2], axis=0)


def _recurrent_node(w: Writer, mode: str, x: str, h0: Any, c0: Any, groups: Sequence[tuple[Value | None, ...]],
                    dtype: DType) -> tuple[str, ...]:
    """The node of a layer: (states of all steps (T, D, B, H), last states (D, B, H), and last cells of an LSTM)."""
    operator, order, attributes = _ONNX_MODES[mode]
    units = groups[0][1].shape[1]                               # type: ignore[union-attr]
    input_weights, state_weights = (_initializer(w, _stacked_gates(w, [group[i] for group in groups], order, units),
                                                 groups[0][i]) for i in range(2))
    biases = _initializer(w, _joined_biases(w, groups, order, units, dtype), groups[0][2])
    if "activations" in attributes:
        attributes = {"activations": attributes["activations"] * len(groups)}
    direction = "bidirectional" if len(groups) == 2 else None
    states = (h0, c0) if mode == "LSTM" else (h0,)
    return w.add_several(operator, 3 if mode == "LSTM" else 2, x, input_weights, state_weights, biases, None, *states,
                         hidden_size=units, direction=direction, **attributes)


def _joined_biases(w: Writer, groups: Sequence[tuple[Value | None, ...]], order: list[int], units: int,
                   dtype: DType) -> Any:
    """The biases of input and state of each direction, (D, 2*G*H); None without biases."""
    if all(group[2] is None and group[3] is None for group in groups):
        return None
    zeros = np.zeros(len(order) * units, dtype)
    halves = [_stacked_gates(w, [group[i] if group[i] is not None else zeros for group in groups], order, units)
              for i in (2, 3)]
    return _joined_arrays(w, halves, 1)


def _stacked_gates(w: Writer, weights: Sequence[Any], order: list[int], units: int) -> Any:
    """The weights of all directions with their gates in ONNX's order, (D, G*H, ...)."""
    rows = np.concatenate([np.arange(gate * units, (gate + 1) * units) for gate in order])
    parts = []
    for x in weights:
        data = x if isinstance(x, np.ndarray) else x.data
        parts.append(data[rows][None] if data is not None else
                     w.unsqueeze(w.add("Gather", x, w.constant(rows), axis=0), 0))
    return _joined_arrays(w, parts, 0)


def _joined_arrays(w: Writer, parts: Sequence[Any], axis: int) -> Any:
    """Arrays and names of ONNX values joined along a dimension: an array if all are arrays, else a name."""
    if all(isinstance(x, np.ndarray) for x in parts):
        return np.concatenate(parts, axis)
    names = [w.constant(x) if isinstance(x, np.ndarray) else x for x in parts]
    return names[0] if len(names) == 1 else w.add("Concat", *names, axis=axis)


def _initializer(w: Writer, x: Any, like: Value | None) -> Any:
    """The name of an array, after the parameter that it is made of."""
    return w.constant(x, "bias" if like is None else like.name) if isinstance(x, np.ndarray) else x
