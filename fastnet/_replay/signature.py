"""The key of a call: its arguments and context in a form that is looked up among the recordings."""
from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnet._core.tensor import Tensor
from fastnet._replay.classes import is_users
from fastnet._replay.guards import alike, call_context
from fastnet._replay.plain_values import bits, is_plain
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
        kind = dict if type(x) is dict else (type(x), getattr(x, "default_factory", None))
        return (kind, tuple((_argument_key(k), _described(v, tensors)) for k, v in x.items()))
    if isinstance(x, np.ndarray):
        raise TypeError("a compiled function takes tensors, not NumPy arrays, whose values would be fixed into the "
                        "recording; use fastnet.from_numpy(array)")
    return _argument_key(x)


def _argument_key(x):
    """A hashable description of an argument that is no tensor, or of a key of a dictionary."""
    if type(x) in (float, complex):
        return (type(x), bits(x))
    if type(x) in _EXACT_TYPES:
        return (type(x), x)
    try:
        return (type(x), ComparedValue(x))
    except TypeError:
        raise TypeError(f"a compiled function takes tensors and hashable arguments, got {type(x).__name__}") from None


_EXACT_TYPES = (str, int, bool, type(None))   # types whose equal values are the same


class ComparedValue:
    """An argument in a key: equal to another if a function that reads it would do the same with the other.

    These are values that are `alike`, and equal objects of one of the user's classes whose attributes are `alike`: a
    frozen data class is often made anew for each call.

    Args:
        value: a hashable value.
    """

    __slots__ = ("_hash", "value")

    def __init__(self, value: Any) -> None:
        self.value, self._hash = value, hash(bits(value) if isinstance(value, np.inexact) else value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ComparedValue):
            return NotImplemented
        a, b = self.value, other.value
        if alike(a, b):
            return True
        has_contents = is_plain(a) or isinstance(a, tuple | frozenset | type)       # that are not attributes
        if type(a) is not type(b) or has_contents or not is_users(type(a)) or not bool(a == b):
            return False
        mine, others = _attributes(a), _attributes(b)
        return mine.keys() == others.keys() and all(alike(mine[name], others[name]) for name in mine)


def _attributes(value):
    slots = {name for base in type(value).__mro__ for name, member in vars(base).items()
             if isinstance(member, types.MemberDescriptorType)}
    return {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
