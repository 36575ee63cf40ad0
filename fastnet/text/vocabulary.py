"""Vocabularies: the numbers of tokens."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from fastnet._core.errors import whole_number
from fastnet._core.reprs import repr_of

__all__ = ["UNKNOWN", "Vocabulary"]

UNKNOWN = "<unk>"


class Vocabulary:
    """Numbers of tokens, from 0 in the given order.

    Args:
        tokens: the tokens, all different. If "<unk>" is among them, unknown tokens get its number; otherwise they are
            an error.

    Attributes:
        tokens: the tokens in the order of their numbers.

    Raises:
        ValueError: no tokens, or a token twice; when encoding: an unknown token; when decoding: a number out of range.
        TypeError: a token that is not text; when decoding: a number that is not whole.

    Example:
        >>> import fastnet
        >>> words = fastnet.text.Vocabulary.of([["a", "cat"], ["a", "dog", "a"]], special=("<pad>", "<unk>"))
        >>> words.tokens
        ('<pad>', '<unk>', 'a', 'cat', 'dog')
        >>> words.encode(["a", "bird"]), words.decode([2, 4])
        ([2, 1], ['a', 'dog'])
    """

    kind = "vocabulary"
    tokens: tuple[str, ...]

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(tokens)
        if not self.tokens:
            raise ValueError("Vocabulary: expected at least one token, got none")
        for token in self.tokens:
            if not isinstance(token, str):
                raise TypeError(f"Vocabulary: expected tokens that are text, got {token!r}")
        twice = [token for token, count in Counter(self.tokens).items() if count > 1]
        if twice:
            raise ValueError(f"Vocabulary: expected different tokens, got {twice[0]!r} twice")
        self._numbers = {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def of(cls, sequences: Iterable[Sequence[str]], min_count: int = 1, size: int | None = None,
           special: Sequence[str] = ("<pad>", UNKNOWN, "<s>", "</s>")) -> Vocabulary:
        """The vocabulary of the tokens of a text, the most frequent first, equally frequent ones in sorted order.

        Args:
            sequences: of tokens.
            min_count: leave out tokens that occur less often.
            size: the most tokens, special ones included; None: all.
            special: tokens that come first.

        Raises:
            ValueError: a size that is less than the number of special tokens, or no tokens.
        """
        if size is not None:
            size = whole_number("size", size, max(1, len(special)))
        counts = Counter(token for sequence in sequences for token in sequence)
        found = sorted((token for token, count in counts.items() if count >= min_count and token not in special),
                       key=lambda token: (-counts[token], token))
        return cls((*special, *found)[:size])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._numbers

    def __repr__(self) -> str:
        return repr_of(self, tokens=len(self))

    def number_of(self, token: str) -> int:
        """The number of a token.

        Raises:
            ValueError: an unknown token, if the vocabulary lacks "<unk>".
        """
        number = self._numbers.get(token, self._numbers.get(UNKNOWN))
        if number is None:
            raise ValueError(f"the vocabulary of {len(self)} tokens does not have {token!r}")
        return number

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of tokens."""
        return [self.number_of(token) for token in tokens]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The tokens with these numbers."""
        return [self.tokens[self._checked(whole_number("a token", number, None))] for number in numbers]

    def _checked(self, number: int) -> int:
        if not 0 <= number < len(self):
            raise ValueError(f"token {number} is out of range: expected a number from 0 to {len(self) - 1}")
        return number

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON values, which `from_dict` reads."""
        return {"kind": self.kind, "tokens": list(self.tokens)}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Vocabulary:
        """The vocabulary that a dictionary of `to_dict` describes."""
        return cls(given["tokens"])
