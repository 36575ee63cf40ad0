"""Channels that are tied: removed together or not at all."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Ties"]


class Ties:
    """A partition of channels, which are numbers, into sets of tied ones (union-find).

    Example:
        >>> from fastnet.prune.ties import Ties
        >>> ties = Ties()
        >>> a, b = ties.new(2), ties.new(2)
        >>> ties.tie(a, b)
        >>> ties.fix(a[:1], "the model returns it")
        >>> ties.roots(b), ties.reasons()
        (array([0, 1]), {0: 'the model returns it'})
    """

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._fixed: dict[int, str] = {}

    def new(self, count: int) -> Array:
        """Channels that are tied to no other.

        Args:
            count: how many.
        """
        start = len(self._parents)
        self._parents.extend(range(start, start + count))
        return np.arange(start, start + count)

    def tie(self, first: Iterable[int], second: Iterable[int]) -> None:
        """Tie each channel to the one at the same place of another list.

        Args:
            first, second: channels, equally many.
        """
        for a, b in zip(first, second):
            one, other = self._root(int(a)), self._root(int(b))
            self._parents[max(one, other)] = min(one, other)

    def fix(self, channels: Iterable[int], reason: str) -> None:
        """State that channels cannot be removed.

        Args:
            channels: the channels; those tied to them, now or later, are fixed, too.
            reason: why.
        """
        for channel in channels:
            self._fixed.setdefault(int(channel), reason)

    def _root(self, channel: int) -> int:
        root = channel
        while self._parents[root] != root:
            root = self._parents[root]
        while self._parents[channel] != root:           # later searches are short
            self._parents[channel], channel = root, self._parents[channel]
        return root

    def roots(self, channels: Iterable[int]) -> Array:
        """The least channel of the set of each channel.

        Args:
            channels: the channels.
        """
        return np.array([self._root(int(channel)) for channel in channels], np.int64)

    def reasons(self) -> dict[int, str]:
        """{root: the first reason} of the sets that cannot be removed."""
        found: dict[int, str] = {}
        for channel, reason in self._fixed.items():
            found.setdefault(self._root(channel), reason)
        return found

    def __len__(self) -> int:
        return len(self._parents)
