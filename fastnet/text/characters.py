"""Tokenizer whose tokens are characters."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastnet._core.reprs import repr_of
from fastnet.text.vocabulary import UNKNOWN, Vocabulary

__all__ = ["CharTokenizer"]


class CharTokenizer:
    """Tokenizer whose tokens are the characters of a text, in sorted order.

    Args:
        text: the text, or a sequence of its characters.
        special: tokens that come first, such as "<pad>". If "<unk>" is among them, unknown characters get its number;
            otherwise they are an error.

    Attributes:
        vocabulary: the tokens.

    Raises:
        ValueError: no characters; when encoding: an unknown character; when decoding: a number out of range.

    Example:
        >>> import fastnet
        >>> tokenizer = fastnet.text.CharTokenizer("hello")
        >>> len(tokenizer), tokenizer.encode("hole"), tokenizer.decode([1, 0, 2, 3])
        (4, [1, 3, 2, 0], 'helo')
    """

    kind = "characters"
    vocabulary: Vocabulary

    def __init__(self, text: str | Sequence[str], special: Sequence[str] = ()) -> None:
        characters = sorted(set(text))
        if not characters:
            raise ValueError("CharTokenizer: expected a text with characters, got an empty one")
        self.special = tuple(special)
        self.vocabulary = Vocabulary((*self.special, *characters))

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __repr__(self) -> str:
        return repr_of(self, tokens=len(self), special=self.special)

    def encode(self, text: str) -> list[int]:
        """The numbers of the characters of a text.

        Raises:
            ValueError: an unknown character; the message names it and its position.
        """
        known = self.vocabulary
        if UNKNOWN not in known:
            unknown = next((i for i, character in enumerate(text) if character not in known), None)
            if unknown is not None:
                raise ValueError(f"the tokenizer does not know the character {text[unknown]!r} at position {unknown}; "
                                 f"add {UNKNOWN!r} to its special tokens to accept any character")
        return known.encode(text)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers, without special tokens."""
        return "".join(token for token in self.vocabulary.decode(numbers) if token not in self.special)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON values, for `tokenizer_from_dict`."""
        return {"kind": self.kind, "characters": "".join(self.vocabulary.tokens[len(self.special):]),
                "special": list(self.special)}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> CharTokenizer:
        """The tokenizer that a dictionary of `to_dict` describes."""
        return cls(given["characters"], given["special"])
