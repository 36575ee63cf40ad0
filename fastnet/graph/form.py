"""The data of a graph: values, the nodes that compute them, and the modules that they belong to."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet._core.reprs import shortened

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape, StrPath
    from fastnet._core.tensor import Tensor
    from fastnet._runtime.twins.tape import Storage
    from fastnet.graph.costs import Cost
    from fastnet.graph.lifetime import Lifetime

__all__ = ["Graph", "ModuleCall", "Node", "Value", "same_form", "values_in"]


@dataclass(frozen=True, eq=False, repr=False)
class Value:
    """An array of a graph: an input, a parameter, a buffer, a constant, or the result of a node.

    Attributes:
        name: unique in the graph. A parameter or a buffer has its key in the model's `state_dict`, an input the name of
            the argument of `forward`, a result the name of its operation and a number.
        kind: where the value comes from.
        shape: the lengths of the dimensions in the traced run; those that depend on an open dimension are `Dim`
            objects.
        dtype: of the elements.
        data: the elements of a parameter, a buffer or a constant; None for inputs and results. Those of parameters and
            buffers share the memory of the model.
        storage: of the model's tensor with this memory, which counts in-place writes; None for other values.

    Example:
        >>> import fastnet
        >>> graph = fastnet.graph.trace(fastnet.nn.Linear(3, 2), fastnet.ones(5, 3))
        >>> graph.inputs[0], graph.parameters["weight"].kind
        (Value(input: float32 (5, 3)), 'parameter')
    """

    name: str
    kind: Literal["input", "parameter", "buffer", "constant", "result"]
    shape: Shape
    dtype: DType
    data: Array | None = None
    storage: Storage | None = None

    @property
    def nbytes(self) -> int:
        """The size in bytes, in the traced run."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"Value({self.name}: {self.dtype} {self.shape})"


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """One call of an operation.

    Attributes:
        operation: its name, such as "conv" or "relu": that of the function under `fastnet.autograd.op`, without a
            leading underscore. `fastnet.graph.operation` gives the function.
        arguments: by the names of that function's parameters, in order and with defaults; tensors are values of the
            graph, and `*args` is a tuple. A list to which it appends further results is True. Integers that depend on
            an open dimension are `Dim` objects.
        outputs: the values that it computes.
        module: the path of the innermost module that made the call; "" for the model itself.
        is_view: whether the output shares the memory of the first input.
        function: of an operation that is not fastnet's; None for those of fastnet.

    Example:
        >>> import fastnet
        >>> [node] = fastnet.graph.trace(fastnet.nn.LeakyReLU(), fastnet.ones(3)).nodes
        >>> node.operation, node.inputs, node.attributes
        ('leaky_relu', (Value(input: float32 (3,)),), {'attributes': (0.01,)})
    """

    operation: str
    arguments: dict[str, Any]
    outputs: tuple[Value, ...]
    module: str
    is_view: bool = False
    function: Callable[..., Tensor] | None = None

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values among the arguments, in order."""
        return tuple(values_in(self.arguments.values()))

    @property
    def attributes(self) -> dict[str, Any]:
        """The arguments that hold no values."""
        return {name: x for name, x in self.arguments.items() if not any(True for _ in values_in([x]))}

    def __repr__(self) -> str:
        arguments = ", ".join(_argument_text(name, x) for name, x in self.arguments.items() if x is not None)
        outputs = ", ".join(f"{y.name} {y.shape}" for y in self.outputs)
        return f"{outputs} = {self.operation}({arguments})"


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """One call of a module.

    Attributes:
        path: of the module in the model; "" for the model itself.
        type: the name of its class.
        inputs: the values among the arguments of its `forward`, in order.
        outputs: the values in its result, in order.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> graph = fastnet.graph.trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), fastnet.ones(5, 3))
        >>> [(call.path, call.type, call.outputs[0].shape) for call in graph.calls]
        [('', 'Sequential', (5, 2)), ('0', 'Linear', (5, 2)), ('1', 'ReLU', (5, 2))]
    """

    path: str
    type: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A model as a list of operations, each on values that come before it: see `fastnet.graph.trace`.

    Attributes:
        nodes: in the order of the calls.
        inputs: the tensors among the example's arguments, in order; those in lists and dictionaries, too.
        outputs: the tensors in the model's result, in order.
        parameters: those that nodes read, by their keys in the model's `state_dict`.
        buffers: likewise.
        constants: tensors of neither kind that nodes read, by name.
        calls: of the modules, in the order in which they began. A pass drops those whose values it removes.
        sizes: the lengths of the open dimensions in the traced run, by name.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> fastnet.graph.trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), fastnet.ones(5, 3))
        Graph(input (5, 3)):
          0: linear_1 (5, 2) = linear(input, 0.weight, 0.bias)
          1: relu_1 (5, 2) = relu(linear_1)
          return relu_1
    """

    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    parameters: dict[str, Value]
    buffers: dict[str, Value]
    constants: dict[str, Value]
    calls: tuple[ModuleCall, ...]
    sizes: dict[str, int] = field(default_factory=dict)

    def nodes_of(self, path: str) -> tuple[Node, ...]:
        """The calls that the module at a path and its submodules made; "" gives all.

        Args:
            path: such as "layer1.0".
        """
        return tuple(node for node in self.nodes if not path or f"{node.module}.".startswith(f"{path}."))

    def run(self, *inputs: Tensor) -> Any:
        """The outputs for inputs, with the bits of the model in the traced mode.

        Parameters and buffers have the model's present values; gradients flow to inputs, not to parameters: those of
        `fastnet.graph.GraphModule` learn.

        Args:
            inputs: one tensor for each entry of `inputs`, of its dtype and shape; open dimensions have any length.

        Returns:
            The output, or a tuple of several.

        Raises:
            TypeError: another number of inputs.
            RuntimeError: another shape or dtype.

        Example:
            >>> import fastnet
            >>> graph = fastnet.graph.trace(fastnet.nn.ReLU(), fastnet.ones(2), dynamic={"input": {0: "n"}})
            >>> graph.run(fastnet.tensor([-1.0, 0.0, 1.0]))
            tensor([0., 0., 1.])
        """
        program, members = self._program
        return program(inputs, members)

    @cached_property
    def _program(self) -> Any:
        running = _running()
        return running.Program(self), running.members_of(self)

    def lifetimes(self) -> dict[Value, Lifetime]:
        """When the memory of each input and each result is in use: see `fastnet.graph.Lifetime`.

        Example:
            >>> import fastnet
            >>> from fastnet import nn
            >>> graph = fastnet.graph.trace(nn.Sequential(nn.Linear(3, 2), nn.Flatten(), nn.ReLU()), fastnet.ones(5, 3))
            >>> times = graph.lifetimes()
            >>> [(value.name, times[value].first, times[value].last) for value in times]
            [('input', -1, 0), ('linear_1', 0, 2), ('view_1', 0, 2), ('relu_1', 2, 3)]
        """
        from fastnet.graph.lifetime import lifetimes
        return lifetimes(self)

    def costs(self) -> tuple[Cost, ...]:
        """Multiply-adds, FLOPs, bytes and parameters of each node: see `fastnet.graph.Cost`.

        Example:
            >>> import fastnet
            >>> [cost] = fastnet.graph.trace(fastnet.nn.Linear(3, 2), fastnet.ones(5, 3)).costs()
            >>> cost.multiply_adds, cost.flops, cost.bytes_read, cost.bytes_written, cost.parameters
            (30, 60, 92, 40, 8)
        """
        from fastnet.graph.costs import cost_of
        return tuple(map(cost_of, self.nodes))

    def draw(self, path: StrPath) -> None:
        """Draw the graph into a file: a box for each operation, with its module and the shape of its result.

        Args:
            path: ends in ".svg", or in ".dot" for the text that Graphviz reads. Other endings, such as ".pdf" and
                ".png", need Graphviz's program `dot`.

        Raises:
            ImportError: the ending needs Graphviz, and its program `dot` is not installed.

        Example:
            >>> import fastnet, os, tempfile
            >>> graph = fastnet.graph.trace(fastnet.nn.ReLU(), fastnet.ones(2))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     graph.draw(os.path.join(folder, "g.dot"))
        """
        from fastnet.graph.drawing import draw
        draw(self, path)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{x.name} {x.shape}" for x in self.inputs)
        lines = [f"  {node.module}: {node}" if node.module else f"  {node}" for node in self.nodes]
        return "\n".join([f"Graph({inputs}):", *lines, f"  return {', '.join(x.name for x in self.outputs)}"])


def _running() -> ModuleType:
    """The module that runs graphs, which imports this one."""
    from fastnet.graph import running
    return running


def same_form(x: Value, y: Value) -> bool:
    """Whether two values have one dtype, and one shape for all lengths of the open dimensions.

    Args:
        x, y: the values.
    """
    return x.dtype == y.dtype and repr(x.shape) == repr(y.shape)


def values_in(arguments: Iterable[Any]) -> Iterator[Value]:
    """Iterate over the values in nested lists, tuples and dictionaries, in order.

    Args:
        arguments: of a call.
    """
    for x in arguments:
        if isinstance(x, Value):
            yield x
        elif isinstance(x, list | tuple):
            yield from values_in(x)
        elif isinstance(x, dict):
            yield from values_in(x.values())


def _argument_text(name: str, x: Any) -> str:
    if isinstance(x, tuple) and any(True for _ in values_in(x)):
        return ", ".join(entry.name if isinstance(entry, Value) else _argument_value(entry) for entry in x)
    return x.name if isinstance(x, Value) else f"{name}={_argument_value(x)}"


def _argument_value(x: Any) -> str:
    return str(x.dtype) if isinstance(x, np.ndarray) else shortened(x)
