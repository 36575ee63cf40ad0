"""Byte-level byte-pair encoding, by the package tokenizers."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastnet._core.errors import whole_number
from fastnet._core.optional import optional
from fastnet._core.reprs import repr_of

__all__ = ["BPETokenizer"]

_BYTES = 256


class BPETokenizer:
    """Tokenizer whose tokens are frequent sequences of bytes, as GPT-2's. Any text can be encoded.

    Sennrich, Haddow, Birch 2016, https://arxiv.org/abs/1508.07909. `BPETokenizer.train` makes one from a text.

    Args:
        description: JSON of a `tokenizers.Tokenizer`: the content of a file tokenizer.json.

    Raises:
        ValueError: the description is damaged.
        ImportError: tokenizers is not installed.

    Example:
        >>> import fastnet
        >>> texts = ["the cat sat on the mat"] * 4
        >>> tokenizer = fastnet.text.BPETokenizer.train(texts, 270)     # doctest: +SKIP
        >>> tokenizer.decode(tokenizer.encode("the dog"))               # doctest: +SKIP
        'the dog'
    """

    kind = "bpe"

    def __init__(self, description: str) -> None:
        tokenizers = optional("tokenizers", "byte-pair encoding")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(description)
        except Exception as e:                  # tokenizers raises plain Exceptions
            raise ValueError(f"BPETokenizer: the description of the tokenizer is damaged: {e}") from None

    @classmethod
    def train(cls, texts: str | Iterable[str], vocab_size: int = 8000, special: Sequence[str] = (),
              min_count: int = 2) -> BPETokenizer:
        """A tokenizer with the most frequent sequences of bytes of a text.

        Args:
            texts: one text or several.
            vocab_size: the number of tokens, special ones and the 256 bytes included. A short text gives fewer.
            special: tokens that get the first numbers, such as "<pad>".
            min_count: the least occurrences of a pair that is joined.

        Raises:
            ValueError: a size below 256 and the special tokens, or no text.
            TypeError: bytes or another type than text.
            ImportError: tokenizers is not installed.
        """
        tokenizers = optional("tokenizers", "byte-pair encoding")
        if vocab_size < _BYTES + len(special):
            raise ValueError(f"BPETokenizer: expected a vocab_size of at least {_BYTES + len(special)}, the bytes and "
                             f"the special tokens, got {vocab_size}")
        given = [texts] if isinstance(texts, str | bytes) else list(texts)
        wrong = next((text for text in given if not isinstance(text, str)), "")
        if not isinstance(wrong, str):
            raise TypeError(f"BPETokenizer: expected texts, got {type(wrong).__name__}")
        if not any(given):
            raise ValueError("BPETokenizer: expected a text to train on, got an empty one")
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=vocab_size, special_tokens=list(special), min_frequency=min_count, show_progress=False,
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
        made.train_from_iterator(given, trainer)
        return cls(made.to_str())

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def __repr__(self) -> str:
        return repr_of(self, tokens=len(self))

    def number_of(self, token: str) -> int:
        """The number of a token, such as a special one.

        Raises:
            ValueError: an unknown token.
        """
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise ValueError(f"the tokenizer does not have the token {token!r}")
        return int(number)

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens of a text."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers, without special tokens.

        Raises:
            ValueError: a number out of range.
            TypeError: a number that is not whole.
        """
        given = [whole_number("a token", number, None) for number in numbers]
        wrong = next((number for number in given if not 0 <= number < len(self)), None)
        if wrong is not None:
            raise ValueError(f"token {wrong} is out of range: expected a number from 0 to {len(self) - 1}")
        return str(self._tokenizer.decode(given, skip_special_tokens=True))

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON values, for `tokenizer_from_dict`."""
        return {"kind": self.kind, "tokenizers": self._tokenizer.to_str()}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> BPETokenizer:
        """The tokenizer that a dictionary of `to_dict` describes."""
        return cls(given["tokenizers"])
