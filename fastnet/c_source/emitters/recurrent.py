"""Recurrent layers and cells."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.c_source.rules import emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node

_LAYER_WEIGHTS = "w_ih", "w_hh", "b_ih", "b_hh", "projection"


@emitter("layer")
def emit_layer(node: Node, code: Code) -> None:
    """All steps of a layer. The result holds the output, the last states and, of an LSTM, the last cells."""
    given = node.arguments
    x, mode, batch, weights = given["x"], given["mode"], given["batch"], given["weights"]
    if given["sizes"] is not None:
        raise code.unsupported("takes sequences of several lengths, which has no rule for C")
    directions = len(weights) // len(_LAYER_WEIGHTS)
    if code.streaming and directions > 1:
        raise code.unsupported("reads the sequence from both ends, which streaming=True cannot do")
    units, rows = weights[1].shape[1], x.shape[0]
    ends = rows * directions * units, (rows + batch) * directions * units
    for d in range(directions):
        own = dict(zip(_LAYER_WEIGHTS, weights[d * len(_LAYER_WEIGHTS):(d + 1) * len(_LAYER_WEIGHTS)]))
        starts = [ends[0] + d * batch * units, ends[1] + d * batch * units][:2 if mode == "LSTM" else 1]
        first = [given["h0"], given["c0"]][:len(starts)]
        _emit_direction(code, mode, d, {"x": x, **own}, (rows // batch, batch, units, directions), starts, first)


def _emit_direction(code: Code, mode: str, d: int, operands: dict[str, Any], sizes: tuple[int, int, int, int],
                    starts: list[int], first: list[Any]) -> None:
    steps, batch, units, directions = sizes
    if operands.pop("projection") is not None:
        raise code.unsupported("projects its states (proj_size), which has no rule for C")
    states = []
    for start, given, what in zip(starts, first, ("hidden", "cells")):
        count = batch * units
        if given is not None:
            code.emit(f"copy($y + {start}, $x + {d * count}, {count});", x=given)
        elif code.streaming:
            states.append((start, count, code.state(f"{code.result.name}_{what}", count)))
            code.emit(f"copy($y + {start}, $state, {count});", state=states[-1][2])
        else:
            code.emit(f"for (int32_t i = 0; i < {count}; i++)\n    $y[{start} + i] = 0.0f;")
    shape = code.struct("recurrent_shape", steps=steps, batch=batch, inputs=operands["x"].shape[-1], units=units,
                        out_step=directions * units, reverse=d)
    _emit_steps(code, mode, d * units, starts, {**operands, "shape": shape})
    for start, count, state in states:
        code.emit(f"copy($state, $y + {start}, {count});", state=state)


def _emit_steps(code: Code, mode: str, at: int, starts: list[int], operands: dict[str, Any]) -> None:
    function = "rnn" if mode.startswith("RNN") else mode.lower()
    states = "".join(f", $y + {start}" for start in starts)
    relu = f" {int(mode == 'RNN_RELU')}," if function == "rnn" else ""
    code.emit(f"{function}($y + {at}{states}, $x, $w_ih, $w_hh, $b_ih, $b_hh,{relu} &$shape);", **operands)


@emitter("cell")
def emit_cell(node: Node, code: Code) -> None:
    """One step: the states (1, B, H), or with the cells of an LSTM (2, B, H)."""
    x, h, c, w_ih, w_hh, b_ih, b_hh, mode, _ = node.arguments.values()
    batch, units = x.shape[0], w_hh.shape[1]
    count = batch * units
    state = code.scratch(count)
    if h is None:
        text = f"for (int32_t i = 0; i < {count}; i++)\n    $state[i] = 0.0f;\n"
    else:
        text = f"copy($state, $h, {count});\n"
    if mode == "LSTM":
        text += f"copy($y + {count}, $c, {count});\n" if c is not None else (
            f"for (int32_t i = 0; i < {count}; i++)\n    $y[{count} + i] = 0.0f;\n")
    shape = code.struct("recurrent_shape", steps=1, batch=batch, inputs=x.shape[-1], units=units, out_step=units,
                        reverse=0)
    function = "rnn" if mode.startswith("RNN") else mode.lower()
    cells = f" $y + {count}," if mode == "LSTM" else ""
    relu = f" {int(mode == 'RNN_RELU')}," if function == "rnn" else ""
    given = {name: value for name, value in (("h", h), ("c", c)) if value is not None}
    code.emit(f"{text}{function}($y, $state,{cells} $x, $w_ih, $w_hh, $b_ih, $b_hh,{relu} &$shape);", x=x, w_ih=w_ih,
              w_hh=w_hh, b_ih=b_ih, b_hh=b_hh, shape=shape, state=state, writes=[state], **given)
