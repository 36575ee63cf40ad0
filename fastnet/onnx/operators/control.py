"""Control flow of ONNX models: If, Loop and Scan."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.tensor import Tensor
from fastnet.functional.joining import stack
from fastnet.functional.splitting import select
from fastnet.onnx.program import Program, as_known, as_tensor
from fastnet.onnx.registry import Node, operator

if TYPE_CHECKING:
    from typing import TypeAlias

    from fastnet._core.annotations import Array

    Run: TypeAlias = Callable[[Program, Sequence[Any]], tuple[Any, ...]]

__all__: list[str] = []

_MOST_TRIPS = 100_000           # of a loop: a file made to be hostile ends within seconds without compiled modules


@operator("If", control=True, known=("condition",))
def if_(node: Node, run: Run, condition: Array) -> tuple[Any, ...]:
    """The outputs of one of two subgraphs."""
    return run(node.attribute("then_branch" if bool(condition) else "else_branch"), ())


@operator("Loop", control=True, known=("trips", "condition"))
def loop(node: Node, run: Run, trips: Array | None = None, condition: Array | None = None,
         *carried: Any) -> tuple[Any, ...]:
    """Run a subgraph repeatedly: the last values of what it carries along, then each of its other outputs, stacked.

    As in ONNX Runtime, the condition that the subgraph computes counts even if the node has no condition at the start.
    """
    body: Program = node.attribute("body")
    goes_on = condition is None or bool(condition)
    collected: list[list[Any]] = [[] for _ in body.outputs[1 + len(carried):]]
    for i in itertools.count() if trips is None else range(int(trips.item())):
        if not goes_on:
            break
        if i == _MOST_TRIPS:
            raise node.refuse(f"more than {_MOST_TRIPS} iterations")
        result, *rest = run(body, (np.array(i), np.array(goes_on), *carried))
        goes_on = bool(as_known(node, f"the output {body.outputs[0]!r} of its body", result))
        carried = tuple(rest[:len(carried)])
        for values, value in zip(collected, rest[len(carried):]):
            values.append(value)
    return (*carried, *(_stacked_rounds(node, values, 0) for values in collected))


def _stacked_rounds(node: Node, values: Sequence[Any], axis: int) -> Any:
    """Values of all iterations along a new dimension."""
    if not values:
        raise node.refuse("a collected output of a loop that runs 0 times")
    if not any(isinstance(x, Tensor) for x in values):
        return np.stack(values, axis)
    return stack([as_tensor(x) for x in values], axis)


@operator("Scan", since=9, control=True)
def scan(node: Node, run: Run, *inputs: Any) -> tuple[Any, ...]:
    """Run a subgraph on the slices of sequences: the last states, then each of its other outputs, stacked."""
    sequences = node.attribute("num_scan_inputs")
    axes = node.attribute("scan_input_axes", (0,) * sequences)
    return _scan_sequences(node, run, inputs, axes, node.attribute("scan_input_directions", (0,) * sequences))


@operator("Scan", since=8, control=True)
def scan_batch(node: Node, run: Run, lengths: Any = None, *inputs: Any) -> tuple[Any, ...]:
    """The first form of Scan: the inputs have a batch dimension first, and each of its entries is scanned apart."""
    if lengths is not None:
        raise node.refuse("lengths of sequences")
    sequences = node.attribute("num_scan_inputs")
    backward = node.attribute("directions", (0,) * sequences)
    results = [_scan_sequences(node, run, [_slice(x, 0, b) for x in inputs], (0,) * sequences, backward)
               for b in range(inputs[0].shape[0])]
    return tuple(_stacked_rounds(node, values, 0) for values in zip(*results))


def _scan_sequences(node: Node, run: Run, inputs: Sequence[Any], axes: Sequence[int],
             backward: Sequence[int]) -> tuple[Any, ...]:
    body: Program = node.attribute("body")
    count = len(inputs) - len(axes)
    states, scanned = tuple(inputs[:count]), inputs[count:]
    length = scanned[0].shape[axes[0]]
    collected: list[list[Any]] = [[] for _ in body.outputs[count:]]
    for t in range(length):
        slices = [_slice(x, axis, length - 1 - t if back else t) for x, axis, back in zip(scanned, axes, backward)]
        results = run(body, (*states, *slices))
        states = results[:count]
        for values, value in zip(collected, results[count:]):
            values.append(value)
    out_axes = node.attribute("scan_output_axes", (0,) * len(collected))
    reverse = node.attribute("scan_output_directions", (0,) * len(collected))
    return (*states, *(_stacked_rounds(node, values[::-1] if back else values, axis)
                       for values, axis, back in zip(collected, out_axes, reverse)))


def _slice(x: Any, axis: int, i: int) -> Any:
    return select(x, axis, i) if isinstance(x, Tensor) else x.take(i, axis)
