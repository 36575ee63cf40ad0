"""The twin of places.pyx in Python: the places where a recorded function reads Python values."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MISSING: Any = object()                 # the value of a place that holds none


class Place:
    """A place where a function reads a value: see places.pyx."""

    def __init__(self, kind: str, holder: Any, key: Any, path: str) -> None:
        self.kind_name, self.holder, self.key, self.path = kind, holder, key, path
        self.expected = self.value()

    def value(self) -> Any:
        """The value that the place holds now."""
        if self.kind_name == "COMPUTED":
            return self.key(self.holder)
        if self.kind_name == "ELEMENTS":
            return tuple(self.holder)
        if self.kind_name == "ENTRIES":
            return tuple(part for entry in self.holder.items() for part in entry)
        if self.kind_name == "CLASS":
            return type(self.holder), self.key(type(self.holder))
        if self.kind_name == "FUNCTION":
            return self.holder.__code__, self.holder.__defaults__, self.holder.__kwdefaults__
        if self.kind_name == "ENTRY":
            return self.holder.get(self.key, MISSING)
        if self.kind_name == "CELL":
            return _cell_value(self.holder)
        return next((vars(c)[self.key] for c in self.holder.__mro__ if self.key in vars(c)), MISSING)


def _cell_value(cell):
    try:
        return cell.cell_contents
    except ValueError:                      # an empty cell
        return MISSING


class Places:
    """Places whose values a recording depends on: see places.pyx."""

    def __init__(self, alike: Callable[[Any, Any], bool]) -> None:
        self.places: list[Place] = []
        self.alike = alike

    def add(self, place: Place) -> None:
        """Compare a place, too."""
        self.places.append(place)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self.places)

    def unchanged(self) -> bool:
        """Whether each place holds the same value as before."""
        return not self.changed()

    def changed(self) -> list[Place]:
        """The places that hold another value than before."""
        return [place for place in self.places if not self.alike(place.expected, place.value())]
