"""The writer of an ONNX graph: collects nodes, initializers and names while emitters run."""
from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnet import dtypes
from fastnet.graph import Value
from fastnet.graph.dimension import is_open
from fastnet.onnx.emitting import export_error
from fastnet.onnx.forms import Node, Tensor, attribute
from fastnet.onnx.tensors import data_type_of, tensor_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType
    from fastnet.graph import Node as GraphNode
    from fastnet.onnx.emitting import ExportError

__all__ = ["Operand", "Size", "Writer", "same_shape"]

Operand: TypeAlias = "Value | str | None"       # a value of the graph, the name of an ONNX value, or an absent input
Size: TypeAlias = int           # it can be a Dim of the graph, which follows from an open dimension


def same_shape(a: Sequence[Size], b: Sequence[Size]) -> bool:
    """Whether two shapes are equal for all lengths of open dimensions.

    Args:
        a, b: shapes.
    """
    return len(a) == len(b) and all(m == n and repr(m) == repr(n) for m, n in zip(a, b))


class Writer:
    """Adds nodes and initializers to an ONNX graph.

    Args:
        opset: the version of ONNX's operators.
        inputs: the inputs of the graph, whose open dimensions sizes follow from.

    Attributes:
        nodes: of the ONNX graph, in order.
        initializers: by name.
        node: the node of the graph that is being written.
    """

    def __init__(self, opset: int, inputs: Sequence[Value]) -> None:
        self.opset, self.inputs = opset, inputs
        self.nodes: list[Node] = []
        self.initializers: dict[str, Tensor] = {}
        self.node: GraphNode = None                             # type: ignore[assignment]
        self._names: dict[int, str] = {}                        # by id of a value of the graph
        self._parts: dict[int, tuple[str, ...]] = {}            # likewise, of results that are never joined
        self._taken: set[str] = set()
        self._constants: dict[tuple[Any, ...], str] = {}        # by contents
        self._sizes: dict[str, str] = {}                        # that follow from open dimensions, by their text

    # ---- names ----

    def unique(self, name: str) -> str:
        """A name that no value has: the given one, or with a number after it.

        Args:
            name: the wanted name.
        """
        found, number = name, 1
        while found in self._taken:
            number += 1
            found = f"{name}_{number}"
        self._taken.add(found)
        return found

    def bind(self, value: Value, name: str) -> None:
        """Let a value of the graph be the ONNX value of this name.

        Args:
            value: of the graph.
            name: of an input, or of the result of a node.
        """
        self._names[id(value)] = name

    def bind_parts(self, value: Value, parts: tuple[str, ...]) -> None:
        """Let a value of the graph be several ONNX values, joined one after the other, of which each is read apart.

        Args:
            value: of the graph, of one dimension.
            parts: the names.
        """
        self._parts[id(value)] = parts

    def parts_of(self, value: Value) -> tuple[str, ...] | None:
        """The names that were given to `bind_parts`, or None.

        Args:
            value: of the graph.
        """
        return self._parts.get(id(value))

    def name(self, x: Operand) -> str:
        """The name of an operand; parameters, buffers and constants become initializers when they are first read.

        Args:
            x: a value of the graph, a name, or None, which is "".
        """
        if x is None or isinstance(x, str):
            return x or ""
        if id(x) in self._parts and id(x) not in self._names:
            flat = [self.add("Reshape", part, self.ints([-1])) for part in self._parts[id(x)]]
            self.bind(x, self.add("Concat", *flat, axis=0))
        if id(x) not in self._names:
            if x.data is None:
                raise AssertionError(f"{x} is read before it is computed")
            name = self.unique(x.name)
            self.initializers[name] = tensor_of(name, x.data)
            self.bind(x, name)
        return self._names[id(x)]

    # ---- nodes ----

    def add(self, op_type: str, *inputs: Operand, **attributes: Any) -> str:
        """Add a node with one output, and return the name of the output.

        Args:
            op_type: the name of the operator.
            inputs: its inputs; None for absent ones.
            attributes: its attributes; those that are None are left out.
        """
        return self.add_several(op_type, 1, *inputs, **attributes)[0]

    def add_several(self, op_type: str, outputs: int, *inputs: Operand, **attributes: Any) -> tuple[str, ...]:
        """Add a node with several outputs, and return their names.

        Args:
            op_type: the name of the operator.
            outputs: how many.
            inputs, attributes: as of `add`.
        """
        names = [self.name(x) for x in inputs]
        while names and not names[-1]:
            names.pop()
        base = self.node.outputs[0].name if self.node else "value"
        results = tuple(self.unique(f"{base}/{op_type}") for _ in range(outputs))
        kept = [attribute(name, value) for name, value in attributes.items() if value is not None]
        self.nodes.append(Node(input=names, output=list(results), name=results[0], op_type=op_type, attribute=kept))
        return results

    def refuse(self, reason: str) -> ExportError:
        """The error that the node cannot be exported; to be raised.

        Args:
            reason: what is not possible, and what to do instead.
        """
        return export_error(reason, self.node)

    @property
    def output(self) -> Value:
        """The first result of the node that is being written."""
        return self.node.outputs[0]

    # ---- constants ----

    def constant(self, array: Array, name: str = "constant") -> str:
        """The name of an initializer with these elements; equal ones are shared.

        Args:
            array: the elements.
            name: for the initializer, if it is a new one.
        """
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = name = self.unique(name)
            self.initializers[name] = tensor_of(name, array.copy())
        return self._constants[key]

    def scalar(self, number: Any, dtype: DType) -> str:
        """The name of a 0-d initializer.

        Args:
            number: its element.
            dtype: of the initializer.
        """
        return self.constant(np.asarray(number).astype(dtype))

    def ints(self, sizes: Iterable[Size]) -> str:
        """The name of int64 numbers, (n,): an initializer, or the result of nodes if a size is open.

        Args:
            sizes: numbers and sizes.
        """
        sizes = list(sizes)
        if not is_open(sizes):
            return self.constant(np.array(sizes, np.int64))
        parts = [self._size(n) if is_open(n) else self.constant(np.array([n])) for n in sizes]
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)

    def _size(self, dim: Any) -> str:
        """The name of a size that follows from open dimensions, (1,): a sum of terms, and an offset."""
        key = repr(dim)
        if key not in self._sizes:
            terms = [self._term(name, *factor.as_integer_ratio()) for name, factor in dim.terms.items()]
            name = functools.reduce(lambda a, b: self.add("Add", a, b), terms)
            name = name if dim.offset == 0 else self.add("Add", name, self.constant(np.array([dim.offset])))
            self._sizes[key] = name
        return self._sizes[key]

    def _term(self, product: str, up: int, down: int) -> str:
        """The name of up * the product of lengths / down, (1,)."""
        name = functools.reduce(lambda a, b: self.add("Mul", a, b), map(self._open_size, product.split("*")))
        name = name if up == 1 else self.add("Mul", name, self.constant(np.array([up])))
        return name if down == 1 else self.add("Div", name, self.constant(np.array([down])))

    def _open_size(self, name: str) -> str:
        """The name of the length of an open dimension, (1,)."""
        if name not in self._sizes:
            x, axis = next((x, axis) for x in self.inputs for axis, n in enumerate(x.shape) if repr(n) == name)
            self._sizes[name] = self.add("Gather", self.add("Shape", x), self.constant(np.array([axis])), axis=0)
        return self._sizes[name]

    def filled(self, shape: Sequence[int], number: Any, dtype: DType) -> str:
        """The name of an initializer whose elements are equal.

        Args:
            shape, dtype: of the initializer.
            number: its elements.
        """
        return self.constant(np.full(tuple(shape), number, dtype))

    def counted(self, n: Size) -> str:
        """The name of the numbers 0 to n - 1, int64.

        Args:
            n: how many.
        """
        if not is_open(n):
            return self.constant(np.arange(n))
        zero, one = self.constant(np.array(0)), self.constant(np.array(1))
        return self.add("Range", zero, self.squeeze(self.ints([n]), 0), one)

    # ---- frequent nodes ----

    def cast(self, x: Any, dtype: DType) -> str:
        """A value or a number converted to a dtype; without a node if it has the dtype.

        Args:
            x: a value of the graph, or a number.
            dtype: the wanted one.
        """
        if not isinstance(x, Value):
            return self.scalar(x, dtype)
        return self.name(x) if x.dtype == dtype else self.to(x, dtype)

    def to(self, x: Operand, dtype: DType) -> str:
        """A Cast node.

        Args:
            x: an operand.
            dtype: the wanted one.
        """
        return self.add("Cast", x, to=int(data_type_of(dtype)))

    def reshape(self, x: Operand, shape: Sequence[Size], before: Sequence[Size] = ()) -> str:
        """A Reshape node. One open dimension is written as -1, and open ones that stay in place as 0.

        Args:
            x: an operand.
            shape: the new shape.
            before: the shape of x, if it is known.
        """
        sizes: list[Size] = list(shape)
        if 0 not in sizes:                                      # to ONNX, 0 is the size that a dimension had
            kept = [i for i, n in enumerate(sizes) if is_open(n) and same_shape(before[i:i + 1], [n])]
            moved = [i for i, n in enumerate(sizes) if is_open(n) and i not in kept]
            free = -1 not in sizes
            for i in kept:
                sizes[i] = 0
            if free and len(moved) == 1:
                sizes[moved[0]] = -1
            elif free and not moved and len(kept) == 1:         # -1 is easier to read than 0
                sizes[kept[0]] = -1
            return self.add("Reshape", x, self.ints(sizes))
        return self.add("Reshape", x, self.ints(sizes), allowzero=1 if self.opset >= 14 else None)

    def transpose(self, x: Operand, order: Sequence[int]) -> str:
        """A Transpose node; none if the order is that of x.

        Args:
            x: an operand.
            order: of its dimensions.
        """
        if list(order) == list(range(len(order))):
            return self.name(x)
        return self.add("Transpose", x, perm=list(order))

    def squeeze(self, x: Operand, *axes: int) -> str:
        """A Squeeze node; none without axes.

        Args:
            x: an operand.
            axes: of length 1, to be removed.
        """
        return self.add("Squeeze", x, self.ints(axes)) if axes else self.name(x)

    def unsqueeze(self, x: Operand, *axes: int) -> str:
        """An Unsqueeze node; none without axes.

        Args:
            x: an operand.
            axes: of the result, to be inserted.
        """
        return self.add("Unsqueeze", x, self.ints(axes)) if axes else self.name(x)

    def slice(self, x: Operand, axis: int, start: Size, stop: Size) -> str:
        """A Slice node along one dimension.

        Args:
            x: an operand.
            axis: the dimension.
            start, stop: the part.
        """
        return self.add("Slice", x, self.ints([start]), self.ints([stop]), self.ints([axis]))

    def reduce(self, op_type: str, x: Operand, axes: Sequence[int] | None, keepdims: bool = False) -> str:
        """A node such as ReduceMean, whose axes are an input or an attribute depending on the version.

        Args:
            op_type: the name of the operator.
            x: an operand.
            axes: those to reduce; None for all.
            keepdims: keep them with length 1.
        """
        if axes is not None and len(axes) == 0:                 # ONNX takes no axes for all of them
            return self.name(x)
        if axes is not None and self.opset < (13 if op_type == "ReduceSum" else 18):
            return self.add(op_type, x, axes=list(axes), keepdims=int(keepdims))
        return self.add(op_type, x, None if axes is None else self.ints(axes), keepdims=int(keepdims))

    def common_dtype(self, *operands: Any) -> DType:
        """The dtype to which values and numbers are promoted.

        Args:
            operands: values of the graph and numbers.
        """
        arrays = [np.empty((0,) if x.shape else (), x.dtype) if isinstance(x, Value) else x for x in operands]
        return dtypes.result_type(*arrays)
