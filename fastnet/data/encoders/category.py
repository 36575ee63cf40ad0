"""The encoder of columns of categories."""
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet.data.encoders.settings import are_texts, most_frequent
from fastnet.data.values import as_texts

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Kind
    from fastnet.data.encoders.settings import Settings

__all__ = ["Category", "places_of"]


@dataclass(repr=False)
class Category:
    """Encodes a column of categories as one column of 0 and 1 per category (one-hot).

    Args:
        fill: the category that replaces missing ones.
        categories: the categories in order.
        other: whether one more column stands for all other values; without it, unknown values are 0 everywhere.
        any_case: whether texts that differ from a category in capitals only count as this category.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Category
        >>> category = Category(fill="a", categories=["a", "b"], other=False)
        >>> category
        Category(categories=['a', 'b'], other=False, fill='a')
        >>> category.apply(["b", None, "z"])
        array([[0., 1.],
               [1., 0.],
               [0., 0.]], dtype=float32)
    """

    kind: ClassVar[Kind] = "category"
    fill: str
    categories: list[str]
    other: bool
    any_case: bool = False

    def __post_init__(self) -> None:
        if not (are_texts([self.fill]) and are_texts(self.categories) and isinstance(self.other, bool)
                and isinstance(self.any_case, bool)):
            raise ValueError(f"expected different texts as categories, got {self.categories!r:.200}")

    @classmethod
    def fit(cls, column: Sequence[str | None], settings: Settings, form: None = None,
            any_case: bool = False) -> Category:
        """Learn what SimpleImputer and OneHotEncoder learn; the rarest of too many categories become one."""
        present = [text for text in column if text is not None]
        counts = Counter(present)
        fill = most_frequent(present)
        counts[fill] += len(column) - len(present)
        categories = sorted(counts)
        rare: set[str] = set()
        if len(categories) > settings.max_categories:
            rare = set(sorted(categories, key=counts.__getitem__)[:len(categories) - settings.max_categories + 1])
        return cls(fill, [category for category in categories if category not in rare], bool(rare), any_case)

    def read(self, column: Array, mark: str = ".") -> tuple[list[str | None], list[int]]:
        """Read a column; returns (its texts, no rows)."""
        return as_texts(column), []

    def apply(self, column: Sequence[str | None]) -> Array:
        """Convert texts to features of 0 and 1, float32 (N, categories)."""
        places: dict[Any, int] = places_of(self.categories, set(column), self.any_case)
        places[None] = places.get(self.fill, len(self.categories))
        found = np.array([places.get(text, len(self.categories)) for text in column], np.int64)
        table = np.eye(len(self.categories) + 1, len(self.categories) + self.other, dtype=np.float32)
        return table[found]

    def unseen(self, column: Sequence[str | None]) -> int:
        """The number of rows with an unknown category; 0 if other values have a column."""
        known = {None, *places_of(self.categories, set(column), self.any_case)}
        return 0 if self.other else len(column) - sum(map(known.__contains__, column))

    def names(self, name: str) -> list[str]:
        """The names of the features."""
        return [f"{name}={category}" for category in self.categories] + [f"{name}=(other)"] * self.other

    @property
    def note(self) -> str:
        """The number of categories."""
        number = len(self.categories)
        return f"{number} categor{'y' if number == 1 else 'ies'}" + ", and all others as one" * self.other

    def __repr__(self) -> str:
        return repr_of(self, categories=self.categories, other=self.other, fill=self.fill)


def places_of(categories: Iterable[Any], texts: Collection[Any], any_case: bool) -> dict[Any, int]:
    """The position of each category in their list: {category: position}.

    Args:
        categories: the categories in order.
        texts: the texts to look up.
        any_case: add those texts that differ from a category in capitals only.

    Example:
        >>> from fastnet.data.encoders import places_of
        >>> places_of(["No", "Yes"], {"YES", "maybe"}, any_case=True)
        {'No': 0, 'Yes': 1, 'YES': 1}
    """
    places = {category: place for place, category in enumerate(categories)}
    if any_case:
        folded = {category.casefold(): place for category, place in places.items() if isinstance(category, str)}
        places |= {text: folded[text.casefold()] for text in texts
                   if isinstance(text, str) and text not in places and text.casefold() in folded}
    return places
