"""Plain values: those that are read whole, and when one does for another."""
import enum
import functools
import types
from typing import Any

import numpy as np

FUNCTIONS: tuple[type, ...] = (types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType,
                               types.MethodDescriptorType, types.ClassMethodDescriptorType, np.ufunc,
                               functools._lru_cache_wrapper)
_PLAIN: tuple[type, ...] = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented),
                            range, slice, np.generic, np.dtype, enum.Enum)
# by their names: importing where they are defined takes milliseconds
_PLAIN_NAMES = frozenset(("datetime.date", "datetime.time", "datetime.timedelta", "datetime.tzinfo", "decimal.Decimal",
                          "fractions.Fraction", "pathlib.PurePath", "re.Pattern", "uuid.UUID"))


def is_plain(value: Any) -> bool:
    """Whether a value is read whole: a number, a text, a date and the like.

    Args:
        value: of any type.
    """
    return isinstance(value, _PLAIN) or _has_plain_base(value.__class__)


@functools.lru_cache(maxsize=4096)
def _has_plain_base(cls):
    return any(f"{base.__module__.partition('.')[0]}.{base.__name__}" in _PLAIN_NAMES for base in cls.__mro__)


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
    return (is_plain(a) or isinstance(a, frozenset)) and bool(a == b)


def text(value: object) -> str:
    """A short description of a value for a message.

    Args:
        value: of any type.
    """
    if is_plain(value) or isinstance(value, tuple | frozenset):
        shown = repr(value)
        return shown if len(shown) <= 60 else shown[:57] + "..."
    return f"a {type(value).__name__}"
