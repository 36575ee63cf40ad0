"""Loading of texts and of pairs of sentences, as batches of tokens."""
from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastnet import datasets
from fastnet.cli.recipes import TRANSFORMER
from fastnet.cli.settings import TrainSettings
from fastnet.text import BPETokenizer, CharTokenizer, LengthBuckets, Tokenizer, TokenWindows

__all__ = ["BEGIN", "END", "PADDING", "TextData", "load_texts", "pair_batches", "read_text", "sentence_tokens",
           "window_batches"]

PADDING, BEGIN, END = 0, 1, 2           # numbers of the special tokens of translations
_SPECIAL = ("<pad>", "<s>", "</s>")
_MEASURED_WINDOWS = 64                  # of a batch without gradients
_MULTIPLE = 8                           # lengths of the batches of sentences: each has a recording
_STEPS_OF_EPOCH = 250                   # updates between two validations


@dataclass
class TextData:
    """Texts, prepared for a training.

    Args:
        tokenizer: of the texts.
        training: batches (inputs..., target) to train on.
        validation: batches of the held-out part, or None.
        epochs: passes over `training`.
        checksum: of the texts to train on.
        lines: what was found, to be printed.
        about: what the model file tells of the data.
    """
    tokenizer: Tokenizer
    training: Any
    validation: Any
    epochs: int
    checksum: int
    lines: list[str]
    about: dict[str, Any] = field(default_factory=dict)


def load_texts(name: str, settings: TrainSettings) -> TextData:
    """Load and prepare the texts of `fastnet train`.

    Args:
        name: of a data set or a file.
        settings: see `text_settings`.

    Raises:
        ValueError, OSError, ImportError: texts that cannot be trained on; the message names the place.
    """
    return (_load_pairs if settings["model"] == TRANSFORMER else _load_text)(name, settings)


# ---- one text -------------------------------------------------------------------------------------------------------

def read_text(name: str, encoding: str | None = None) -> str:
    """The text of a file, with newlines of any system as "\\n".

    Args:
        name: of the file.
        encoding: default: UTF-8.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not text in this encoding, or is empty.
    """
    contents = Path(name).read_bytes()
    try:
        text = contents.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError as e:
        raise ValueError(f"{name}: expected text in {encoding or 'UTF-8'}, got the byte 0x{contents[e.start]:02x} at "
                         f"position {e.start}; name its encoding, such as --encoding cp1252") from None
    if "\0" in text:
        raise ValueError(f"{name}: expected text, got a zero character at position {text.index(chr(0))}")
    if not text.strip():
        raise ValueError(f"{name}: expected text, got {'an empty file' if not text else 'only spaces'}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _load_text(name: str, settings: TrainSettings) -> TextData:
    share = settings["validation_split"]
    if name == "shakespeare" and share == 0.1:
        trained, held_out = datasets.shakespeare()
        text = trained + held_out
    else:
        text = "".join(datasets.shakespeare()) if name == "shakespeare" else read_text(name, settings.get("encoding"))
        cut = len(text) - round(share * len(text))
        trained, held_out = text[:cut], text[cut:]
    size = settings["vocab_size"]
    tokenizer: Tokenizer = CharTokenizer(text) if size is None else BPETokenizer.train(trained, size)
    tokens, block = tokenizer.encode(trained), settings["block"]
    if len(tokens) <= block:
        raise ValueError(f"{name}: expected a text of more than {block} tokens to train on, got {len(tokens)}; give a "
                         "longer text, or a shorter --block")
    updates = settings["steps"] or -(-len(tokens) // (block * settings["batch_size"]))
    epochs = settings["epochs"] if settings["steps"] is None else max(round(updates / _STEPS_OF_EPOCH), 1)
    each = updates if settings["steps"] is None else -(-updates // epochs)
    validation = window_batches(tokenizer.encode(held_out), block) if held_out else None
    noun = "characters" if size is None else "tokens"
    return TextData(
        tokenizer, TokenWindows(tokens, block, settings["batch_size"], each, settings["seed"]), validation, epochs,
        zlib.crc32(text.encode("utf-8", "surrogatepass")),
        [f"{name}: {len(tokens):,} {noun} to train on, {len(validation.tokens) if validation else 0:,} to validate on, "
         f"{len(tokenizer):,} different"],
        {"start": "\n" if "\n" in text else text[0], "unit": noun.removesuffix("s")})


def window_batches(tokens: Sequence[int], block: int) -> TokenWindows | None:
    """The windows of a text in order, to measure on; None if it has fewer than two tokens.

    Args:
        tokens: of the text.
        block: the most tokens that the model sees.
    """
    return TokenWindows(tokens, block, _MEASURED_WINDOWS) if len(tokens) > 1 else None


# ---- pairs of sentences ---------------------------------------------------------------------------------------------

def _load_pairs(name: str, settings: TrainSettings) -> TextData:
    found = datasets.multi30k()
    (english, german), (english_held, german_held) = found["train"], found["val"]
    tokenizer = BPETokenizer.train([*german, *english], settings["vocab_size"], _SPECIAL)
    training = pair_batches(tokenizer, german, english, settings, settings["seed"])
    return TextData(
        tokenizer, training, pair_batches(tokenizer, german_held, english_held, settings), settings["epochs"],
        zlib.crc32("\n".join([*german, *english]).encode()),
        [f"{name}: {len(german):,} pairs of sentences to train on, {len(german_held):,} to validate on, "
         f"{len(found['test'][0]):,} to test on; {len(tokenizer):,} tokens"],
        {"languages": ["German", "English"]})


def pair_batches(tokenizer: Tokenizer, source: Sequence[str], target: Sequence[str], settings: TrainSettings,
                 seed: int | None = None) -> LengthBuckets:
    """Batches (source, target before each position, target) of pairs of sentences.

    Args:
        tokenizer: of both languages.
        source, target: sentences of one meaning.
        settings: see `text_settings`; "block" and "batch_size" are read.
        seed: of the order; None: by length.

    Raises:
        ValueError: a sentence with more tokens than the model takes.
    """
    sources = sentence_tokens(tokenizer, source, settings["block"])
    targets = sentence_tokens(tokenizer, target, settings["block"])
    return LengthBuckets(sources, [[BEGIN, *tokens[:-1]] for tokens in targets], targets,
                         max_tokens=max(settings["batch_size"], settings["block"]), multiple=_MULTIPLE, padding=PADDING,
                         shuffle=seed is not None, seed=seed or 0)


def sentence_tokens(tokenizer: Tokenizer, sentences: Sequence[str], block: int) -> list[list[int]]:
    """The tokens of sentences, each with the token of the end.

    Args:
        tokenizer: of the sentences.
        sentences: in one language.
        block: the most tokens that the model takes.

    Raises:
        ValueError: a sentence with more tokens; the message has its number.
    """
    made = [[*tokenizer.encode(sentence), END] for sentence in sentences]
    long = next((i for i, tokens in enumerate(made) if len(tokens) > block), None)
    if long is not None:
        raise ValueError(f"line {long + 1} has {len(made[long])} tokens, the model takes at most {block}: split "
                         "it into sentences")
    return made
