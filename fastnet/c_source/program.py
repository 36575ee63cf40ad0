"""A model as a list of C statements on values, before values have places in memory."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.c_source.constants import c_type, integer_text
from fastnet.c_source.loops import collapsed, contiguous_strides, element, is_contiguous, loops
from fastnet.graph import Value

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape
    from fastnet.graph import Graph, Node

__all__ = ["Code", "Constant", "State", "Step", "count_of", "describe_node"]

_STORED = "parameter", "buffer", "constant"


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant of the emitted file.

    Attributes:
        name: the name that it gets, made unique.
        array: the elements; None for a structure.
        type: of a structure.
        fields: of a structure, by name.
    """

    name: str
    array: Array | None = None
    type: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class State:
    """An array that keeps its elements between calls.

    Attributes:
        name: the name that it gets, made unique.
        size: number of elements.
        dtype: of the elements.
        fill: the element at the start and after a reset.
    """

    name: str
    size: int
    dtype: DType
    fill: float = 0


@dataclass(frozen=True, eq=False)
class Step:
    """Statements that one node, or a part of it, becomes.

    Attributes:
        text: C with `$name` for each operand.
        operands: values, constants, states and numbers by name.
        writes: the values that it computes, and its scratch memory.
        in_place: values whose memory the first result may take.
        node: the node; None for what the export adds.
    """

    text: str
    operands: dict[str, Any]
    writes: tuple[Value, ...]
    in_place: tuple[Value, ...]
    node: Node | None

    @property
    def reads(self) -> tuple[Value, ...]:
        """The values among the operands that it does not write."""
        return tuple(x for x in self.operands.values() if isinstance(x, Value) and x not in self.writes)


class Code:
    """Collects what the emitters of a graph's nodes emit.

    Args:
        graph: the graph.
        streaming: whether recurrent layers and causal padding keep their state between calls.
    """

    def __init__(self, graph: Graph, streaming: bool = False) -> None:
        self.graph, self.streaming = graph, streaming
        self.steps: list[Step] = []
        self.states: list[State] = []
        self.owners: dict[Value, tuple[Value, int]] = {}        # of an alias: the value whose memory it is, and where
        self.constants: dict[Value, Constant] = {}
        self.tables: dict[str, Constant] = {}
        self.kept_states: dict[Value, Value] = {}               # of the output of an integer layer: its last state
        self.node: Node | None = None

    # ---- steps ----

    def emit(self, text: str, *, y: Value | None = None, in_place: Iterable[Value] = (), writes: Iterable[Value] = (),
             **operands: Any) -> None:
        """Add statements of the present node.

        Args:
            text: C with `$name` for each operand, and `$y` for the result.
            y: the result, by default the node's.
            in_place: values whose memory the result may take.
            writes: further values that it writes, such as scratch memory; operands as well.
            operands: values, constants, states and numbers.
        """
        result = self.result if y is None else y
        self.steps.append(Step(text, {"y": result, **operands}, (result, *writes), tuple(in_place), self.node))

    @property
    def result(self) -> Value:
        """The result of the present node."""
        assert self.node is not None
        return self.node.outputs[0]

    def alias(self, y: Value, x: Value, offset: int = 0) -> None:
        """Let y be the memory of x from an element on."""
        owner, start = self.owner(x)
        self.owners[y] = owner, start + offset

    def owner(self, x: Value) -> tuple[Value, int]:
        """(the value whose memory a value is, its first element there)."""
        return self.owners.get(x, (x, 0))

    def view(self, x: Value, strides: Shape, offset: int = 0) -> None:
        """Let the result be a view of x: the same memory if it is contiguous, else a copy.

        Args:
            x: the source.
            strides: in elements, for the shape of the result.
            offset: of the first element.
        """
        y = self.result
        if is_contiguous(y.shape, strides):
            self.alias(y, x, offset)
        else:
            self.copy(x, y.shape, contiguous_strides(y.shape), strides, 0, offset)

    def copy(self, x: Value, shape: Shape, to: Shape, strides: Shape, start: int = 0, offset: int = 0) -> None:
        """Copy elements of x into the result.

        Args:
            x: the source.
            shape: of the copied block.
            to, strides: the strides of the block in the result and in the source, in elements.
            start, offset: the first element in the result and in the source.
        """
        sizes, (inner_to, inner_from) = collapsed(shape, to, strides)
        self.emit(loops(sizes, f"{element('$y', inner_to, start)} = {element('$x', inner_from, offset)};"), x=x)

    def scratch(self, count: int, dtype: Any = np.float32, name: str = "scratch") -> Value:
        """Memory that is not a value of the graph, to be named among the `writes` of a step."""
        return Value(name, "result", (count,), np.dtype(dtype))

    def state(self, name: str, size: int, dtype: Any = np.float32, fill: float = 0) -> State:
        """An array that keeps its elements between calls."""
        self.states.append(State(name, size, np.dtype(dtype), fill))
        return self.states[-1]

    # ---- constants ----

    def array(self, x: Value) -> Array:
        """The elements of a parameter, buffer or constant.

        Raises:
            NotImplementedError: the value is computed.
        """
        if x.kind not in _STORED or x.data is None:
            raise self.unsupported(f"needs {x.name} to be constant")
        return x.data

    def constant(self, name: str, array: Array) -> Constant:
        """A constant array, float32 if it is floating."""
        array = np.asarray(array)
        return Constant(name, np.ascontiguousarray(array, np.float32 if array.dtype.kind == "f" else None))

    def shared(self, name: str, make: Callable[[], Array]) -> Constant:
        """A constant array that several nodes share."""
        if name not in self.tables:
            self.tables[name] = self.constant(name, make())
        return self.tables[name]

    def stored(self, x: Value) -> Constant:
        """A parameter, buffer or constant of the graph as a constant of the file."""
        if x not in self.constants:
            self.constants[x] = self.constant(x.name, self.array(x))
        return self.constants[x]

    def struct(self, type: str, **fields: Any) -> Constant:
        """A constant structure; the fields are numbers and tuples of numbers."""
        return Constant(f"{self.result.name}_{type.rpartition('_')[2]}", None, type, fields)

    # ---- errors ----

    def unsupported(self, reason: str) -> NotImplementedError:
        """The error about the present node, which names its operation and its module."""
        return NotImplementedError(f"export_c: {describe_node(self.node)} {reason}")

    def integer(self, x: int) -> str:
        """An integer as a C constant.

        Raises:
            NotImplementedError: it does not fit into 32 bits.
        """
        try:
            return integer_text(x)
        except ValueError as e:
            raise self.unsupported(str(e)) from None

    def check_dtypes(self, values: Sequence[Value]) -> None:
        """Raise if a value has no C type."""
        for x in values:
            try:
                c_type(x.dtype)
            except ValueError as e:
                raise self.unsupported(f"has {x.name}: {e}") from None


def describe_node(node: Node | None) -> str:
    """The operation of a node and its module, for messages."""
    if node is None:
        return "the model"
    return f"operation {node.operation!r} of " + (f"module {node.module!r}" if node.module else "the model")


def count_of(x: Value) -> int:
    """The number of elements of a value."""
    return math.prod(x.shape)
