"""The table of operators: which Python function computes an ONNX operator, from which version of its operator set on.

**Values.** A value of a running model is a Tensor or a NumPy array. Inputs, weights, and all that is computed from them
are Tensors. Constants, shapes, and all that is computed from these alone are arrays: a recording or a trace takes them
as constants, so shape arithmetic costs nothing in a replay. An operator need not distinguish the two: it gets

- arrays for the inputs that it names as `known`, such as the shape of a Reshape, because it must read their values;
- Tensors for all others. If no input among these is a Tensor in the model, the operator runs outside of the recording
  and the trace in progress, on Tensors that stand for the arrays, and its results become arrays again. An array of a
  dtype that a Tensor cannot have, such as uint32, stays an array. A result that is an array stays an array.
"""
from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from fastnet.nn.module import Module
    from fastnet.random import Generator

__all__ = ["Node", "Operator", "UnsupportedError", "find_operator", "operator", "supported_operators"]

_F = TypeVar("_F", bound=Callable[..., Any])


class UnsupportedError(NotImplementedError):
    """An ONNX model uses an operator, an option of an operator or a type that fastnet does not support.

    Example:
        >>> from fastnet.onnx.registry import find_operator
        >>> find_operator("NoSuchOperator", "", 18) is None
        True
    """


@dataclass(frozen=True, eq=False)
class Operator:
    """A function that computes an operator.

    Attributes:
        name: of the operator: "Conv".
        domain: of the operator set; "" is ONNX's own.
        since: the first version of the operator set in which the function computes the operator.
        function: called with the node and the values of its inputs, None for an absent one; it returns the value of
            the output, or a tuple of those of several outputs.
        known: the positions of the inputs whose values the function reads.
        control: whether the node has subgraphs. The function is then called with the node, a function
            `run(body, inputs)` that runs a subgraph and returns a tuple of its outputs, and the values as they are.
        random: whether the results differ from call to call, so that it runs in each replay.
        least, most: how many inputs the function takes; `most` is None if there is no limit.
    """

    name: str
    domain: str
    since: int
    function: Callable[..., Any]
    known: frozenset[int]
    control: bool = False
    random: bool = False
    least: int = 0
    most: int | None = None

    def __reduce__(self) -> Any:
        return _registered_operator, (self.name, self.domain, self.since)


class Node:
    """A node of an ONNX graph, as the function of its operator sees it.

    Args:
        name: of the node; the names of its outputs if the file gives it none.
        operator: what computes it.
        opset: the version of the operator set that the model imports.
        inputs: the names of the values that it reads; "" for an absent one.
        outputs: the names of the values that it computes; "" for one that nobody reads.
        attributes: numbers, strings, arrays, subgraphs, and tuples of them, by name.

    Attributes:
        model: the Module that the node belongs to, or None.
        generator: of a random node with a `seed`, which draws from it in all runs; None for others.
        drops: the names of the values that no later node reads.
    """

    def __init__(self, name: str, operator: Operator, opset: int, inputs: tuple[str, ...], outputs: tuple[str, ...],
                 attributes: dict[str, Any]) -> None:
        self.name, self.operator, self.opset = name, operator, opset
        self.inputs, self.outputs, self.attributes = inputs, outputs, attributes
        self.model: Module | None = None
        self.generator: Generator | None = None
        self.drops: tuple[str, ...] = ()

    def attribute(self, name: str, default: Any = None) -> Any:
        """The value of an attribute: int, float, str, numpy.ndarray, or a tuple of them.

        Args:
            name: of the attribute.
            default: the value if the node does not have the attribute.
        """
        return self.attributes.get(name, default)

    @property
    def training(self) -> bool:
        """Whether the model is in training mode."""
        return self.model is not None and self.model.training

    def wants(self, output: int) -> bool:
        """Whether the output at a position is read.

        Args:
            output: its position.
        """
        return output < len(self.outputs) and self.outputs[output] != ""

    def refuse(self, what: str) -> UnsupportedError:
        """The error that the node asks for something that fastnet does not support; to be raised.

        Args:
            what: "count_include_pad with dilations".
        """
        return UnsupportedError(f"{self}: fastnet does not support {what}")

    def __repr__(self) -> str:
        return f"{self.operator.name} node {self.name!r}"


_FUNCTIONS_BY_NAME: dict[tuple[str, str], list[Operator]] = {}


def operator(*names: str, since: int = 1, domain: str = "", known: Iterable[str] = (), control: bool = False,
             random: bool = False) -> Callable[[_F], _F]:
    """Decorator: the function computes the operators of these names.

    The newest function whose `since` is not above the model's version of the operator set computes a node.

    Args:
        names: of the operators.
        since, domain, control, random: see `Operator`.
        known: the parameters of the function whose values it reads; they are NumPy arrays.

    Example:
        >>> from fastnet.onnx.registry import find_operator, operator
        >>> @operator("Twice", domain="example", since=2)
        ... def twice(node, x):
        ...     return x + x
        >>> find_operator("Twice", "example", 3).function is twice, find_operator("Twice", "example", 1)
        (True, None)
    """
    def register(function: _F) -> _F:
        parameters = list(inspect.signature(function).parameters.values())[2 if control else 1:]
        names_of_inputs = [parameter.name for parameter in parameters]
        positions = frozenset(names_of_inputs.index(name) for name in known)
        single = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]
        least = sum(parameter.default is parameter.empty for parameter in single)
        most = len(single) if len(single) == len(parameters) else None
        for name in names:
            entries = _FUNCTIONS_BY_NAME.setdefault((domain, name), [])
            entries.append(Operator(name, domain, since, function, positions, control, random, least, most))
            entries.sort(key=lambda entry: entry.since)
        return function
    return register


def find_operator(name: str, domain: str, opset: int) -> Operator | None:
    """The function that computes an operator, or None.

    Args:
        name: of the operator.
        domain: of its operator set; "ai.onnx" means "".
        opset: the version of the operator set.
    """
    entries = _FUNCTIONS_BY_NAME.get(("" if domain == "ai.onnx" else domain, name), [])
    return max((entry for entry in entries if entry.since <= opset), key=lambda entry: entry.since, default=None)


def _registered_operator(name: str, domain: str, since: int) -> Operator | None:
    """The operator of a pickled node; its function need not be one that pickle finds."""
    importlib.import_module("fastnet.onnx.operators")
    return find_operator(name, domain, since)


def supported_operators() -> tuple[str, ...]:
    """The names of all operators of ONNX's own set that a model may use, in alphabetical order.

    Example:
        >>> import fastnet
        >>> "Conv" in fastnet.onnx.supported_operators()
        True
    """
    return tuple(sorted(name for domain, name in _FUNCTIONS_BY_NAME if domain == ""))
