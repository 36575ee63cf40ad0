"""Preparations of a model's inputs, one class for each kind of data; a saved model contains its preparation."""
from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fastnet import data
from fastnet._core.annotations import Array
from fastnet.cli.drawings import read_drawing
from fastnet.cli.settings import is_table
from fastnet.cli.terminal import note
from fastnet.data.cells import in_lines
from fastnet.data.pictures import PICTURE_ENDINGS
from fastnet.data.tables import PARQUET_ENDINGS, TABLE_ENDINGS
from fastnet.data.text_lines import STANDARD_INPUT, shown

__all__ = ["Drawings", "Photos", "Pictures", "Pixels", "TableInputs", "naming_lines", "read_array"]

ARRAYS = ".npy"
BLOCK_ROWS = 1 << 14                    # rows of a file that are predicted at a time
LARGEST = 4096                          # pixels: height and width of a model's inputs


@dataclass
class Pixels(ABC):
    """Images as float32, standardised to mean 0 and variance 1 over the training images.

    Args:
        size: height and width.
        mean, std: of the pixels of the training images.
    """
    kind: ClassVar[str]
    is_pictures: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = PICTURE_ENDINGS
    noun: ClassVar[str] = "images"
    size: int
    mean: Any
    std: Any

    def __post_init__(self) -> None:
        given = [self.mean, self.std]
        if not (type(self.size) is int and 0 < self.size <= LARGEST and all(map(self._is_statistic, given))
                and np.min(self.std) > 0):
            raise ValueError(f"the preparation of images is damaged: {self}")

    def _is_statistic(self, given: Any) -> bool:
        """Whether a value can be the mean or the standard deviation."""
        return isinstance(given, int | float) and math.isfinite(given)

    @property
    @abstractmethod
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of an image before its preparation: (height, width) or (height, width, colours)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample, as the model takes it."""
        return self.stored_shape

    @abstractmethod
    def read_picture(self, path: str | Path) -> Array:
        """Read an image in the form of the training images, before standardisation."""

    def prepare(self, pictures: Array) -> Any:
        """Standardise images.

        Args:
            pictures: (N, size, size) or (N, size, size, colours).
        """
        return data.Normalize(self.mean, self.std)(pictures)

    def prepare_batch(self, pictures: Array, *others: Any) -> Any:
        """Standardise the images of a batch, as the last transform of a loader."""
        made = self.prepare(pictures)
        return (made, *others) if others else made

    def read(self, path: str | Path) -> Any:
        """Read the samples of an image file, or of a .npy file with many images.

        Raises:
            ValueError: the file is neither, or its images have another size.
            OSError: it cannot be read.
        """
        if Path(path).suffix.lower() == ARRAYS:
            pictures, shape = read_array(path), self.stored_shape
            if pictures.ndim == 2 and pictures.shape[1:] == (math.prod(shape),):
                pictures = pictures.reshape(-1, *shape)
            if pictures.shape[1:] != shape:
                expected = ", ".join(map(str, ("N", *shape)))
                raise ValueError(f"{path} has the shape {pictures.shape}, expected ({expected})")
            return self.prepare(pictures)
        if Path(path).suffix.lower() not in self.endings:
            raise ValueError(f"the model reads {self.noun}: expected a file that ends in "
                             f"{', '.join(self.endings)} or {ARRAYS}, got {path}")
        return self.prepare(self.read_picture(path)[None])

    def blocks(self, path: str | Path, encoding: str | None = None) -> Iterator[tuple[dict[str, Any], Any]]:
        """The samples of a file as one block, ({}, samples); see `TableInputs.blocks`."""
        yield {}, self.read(path)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON, which `cli.recordings.inputs_from` reads."""
        return {"kind": self.kind} | asdict(self)

    def describe(self) -> str:
        """A short description of the samples."""
        return f"images of {' x '.join(map(str, self.stored_shape))}"

    def window_text(self, rows: slice, columns: slice, shape: tuple[int, ...]) -> str:
        """A window of a sample in words.

        Args:
            rows, columns: of the window.
            shape: of the sample, (height, width).
        """
        return (f"rows {rows.start + 1} to {rows.stop}, columns {columns.start + 1} to {columns.stop} of {shape[0]} x "
                f"{shape[1]}")

    def as_drawn(self, x: Array) -> Array:
        """A sample, or its attributions, as a picture of it shows them.

        Args:
            x: (..., height, width), or (height, width, colours).
        """
        return x


@dataclass
class Drawings(Pixels):
    """Digits of a data set: grey, light on dark.

    Args:
        size, mean, std: see Pixels.
        box: pixels that the longer side of a digit fills.
        highest: the value of ink.
        has_channel: whether samples have the shape (1, size, size), as convolutions take them, or (size, size).
    """
    kind: ClassVar[str] = "drawings"
    box: int
    highest: int
    has_channel: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (type(self.box) is int and 0 < self.box <= self.size and type(self.highest) is int
                and type(self.has_channel) is bool):
            raise ValueError(f"the preparation of drawings is damaged: {self}")

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of an image before its preparation."""
        return self.size, self.size

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample."""
        return (1, *self.stored_shape) if self.has_channel else self.stored_shape

    def prepare(self, pictures: Array) -> Any:
        """Standardise images, see Pixels."""
        made = super().prepare(pictures)
        return made[:, None] if self.has_channel else made

    def read_picture(self, path: str | Path) -> Array:
        """Read a drawing, in the form of the data set's images."""
        return read_drawing(path, self.size, self.box) * self.highest


@dataclass
class Pictures(Pixels):
    """Images resized to a square, in red, green and blue."""
    kind: ClassVar[str] = "pictures"

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of an image before its preparation."""
        return self.size, self.size, 3

    def read_picture(self, path: str | Path) -> Array:
        """Read an image, resized like the training images."""
        return data.read_picture(path, self.size)


@dataclass
class Photos(Pixels):
    """The square centre of images, their channels first and each standardised: (3, size, size), or (1, size, size).

    Args:
        size: see Pixels.
        mean, std: one number for each channel.
        grey: whether images are grey.
    """
    kind: ClassVar[str] = "photos"
    grey: bool = False

    def _is_statistic(self, given: Any) -> bool:
        return (type(self.grey) is bool and isinstance(given, list) and len(given) == self.shape[0]
                and all(map(super()._is_statistic, given)))

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of an image before its preparation."""
        return (self.size, self.size) if self.grey else (self.size, self.size, 3)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample."""
        return (1 if self.grey else 3, self.size, self.size)

    def prepare(self, pictures: Array) -> Any:
        """Standardise each channel of images, and put channels first (a view)."""
        return data.ToChannelsFirst()(super().prepare(pictures))

    def read_picture(self, path: str | Path) -> Array:
        """Read the square centre of an image, resized like the training images."""
        return data.read_picture(path, self.size, self.grey, crop=True)


@dataclass
class TableInputs:
    """Rows of a table.

    Args:
        preparation: a fitted `fastnet.data.TablePreparation`.
    """
    kind: ClassVar[str] = "table"
    is_pictures: ClassVar[bool] = False
    preparation: data.TablePreparation

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample."""
        return (len(self.preparation.feature_names),)

    @property
    def columns(self) -> list[str]:
        """The names of the columns that are used."""
        return list(self.preparation.encoders)

    def prepare(self, table: Any) -> tuple[Array, list[str]]:
        """The rows of a table as numbers, float32 (N, features), and lines about columns with odd cells."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            x = self.preparation.transform(table)
        return x, [str(warning.message) for warning in caught]

    def prepare_file(self, path: str | Path, table: Any) -> Array:
        """The rows of a file's table as numbers; prints notes about cells unlike those of the training."""
        [(_, x)] = self._prepared(path, [table])
        return x

    def read(self, path: str | Path) -> Array:
        """Read all rows of a file, as numbers."""
        return np.concatenate([x for _, x in self.blocks(path)])

    def blocks(self, path: str | Path, encoding: str | None = None) -> Iterator[tuple[Any, Array]]:
        """Read the rows of a file in blocks, so that memory does not grow with the file.

        Args:
            path: of a table; or of a .npy file, with columns in the order of the training.
            encoding: of a CSV file; None: detect it.

        Returns:
            An iterator of ({column: values}, prepared rows).
        """
        if str(path) != STANDARD_INPUT and not str(path).lower().endswith(PARQUET_ENDINGS) and is_table(path):
            return self._prepared(path, data.read_blocks(path, BLOCK_ROWS, encoding=encoding))
        return self._prepared(path, [self.read_table(path, encoding)])

    def _prepared(self, path: str | Path, tables: Iterable[Any]) -> Iterator[tuple[Any, Array]]:
        """(table, its rows as numbers) of each table; at the end, print notes about odd cells and new categories."""
        unseen: Counter[str] = Counter()
        rows, odd, notes = 0, dict[str, str](), ()
        for table in tables:
            with naming_lines(path, table):
                x, lines = self.prepare(table)
            for text in lines:
                odd.setdefault(text.partition(" except ")[0], text)     # one note per column is enough
            unseen.update(self.preparation.unseen(table))
            rows += len(x)
            notes = getattr(table, "notes", ())
            yield table, x
        for text in (*notes, *odd.values()):
            note(f"{shown(path)}: {text}")
        for name, count in unseen.items():
            note(f"{shown(path)}: column {name!r}: {count} of {rows} rows have a category that was not seen in "
                 "training, which is ignored")

    def read_table(self, path: str | Path, encoding: str | None = None) -> Any:
        """Read the columns of a file, by name."""
        if is_table(path):
            return data.read_columns(path, encoding=encoding)
        if Path(path).suffix.lower() != ARRAYS:
            raise ValueError("the model reads tables: expected a file that ends in "
                             f"{', '.join(TABLE_ENDINGS)} or {ARRAYS}, got {path}")
        array = read_array(path)
        if array.ndim != 2 or array.shape[1] != len(self.columns):
            raise ValueError(f"{path} has the shape {array.shape}, expected (N, {len(self.columns)}) for the columns "
                             f"{', '.join(map(repr, self.columns))}")
        return dict(zip(self.columns, array.T))

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON, which `cli.recordings.inputs_from` reads."""
        return {"kind": self.kind, "preparation": self.preparation.to_dict()}

    def describe(self) -> str:
        """A short description of the samples."""
        return f"rows of a table with the columns {', '.join(self.columns)}"


@contextmanager
def naming_lines(path: str | Path, table: Any) -> Iterator[None]:
    """Add the file's name to ValueErrors about rows of its table, and for a text file replace row numbers by lines."""
    try:
        yield
    except ValueError as e:
        raise ValueError(f"{shown(path)}: {in_lines(str(e), table)}") from None


def read_array(path: str | Path) -> Array:
    """Read the numbers of a .npy file, and check that they are finite.

    Raises:
        ValueError: the file is damaged, or holds no numbers, or NaN or infinity; the message names the row and column.
        OSError: it cannot be read.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)    # checks the size in the header against the file's
    except (OSError, MemoryError):
        raise
    except Exception as e:                              # NumPy raises many types for a damaged header
        raise ValueError(f"{path} is not a .npy file of numbers: {e}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or not array.ndim:
        raise ValueError(f"{path} is not a .npy file with an array of numbers")
    return data.finite(array, str(path))
