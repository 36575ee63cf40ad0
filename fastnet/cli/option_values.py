"""Parsers of option values for argparse: numbers, names of columns, paths. Each raises ArgumentTypeError."""
from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fastnet.cli.recipes import check_model
from fastnet.cli.settings import KINDS
from fastnet.data.cells import clean
from fastnet.data.text_lines import known_encoding

__all__ = [
    "PLOTS",
    "byte_count",
    "column_kind",
    "column_name",
    "encoding_name",
    "folder_path",
    "horizons",
    "layer_widths",
    "model_name",
    "natural_number",
    "output_path",
    "plot_path",
    "positive_number",
    "seed_number",
    "shard_count",
    "share",
]

PLOTS = (".png", ".svg", ".pdf")
_N = TypeVar("_N", int, float)


def positive_number(kind: type[_N]) -> Callable[[str], _N]:
    """A parser of positive numbers of a type, int or float."""
    def parse(text: str) -> _N:
        value = _parsed_number(kind, text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
        return value
    return parse


def shard_count(text: str) -> int:
    """A number of shards, a power of two."""
    value = positive_number(int)(text)
    if value & (value - 1):
        raise argparse.ArgumentTypeError(f"expected a power of two, got {text!r}")
    return value


def natural_number(text: str) -> int:
    """An integer of at least 0."""
    value = _parsed_number(int, text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number that is not negative, got {text!r}")
    return value


def byte_count(text: str) -> int:
    """A number of bytes, such as "4096", "64k" (64 * 1024) or "1M"."""
    factor = {"k": 1 << 10, "m": 1 << 20}.get(text[-1:].lower(), 1)
    return natural_number(text[:-1] if factor > 1 else text) * factor


def share(text: str) -> float:
    """A number from 0 to below 1."""
    value = _parsed_number(float, text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, such as 0.1, got {text!r}")
    return value


def _parsed_number(kind: type[_N], text: str) -> _N:
    try:
        return kind(text)
    except ValueError:
        what = "an integer" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"expected {what}, got {text!r}") from None


def horizons(text: str) -> tuple[int, ...]:
    """How many rows ahead to forecast: a number N for the rows 1 to N, or several numbers, separated by commas."""
    try:
        found = tuple(positive_number(int)(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        found = ()
    if not found or list(found) != sorted(set(found)):
        raise argparse.ArgumentTypeError(
            f"expected the number of rows to forecast, such as 6, or the rows in order, such as 1,6,24, got {text!r}")
    return tuple(range(1, found[0] + 1)) if len(found) == 1 else found


def layer_widths(text: str) -> tuple[int, ...]:
    """Sizes of layers, separated by commas."""
    try:
        return tuple(positive_number(int)(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"expected layer sizes separated by commas, such as 128,64, got {text!r}") from None


def model_name(text: str) -> str:
    """The name of a model."""
    try:
        return check_model(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def seed_number(text: str) -> int:
    """A seed."""
    value = _parsed_number(int, text)
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"expected 0 <= seed < 2**63, got {text!r}")
    return value


def column_name(text: str) -> str:
    """The name of a column as tables store it: without surrounding spaces, accents in composed form."""
    name = clean(text)
    if name is None:
        raise argparse.ArgumentTypeError(f"expected the name of a column, got {text!r}")
    return name


def column_kind(text: str) -> tuple[str, str]:
    """A column and its kind, from COLUMN=KIND."""
    name, _, kind = text.rpartition("=")
    if not name or kind not in KINDS:
        raise argparse.ArgumentTypeError(f"expected COLUMN=KIND, where KIND is one of {', '.join(KINDS)}, got {text!r}")
    return column_name(name), kind


def encoding_name(text: str) -> str:
    """The name of a text encoding."""
    try:
        return known_encoding(text) or text
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def output_path(text: str) -> str:
    """A file that can be written; checked before the training rather than after it."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, expected a file")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} is not writable")
    return text


def plot_path(text: str) -> str:
    """An image file that can be written."""
    if Path(text).suffix.lower() not in PLOTS:
        raise argparse.ArgumentTypeError(f"expected a name that ends in {', '.join(PLOTS)}, got {text!r}")
    return output_path(text)


def folder_path(text: str) -> str:
    """A folder that exists or can be created."""
    if not text:                        # from a shell variable that is not set
        raise argparse.ArgumentTypeError("expected the name of a folder, got ''")
    if Path(text).exists() and not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a file, expected a folder")
    return text
