"""The style of repr: ClassName(name=value, ...). Defaults are left out, long lists, texts and numbers are shortened."""
from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

_MOST_ITEMS = 6                         # entries of a list or dictionary that a repr shows
_MOST_LETTERS = 60                      # of one text


def repr_of(thing: object, **fields: Any) -> str:
    """The repr of an object: the name of its class and the given fields.

    Args:
        thing: the object; only its class is used.
        fields: what to show, in this order; a list, tuple or dictionary is cut after six entries.

    Example:
        >>> from fastnet._core.reprs import repr_of
        >>> class Scale:
        ...     def __repr__(self):
        ...         return repr_of(self, factors=list(range(10)))
        >>> Scale()
        Scale(factors=[0, 1, 2, 3, 4, 5, and 4 more])
    """
    return f"{type(thing).__name__}({', '.join(f'{name}={shortened(value)}' for name, value in fields.items())})"


def options_of(thing: object) -> dict[str, Any]:
    """The constructor's arguments that are attributes of the same name and differ from their defaults.

    Example:
        >>> from fastnet._core.reprs import options_of
        >>> class Scale:
        ...     def __init__(self, factor, offset=0):
        ...         self.factor, self.offset = factor, offset
        >>> options_of(Scale(2)), options_of(Scale(2, 1))
        ({'factor': 2}, {'factor': 2, 'offset': 1})
    """
    arguments = inspect.signature(type(thing)).parameters.values()
    return {argument.name: getattr(thing, argument.name) for argument in arguments
            if hasattr(thing, argument.name) and getattr(thing, argument.name) != argument.default}


def shortened(value: Any) -> str:
    """The repr of a value, in which a long list, dictionary, text or float is cut; a class or function is its name.

    Example:
        >>> from fastnet._core.reprs import shortened
        >>> shortened({"size": "number"}), shortened(list("abcdefgh"))
        ("{'size': 'number'}", "['a', 'b', 'c', 'd', 'e', 'f', and 2 more]")
        >>> shortened(0.1 * 0.3), shortened(len), shortened(ValueError)
        ('0.03', 'len', 'ValueError')
    """
    if isinstance(value, float):
        return repr(float(f"{value:.6g}") if abs(value) < 1e6 else float(value))
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return value.__name__
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= _MOST_LETTERS else f"{value[:_MOST_LETTERS]}...")
    if isinstance(value, Mapping):
        return f"{{{_joined([f'{shortened(key)}: {shortened(entry)}' for key, entry in value.items()])}}}"
    if type(value) is list:
        return f"[{_joined(list(map(shortened, value)))}]"
    return repr(value)


def _joined(entries: list[str]) -> str:
    more = [f"and {len(entries) - _MOST_ITEMS} more"] if len(entries) > _MOST_ITEMS else []
    return ", ".join(entries[:_MOST_ITEMS] + more)
