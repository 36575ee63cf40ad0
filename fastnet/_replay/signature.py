"""The key of a call: its arguments and context in a form that is looked up among the recordings."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnet._core.tensor import Tensor
from fastnet._replay.guards import call_context
from fastnet._replay.plain_values import bits
from fastnet._runtime.native import guards as native

if TYPE_CHECKING:
    from fastnet._core.annotations import Array


class CallKey(NamedTuple):
    """A call, described: calls with equal keys may share a recording."""

    positional: tuple[Any, ...]
    named: tuple[Any, ...] | None       # None without keyword arguments
    context: native.CallContext
    overlaps: tuple[tuple[int, int, int], ...]          # the tensors that share memory

    def for_any_float(self) -> CallKey | None:
        """The key with any float in place of each float argument; None if there is none."""
        positional, named = (self.positional[0], tuple(map(_any_float, self.positional[1]))), self.named
        if named is not None:
            named = (named[0], tuple((name, _any_float(part)) for name, part in named[1]))
        found = self._replace(positional=positional, named=named)
        return found if found != self else None


def _any_float(part):
    return (float,) if part[0] is float else part


def call_key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[CallKey, list[Tensor], list[Array]]:
    """The key of a call, the tensors among its arguments, and their arrays.

    Args:
        args, kwargs: the arguments.

    Raises:
        TypeError: an argument is a NumPy array or cannot be hashed.
    """
    tensors: list[Tensor] = []
    positional, named = _described(args, tensors), _described(kwargs, tensors) if kwargs else None
    arrays = [t._data for t in tensors]
    return CallKey(positional, named, call_context(), native.overlaps(arrays)), tensors, arrays


def _described(x, tensors):
    """A hashable description of an argument; the tensors in it are appended to `tensors`."""
    if isinstance(x, Tensor):
        tensors.append(x)
        return (Tensor, native.layout_key(x._data), x._requires_grad)
    if isinstance(x, tuple | list):
        return (type(x), tuple(_described(v, tensors) for v in x))
    if isinstance(x, dict):
        return (dict, tuple((k, _described(v, tensors)) for k, v in x.items()))
    if isinstance(x, np.ndarray):
        raise TypeError("a compiled function takes tensors, not NumPy arrays, whose values would be fixed into the "
                        "recording; use fastnet.from_numpy(array)")
    if isinstance(x, float | complex | np.inexact):
        return (type(x), bits(x))
    try:
        hash(x)
    except TypeError:
        raise TypeError(f"a compiled function takes tensors and hashable arguments, got {type(x).__name__}") from None
    return (type(x), x)
