"""Running a graph: its nodes one after the other, by the functions of their operations."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.graph.dimension import Dim, is_open, mapped
from fastnet.graph.form import Graph, Node, Value, values_in
from fastnet.graph.open_dimensions import checked_sizes
from fastnet.graph.operations import bound, operation
from fastnet.nn import Module, Parameter

if TYPE_CHECKING:
    from fastnet.nn.registry import Registry

__all__ = ["GraphModule", "Program", "members_of", "node_result"]


class _PreparedNode(NamedTuple):
    """A node, prepared for calls."""

    function: Callable[..., Tensor]
    positional: list[Any]
    named: dict[str, Any]
    filled: tuple[int, ...]             # the positional arguments with values or open dimensions
    filled_named: tuple[str, ...]
    lists: tuple[int, ...]              # the positional arguments to which it appends further results
    outputs: tuple[Value, ...]
    last_read: tuple[Value, ...]        # the values that no later node reads

    def run(self, found: Mapping[Value, Tensor], sizes: Mapping[str, int]) -> tuple[Tensor, ...]:
        """The results.

        Args:
            found: the tensors of the values that it reads.
            sizes: the lengths of the open dimensions.
        """
        arguments, named = self.positional.copy(), self.named
        for i in self.filled:
            arguments[i] = _argument_for(arguments[i], found, sizes)
        if self.filled_named:
            named = named | {name: _argument_for(named[name], found, sizes) for name in self.filled_named}
        for i in self.lists:
            arguments[i] = []
        result = self.function(*arguments, **named)
        return result, *(Tensor._wrap(array) for i in self.lists for array in arguments[i])


class Program:
    """A graph, prepared for many calls.

    Args:
        graph: the graph.

    Raises:
        KeyError: an operation that fastnet does not have.
    """

    def __init__(self, graph: Graph) -> None:
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.steps: list[_PreparedNode] = []
        read = set(graph.outputs)
        for node in reversed(graph.nodes):
            last = tuple(v for v in dict.fromkeys((*node.inputs, *node.outputs)) if v not in read)
            read.update(last)
            self.steps.append(_prepared_node(node, last))
        self.steps.reverse()

    def __call__(self, inputs: Sequence[Tensor], members: Mapping[Value, Tensor]) -> Any:
        """The output, or a tuple of several.

        Args:
            inputs: of the graph.
            members: the tensors of its parameters, buffers and constants.
        """
        sizes = checked_sizes("graph", self.inputs, inputs)
        found: dict[Value, Tensor] = {**members, **dict(zip(self.inputs, inputs))}
        for step in self.steps:
            found.update(zip(step.outputs, step.run(found, sizes)))
            for value in step.last_read:
                del found[value]
        results = tuple(found[y] for y in self.outputs)
        return results[0] if len(results) == 1 else results


def _prepared_node(node: Node, last_read: tuple[Value, ...]) -> _PreparedNode:
    function = node.function or operation(node.operation)
    positional, named = bound(function, node.arguments)
    lists = _lists_of(function, node) if len(node.outputs) > 1 else ()
    return _PreparedNode(function, positional, named, tuple(i for i, x in enumerate(positional) if _holds_values(x)),
                 tuple(name for name, x in named.items() if _holds_values(x)), lists, node.outputs, last_read)


def _lists_of(function: Callable[..., Any], node: Node) -> tuple[int, ...]:
    """The positions of the arguments that are lists for further results; the node has True in their places."""
    parameters = enumerate(inspect.signature(function).parameters.items())
    return tuple(i for i, (name, parameter) in parameters
                 if str(parameter.annotation).startswith("list[") and node.arguments.get(name) is True)


def _holds_values(x: Any) -> bool:
    return is_open(x) or any(True for _ in values_in([x]))


def _argument_for(x: Any, found: Mapping[Value, Tensor], sizes: Mapping[str, int]) -> Any:
    """An argument with tensors in place of values; inside of a tuple, with arrays in place of constants."""
    if isinstance(x, Value):
        return found[x]

    def leaf(entry: Any) -> Any:
        if isinstance(entry, Value):
            return found[entry]._data if entry.kind == "constant" else found[entry]
        return entry.at(sizes) if isinstance(entry, Dim) else entry
    return mapped(x, leaf)


def _over_memory(values: Iterable[Value]) -> dict[Value, Tensor]:
    return {value: _tensor(value) for value in values}


def _tensor(value: Value) -> Tensor:
    """A tensor over the memory of a value with data."""
    assert value.data is not None
    made = Tensor._wrap(value.data, value.storage)
    if state.recorder is not None:
        state.recorder.note_captured(made)
    return made


def members_of(graph: Graph) -> dict[Value, Tensor]:
    """Tensors over the memory of a graph's parameters, buffers and constants.

    Args:
        graph: the graph.
    """
    return _over_memory([*graph.parameters.values(), *graph.buffers.values(), *graph.constants.values()])


def node_result(node: Node) -> Tensor:
    """The first result of a node that reads only values with data, and no open dimension.

    Args:
        node: the node.
    """
    return _prepared_node(node, ()).run(_over_memory(node.inputs), {})[0]


class GraphModule(Module):
    """A module that runs a graph, with copies of its parameters and buffers under their keys in the `state_dict`.

    It computes what the graph computes: `train()` and `eval()` do not change it. Trace in training mode for a graph
    with dropout and with statistics of the batch. Constants of the graph are buffers that `state_dict()` leaves out.

    Args:
        graph: the graph.

    Raises:
        KeyError: an operation that fastnet does not have.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        >>> copy = fastnet.graph.GraphModule(fastnet.graph.trace(model, fastnet.ones(5, 3)))
        >>> list(copy.state_dict()), copy(fastnet.ones(5, 3)).shape
        (['0.weight', '0.bias'], (5, 2))
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self._program = Program(graph)
        self._places: list[tuple[Value, Registry, str]] = []
        for value in graph.parameters.values():
            self._place(value, "_parameters", Parameter(_tensor(value)))
        for value in (*graph.buffers.values(), *graph.constants.values()):
            self._place(value, "_buffers", _tensor(value).clone())

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in the order in which `forward` takes them."""
        return [x.name for x in self.graph.inputs]

    def _place(self, value: Value, registry: str, tensor: Tensor) -> None:
        """Register a tensor under the name of its value, in modules that stand for the model's."""
        *path, name = value.name.split(".")
        module: Registry = self
        for part in path:
            if part not in module._modules:
                module._register("_modules", part, Module())
            module = module._modules[part]      # type: ignore[assignment]      # it is not None
        module._register(registry, name, tensor)
        if value.kind == "constant":
            module._non_persistent.add(name)
        self._places.append((value, module, name))

    def forward(self, *inputs: Tensor) -> Any:
        """The output of the graph, or a tuple of several."""
        return self._program(inputs, {value: getattr(module, name) for value, module, name in self._places})
