"""Arguments of operations as JSON data, and back."""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from fastnet import dtypes
from fastnet.functional.axis_tables import Lists, WeightTable
from fastnet.functional.conv_arrays import Geometry
from fastnet.functional.windows import Windows
from fastnet.graph.dimension import Dim
from fastnet.nn.schema import value_text

__all__ = ["ArrayOf", "MemberOf", "ValueOf", "decoded", "encoded"]


@dataclass(frozen=True)
class ValueOf:
    """Stands for a value of a run."""

    name: str


@dataclass(frozen=True)
class MemberOf:
    """Stands for a parameter or a buffer."""

    name: str


@dataclass(frozen=True)
class ArrayOf:
    """Stands for the array of a buffer."""

    name: str


_TUPLES: dict[str, Any] = {kind.__name__: kind for kind in (Geometry, Lists, WeightTable, Windows)}
_MARKS: dict[str, Any] = {"value": ValueOf, "tensor": MemberOf, "array": ArrayOf}


def encoded(x: Any) -> Any:
    """An argument as JSON data.

    Args:
        x: numbers, strings, None, dtypes, slices, `ValueOf` and the like; tuples, lists and dictionaries of them.

    Raises:
        ValueError: any other value.

    Example:
        >>> from fastnet.quantization.encoding import ValueOf, encoded
        >>> encoded((1, ValueOf("x"), float("inf")))
        {'tuple': [1, {'value': 'x'}, {'float': 'inf'}]}
    """
    for name, mark in _MARKS.items():
        if isinstance(x, mark):
            return {name: x.name}
    if isinstance(x, Dim):
        return {"dim": [int(x), x.name, *x.factor.as_integer_ratio(), x.offset]}
    if isinstance(x, np.generic):
        x = x.item()
    if x is None or isinstance(x, bool | int | str):
        return x
    if isinstance(x, float):
        return x if math.isfinite(x) else {"float": str(x)}
    if isinstance(x, tuple):
        name = type(x).__name__
        return {name if name in _TUPLES else "tuple": [encoded(entry) for entry in x]}
    if isinstance(x, list):
        return [encoded(entry) for entry in x]
    if isinstance(x, dict) and all(isinstance(key, str) for key in x):
        return {"dict": {key: encoded(entry) for key, entry in x.items()}}
    if isinstance(x, slice):
        return {"slice": [encoded(entry) for entry in (x.start, x.stop, x.step)]}
    if x is Ellipsis:
        return {"ellipsis": []}
    if isinstance(x, np.dtype):
        return {"dtype": x.name}
    raise ValueError(f"expected an argument that a file can hold, got {value_text(x)}")


def decoded(x: Any) -> Any:
    """The argument that JSON data stands for.

    Args:
        x: as `encoded` returns it.

    Raises:
        ValueError: it is damaged.

    Example:
        >>> from fastnet.quantization.encoding import decoded
        >>> decoded({"tuple": [1, {"float": "inf"}]})
        (1, inf)
    """
    if isinstance(x, list):
        return [decoded(entry) for entry in x]
    if not isinstance(x, dict):
        return x
    try:
        [(name, value)] = x.items()
        if name in _MARKS:
            return _MARKS[name](_of_type(value, str))
        if name in _TUPLES:
            return _TUPLES[name](*map(decoded, value))
        return _DECODERS[name](value)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        raise ValueError(f"the program has an invalid argument {value_text(str(x))}") from None


def _of_type(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _dim_of(value: Any) -> Dim:
    size, name, up, down, offset = value
    factor = Fraction(_of_type(up, int), _of_type(down, int))       # a text could have an exponent of any size
    return Dim(_of_type(size, int), _of_type(name, str), factor, _of_type(offset, int))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda value: tuple(map(decoded, value)), "dict": lambda value: {k: decoded(v) for k, v in value.items()},
    "slice": lambda value: slice(*map(decoded, value)), "dtype": dtypes.as_dtype, "float": float,
    "ellipsis": lambda value: Ellipsis, "dim": _dim_of}
