"""Calls of transforms, with a random generator if they take one."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from fastnet.data.annotations import Transform

__all__ = ["apply", "takes_rng"]


def takes_rng(function: Transform) -> bool:
    """Whether a function has an argument `rng`.

    Example:
        >>> from fastnet.data.calls import takes_rng
        >>> takes_rng(lambda x, rng: x), takes_rng(lambda x: x)
        (True, False)
    """
    try:
        return "rng" in inspect.signature(function).parameters
    except ValueError:                          # some functions in C have no signature
        return False


def apply(function: Callable[..., Any], arrays: Sequence[Any], rng: np.random.Generator | None) -> tuple[Any, ...]:
    """Call a function with the arrays of a batch; returns its result as a tuple.

    Args:
        function: from arrays to an array or a tuple of arrays.
        arrays: the arrays of the batch.
        rng: passed as the argument `rng`, unless it is None.

    Example:
        >>> from fastnet.data.calls import apply
        >>> apply(lambda x, y: x + y, [1, 2], None)
        (3,)
    """
    made = function(*arrays) if rng is None else function(*arrays, rng=rng)
    return tuple(made) if isinstance(made, tuple | list) else (made,)
