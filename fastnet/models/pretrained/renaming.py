"""Rules that turn the names of a file into a model's."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Arrays", "Rules", "renamed", "without_prefix"]

_Held = TypeVar("_Held")
Arrays: TypeAlias = "dict[str, Array]"
Rules: TypeAlias = "Iterable[tuple[str, str | Callable[[re.Match[str]], str]]]"


def renamed(arrays: Mapping[str, _Held], rules: Rules) -> dict[str, _Held]:
    """Arrays whose names the first rule that matches has changed; other names are kept.

    Args:
        arrays: arrays by name.
        rules: pairs of a pattern, which matches the begin of a name at least, and its replacement, as in `re.sub`.

    Example:
        >>> from fastnet.models.pretrained.renaming import renamed
        >>> renamed({"fc1.weight": 1, "bias": 2}, [(r"fc(\\d)", r"mlp.\\1")])
        {'mlp.1.weight': 1, 'bias': 2}
    """
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]
    return {_renamed(name, compiled): array for name, array in arrays.items()}


def _renamed(name: str, rules: Iterable[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]) -> str:
    for pattern, replacement in rules:
        found = pattern.match(name)
        if found is not None:
            new = replacement(found) if callable(replacement) else found.expand(replacement)
            return new + name[found.end():]
    return name


def without_prefix(arrays: Mapping[str, Array], *prefixes: str) -> Arrays:
    """Arrays without a prefix that all of their names have; the prefixes are tried in order.

    Args:
        arrays: arrays by name.
        prefixes: such as "module.".

    Example:
        >>> from fastnet.models.pretrained.renaming import without_prefix
        >>> without_prefix({"module.weight": 1, "module.bias": 2}, "module.")
        {'weight': 1, 'bias': 2}
    """
    found = dict(arrays)
    for prefix in prefixes:
        if found and all(name.startswith(prefix) for name in found):
            found = {name[len(prefix):]: array for name, array in found.items()}
    return found
