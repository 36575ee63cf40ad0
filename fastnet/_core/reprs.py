"""The style of repr: ClassName(name=value, ...), with long lists and texts shortened."""
from __future__ import annotations

from collections.abc import Mapping
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


def changed(**options: tuple[Any, Any]) -> dict[str, Any]:
    """The options whose values differ from their defaults.

    Args:
        options: each name with (value, default).

    Example:
        >>> from fastnet._core.reprs import changed
        >>> changed(shuffle=(True, False), seed=(0, 0))
        {'shuffle': True}
    """
    return {name: value for name, (value, default) in options.items() if value != default}


def shortened(value: Any) -> str:
    """The repr of a value, in which a long list, dictionary or text is cut.

    Example:
        >>> from fastnet._core.reprs import shortened
        >>> shortened({"size": "number"}), shortened(list("abcdefgh"))
        ("{'size': 'number'}", "['a', 'b', 'c', 'd', 'e', 'f', and 2 more]")
    """
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
