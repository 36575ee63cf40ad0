"""Data sets of text: Tiny Shakespeare, and the sentence pairs of Multi30k."""
from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from fastnet.datasets.files import folders_of, instructions

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["multi30k", "shakespeare"]

_SHAKESPEARE, _MULTI30K = "shakespeare", "multi30k"
_TRAIN_SHARE = 0.9
_MULTI30K_PARTS = {"train": "train", "val": "val", "test": "test_2016_flickr"}
_LANGUAGES = ("en", "de")


def shakespeare(root: StrPath | None = None) -> tuple[str, str]:
    """Load Tiny Shakespeare: 1,115,394 characters of Shakespeare's plays, the first 90% to train on.

    It is read from `root` if that is given, else from `$FASTNET_DATA/shakespeare` or the user's cache folder: a file
    `input.txt`. It is not downloaded: https://github.com/karpathy/char-rnn has it, in data/tinyshakespeare.

    Args:
        root: the folder with the file.

    Returns:
        (the text to train on, the text to validate on).

    Raises:
        OSError: the file is missing; the message says where to put it.
        ValueError: it is not text.

    Example:
        >>> import fastnet
        >>> train, validation = fastnet.datasets.shakespeare()      # doctest: +SKIP
        >>> len(train), len(validation)                             # doctest: +SKIP
        (1003854, 111540)
    """
    text = _text_of(_found_file(_SHAKESPEARE, "Tiny Shakespeare", ["input.txt"], root))
    length = int(_TRAIN_SHARE * len(text))
    return text[:length], text[length:]


def multi30k(root: StrPath | None = None, test: str = "test_2016_flickr") -> dict[str, tuple[list[str], list[str]]]:
    """Load Multi30k: descriptions of images in English and German, 29,000 pairs to train on, 1,014 to validate on.

    It is read from `root` if that is given, else from `$FASTNET_DATA/multi30k` or the user's cache folder: files
    `train.en`, `train.de`, `val.en`, ... with a sentence a line, plain or gzip (.gz). They are not downloaded:
    https://github.com/multi30k/dataset has them, in data/task1/raw.

    Elliott, Frank, Sima'an, Specia 2016, https://arxiv.org/abs/1605.00459.

    Args:
        root: the folder with the files.
        test: name of the files of the test set.

    Returns:
        {"train": (English sentences, German sentences), "val": ..., "test": ...}; the sentences of one position
        belong together.

    Raises:
        OSError: a file is missing; the message says where to put it.
        ValueError: the files of a part have different numbers of lines, or are damaged.

    Example:
        >>> import fastnet
        >>> english, german = fastnet.datasets.multi30k()["train"]      # doctest: +SKIP
        >>> english[0]                                                  # doctest: +SKIP
        'Two young, White males are outside near many bushes.'
    """
    made = {}
    for part, name in {**_MULTI30K_PARTS, "test": test}.items():
        paths = [_found_file(_MULTI30K, "Multi30k", [f"{name}.{language}", f"{name}.{language}.gz"], root)
                 for language in _LANGUAGES]
        english, german = (_text_of(path).removesuffix("\n").split("\n") for path in paths)
        if len(english) != len(german):
            raise ValueError(f"{paths[0]} and {paths[1].name}: expected as many lines, got {len(english)} and "
                             f"{len(german)}")
        made[part] = english, german
    return made


def _found_file(name: str, title: str, files: list[str], root: StrPath | None) -> Path:
    """The first of the files that is in a folder of a data set."""
    folders = folders_of(name, root)
    for folder in folders:
        for file in files:
            if (folder / file).is_file():
                return folder / file
    raise FileNotFoundError(f"{name}: the file {files[0]} is missing.\n{instructions(title, files[:1], folders)}")


def _text_of(path: Path) -> str:
    contents = path.read_bytes()
    try:
        return (gzip.decompress(contents) if path.suffix == ".gz" else contents).decode("utf-8")
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise ValueError(f"{path}: expected text in UTF-8, got {e}") from None
