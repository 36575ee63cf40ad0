"""How files become a model's inputs: of each kind of data the preparation that a saved model carries with it."""
import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from contextlib import contextmanager
from typing import ClassVar

import numpy as np

from fastnet import data
from fastnet.cli.drawings import read_drawing
from fastnet.cli.terminal import note
from fastnet.data.cells import in_lines
from fastnet.data.pictures import ENDINGS as PICTURES
from fastnet.data.tables import ENDINGS, STANDARD_INPUT

ARRAYS = ".npy"
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
        if Path(path).suffix.lower() not in PICTURES:
            raise ValueError(f"the model reads pictures: {path} should end in {', '.join(PICTURES)} or {ARRAYS}")
        return self.prepare(self.read_picture(path)[None])

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
        """The rows of a table as numbers, float32 (N, features)."""
        return self.preparation.transform(table)

    def prepare_file(self, path, table):
        """`prepare` for the table of a file, with a note of categories that the training had not."""
        for name, count in self.preparation.unseen(table).items():
            note(f"{path}: column {name!r}: {count} of {len(table[name])} rows have a category that was not seen in "
                 "training, which counts as none")
        return self.prepare(table)

    def read(self, path):
        """The rows of a table's file, or of a .npy file with the columns in the order of training."""
        table = self.read_table(path)
        with naming_lines(path, table):
            return self.prepare_file(path, table)

    def read_table(self, path):
        """The columns of a file, by name; `prepare` reads text in them as it was read in training."""
        if not str(path).lower().endswith(ARRAYS):
            if path != STANDARD_INPUT and not str(path).lower().endswith(ENDINGS):
                raise ValueError(f"the model reads tables: {path} should end in {', '.join(ENDINGS)} or {ARRAYS}")
            return data.read_columns(path)
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
        raise ValueError(f"{path}: {in_lines(str(e), table)}") from None


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
