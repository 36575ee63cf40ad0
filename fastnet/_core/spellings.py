"""Alternative spellings of arguments, as in PyTorch: `axis`, `keepdims`, and a `*shape` given by keyword."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from fastnet._runtime.native import wrappers as _wrappers

_F = TypeVar("_F", bound=Callable[..., Any])
_OTHER = {"axis": "dim", "axis0": "dim0", "axis1": "dim1", "keepdims": "keepdim"}
_NO_SHAPE = ("args", "target")                  # of *arguments that are not a shape


def respelled(function: _F) -> _F:
    """A function that also takes `axis` for `dim`, `keepdims` for `keepdim`, and `*sizes` as `sizes=(2, 3)`.

    A function without such arguments is returned unchanged.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(2, 3)
        >>> x.sum(axis=1, keepdims=True).shape, x.reshape(shape=(3, 2)).shape
        ((2, 1), (3, 2))
    """
    parameters, first, spread = _parameters(function)
    names = {other: name for other, name in _OTHER.items() if name in parameters}
    spread = None if spread in _NO_SHAPE else spread
    if not names and spread is None:
        return function

    def translate(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        kwargs = {names.get(name, name): value for name, value in kwargs.items()}
        if spread in kwargs:
            if not args and first in kwargs:
                args = (kwargs.pop(first),)
            args = *args, kwargs.pop(spread)
        return args, kwargs
    named: Any = functools.wraps(function)(_wrappers.translate_keywords(function, translate))
    return named


def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, ...], str | None, str | None]:
    """The names of a function's parameters, of its first positional parameter or None, and of `*args` or None.

    The code object has them all. inspect.signature would take most of the time of `import fastnet`.
    """
    code = inspect.unwrap(function).__code__
    count = code.co_argcount + code.co_kwonlyargcount
    return (code.co_varnames[:count], code.co_varnames[0] if code.co_argcount else None,
            code.co_varnames[count] if code.co_flags & inspect.CO_VARARGS else None)
