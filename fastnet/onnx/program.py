"""Running an ONNX graph: its nodes in order, on values that are Tensors or NumPy arrays (see `registry`)."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.state import apart, forbid_reading, state
from fastnet._core.tensor import Tensor
from fastnet.functional.keys import constant
from fastnet.onnx.registry import Node, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Program", "Runner", "Values", "as_known", "as_tensor", "bodies_of", "names_read"]

Values = dict[str, Any]                 # the values of a run by name
_ERRORS = (ArithmeticError, AttributeError, LookupError, MemoryError, NotImplementedError, RuntimeError, TypeError,
           ValueError)


@dataclass(eq=False)
class Program:
    """A graph whose nodes are in an order in which they can run.

    Attributes:
        name: of the graph.
        inputs: the names of the values that it takes.
        outputs: the names of the values that it computes.
        nodes: in order.
        captures: the names that a subgraph reads of the graphs around it, and of the model's weights and constants.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    captures: tuple[str, ...] = field(default=())


def bodies_of(node: Node) -> list[Program]:
    """The subgraphs of a node.

    Args:
        node: the node.
    """
    values = (part for value in node.attributes.values() for part in (value if isinstance(value, tuple) else (value,)))
    return [part for part in values if isinstance(part, Program)]


def names_read(node: Node) -> Iterator[str]:
    """The names of the values that a node and its subgraphs read.

    Args:
        node: the node.
    """
    yield from filter(None, node.inputs)
    for body in bodies_of(node):
        yield from body.captures


class Runner:
    """Runs the nodes of programs.

    Args:
        tensors: the Tensors that stand for constants, which are arrays, by name.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def run(self, program: Program, values: Values) -> tuple[Any, ...]:
        """Run the nodes of a graph and return the values of its outputs.

        Args:
            program: the graph.
            values: the values of its inputs and captures by name; those of its nodes are added, and dropped after
                their last use.
        """
        for node in program.nodes:
            self.run_node(node, values)
        return tuple(values[name] for name in program.outputs)

    def run_node(self, node: Node, values: Values) -> None:
        """Compute the outputs of a node and add them to the values.

        Args:
            node: the node.
            values: as `run` takes them.
        """
        inputs = [values[name] if name else None for name in node.inputs]
        try:
            results = self._control(node, inputs, values) if node.operator.control else self._compute(node, inputs)
        except UnsupportedError:
            raise
        except _ERRORS as e:
            if getattr(e, "names_node", False):
                raise
            raise _with_node(node, inputs, e) from e
        for name, value in zip(node.outputs, results):
            if name:
                values[name] = value
        if len(node.outputs) > len(results) and any(node.outputs[len(results):]):
            raise node.refuse(f"output {len(results)}")
        for name in node.drops:
            values.pop(name, None)

    def _control(self, node: Node, inputs: Sequence[Any], values: Values) -> tuple[Any, ...]:
        """Run a node that has subgraphs."""
        def run_body(body: Program, arguments: Sequence[Any]) -> tuple[Any, ...]:
            inner = {name: values[name] for name in body.captures}
            inner.update(zip(body.inputs, arguments))
            return self.run(body, inner)
        return _as_tuple(node.operator.function(node, run_body, *_with_known(node, inputs)))

    def _compute(self, node: Node, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """Call the function of a node: on Tensors, or apart from a recording if it computes with constants."""
        operator, given = node.operator, _with_known(node, inputs)
        if operator.random or any(isinstance(x, Tensor) for x in given):
            return _as_tuple(operator.function(node, *(
                x if i in operator.known else as_tensor(x, self.tensors.get(name))
                for i, (name, x) in enumerate(zip(node.inputs, given)))))
        return apart(_constants, node, given)


def _with_known(node: Node, inputs: Sequence[Any]) -> Sequence[Any]:
    """The inputs of a node, with the arrays of those that it must know."""
    known = node.operator.known
    if not known:                       # most operators; a loop runs its nodes thousands of times
        return inputs
    return [as_known(node, f"its input {i}", x) if i in known else x for i, x in enumerate(inputs)]


def _with_node(node: Node, inputs: Sequence[Any], e: Exception) -> RuntimeError:
    """The error of an operation with the node that called it."""
    given = ", ".join("none" if x is None else f"{x.dtype} {tuple(x.shape)}" for x in inputs)
    error = RuntimeError(f"{node}, inputs ({given}): {e}")
    error.names_node = True             # type: ignore[attr-defined]
    return error


def _constants(node: Node, given: Sequence[Any]) -> tuple[Any, ...]:
    """Call the function of a node on Tensors that stand for arrays; the results are arrays."""
    known = node.operator.known
    results = node.operator.function(node, *(x if i in known else as_tensor(x) for i, x in enumerate(given)))
    return tuple(x._data if isinstance(x, Tensor) else x for x in _as_tuple(results))


def _as_tuple(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def as_known(node: Node, what: str, x: Any) -> Any:
    """The array of a value that a node must know.

    Args:
        node: the node.
        what: the value, for errors: "its input 1".
        x: an array, a Tensor or None.

    Raises:
        RuntimeError: the value depends on the data, and a recording or a trace is in progress.
    """
    if not isinstance(x, Tensor):
        return x
    forbid_reading(f"the {node}, which reads the values of {what},")
    return x._data


def as_tensor(x: Any, tensor: Tensor | None = None) -> Any:
    """The Tensor that stands for an array, if there is such a dtype; a Tensor or None unchanged.

    Args:
        x: an array, a Tensor or None.
        tensor: the Tensor, if there is one already.
    """
    if not isinstance(x, np.ndarray):
        return x
    if tensor is not None:
        return tensor
    if x.dtype not in dtypes.ALL and x.dtype not in dtypes.MORE:
        return x
    made = Tensor._wrap(constant(x))
    if state.recorder is not None and state.recorder.constants is not None:
        state.recorder.constants.add(made)              # weights that were dequantised are packed once
    return made
