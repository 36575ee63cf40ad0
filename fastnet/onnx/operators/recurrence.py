"""LSTM, GRU and RNN of ONNX models.

ONNX's gates are in another order than those of `fastnet.nn`. A layer with the ordinary activations runs as one
operation (`recurrent_layer`); one with peepholes, other activations, clipping, sequences of different lengths or the
other form of GRU is computed step by step.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet._core.tensor import Tensor
from fastnet.functional.compare import where
from fastnet.functional.creation import zeros
from fastnet.functional.joining import cat, flip, stack
from fastnet.functional.recurrent import recurrent_layer
from fastnet.nn import functional as F
from fastnet.onnx.activations import activation_functions
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__: list[str] = []

_ORDERS = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}         # the places of fastnet's gates among ONNX's
_DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}


class _RecurrentNode(NamedTuple):
    """A layer with what its node states.

    Attributes:
        node: the node.
        x: (T, B, I).
        weight, recurrent: (directions, gates * H, I) and (directions, gates * H, H).
        bias: (directions, 2 * gates * H) or None.
        lengths: of the sequences, or None if all have T steps.
        hidden, cells: (directions, B, H) or None for 0.
        peepholes: (directions, 3 * H) or None.
    """

    node: Node
    x: Tensor
    weight: Tensor
    recurrent: Tensor
    bias: Tensor | None
    lengths: Array | None
    hidden: Tensor | None
    cells: Tensor | None = None
    peepholes: Tensor | None = None

    @property
    def kind(self) -> str:
        """ "LSTM", "GRU" or "RNN"."""
        return self.node.operator.name

    @property
    def directions(self) -> tuple[bool, ...]:
        """For each direction, whether it reads the sequence from its end."""
        found = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
        return found[self.node.attribute("direction", "forward")]


@operator("LSTM", since=7, known=("lengths",))
def lstm(node: Node, x: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor | None = None,
         lengths: Array | None = None, hidden: Tensor | None = None, cells: Tensor | None = None,
         peepholes: Tensor | None = None) -> tuple[Tensor, ...]:
    """Long short-term memory: the states of all steps, the last states, the last cells."""
    return _run_layer(node, x, weight, recurrent, bias, lengths, hidden, cells, peepholes)


@operator("GRU", since=7, known=("lengths",))
def gru(node: Node, x: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor | None = None,
        lengths: Array | None = None, hidden: Tensor | None = None) -> tuple[Tensor, ...]:
    """Gated recurrent unit: the states of all steps, and the last states."""
    return _run_layer(node, x, weight, recurrent, bias, lengths, hidden)


@operator("RNN", since=7, known=("lengths",))
def rnn(node: Node, x: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor | None = None,
        lengths: Array | None = None, hidden: Tensor | None = None) -> tuple[Tensor, ...]:
    """Elman network: the states of all steps, and the last states."""
    return _run_layer(node, x, weight, recurrent, bias, lengths, hidden)


def _run_layer(node: Node, x: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor | None, lengths: Array | None,
             *states: Tensor | None) -> tuple[Tensor, ...]:
    batch_first = bool(node.attribute("layout", 0))
    if batch_first:
        x = x.transpose(0, 1)
        states = (*(None if t is None else t.transpose(0, 1) for t in states[:2]), *states[2:])
    if lengths is not None and bool((lengths == x.shape[0]).all()):
        lengths = None
    layer = _RecurrentNode(node, x, weight, recurrent, bias, lengths, *states)
    y, last = _as_one_operation(layer) if _is_ordinary(layer) else _stepwise(layer)
    if batch_first:
        y, last = y.permute(2, 0, 1, 3), [t.transpose(0, 1) for t in last]
    return (y, *last)[:len(node.outputs)]


def _is_ordinary(layer: _RecurrentNode) -> bool:
    """Whether one operation computes the layer."""
    node, kind = layer.node, layer.kind
    names = tuple(node.attribute("activations", _DEFAULTS[kind] * len(layer.directions)))
    usual = _DEFAULTS[kind] * len(layer.directions)
    ordinary = names == usual or (kind == "RNN" and set(names) == {"Relu"})
    return (ordinary and layer.lengths is None and layer.peepholes is None and not node.attribute("clip", 0)
            and not node.attribute("input_forget", 0) and layer.x.shape[0] > 0
            and (kind != "GRU" or bool(node.attribute("linear_before_reset", 0))))


def _as_one_operation(layer: _RecurrentNode) -> tuple[Tensor, list[Tensor]]:
    """All steps as one operation."""
    (steps, batch, features), size = layer.x.shape, layer.recurrent.shape[2]
    reverse = layer.directions == (True,)
    x = flip(layer.x, (0,)) if reverse else layer.x
    mode = layer.kind
    if mode == "RNN":
        mode = "RNN_RELU" if "Relu" in layer.node.attribute("activations", ()) else "RNN_TANH"
    weights: list[Tensor | None] = []
    for d in range(len(layer.directions)):
        weights += [_reordered_gates(layer, t[d]) for t in (layer.weight, layer.recurrent)]
        weights += [*_biases(layer, d), None]
    result = recurrent_layer(mode, x.reshape(steps * batch, features), batch, None, layer.hidden, layer.cells, weights)
    y = result.output.reshape(steps, batch, len(layer.directions), size).permute(0, 2, 1, 3)
    last = [result.hidden] if result.cells is None else [result.hidden, result.cells]
    return (flip(y, (0,)) if reverse else y), last


def _reordered_gates(layer: _RecurrentNode, t: Tensor) -> Tensor:
    """Gates in fastnet's order."""
    order = _ORDERS[layer.kind]
    if len(order) == 1:
        return t
    size = t.shape[0] // len(order)
    return cat([t[i * size:(i + 1) * size] for i in order])


def _biases(layer: _RecurrentNode, direction: int) -> tuple[Tensor | None, Tensor | None]:
    if layer.bias is None:
        return None, None
    both = layer.bias[direction]
    middle = both.shape[0] // 2
    return _reordered_gates(layer, both[:middle]), _reordered_gates(layer, both[middle:])


# ---- step by step ----------------------------------------------------------------------------------------------------

def _stepwise(layer: _RecurrentNode) -> tuple[Tensor, list[Tensor]]:
    """All steps as separate operations."""
    functions = activation_functions(layer.node, _DEFAULTS[layer.kind], len(layer.directions))
    results = [_direction(layer, d, backward, functions[d]) for d, backward in enumerate(layer.directions)]
    last = [stack(states) for states in zip(*(states for _, states in results))]
    return stack([y for y, _ in results], 1), last


def _direction(layer: _RecurrentNode, d: int, backward: bool,
               functions: Sequence[Callable[[Tensor], Tensor]]) -> tuple[Tensor, list[Tensor]]:
    """(T, B, H) of one direction, and its last states."""
    steps, batch = layer.x.shape[:2]
    size = layer.recurrent.shape[2]
    cell = {"LSTM": _lstm_cell, "GRU": _gru_cell, "RNN": _rnn_cell}[layer.kind]
    given = [layer.hidden, layer.cells] if layer.kind == "LSTM" else [layer.hidden]
    states = [zeros(batch, size, dtype=layer.x.dtype) if t is None else t[d] for t in given]
    outputs: list[Any] = [None] * steps
    for t in reversed(range(steps)) if backward else range(steps):
        new = cell(layer, d, layer.x[t], states, functions)
        output = new[0]
        if layer.lengths is not None:
            active = as_tensor((t < layer.lengths).reshape(-1, 1))
            new = [where(active, a, b) for a, b in zip(new, states)]
            output = where(active, output, zeros(1, dtype=output.dtype))
        states, outputs[t] = new, output
    return stack(outputs), states


def _gates(layer: _RecurrentNode, d: int, x: Tensor, hidden: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The parts of the gates that come from the input and from the state, by gate."""
    count = len(_ORDERS[layer.kind])
    bias: Any = (None, None)
    if layer.bias is not None:
        middle = layer.bias.shape[1] // 2
        bias = layer.bias[d][:middle], layer.bias[d][middle:]
    size = layer.recurrent.shape[2]
    products = F.linear(x, layer.weight[d], bias[0]), F.linear(hidden, layer.recurrent[d], bias[1])
    first, second = ([p[:, i * size:(i + 1) * size] for i in range(count)] for p in products)
    return first, second


def _clipped(layer: _RecurrentNode, x: Tensor) -> Tensor:
    clip = layer.node.attribute("clip", 0)
    return x.clamp(-clip, clip) if clip else x


def _lstm_cell(layer: _RecurrentNode, d: int, x: Tensor, states: Sequence[Tensor],
               functions: Sequence[Callable[[Tensor], Tensor]]) -> list[Tensor]:
    f, g, h = functions
    hidden, cells = states
    i, o, forget, c = (a + b for a, b in zip(*_gates(layer, d, x, hidden)))
    if layer.peepholes is not None:
        size = hidden.shape[1]
        p_i, p_o, p_f = (layer.peepholes[d][k * size:(k + 1) * size] for k in range(3))
        i, forget = i + p_i * cells, forget + p_f * cells
    i = f(_clipped(layer, i))
    forget = 1 - i if layer.node.attribute("input_forget", 0) else f(_clipped(layer, forget))
    new = forget * cells + i * g(_clipped(layer, c))
    if layer.peepholes is not None:
        o = o + p_o * new
    return [f(_clipped(layer, o)) * h(new), new]        # as in ONNX Runtime, which does not clip the cells


def _gru_cell(layer: _RecurrentNode, d: int, x: Tensor, states: Sequence[Tensor],
              functions: Sequence[Callable[[Tensor], Tensor]]) -> list[Tensor]:
    f, g = functions
    hidden = states[0]
    (xz, xr, xh), (hz, hr, hh) = _gates(layer, d, x, hidden)
    z, r = f(_clipped(layer, xz + hz)), f(_clipped(layer, xr + hr))
    if layer.node.attribute("linear_before_reset", 0):
        new = g(_clipped(layer, xh + r * hh))
    else:
        size = hidden.shape[1]
        bias = None if layer.bias is None else layer.bias[d][5 * size:]
        new = g(_clipped(layer, xh + F.linear(r * hidden, layer.recurrent[d][2 * size:], bias)))
    return [(1 - z) * new + z * hidden]


def _rnn_cell(layer: _RecurrentNode, d: int, x: Tensor, states: Sequence[Tensor],
              functions: Sequence[Callable[[Tensor], Tensor]]) -> list[Tensor]:
    (first,), (second,) = _gates(layer, d, x, states[0])
    return [functions[0](_clipped(layer, first + second))]
