"""What one column of a table becomes: a number, a category, words, or a date. Learnt and applied by NumPy alone.

Each encoder learns what scikit-learn's transformers of the same purpose learn, as plain numbers and text that can be
written down as JSON. `read` makes values of a column as it was given, of which `fit` learns and `apply` makes features.
"""
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from fastnet.data.cells import form_as
from fastnet.data.dates import Dates, circles, has_hours, seconds
from fastnet.data.numerals import Numerals
from fastnet.data.values import as_float32, as_numbers, as_texts, is_number, mean_and_scale

WORD = re.compile(r"\b\w\w+\b")         # TfidfVectorizer's


def _quartile_scale(values):
    """(median, distance of the quartiles), as RobustScaler has it."""
    low, median, high = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
    return median, high - low if high - low > 10 * np.finfo(np.float64).eps * max(abs(low), abs(high)) else 1.0


def _most_frequent(values):
    """The smallest of the most frequent ones."""
    counts = Counter(values)
    most = max(counts.values())
    return min(value for value, n in counts.items() if n == most)


SCALES: dict[str | None, Callable] = {"standard": mean_and_scale, "robust": _quartile_scale,
                                      None: lambda values: (0.0, 1.0)}
FILLS: dict[str, Callable] = {"median": np.median, "mean": np.mean, "most_frequent": _most_frequent}


def _form(given, kind):
    """A form of cells, also out of JSON."""
    return given if isinstance(given, kind) else kind(**given)


@dataclass
class Number:
    """One number: missing values filled in, outliers clipped, shifted and scaled.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Number
        >>> Number(fill=2.0, low=None, high=10.0, mean=2.0, scale=4.0).apply(np.array([np.nan, 6.0, 99.0]))
        array([[0.],
               [1.],
               [2.]], dtype=float32)
    """

    kind: ClassVar[str] = "number"
    fill: float
    low: float | None
    high: float | None
    mean: float
    scale: float
    form: Numerals | None = None                        # None: no text was learnt from, and all of a column decides
    gaps: list = field(default_factory=list)            # text that stood for missing values in training

    def __post_init__(self):
        self.form = self.form and _form(self.form, Numerals)
        _require_gaps(self.gaps)
        limits = [n for n in (self.low, self.high) if n is not None]
        if not all(is_number(n) for n in (self.fill, self.mean, self.scale, *limits)) or not self.scale:
            raise ValueError("expected finite numbers and a scale other than 0")

    @classmethod
    def fit(cls, column, settings, form=None):
        values = as_numbers(column)
        present = values[~np.isnan(values)]
        fill = float(FILLS[settings.missing](present))
        values, low, high = np.where(np.isnan(values), fill, values), None, None
        if settings.clip is not None:
            low, high = (float(q) for q in np.quantile(values, settings.clip))
            values = np.clip(values, low, high)
        mean, scale = SCALES[settings.scale](values)
        return cls(fill, low, high, mean, scale, form)

    def read(self, column, mark="."):
        if column.dtype != object:
            return column, []
        cells = column.tolist()
        return (self.form or form_as("number", cells, mark)).read(cells)

    def apply(self, column):
        values = as_numbers(column)
        values = np.where(np.isnan(values), self.fill, values)
        if self.low is not None or self.high is not None:
            values = np.clip(values, self.low, self.high)
        return as_float32((values - self.mean) / self.scale)[:, None]

    def names(self, name):
        return [name]

    @property
    def note(self):
        form = self.form or Numerals()
        return ", ".join(part for part, holds in (
            (f"decimal mark {form.mark!r}", form.mark != "."), (f"unit {form.unit!r}", form.unit),
            ("k, M and B are thousands, millions and billions", form.powers)) if holds)


@dataclass
class Category:
    """A column of 0 and 1 for each category, and with `other` one for all that is none of them, which is else 0.

    With `any_case`, text that is no category counts as the one from which it differs in capitals only.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Category
        >>> Category(fill="a", categories=["a", "b"], other=False).apply(["b", None, "z"])
        array([[0., 1.],
               [1., 0.],
               [0., 0.]], dtype=float32)
    """

    kind: ClassVar[str] = "category"
    fill: str
    categories: list
    other: bool
    any_case: bool = False

    def __post_init__(self):
        if not (_are_texts([self.fill]) and _are_texts(self.categories) and isinstance(self.other, bool)
                and isinstance(self.any_case, bool)):
            raise ValueError("expected text for categories, all different")

    @classmethod
    def fit(cls, column, settings, form=None, any_case=False):
        """What SimpleImputer and OneHotEncoder learn, which puts the rarest of too many categories together."""
        counts = Counter(text for text in column if text is not None)
        fill = _most_frequent([text for text in column if text is not None])
        counts[fill] += sum(text is None for text in column)
        categories = sorted(counts)
        rare = set()
        if len(categories) > settings.max_categories:
            rare = set(sorted(categories, key=counts.__getitem__)[:len(categories) - settings.max_categories + 1])
        return cls(fill, [category for category in categories if category not in rare], bool(rare),
                   any_case)

    def read(self, column, mark="."):
        return as_texts(column), []

    def apply(self, column):
        places = places_of(self.categories, set(column), self.any_case)
        places[None] = places.get(self.fill, len(self.categories))
        found = np.array([places.get(text, len(self.categories)) for text in column], np.int64)
        table = np.eye(len(self.categories) + 1, len(self.categories) + self.other, dtype=np.float32)
        return table[found]

    def unseen(self, column):
        """In how many rows of text there is a category that is none of these."""
        known = {None, *places_of(self.categories, set(column), self.any_case)}
        return 0 if self.other else len(column) - sum(map(known.__contains__, column))

    @property
    def note(self):
        number = len(self.categories)
        return f"{number} categor{'y' if number == 1 else 'ies'}" + ", and all others as one" * self.other

    def names(self, name):
        return [f"{name}={category}" for category in self.categories] + [f"{name}=(other)"] * self.other


@dataclass
class Text:
    """The words of a text: how often each of the known ones occurs, weighted by how few rows have it (TF-IDF).

    Salton and Buckley 1988, https://doi.org/10.1016/0306-4573(88)90021-0.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Text
        >>> Text(words=["bad", "good"], idf=[1.0, 1.0]).apply(["Good, good!", None])
        array([[0., 1.],
               [0., 0.]], dtype=float32)
    """

    kind: ClassVar[str] = "text"
    words: list
    idf: list

    def __post_init__(self):
        numbers = isinstance(self.idf, list) and all(map(is_number, self.idf))
        if not (_are_texts(self.words) and numbers and len(self.words) == len(self.idf)):
            raise ValueError("expected words, all different, and a finite number for each")

    @classmethod
    def fit(cls, column, settings, form=None):
        """What TfidfVectorizer learns: the most frequent words, and the logarithm of how few rows have each."""
        rows = [Counter(_words(text)) for text in column]
        counts, rows_with = Counter(), Counter()
        for row in rows:
            counts.update(row)
            rows_with.update(row.keys())
        if not counts:
            raise ValueError("no words of two letters or more were found")
        words = sorted(sorted(counts, key=lambda word: (-counts[word], word))[:settings.max_words])
        return cls(words, [float(np.log((1 + len(rows)) / (1 + rows_with[word])) + 1) for word in words])

    def read(self, column, mark="."):
        return as_texts(column), []

    def apply(self, column):
        places = {word: place for place, word in enumerate(self.words)}
        counts = np.zeros((len(column), len(self.words)), np.float32)
        found = [(row, places[word]) for row, text in enumerate(column) for word in _words(text) if word in places]
        np.add.at(counts, tuple(np.array(found, np.int64).reshape(-1, 2).T), 1)
        counts *= np.array(self.idf, np.float32)
        norms = np.linalg.norm(counts, axis=1, keepdims=True)
        return np.divide(counts, norms, out=counts, where=norms > 0)

    @property
    def note(self):
        return f"{len(self.words)} word{'s' * (len(self.words) != 1)}"

    def names(self, name):
        return [f"{name}:{word}" for word in self.words]


def places_of(categories, texts, any_case):
    """{text: its place among the categories}, of the categories and, in any case of letters, of those of the texts.

    Example:
        >>> from fastnet.data.encoders import places_of
        >>> places_of(["No", "Yes"], {"YES", "maybe"}, any_case=True)
        {'No': 0, 'Yes': 1, 'YES': 1}
    """
    places = {category: place for place, category in enumerate(categories)}
    if any_case:
        folded = {category.casefold(): place for category, place in places.items() if isinstance(category, str)}
        places |= {text: folded[text.casefold()] for text in texts
                   if isinstance(text, str) and text not in places and text.casefold() in folded}
    return places


def _words(text):
    return WORD.findall((text or "").lower())


@dataclass
class Date:
    """The time, shifted and scaled, and the places of month, weekday and time of day on circles.

    A place on a circle is its sine and cosine, so that December is beside January. What is missing is at the median
    time, and 0 on the circles. Times of day are those of UTC if the dates state time zones. A column of nothing but
    times of day, which are those of 1970-01-01, has neither month nor weekday.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Date
        >>> date = Date(fill=0.0, mean=0.0, scale=86400.0, hours=False)
        >>> date.names("day")
        ['day', 'day:month sin', 'day:month cos', 'day:weekday sin', 'day:weekday cos']
        >>> date.apply(np.array(["1970-01-02"], "M8[us]")).round(2).tolist()
        [[1.0, 0.0, 1.0, -0.43, -0.9]]
    """

    kind: ClassVar[str] = "date"
    fill: float
    mean: float
    scale: float
    hours: bool
    form: Dates | None = None                           # as Number's
    days: bool = True
    gaps: list = field(default_factory=list)            # as Number's

    def __post_init__(self):
        self.form = self.form and _form(self.form, Dates)
        _require_gaps(self.gaps)
        if not all(is_number(n) for n in (self.fill, self.mean, self.scale)) or not self.scale:
            raise ValueError("expected finite numbers and a scale other than 0")
        if not (isinstance(self.hours, bool) and isinstance(self.days, bool)):
            raise ValueError(f"expected hours and days to be True or False, got {self.hours!r} and {self.days!r}")

    @classmethod
    def fit(cls, column, settings, form=None):
        times = seconds(column)
        fill = float(np.nanmedian(times))
        mean, scale = mean_and_scale(np.where(np.isnan(times), fill, times))
        hours = has_hours(column)
        times = hours and bool((column[~np.isnat(column)].astype("M8[D]").astype(np.int64) == 0).all())
        return cls(fill, mean, scale, hours, Dates(times=True) if times else form, not times)

    def read(self, column, mark="."):
        if column.dtype.kind == "M":
            return column, []
        cells = column.tolist() if column.dtype == object else as_texts(column)
        return (self.form or form_as("date", cells)).read(cells)

    def apply(self, column):
        times = seconds(column)
        times = (np.where(np.isnan(times), self.fill, times) - self.mean) / self.scale
        return np.concatenate([times[:, None], circles(column, self.hours, self.days)], axis=1)

    @property
    def note(self):
        if self.form is None or self.form.times:
            return "times of day" if self.form else ""
        return {True: "day before month", False: "month before day", None: ""}[self.form.day_first]

    def names(self, name):
        turns = ["month", "weekday"] * self.days + ["hour"] * self.hours
        return [name] + [f"{name}:{turn} {side}" for turn in turns for side in ("sin", "cos")]


ENCODERS = {encoder.kind: encoder for encoder in (Number, Category, Text, Date)}


def _require_gaps(gaps):
    if not _are_texts(gaps):
        raise ValueError("expected text for missing values, all different")


def _are_texts(values):
    return isinstance(values, list) and all(isinstance(v, str) for v in values) and len(set(values)) == len(values)
