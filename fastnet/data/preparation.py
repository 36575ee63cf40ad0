"""A table of numbers, categories and text as a matrix of numbers."""
import re
from dataclasses import asdict

import numpy as np

from fastnet.data.encoders import ENCODERS, Category, Number, as_texts
from fastnet.data.frames import NESTED, columns, require
from fastnet.errors import one_of

FEW = 20                                # of so many different values text is a category, however few the rows
COUNTER = re.compile(r"|[Uu]nnamed: 0|[Ii]ndex|(.*[\W_])?(id|Id|ID)|.*[a-z]I[dD]")      # columns that number the rows


class TablePreparation:
    """Turns the columns of a table into a float32 matrix, in the way that it learnt from another table.

    A column of numbers, bools or dates is a number: what is missing is filled in, outliers are clipped, mean and scale
    set to 0 and 1. Text is a category where its values occur again and again, and else words, if it has several.
    scikit-learn's SimpleImputer, StandardScaler or RobustScaler, OneHotEncoder and TfidfVectorizer learn it; NumPy
    applies it, and `to_dict` writes it down as JSON.

    Args:
        kinds: {column: "number", "category" or "text"} where the above would guess wrong.
        leave_out: names of columns that are not to be used.
        missing: what replaces missing numbers: "median", "mean" or "most_frequent" (which missing categories always
            get; missing text is empty).
        clip: (low, high), quantiles to which numbers are clipped, such as (0.01, 0.99); None: they are not.
        scale: "standard" (mean and standard deviation), "robust" (median and quartiles) or None.
        max_categories: of a column; the rarest beyond it count as one.
        max_words: of a column; the most frequent are kept.

    Attributes:
        encoders: {column: what it becomes}, once fitted.
        left_out: {column: why it is not used}.

    Raises:
        ValueError: a setting that is not known or out of range.

    Example:
        >>> import fastnet
        >>> table = {"size": [1.0, 3.0, None], "colour": ["red", "blue", "red"]}
        >>> preparation = fastnet.data.TablePreparation().fit(table)
        >>> preparation.feature_names
        ['size', 'colour=blue', 'colour=red']
        >>> preparation.transform({"colour": ["blue", "green"], "size": [2.0, 2.0]})
        array([[0., 1., 0.],
               [0., 0., 0.]], dtype=float32)
    """

    def __init__(self, kinds=None, leave_out=(), missing="median", clip=None, scale="standard", max_categories=50,
                 max_words=500):
        for what, given, known in (("way to fill in", missing, ("median", "mean", "most_frequent")),
                                   ("scale", scale, ("standard", "robust", None)),
                                   *(("kind of column", kind, tuple(ENCODERS)) for kind in (kinds or {}).values())):
            if given not in known:
                raise one_of(what, given, known)
        if clip is not None and not 0 <= clip[0] < clip[1] <= 1:
            raise ValueError(f"expected clip to be two quantiles, 0 <= low < high <= 1, got {clip}")
        if max_categories < 2 or max_words < 1:
            raise ValueError(f"expected max_categories >= 2 and max_words >= 1, got {max_categories} and {max_words}")
        self.kinds, self.leave_out = dict(kinds or {}), tuple(leave_out)
        self.missing, self.clip, self.scale = missing, clip, scale
        self.max_categories, self.max_words = max_categories, max_words
        self.encoders, self.left_out = {}, {}

    # ---- learning ----

    def fit(self, table):
        """Learn from a table without its target (see `split_target`); returns the object.

        Args:
            table: a pandas or polars DataFrame, or a mapping from names to columns.

        Raises:
            ValueError: no column that can be used, or a column that holds what its kind cannot have.
            ImportError: scikit-learn is not installed.
        """
        named = columns(table)
        require([*self.kinds, *self.leave_out], named)
        self.encoders, self.left_out = {}, {}
        for name, column in named.items():
            kind, reason = self._judged(name, column)
            if reason:
                self.left_out[name] = reason
            else:
                self.encoders[name] = _naming(name, ENCODERS[kind].fit, column, self)
        if not self.encoders:
            raise ValueError(f"no column can be used: {self.left_out}")
        return self

    def _judged(self, name, column):
        """(the kind of a column, None) or (None, why it is left out)."""
        if name in self.leave_out:
            return None, "as asked"
        numeric = column.dtype.kind in "biuf"
        if np.isnan(column.astype(np.float64)).all() if numeric else all(v is None for v in column.tolist()):
            return None, "it is empty"
        nested = next((v for v in column.tolist() if isinstance(v, NESTED)), None) if not numeric else None
        if nested is not None:
            return None, f"its cells hold more than one value: {type(nested).__name__}"
        if name in self.kinds:
            return self.kinds[name], None
        if numeric:
            numbering = COUNTER.fullmatch(name) and len(np.unique(column)) == len(column) and column.dtype.kind in "iu"
            return (None, "it numbers the rows") if numbering else ("number", None)
        return self._judged_text([text for text in as_texts(column) if text is not None])

    def _judged_text(self, texts):
        different, words = len(set(texts)), sum(len(text.split()) for text in texts) / len(texts)
        again = 2 * different <= len(texts)
        if again and different <= self.max_categories:
            return "category", None
        if words > 1.5:
            return "text", None
        if different > FEW and not again:
            return None, "most rows have a value of their own"
        return "category", None

    # ---- applying ----

    def transform(self, table):
        """A table's columns as a matrix, float32 (rows, len(feature_names)). Columns that are not known are ignored.

        Raises:
            ValueError: a column is missing, or holds text or infinity for numbers; the row is named.
            RuntimeError: not fitted.
        """
        if not self.encoders:
            raise RuntimeError("the preparation is not fitted: call fit(table) first")
        named = columns(table)
        require(self.encoders, named)
        parts = [_naming(name, encoder.apply, named[name]) for name, encoder in self.encoders.items()]
        return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")

    def fit_transform(self, table):
        """`fit`, then `transform`."""
        return self.fit(table).transform(table)

    def unseen(self, table):
        """{column: in how many rows its category is one that `fit` did not see}, of the columns where there are any.

        Columns with more than max_categories are not looked at: what is none of those counts as rare there.

        Example:
            >>> import fastnet
            >>> preparation = fastnet.data.TablePreparation().fit({"colour": ["red", "blue"]})
            >>> preparation.unseen({"colour": ["green", "red", None]})
            {'colour': 1}
        """
        named = columns(table)
        require(self.encoders, named)
        counts = {name: encoder.unseen(named[name]) for name, encoder in self.encoders.items()
                  if isinstance(encoder, Category)}
        return {name: count for name, count in counts.items() if count}

    @property
    def text_columns(self):
        """The columns that are categories or text: what `read_table(path, text=...)` should not take for numbers.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation().fit({"size": [1.0, 2.0], "zip": ["01234", "?"]}).text_columns
            ['zip']
        """
        return [name for name, encoder in self.encoders.items() if not isinstance(encoder, Number)]

    @property
    def feature_names(self):
        """What the columns of the matrix are."""
        return [feature for name, encoder in self.encoders.items() for feature in encoder.names(name)]

    # ---- keeping ----

    def to_dict(self):
        """Everything that was learnt, for JSON.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation().fit({"size": [1.0, 3.0]}).to_dict()["columns"]
            [{'name': 'size', 'kind': 'number', 'fill': 2.0, 'low': None, 'high': None, 'mean': 2.0, 'scale': 1.0}]
        """
        return {"columns": [{"name": name, "kind": encoder.kind, **asdict(encoder)}
                            for name, encoder in self.encoders.items()], "left_out": dict(self.left_out)}

    @classmethod
    def from_dict(cls, given):
        """The preparation that `to_dict` wrote down, ready to `transform`.

        Raises:
            ValueError: it is not of this form; the column is named.

        Example:
            >>> import fastnet
            >>> first = fastnet.data.TablePreparation().fit({"size": [1.0, 3.0]})
            >>> fastnet.data.TablePreparation.from_dict(first.to_dict()).transform({"size": [3.0]})
            array([[1.]], dtype=float32)
        """
        if not (isinstance(given, dict) and isinstance(given.get("columns"), list) and given["columns"]
                and isinstance(given.get("left_out"), dict)):
            raise ValueError(f"expected the dictionary of a table's preparation, got {given!r:.200}")
        made = cls()
        made.left_out = dict(given["left_out"])
        for entry in given["columns"]:
            name, encoder = _read(entry)
            made.encoders[name] = encoder
        if len(made.encoders) != len(given["columns"]):
            raise ValueError("the dictionary of a table's preparation has a column twice")
        return made


def _read(entry):
    """(name, encoder) of one column that was written down."""
    fields = dict(entry) if isinstance(entry, dict) else {}
    name, kind = fields.pop("name", None), fields.pop("kind", None)
    if not isinstance(name, str) or not isinstance(kind, str) or kind not in ENCODERS:
        raise ValueError(f"expected a column of a known kind, {', '.join(ENCODERS)}, got {entry!r:.200}")
    try:
        return name, _naming(name, ENCODERS[kind], **fields)
    except TypeError:
        raise ValueError(f"column {name!r}: expected other fields for a {kind}, got {', '.join(fields)}") from None


def _naming(name, function, *args, **kwargs):
    """Call the function; a ValueError of its names the column."""
    try:
        return function(*args, **kwargs)
    except ValueError as e:
        raise ValueError(f"column {name!r}: {e}") from None
