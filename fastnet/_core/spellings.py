"""Alternative spellings of arguments, as in PyTorch: `axis`, `keepdims`, and a `*shape` given by keyword."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

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
    parameters = inspect.signature(function).parameters
    names = {other: name for other, name in _OTHER.items() if name in parameters}
    spread = next((name for name, p in parameters.items() if p.kind is p.VAR_POSITIONAL), None)
    spread = None if spread in _NO_SHAPE else spread
    first = next(iter(parameters), None)
    if not names and spread is None:
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            return function(*args)
        kwargs = {names.get(name, name): value for name, value in kwargs.items()}
        if spread in kwargs:
            if not args and first != spread and first in kwargs:
                args = kwargs.pop(first),
            args = *args, kwargs.pop(spread)
        return function(*args, **kwargs)
    return call                         # type: ignore[return-value]    # it takes more than `function` does
