"""The table of emitters: which function writes an operation of a graph as ONNX nodes.

An emitter gets a `Writer` and the arguments of the operation in their order: values of the graph, and whatever else the
operation takes. It adds nodes to the writer and returns the name of the result, or a tuple of names for several.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from fastnet._core.errors import shape_text

if TYPE_CHECKING:
    from fastnet.graph import Node

__all__ = ["Emitter", "ExportError", "emits", "export_error", "find_emitter"]

Emitter: TypeAlias = Callable[..., Any]
_E = TypeVar("_E", bound=Emitter)
_EMITTERS: dict[str, Emitter] = {}


class ExportError(NotImplementedError):
    """A model has an operation, or an option of one, that ONNX cannot express or `export` does not write.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> try:
        ...     fastnet.onnx.export(nn.LSTM(3, 4, proj_size=2), fastnet.ones(5, 1, 3), "lstm.onnx")
        ... except fastnet.onnx.ExportError as e:
        ...     print(str(e).partition(";")[0])
        export: ONNX's LSTM has no projection of the states (proj_size)
    """


def emits(*operations: str) -> Callable[[_E], _E]:
    """Decorator: the function writes the operations of these names.

    Args:
        operations: names of operations of a graph, such as "linear".

    Example:
        >>> from fastnet.onnx.emitting import emits, find_emitter
        >>> @emits("twice")
        ... def twice(writer, x):
        ...     return writer.add("Add", x, x)
        >>> find_emitter("twice") is twice
        True
    """
    def register(function: _E) -> _E:
        for name in operations:
            _EMITTERS[name] = function
        return function
    return register


def find_emitter(operation: str) -> Emitter | None:
    """The function that writes an operation, or None.

    Args:
        operation: the name of an operation.
    """
    return _EMITTERS.get(operation)


def export_error(reason: str, node: Node) -> ExportError:
    """The error that a node cannot be exported.

    Args:
        reason: what is not possible, and what to do instead.
        node: the node.
    """
    place = f"module {node.module!r}" if node.module else "the model"
    shapes = ", ".join(shape_text(x.shape) for x in node.inputs)
    return ExportError(f"export: {reason} (operation {node.operation!r} of {place}, inputs of shapes {shapes})")
