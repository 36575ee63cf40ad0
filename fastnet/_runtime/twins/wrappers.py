"""Functions around functions in plain Python: the twin of fastnet/_runtime/wrappers.pyx."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any


def explain_failures(function: Callable[..., Any], explain: Callable[..., None]) -> Callable[..., Any]:
    """`function`, but explain(function, args, kwargs, error) is called before an AttributeError, TypeError or
    ValueError is raised.
    """
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (AttributeError, TypeError, ValueError) as error:
            explain(function, args, kwargs, error)
            raise
    return call


def translate_keywords(function: Callable[..., Any],
                       translate: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, Any]]) -> Callable[..., Any]:
    """`function`, but translate(args, kwargs) gives the arguments of a call with keyword arguments."""
    def call(*args, **kwargs):
        if kwargs:
            args, kwargs = translate(args, kwargs)
        return function(*args, **kwargs)
    return call


def accept_out(function: Callable[..., Any], write: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """`function`, but write(out, result) gives the result of a call with the keyword argument `out`."""
    def call(*args, **kwargs):
        out = kwargs.pop("out", None)
        result = function(*args, **kwargs)
        return result if out is None else write(out, result)
    return call
