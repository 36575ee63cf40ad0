"""The counter of changes that invalidate recordings: of modules, and of hooks."""
from __future__ import annotations

__all__ = ["ChangeCount", "changes"]


class ChangeCount:
    """A counter that is increased by every change of something."""

    def __init__(self) -> None:
        self.value = 0


changes = ChangeCount()                 # of objects that a recording has read
