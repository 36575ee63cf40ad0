"""Types, names and docstrings of the operations that factories make."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from fastnet._core.annotations import Operand
    from fastnet._core.tensor import Tensor

__all__ = ["BinaryOperation", "UnaryOperation", "describe"]

UnaryOperation: TypeAlias = "Callable[[Tensor], Tensor]"
BinaryOperation: TypeAlias = "Callable[[Tensor, Operand], Tensor]"
_F = TypeVar("_F", bound=Callable[..., Any])


def describe(function: _F, name: str, doc: str, call: str | None = None, result: str | None = None) -> _F:
    """Give a function its name and its docstring, and return it.

    Args:
        function: made by a factory.
        name: its name in the package.
        doc: the docstring, without an example.
        call, result: the example: the expression and the output, which the tests compare.
    """
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc if call is None else (
        f"{doc}\n\n    Example:\n        >>> import fastnet\n        >>> {call}\n        {result}\n    ")
    return function
