"""How files become a model's inputs: of each kind of data the preparation that a saved model carries with it."""
import math
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fastnet import data
from fastnet.cli.drawings import read_drawing
from fastnet.cli.settings import is_table
from fastnet.cli.terminal import note
from fastnet.data.cells import in_lines
from fastnet.data.pictures import PICTURE_ENDINGS
from fastnet.data.tables import PARQUET_ENDINGS, TABLE_ENDINGS
from fastnet.data.text_lines import STANDARD_INPUT, shown

ARRAYS = ".npy"
BLOCK = 1 << 14                         # rows of a file that are predicted at a time
LARGEST = 4096                          # pixels in each direction of a model's inputs


@dataclass
class Pixels(ABC):
    """Pictures as float32, shifted and scaled so that those to train on have mean 0 and variance 1.

    Args:
        size: height and width.
        mean, std: of the pixels to train on.
    """
    kind: ClassVar[str]
    is_pictures: ClassVar[bool] = True
    size: int
    mean: float
    std: float

    def __post_init__(self):
        if not (type(self.size) is int and 0 < self.size <= LARGEST and self.std > 0
                and all(isinstance(n, int | float) and math.isfinite(n) for n in (self.mean, self.std))):
            raise ValueError(f"the preparation of pictures is damaged: {self}")

    @property
    @abstractmethod
    def shape(self):
        """Of a sample."""

    @abstractmethod
    def read_picture(self, path):
        """The picture of a file as the data set would have it, before it is standardised."""

    def prepare(self, pictures):
        """Pictures of the data set, standardised.

        Args:
            pictures: (N, size, size) or (N, size, size, colours).
        """
        return data.Normalize(self.mean, self.std)(pictures)

    def read(self, path):
        """The samples of a picture file, or of a .npy file of many pictures.

        Raises:
            ValueError: the file is neither, or its pictures are of another size.
            OSError: it cannot be read.
        """
        if Path(path).suffix.lower() == ARRAYS:
            pictures = read_array(path)
            if pictures.ndim == 2 and pictures.shape[1:] == (math.prod(self.shape),):
                pictures = pictures.reshape(-1, *self.shape)
            if pictures.shape[1:] != self.shape:
                expected = ", ".join(map(str, ("N", *self.shape)))
                raise ValueError(f"{path} has the shape {pictures.shape}, expected ({expected})")
            return self.prepare(pictures)
        if Path(path).suffix.lower() not in PICTURE_ENDINGS:
            raise ValueError(f"the model reads pictures: {path} should end in {', '.join(PICTURE_ENDINGS)} or {ARRAYS}")
        return self.prepare(self.read_picture(path)[None])

    def blocks(self, path, encoding=None):
        """As Table's, of pictures: an iterator of ({}, samples), all together."""
        yield {}, self.read(path)

    def to_dict(self):
        """What `inputs_from` reads, for JSON."""
        return {"kind": self.kind} | asdict(self)

    def describe(self):
        """In a few words, what a sample is."""
        return f"pictures of {' x '.join(map(str, self.shape))}"


@dataclass
class Drawings(Pixels):
    """Digits of a data set: grey, light on dark.

    Args:
        size, mean, std: as Pixels'.
        box: the pixels of it that a digit fills in its longer direction.
        highest: the value of ink.
    """
    kind: ClassVar[str] = "drawings"
    box: int
    highest: int

    def __post_init__(self):
        super().__post_init__()
        if not (type(self.box) is int and 0 < self.box <= self.size and type(self.highest) is int):
            raise ValueError(f"the preparation of drawings is damaged: {self}")

    @property
    def shape(self):
        """Of a sample."""
        return self.size, self.size

    def read_picture(self, path):
        """A picture that somebody drew, as the data set would have it."""
        return read_drawing(path, self.size, self.box) * self.highest


@dataclass
class Pictures(Pixels):
    """Pictures resized to a square, in red, green and blue."""
    kind: ClassVar[str] = "pictures"

    @property
    def shape(self):
        """Of a sample."""
        return self.size, self.size, 3

    def read_picture(self, path):
        """A picture, resized as those that were trained on."""
        return data.read_picture(path, self.size)


@dataclass
class Table:
    """Rows of a table.

    Args:
        preparation: a fitted `fastnet.data.TablePreparation`.
    """
    kind: ClassVar[str] = "table"
    is_pictures: ClassVar[bool] = False
    preparation: data.TablePreparation

    @property
    def shape(self):
        """Of a sample."""
        return (len(self.preparation.feature_names),)

    @property
    def columns(self):
        """The names of the columns that are used."""
        return list(self.preparation.encoders)

    def prepare(self, table):
        """The rows of a table as numbers, float32 (N, features), and lines about columns with odd cells."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            x = self.preparation.transform(table)
        return x, [str(warning.message) for warning in caught]

    def prepare_file(self, path, table):
        """The rows of a file's table as numbers, with notes of what the training had not."""
        [(_, x)] = self._prepared(path, [table])
        return x

    def read(self, path):
        """The rows of a file that `blocks` reads, all together."""
        return np.concatenate([x for _, x in self.blocks(path)])

    def blocks(self, path, encoding=None):
        """The rows of a file, some thousand at a time, so that a large one needs no more memory than a small one.

        Args:
            path: of a table; or of a .npy file, with columns in the order of training.
            encoding: of a CSV file; None: what it shows.

        Returns:
            An iterator of ({column: values}, prepared rows).
        """
        if str(path) != STANDARD_INPUT and not str(path).lower().endswith(PARQUET_ENDINGS) and is_table(path):
            return self._prepared(path, data.read_blocks(path, BLOCK, encoding=encoding))
        return self._prepared(path, [self.read_table(path, encoding)])

    def _prepared(self, path, tables):
        """(table, its rows as numbers) of each, and notes: of each column that has odd cells, and of categories."""
        unseen, rows, odd = Counter(), 0, {}
        for table in tables:
            with naming_lines(path, table):
                x, lines = self.prepare(table)
            for text in lines:
                odd.setdefault(text.partition(" except ")[0], text)     # the first cell of a column is enough
            unseen.update(self.preparation.unseen(table))
            rows += len(x)
            yield table, x
        for text in (*getattr(table, "notes", ()), *odd.values()):
            note(f"{shown(path)}: {text}")
        for name, count in unseen.items():
            note(f"{shown(path)}: column {name!r}: {count} of {rows} rows have a category that was not seen in "
                 "training, which counts as none")

    def read_table(self, path, encoding=None):
        """The columns of a file, by name."""
        if is_table(path):
            return data.read_columns(path, encoding=encoding)
        if Path(path).suffix.lower() != ARRAYS:
            raise ValueError(f"the model reads tables: {path} should end in {', '.join(TABLE_ENDINGS)} or {ARRAYS}")
        array = read_array(path)
        if array.ndim != 2 or array.shape[1] != len(self.columns):
            raise ValueError(f"{path} has the shape {array.shape}, expected (N, {len(self.columns)}) for the columns "
                             f"{', '.join(map(repr, self.columns))}")
        return dict(zip(self.columns, array.T))

    def to_dict(self):
        """What `inputs_from` reads, for JSON."""
        return {"kind": self.kind, "preparation": self.preparation.to_dict()}

    def describe(self):
        """In a few words, what a sample is."""
        return f"rows of a table with the columns {', '.join(self.columns)}"


def inputs_from(given):
    """The preparation that a `to_dict` wrote down.

    Raises:
        ValueError, TypeError, KeyError: it is damaged.

    Example:
        >>> from fastnet.cli.inputs import Pictures, inputs_from
        >>> inputs_from(Pictures(size=8, mean=1.0, std=2.0).to_dict())
        Pictures(size=8, mean=1.0, std=2.0)
    """
    given = dict(given)
    kind = given.pop("kind")
    if kind == Table.kind:
        return Table(data.TablePreparation.from_dict(given["preparation"]))
    known: dict[str, type[Pixels]] = {"drawings": Drawings, "pictures": Pictures}
    return known[kind](**given)


@contextmanager
def naming_lines(path, table):
    """Let the ValueErrors about rows of a table name its file; and of a text file the line, not the row from 0."""
    try:
        yield
    except ValueError as e:
        raise ValueError(f"{shown(path)}: {in_lines(str(e), table)}") from None


def read_array(path):
    """The numbers of a .npy file, all of them finite.

    Raises:
        ValueError: the file is damaged, or holds no numbers, or NaN or infinity, whose row and column are named.
        OSError: it cannot be read.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)    # which believes no size that the file has not
    except (OSError, MemoryError):
        raise
    except Exception as e:                              # NumPy has many for a header that is damaged
        raise ValueError(f"{path} is no .npy file of numbers: {e}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or not array.ndim:
        raise ValueError(f"{path} is no .npy file of an array of numbers")
    return data.finite(array, str(path))
