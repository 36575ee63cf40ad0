"""Tokenizers from their description in a model file."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fastnet._core.errors import one_of
from fastnet.text.bpe import BPETokenizer
from fastnet.text.characters import CharTokenizer

__all__ = ["Tokenizer", "tokenizer_from_dict"]


class Tokenizer(Protocol):
    """The interface of tokenizers: numbers of a text, the text of numbers, their count, and a description in JSON.

    Example:
        >>> from fastnet import text
        >>> tokenizer: text.Tokenizer = text.CharTokenizer("hello")
        >>> len(tokenizer), tokenizer.encode("hole"), tokenizer.decode([1, 3, 2, 0])
        (4, [1, 3, 2, 0], 'hole')
    """

    def __len__(self) -> int: ...

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens of a text."""

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers."""

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON values."""


_TOKENIZERS: dict[str, Callable[[dict[str, Any]], Tokenizer]] = {
    CharTokenizer.kind: CharTokenizer.from_dict, BPETokenizer.kind: BPETokenizer.from_dict}


def tokenizer_from_dict(given: dict[str, Any]) -> Tokenizer:
    """The tokenizer that a dictionary of `to_dict` describes.

    Args:
        given: the dictionary, such as the "tokenizer" of a model file's metadata.

    Raises:
        ValueError: an unknown kind, or a damaged description.
        ImportError: tokenizers is not installed, and the description needs it.

    Example:
        >>> import fastnet, os, tempfile
        >>> tokenizer = fastnet.text.CharTokenizer("hello")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     fastnet.nn.Embedding(len(tokenizer), 2).save(path, {"tokenizer": tokenizer.to_dict()})
        ...     loaded = fastnet.text.tokenizer_from_dict(fastnet.load_metadata(path)["tokenizer"])
        >>> loaded.encode("hello")
        [1, 0, 2, 2, 3]
    """
    kind = given.get("kind") if isinstance(given, dict) else None
    if kind not in _TOKENIZERS:
        raise one_of("kind of tokenizer", kind, _TOKENIZERS)
    try:
        return _TOKENIZERS[str(kind)](given)
    except (KeyError, TypeError) as e:
        raise ValueError(f"the description of the tokenizer is damaged: {type(e).__name__}: {e}") from None
