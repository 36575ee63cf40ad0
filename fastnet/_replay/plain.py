"""Plain values: those that are read whole, and when one does for another."""
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import types
import uuid
from typing import Any

import numpy as np

PLAIN: tuple[type, ...] = (
    bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice, np.generic,
    np.dtype, enum.Enum, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, decimal.Decimal,
    fractions.Fraction, pathlib.PurePath, re.Pattern, uuid.UUID)
FUNCTIONS: tuple[type, ...] = (types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType,
             types.MethodDescriptorType, types.ClassMethodDescriptorType, np.ufunc, functools._lru_cache_wrapper)


def alike(a: Any, b: Any) -> bool:
    """Whether a function that read `a` would do the same with `b`: one object, or equal plain values of one type.

    Numbers are compared by their bits: -0.0 is not 0.0, and NaN is itself.

    Args:
        a, b: of any type; tuples and frozen sets are compared by their elements.
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, float | complex | np.inexact):
        return np.array(a).tobytes() == np.array(b).tobytes()
    if isinstance(a, types.MethodType):             # made anew whenever it is read
        return a.__self__ is b.__self__ and a.__func__ is b.__func__
    return isinstance(a, (*PLAIN, frozenset)) and bool(a == b)


def text(value: object) -> str:
    """A short description of a value for a message.

    Args:
        value: of any type.
    """
    if isinstance(value, (*PLAIN, tuple, frozenset)):
        shown = repr(value)
        return shown if len(shown) <= 60 else shown[:57] + "..."
    return f"a {type(value).__name__}"
