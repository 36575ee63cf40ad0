"""The texts about recordings: the calls that they were made for, and the guards that no longer hold."""
from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.state import warn_user
from fastnet._core.tensor import Tensor
from fastnet._replay.guards import alike
from fastnet._replay.plain_values import is_plain
from fastnet._runtime.native import places as native

if TYPE_CHECKING:
    from fastnet._runtime.native import guards

_CODE = ("CLASS", "FUNCTION")           # kinds of places that hold code, not values


class Explanation(str):
    """The text of `Compiled.explain()`. An interactive interpreter shows its lines, too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class CallTexts(NamedTuple):
    """A call as text: a line for each argument, and a line for each setting of its context."""

    arguments: list[str]
    settings: list[str]


def call_texts(args: tuple[Any, ...], kwargs: dict[str, Any], context: guards.CallContext) -> CallTexts:
    """A call as text: the shapes and dtypes of tensors, the values of other arguments, the context.

    Args:
        args, kwargs: the arguments.
        context: the CallContext.
    """
    return CallTexts([*(f"argument {i}: {_argument(a)}" for i, a in enumerate(args, 1)),
                      *(f"{name}: {_argument(a)}" for name, a in kwargs.items())],
                     [f"{name}: {value}" for name, value in context.settings().items()])


def _argument(x):
    if isinstance(x, Tensor):
        layout = "" if x.is_contiguous() else f", strides {x.stride()}"
        return f"tensor {shape_text(x)} {x.dtype}{layout}"
    if isinstance(x, tuple | list):
        return f"({', '.join(map(_argument, x))})"
    if isinstance(x, dict):
        return f"{{{', '.join(f'{k}: {_argument(v)}' for k, v in x.items())}}}"
    return _short(x)


def difference(before: CallTexts, now: CallTexts) -> str:
    """The first difference between two calls.

    Args:
        before, now: the calls.
    """
    for old, new in zip(before, now):
        for a, b in zip_longest(old, new, fillvalue="nothing"):
            if a != b:
                return f"{b}, before {a.partition(': ')[2] or a}"
    return "an attribute of an argument, or its memory: alignment, whether it is writable, memory that arguments share"


def value_paths(places: Iterable[native.Place]) -> list[str]:
    """The paths of the places that hold values, not code; a list and the name that holds it have one path.

    Args:
        places: the places of a recording.
    """
    return list(dict.fromkeys(place.path for place in places if place.kind_name not in _CODE))


def change_text(place: native.Place) -> str:
    """ "path: new value, before old value" of a place that changed.

    Args:
        place: of `Places.changed()`.
    """
    old, new, path = place.expected, place.value(), place.path
    if place.kind_name in _CODE:
        return f"{path}: replaced"
    if isinstance(place.holder, np.ndarray):
        return f"{path}: other elements, shape or dtype"
    if place.kind_name == "ENTRIES":
        old, new = dict(zip(old[::2], old[1::2])), dict(zip(new[::2], new[1::2]))
        for key in [*old, *(k for k in new if k not in old)]:
            a, b = old.get(key, native.MISSING), new.get(key, native.MISSING)
            if not alike(a, b):
                return f"{path}[{key!r}]: {_value_in_words(b)}, before {_value_in_words(a)}"
    elif isinstance(old, tuple) and isinstance(new, tuple) and place.kind_name != "ENTRY":
        for i, (a, b) in enumerate(zip_longest(old, new, fillvalue=native.MISSING)):
            if not alike(a, b):
                return f"{path}[{i}]: {_value_in_words(b)}, before {_value_in_words(a)}"
    return f"{path}: {_value_in_words(new)}, before {_value_in_words(old)}"


def _value_in_words(value):
    return "nothing" if value is native.MISSING else _short(value)


def _short(value):
    """A short description of a value."""
    if is_plain(value) or isinstance(value, tuple | frozenset):
        shown = repr(value)
        return shown if len(shown) <= 60 else shown[:57] + "..."
    return f"a {type(value).__name__}"


def warn(message: str) -> None:
    """Warn at the line of the user's code that called fastnet.

    Args:
        message: the text.
    """
    warn_user(message, RuntimeWarning)
