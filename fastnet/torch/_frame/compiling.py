"""`torch.compile` and `torch.compiler`."""
from __future__ import annotations

import contextlib
import functools
from typing import Any

import fastnet
from fastnet._core.state import state

__all__ = ["allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable",
           "is_compiling", "is_dynamo_compiling", "list_backends", "mark_dynamic", "mark_static", "reset",
           "set_stance"]


def compile(model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = "inductor",
            mode: str | None = None, options: dict[str, Any] | None = None, name: str | None = None,
            disable: bool = False) -> Any:
    """`fastnet.compile` with the arguments of `torch.compile`.

    Args:
        model: a function or a Module; without it, the result is a decorator.
        fullgraph: raise if the function cannot be recorded; otherwise it then runs eagerly, with a warning.
        disable: return the function unchanged.
        dynamic, backend, mode, options, name: accepted and ignored.

    Example:
        >>> import fastnet.torch as torch
        >>> double = torch.compile(lambda x: x * 2, mode="reduce-overhead")
        >>> double(torch.ones(2))
        tensor([2., 2.])
    """
    if model is None:
        return functools.partial(compile, fullgraph=fullgraph, disable=disable)
    return model if disable else fastnet.compile(model, fullgraph=fullgraph)


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Run a function eagerly: it is returned unchanged."""
    return (lambda function: function) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """The function unchanged."""
    return fn


assume_constant_result = allow_in_graph


def is_compiling() -> bool:
    """Whether a compiled function is being recorded."""
    return state.recorder is not None


is_dynamo_compiling = is_compiling


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """The names of backends: fastnet has one."""
    return ["fastnet"]


def reset() -> None:
    """Has no effect: a compiled function drops its recordings with `clear()`."""


cudagraph_mark_step_begin = reset


def mark_dynamic(t: Any, index: Any = None, **options: Any) -> None:
    """Has no effect: each new shape of an input is recorded once."""


mark_static = mark_dynamic


def set_stance(stance: str = "default", **options: Any) -> contextlib.AbstractContextManager[None]:
    """Accept a stance, and return a context that has no effect."""
    return contextlib.nullcontext()
