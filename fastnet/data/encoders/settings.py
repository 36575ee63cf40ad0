"""The settings that encoders read, the interface of encoders, and the checks that they share."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Kind

__all__ = ["Encoder", "Settings", "are_texts", "form_from", "most_frequent", "require_gaps"]

_Form = TypeVar("_Form")
_Value = TypeVar("_Value", float, str)


class Settings(Protocol):
    """The settings of a TablePreparation that encoders read."""

    missing: Any
    clip: tuple[float, float] | None
    scale: Any
    max_categories: int
    max_words: int


class Encoder(Protocol):
    """Settings that a TablePreparation learnt for one column.

    Attributes:
        kind: "number", "category", "text" or "date".
        note: a summary of the settings in a few words, for reports.
    """

    kind: ClassVar[Kind]

    @property
    def note(self) -> str:
        """A summary of the settings in a few words."""
        ...

    def read(self, column: Array, mark: str = ".") -> tuple[Any, list[int]]:
        """Read a column; returns (its values, the rows whose cells count as missing although they are not empty)."""
        ...

    def apply(self, column: Any) -> Array:
        """Convert values to features, float32 (N, features)."""
        ...

    def names(self, name: str) -> list[str]:
        """The names of the features of a column called `name`."""
        ...


def form_from(given: Any, kind: type[_Form]) -> _Form:
    """A Numerals or Dates, which may be given as the dictionary of its fields, as JSON has it."""
    return given if isinstance(given, kind) else kind(**given)


def most_frequent(values: Iterable[_Value]) -> _Value:
    """The most frequent value; the smallest one if several are equally frequent."""
    counts = Counter(values)
    most = max(counts.values())
    return min(value for value, n in counts.items() if n == most)


def are_texts(values: object) -> bool:
    """Whether values are a list of different texts."""
    return isinstance(values, list) and all(isinstance(v, str) for v in values) and len(set(values)) == len(values)


def require_gaps(gaps: Sequence[str]) -> None:
    """Raise if the words for missing values are not a list of different texts."""
    if not are_texts(gaps):
        raise ValueError(f"expected a list of different texts as words for missing values, got {gaps!r:.200}")
