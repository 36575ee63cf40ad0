"""`torch.utils.checkpoint`: forward passes whose intermediate results are computed again in backward.

Memory is rarely short on a CPU, so `checkpoint` calls the function once, and backward uses its results.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastnet.nn.containers import Sequential

__all__ = ["checkpoint", "checkpoint_sequential", "set_checkpoint_debug_enabled", "set_checkpoint_early_stop"]


def checkpoint(function: Any, *args: Any, use_reentrant: bool | None = None, context_fn: Any = None,
               determinism_check: str = "default", debug: bool = False, early_stop: bool = True,
               preserve_rng_state: bool = True, **kwargs: Any) -> Any:
    """Call a function. Values and gradients are those of a call without `checkpoint`; memory is not saved.

    Args:
        function: a function or a Module.
        args, kwargs: its arguments.
        use_reentrant, context_fn, determinism_check, debug, early_stop, preserve_rng_state: accepted and ignored.

    Example:
        >>> import fastnet.torch as torch
        >>> from fastnet.torch.utils.checkpoint import checkpoint
        >>> checkpoint(torch.exp, torch.zeros(1), use_reentrant=False)
        tensor([1.])
    """
    return function(*args, **kwargs)


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None,
                          **kwargs: Any) -> Any:
    """Call modules one after another; `segments` is ignored."""
    for function in functions.children() if isinstance(functions, Sequential) else functions:
        input = function(input)
    return input


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """A context that has no effect."""
    yield


set_checkpoint_early_stop = set_checkpoint_debug_enabled
