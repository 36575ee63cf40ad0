"""Patterns that select the layers and parameters of a model by their paths."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.errors import did_you_mean, given_text

if TYPE_CHECKING:
    from typing import TypeAlias

    Patterns: TypeAlias = str | Iterable[str]

__all__ = ["as_patterns", "is_below", "require_match", "require_module"]

_SHOWN_PATHS = 12                             # paths in an error


def as_patterns(name: str, given: Patterns) -> list[str]:
    """One or several patterns as a list.

    Args:
        name: of the function, for the error.
        given: a pattern or several.

    Raises:
        TypeError: a pattern is not a string.
        ValueError: there are none, or one is empty.

    Example:
        >>> from fastnet.transfer.patterns import as_patterns
        >>> as_patterns("freeze", "layer[1-3]"), as_patterns("freeze", ("conv1", "bn1"))
        (['layer[1-3]'], ['conv1', 'bn1'])
    """
    patterns = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if not patterns:
        raise ValueError(f"{name}: expected at least one pattern, got none")
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"{name}: expected patterns that are strings, got {given_text(pattern)}")
        if not pattern:
            raise ValueError(f"{name}: expected patterns of paths, got an empty one; '*' selects everything")
    return patterns


def is_below(path: str, pattern: str) -> bool:
    """Whether a pattern matches a path, or the path of a module that contains it.

    Args:
        path: of a module or a parameter, such as "layer1.0.conv1.weight".
        pattern: as in a shell: `*` stands for any text, dots included, `?` for a character, `[1-3]` for one of these.

    Example:
        >>> from fastnet.transfer.patterns import is_below
        >>> [is_below("layer1.0.conv1.weight", pattern) for pattern in ("layer[1-3]", "*.conv1", "conv1")]
        [True, True, False]
    """
    parts = path.split(".")
    return any(fnmatchcase(".".join(parts[:i]), pattern) for i in range(1, len(parts) + 1))


def require_module(name: str, model: object) -> None:
    """Raise if a model is not a Module.

    Args:
        name: of the function, for the error.
        model: the model.

    Raises:
        TypeError: says what was given.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"{name}: expected a model that is a Module, got {given_text(model)}")


def require_match(name: str, model: nn.Module, patterns: Sequence[str]) -> None:
    """Raise if a model is not a Module, or a pattern matches no module and no parameter of it.

    Args:
        name: of the function, for the error.
        model: the model.
        patterns: the patterns.

    Raises:
        TypeError: the model is not a Module.
        ValueError: names the pattern, and paths that the model has.
    """
    require_module(name, model)
    paths = [path for path, _ in model.named_modules(remove_duplicate=False)]
    paths += [path for path, _ in model.named_parameters(remove_duplicate=False)]
    for pattern in patterns:
        if not any(is_below(path, pattern) for path in paths):
            top = [path for path, _ in model.named_children()]
            shown = ", ".join(map(repr, top[:_SHOWN_PATHS])) + (", ..." if len(top) > _SHOWN_PATHS else "")
            raise ValueError(f"{name}: the pattern {pattern!r} matches no module and no parameter of "
                             f"{type(model).__name__}{did_you_mean(pattern, paths, f'it has {shown}')}")
