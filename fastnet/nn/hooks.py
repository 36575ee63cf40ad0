"""Handles of registered hooks."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from fastnet._core.reprs import repr_of

__all__ = ["RemovableHandle"]

_numbers = itertools.count()


class RemovableHandle:
    """Removes a hook; `register_forward_hook` and `register_forward_pre_hook` return one.

    Args:
        hooks: the dictionary that the hook is added to.
        hook: the function.
    """

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self._hooks, self._key = hooks, next(_numbers)
        hooks[self._key] = hook

    def remove(self) -> None:
        """Remove the hook; calling it again has no effect."""
        self._hooks.pop(self._key, None)

    def __repr__(self) -> str:
        return repr_of(self, registered=self._key in self._hooks)
