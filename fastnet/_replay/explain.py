"""What is said of recordings: what they were made for, and what no longer fits."""
import sys
import warnings
from itertools import zip_longest

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet._replay.plain import alike, text
from fastnet._runtime.native import watch as native

CODE = ("CLASS", "FUNCTION")            # kinds of places that hold no values, but what runs


def argument_texts(args: tuple, kwargs: dict) -> list[str]:
    """A line for each argument of a call: its shape and dtype, or its value.

    Args:
        args, kwargs: of the call.
    """
    return ([f"argument {i + 1}: {_describe(a)}" for i, a in enumerate(args)]
            + [f"{name}: {_describe(a)}" for name, a in kwargs.items()])


def _describe(x):
    if isinstance(x, Tensor):
        layout = "" if x.is_contiguous() else f", strides {x.stride()}"
        return f"tensor {shape_text(x)} {x.dtype}{layout}"
    if isinstance(x, tuple | list):
        return f"({', '.join(map(_describe, x))})"
    if isinstance(x, dict):
        return f"{{{', '.join(f'{k}: {_describe(v)}' for k, v in x.items())}}}"
    return text(x)


def difference(before: list[str], now: list[str]) -> str:
    """What differs between two calls.

    Args:
        before, now: their `argument_texts`.
    """
    for a, b in zip_longest(before, now, fillvalue="nothing"):
        if a != b:
            return f"{b}, before {a.partition(': ')[2] or a}"
    return "the layout of an argument, gradient mode, the backend or the number of threads"


def change_text(place: native.Place) -> str:
    """ "path: old value, now new value" of a place whose value is another than before.

    Args:
        place: of `Places.changed()`.
    """
    old, new, path = place.expected, place.value(), place.path
    if place.kind_name in CODE:
        return f"{path}: others than before"
    if isinstance(place.holder, np.ndarray):
        return f"{path}: other elements, shape or dtype"
    if place.kind_name == "ENTRIES":
        old, new = dict(zip(old[::2], old[1::2])), dict(zip(new[::2], new[1::2]))
        for key in [*old, *(k for k in new if k not in old)]:
            a, b = old.get(key, native.MISSING), new.get(key, native.MISSING)
            if not alike(a, b):
                return f"{path}[{key!r}]: {_value(b)}, before {_value(a)}"
    elif isinstance(old, tuple) and isinstance(new, tuple) and place.kind_name != "ENTRY":
        for i, (a, b) in enumerate(zip_longest(old, new, fillvalue=native.MISSING)):
            if not alike(a, b):
                return f"{path}[{i}]: {_value(b)}, before {_value(a)}"
    return f"{path}: {_value(new)}, before {_value(old)}"


def _value(value):
    return "nothing" if value is native.MISSING else text(value)


def warn(message: str) -> None:
    """Warn the user's code that called, whatever of fastnet lies between.

    Args:
        message: the text.
    """
    warnings.warn(message, RuntimeWarning, stacklevel=_levels())


def _levels():
    frame, levels = sys._getframe(1), 1
    package = __name__.partition(".")[0]
    while frame.f_back and (frame.f_globals.get("__name__") or "").partition(".")[0] == package:
        frame, levels = frame.f_back, levels + 1
    return levels
