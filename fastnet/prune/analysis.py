"""Which channels of a model are tied, which of them are constant, and which of them its outputs depend on.

Each channel of a traced value and each entry of a parameter along a channel dimension has a number. An operation ties
numbers (`fastnet.prune.rules`): an addition those of its operands, a batch norm those of its input and its parameters,
a concatenation none. Tied channels are removed together. The same walk computes the value of channels that do not
depend on the model's input, such as those of filters whose weights and biases are 0.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.graph import Graph, Node, Value
from fastnet.graph.rewriting import readers
from fastnet.prune.ties import Ties

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Analysis", "Axis", "Channels", "Layer", "Rule", "place_of"]

Axis = tuple[str, int]                  # a parameter or a buffer, by its name, and one of its dimensions
Rule = Callable[["Analysis", Node], None]


@dataclass(frozen=True, eq=False)
class Channels:
    """The channels of a value.

    Attributes:
        axis: the dimension that they are in.
        numbers: of each entry along it.
        values: float64, what each entry is at all places and for all inputs; NaN if it varies.
    """

    axis: int
    numbers: Array
    values: Array


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or a linear layer, whose weight reads channels and makes channels.

    Attributes:
        node: its call.
        weight: the name of the weight; a name that no parameter has, if the weight is computed.
        bias: that of the bias; None without one.
        axis: the dimension of the weight that holds the output channels.
        inputs: the channels that it reads; None if those of its input are not numbered, or are tied to its outputs.
        outputs: the numbers of the channels that it makes.
        used: bool (outputs, inputs): whether the weight has a number other than 0 there; None without `inputs`.
        sums: (outputs, inputs): the weight, summed over the kernel.
        folds: whether the layer's bias can absorb a constant input channel other than 0.
    """

    node: Node
    weight: str
    bias: str | None
    axis: int
    inputs: Channels | None
    outputs: Array
    used: Array | None = None
    sums: Array | None = None
    folds: bool = False


class Analysis:
    """The channels of a graph.

    Args:
        graph: of the model.
        rules: what each operation does to channels, by its name; other operations fix the channels that they read.

    Attributes:
        ties: of all channels.
        axes: the numbers along each channel dimension of a parameter or a buffer.
        made: the axes of parameters that make channels: those of weights that hold outputs, of biases, and of the scale
            and shift of batch norms. A channel is 0 if all its entries in them are.
        layers: in the order of the calls.
        readers: of each value, the nodes that read it.
        roots: of each number, the least of those that are tied to it.
        fixed: {root: why} of the channels that cannot be removed.
        transposed: {a transposed matrix: the parameter that it is a view of}.
        owners: the paths of the modules with parameters.
    """

    def __init__(self, graph: Graph, rules: dict[str, Rule]) -> None:
        self.ties = Ties()
        self.axes: dict[Axis, Array] = {}
        self.made: set[Axis] = set()
        self.layers: list[Layer] = []
        self.readers = readers(graph)
        self.transposed: dict[Value, Value] = {}
        self.owners = {name.rpartition(".")[0] for name in graph.parameters}
        self._channels: dict[Value, Channels] = {}
        self._refused: dict[str, str] = {}      # parameters that an operation reads otherwise than by channels
        for node in graph.nodes:
            rule = rules.get(node.operation)
            if rule is None:
                self.refuse(node, f"{place_of(node)} needs all of them")
            else:
                rule(self, node)
        for value in graph.outputs:
            if value in self._channels:
                self.ties.fix(self._channels[value].numbers, "the model returns them")
        self.roots = self.ties.roots(range(len(self.ties)))
        self.fixed = self.ties.reasons()

    # ---- for rules ----

    def of(self, value: Value) -> Channels | None:
        """The channels of a value; None if they are not numbered.

        Args:
            value: of the graph.
        """
        return self._channels.get(value)

    def put(self, value: Value, axis: int, numbers: Array, values: Array | None = None) -> None:
        """Set the channels of a value.

        Args:
            value: the result of a node.
            axis: the dimension of the channels.
            numbers: of each.
            values: of each; None if all vary.
        """
        self._channels[value] = Channels(axis, numbers, np.full(len(numbers), np.nan) if values is None else values)

    def numbered(self, value: Value, axis: int) -> Array:
        """The numbers along a dimension of a parameter or a buffer.

        Args:
            value: the parameter or the buffer.
            axis: the dimension.
        """
        key = value.name, axis
        if key not in self.axes:
            self.axes[key] = self.ties.new(value.shape[axis])
            if value.name in self._refused:
                self.ties.fix(self.axes[key], self._refused[value.name])
        return self.axes[key]

    def refuse(self, node: Node, reason: str) -> None:
        """Fix all channels that a node reads; the channels of its results are not numbered.

        Args:
            node: the node.
            reason: why they cannot be removed.
        """
        for value in (self.transposed.get(x, x) for x in node.inputs):
            if value in self._channels:
                self.ties.fix(self._channels[value].numbers, reason)
            if value.kind in ("parameter", "buffer"):
                self._refused.setdefault(value.name, reason)
                for (name, _), numbers in self.axes.items():
                    if name == value.name:
                        self.ties.fix(numbers, reason)

    def refuse_layer(self, node: Node, axis: int, reason: str) -> None:
        """Fix all channels that a layer reads and makes, so that it has a reason.

        Args:
            node: the call of the layer.
            axis: the dimension of its result that has the channels.
            reason: why they cannot be removed.
        """
        self.refuse(node, reason)
        result = node.outputs[0]
        numbers = self.ties.new(int(result.shape[axis]))
        self.ties.fix(numbers, reason)
        self.put(result, axis, numbers)
        if node.module in self.owners:                  # not a function of another module's weight
            name = f"{node.module}.{result.name}"
            self.axes[name, axis] = numbers
            self.layers.append(Layer(node, name, None, axis, None, numbers))

    # ---- results ----

    def alive(self) -> tuple[Array, dict[int, str]]:
        """Which channels stay, and why those of them stay that are constant.

        A channel stays if it is fixed, or if it varies and a layer reads it for a channel that stays. A constant one
        stays if no bias can absorb it. Each layer keeps at least one channel.

        Returns:
            (bool, for each number; {root: the reason}).
        """
        notes = dict(self.fixed)
        stays = np.zeros(len(self.roots), bool)         # for roots, until the end
        stays[list(notes)] = True
        self._mark_all_read(stays, notes)
        for layer in reversed(self.layers):
            own = self.roots[layer.outputs]
            if len(own) and not stays[own].any():
                stays[own[0]] = True
                notes.setdefault(int(own[0]), "a layer keeps at least one channel")
                self._mark_all_read(stays, notes)
        return stays[self.roots], notes

    def _mark_all_read(self, stays: Array, notes: dict[int, str]) -> None:
        """Mark the channels that channels that stay depend on."""
        before = -1
        while stays.sum() != before:                    # tied channels are also read before the last layer makes them
            before = stays.sum()
            for layer in reversed(self.layers):
                self._mark_read(layer, stays, notes)

    def _mark_read(self, layer: Layer, stays: Array, notes: dict[int, str]) -> None:
        """Mark the channels that a layer reads for outputs that stay."""
        if layer.inputs is None or layer.used is None:
            return
        read = layer.used[stays[self.roots[layer.outputs]]].any(axis=0)
        values, own = layer.inputs.values, self.roots[layer.inputs.numbers]
        varies = np.isnan(values)
        stays[own[read & varies]] = True
        if not layer.folds:
            for i in np.flatnonzero(read & ~varies & (values != 0)):
                stays[own[i]] = True
                notes.setdefault(int(own[i]), f"{place_of(layer.node)} reads a channel that is always "
                                              f"{values[i]:.3g}, not 0, and pads it with 0 or has no bias")

    def members(self) -> Iterator[tuple[int, frozenset[Axis]]]:
        """Iterate over (root, the axes with an entry of its set)."""
        found: dict[int, set[Axis]] = {}
        for key, numbers in self.axes.items():
            for root in np.unique(self.roots[numbers]).tolist():
                found.setdefault(root, set()).add(key)
        return ((root, frozenset(keys)) for root, keys in found.items())


def place_of(node: Any) -> str:
    """An operation and its module as text.

    Args:
        node: of a graph.
    """
    return f"{node.operation} in {node.module!r}" if node.module else str(node.operation)
