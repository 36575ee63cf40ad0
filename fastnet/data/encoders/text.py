"""The encoder of columns of text."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet.data.encoders.settings import are_texts
from fastnet.data.values import as_texts, is_number

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Kind
    from fastnet.data.encoders.settings import Settings

__all__ = ["Text"]

_WORD = re.compile(r"\b\w\w+\b")        # as in scikit-learn's TfidfVectorizer


@dataclass(repr=False)
class Text:
    """Encodes a column of text by its words, weighted by TF-IDF.

    A feature is the number of times that a known word occurs in the text, times a weight that is larger the fewer rows
    have the word. The features of each row are scaled to length 1. Salton and Buckley 1988,
    https://doi.org/10.1016/0306-4573(88)90021-0.

    Args:
        words: the known words.
        idf: the weight of each word.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Text
        >>> text = Text(words=["bad", "good"], idf=[1.0, 1.0])
        >>> text
        Text(words=['bad', 'good'])
        >>> text.apply(["Good, good!", None])
        array([[0., 1.],
               [0., 0.]], dtype=float32)
    """

    kind: ClassVar[Kind] = "text"
    words: list[str]
    idf: list[float]

    def __post_init__(self) -> None:
        numbers = isinstance(self.idf, list) and all(map(is_number, self.idf))
        if not (are_texts(self.words) and numbers and len(self.words) == len(self.idf)):
            raise ValueError(f"expected different words and a finite number for each, got {self.words!r:.100} and "
                             f"{self.idf!r:.100}")

    @classmethod
    def fit(cls, column: Sequence[str | None], settings: Settings, form: None = None) -> Text:
        """Learn what TfidfVectorizer learns: the most frequent words, and the logarithm of how few rows have each."""
        rows = [Counter(_words(text)) for text in column]
        counts: Counter[str] = Counter()
        rows_with: Counter[str] = Counter()
        for row in rows:
            counts.update(row)
            rows_with.update(row.keys())
        if not counts:
            raise ValueError("expected text with words of at least two letters, got none")
        words = sorted(sorted(counts, key=lambda word: (-counts[word], word))[:settings.max_words])
        return cls(words, [float(np.log((1 + len(rows)) / (1 + rows_with[word])) + 1) for word in words])

    def read(self, column: Array, mark: str = ".") -> tuple[list[str | None], list[int]]:
        """Read a column; returns (its texts, no rows)."""
        return as_texts(column), []

    def apply(self, column: Sequence[str | None]) -> Array:
        """Convert texts to features, float32 (N, words)."""
        places = {word: place for place, word in enumerate(self.words)}
        counts = np.zeros((len(column), len(self.words)), np.float32)
        found = [(row, places[word]) for row, text in enumerate(column) for word in _words(text) if word in places]
        np.add.at(counts, tuple(np.array(found, np.int64).reshape(-1, 2).T), 1)
        counts *= np.array(self.idf, np.float32)
        norms = np.linalg.norm(counts, axis=1, keepdims=True)
        return np.divide(counts, norms, out=counts, where=norms > 0)

    def names(self, name: str) -> list[str]:
        """The names of the features."""
        return [f"{name}:{word}" for word in self.words]

    @property
    def note(self) -> str:
        """The number of words."""
        return f"{len(self.words)} word{'s' * (len(self.words) != 1)}"

    def __repr__(self) -> str:
        return repr_of(self, words=self.words)


def _words(text: str | None) -> list[str]:
    return _WORD.findall((text or "").lower())
