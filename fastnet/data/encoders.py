"""What one column of a table becomes: a number, a category, or words. Fitted by scikit-learn, applied by NumPy alone.

Each encoder is what scikit-learn's transformers learnt, as plain numbers and text: it can be written down as JSON, and
predictions need no scikit-learn, whose fitted objects only its own version can be trusted to read.
"""
import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnet._optional import optional

PURPOSE = "fitting a table's preparation"
WORD = re.compile(r"\b\w\w+\b")         # TfidfVectorizer's


def _sklearn(module, name, **options):
    return getattr(optional(f"sklearn.{module}", PURPOSE), name)(**options)


def as_numbers(column):
    """A column as float64, what is missing NaN.

    Raises:
        ValueError: text, infinity, or more than float32 has; the row is named.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import as_numbers
        >>> as_numbers(np.array([1, 2]))
        array([1., 2.])
    """
    if column.dtype.kind not in "biuf":
        for row, value in enumerate(column.tolist()):
            if not (value is None or isinstance(value, int | float)):
                raise ValueError(f"expected a number, got {value!r} in row {row} (counted from 0)")
    values = column.astype(np.float64)
    large = np.abs(values) > np.finfo(np.float32).max
    if large.any():
        row = int(np.argmax(large))
        raise ValueError(f"expected a number, got {values[row]} in row {row} (counted from 0)"
                         + ", which is more than float32 has" * bool(np.isfinite(values[row])))
    return values


def as_texts(column):
    """A column as a list of text, None where it is missing; a category 3 is "3", also where its column has floats.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import as_texts
        >>> as_texts(np.array([3.0, np.nan, 0.5]))
        ['3', None, '0.5']
    """
    return [None if v is None or v != v else str(int(v) if isinstance(v, float) and v.is_integer() else v)
            for v in column.tolist()]


@dataclass
class Number:
    """One number: missing values filled in, outliers clipped, shifted and scaled.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Number
        >>> Number(fill=2.0, low=None, high=10.0, mean=2.0, scale=4.0).apply(np.array([np.nan, 6.0, 99.0]))
        array([[0.],
               [1.],
               [2.]])
    """

    kind: ClassVar[str] = "number"
    fill: float
    low: float | None
    high: float | None
    mean: float
    scale: float

    def __post_init__(self):
        limits = [n for n in (self.low, self.high) if n is not None]
        if not all(is_number(n) for n in (self.fill, self.mean, self.scale, *limits)) or not self.scale:
            raise ValueError("expected finite numbers and a scale other than 0")

    @classmethod
    def fit(cls, column, settings):
        """By SimpleImputer, quantiles, and StandardScaler or RobustScaler."""
        values = as_numbers(column)[:, None]
        imputer = _sklearn("impute", "SimpleImputer", strategy=settings.missing).fit(values)
        values, low, high = imputer.transform(values), None, None
        if settings.clip is not None:
            low, high = (float(q) for q in np.quantile(values, settings.clip))
            values = np.clip(values, low, high)
        mean, scale = 0.0, 1.0
        if settings.scale == "standard":
            scaler = _sklearn("preprocessing", "StandardScaler").fit(values)
            mean, scale = scaler.mean_[0], scaler.scale_[0]
        elif settings.scale == "robust":
            scaler = _sklearn("preprocessing", "RobustScaler").fit(values)
            mean, scale = scaler.center_[0], scaler.scale_[0]
        return cls(float(imputer.statistics_[0]), low, high, float(mean), float(scale))

    def apply(self, column):
        values = as_numbers(column)
        values = np.where(np.isnan(values), self.fill, values)
        if self.low is not None or self.high is not None:
            values = np.clip(values, self.low, self.high)
        return ((values - self.mean) / self.scale)[:, None]

    def names(self, name):
        return [name]


@dataclass
class Category:
    """A column of 0 and 1 for each category, and with `other` one for all that is none of them, which is else 0.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Category
        >>> Category(fill="a", categories=["a", "b"], other=False).apply(np.array(["b", None, "z"], object))
        array([[0., 1.],
               [1., 0.],
               [0., 0.]], dtype=float32)
    """

    kind: ClassVar[str] = "category"
    fill: str
    categories: list
    other: bool

    def __post_init__(self):
        if not (_are_texts([self.fill]) and _are_texts(self.categories) and isinstance(self.other, bool)):
            raise ValueError("expected text for categories, all different")

    @classmethod
    def fit(cls, column, settings):
        """By SimpleImputer and OneHotEncoder, which puts the rarest of too many categories together."""
        values = np.array(as_texts(column), object)[:, None]
        imputer = _sklearn("impute", "SimpleImputer", missing_values=None, strategy="most_frequent").fit(values)
        encoder = _sklearn("preprocessing", "OneHotEncoder", handle_unknown="infrequent_if_exist",
                           max_categories=settings.max_categories).fit(imputer.transform(values))
        [rare] = encoder.infrequent_categories_
        rare = set() if rare is None else set(rare)
        return cls(str(imputer.statistics_[0]), [str(c) for c in encoder.categories_[0] if c not in rare], bool(rare))

    def apply(self, column):
        places = {category: place for place, category in enumerate(self.categories)}
        places[None] = places.get(self.fill, len(places))
        found = np.array([places.get(text, len(self.categories)) for text in as_texts(column)], np.int64)
        table = np.eye(len(self.categories) + 1, len(self.categories) + self.other, dtype=np.float32)
        return table[found]

    def unseen(self, column):
        """In how many rows there is a category that is none of these."""
        known = {None, *self.categories}
        return 0 if self.other else sum(text not in known for text in as_texts(column))

    def names(self, name):
        return [f"{name}={category}" for category in self.categories] + [f"{name}=(other)"] * self.other


@dataclass
class Text:
    """The words of a text: how often each of the known ones occurs, weighted by how few rows have it (TF-IDF).

    Salton and Buckley 1988, https://doi.org/10.1016/0306-4573(88)90021-0.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Text
        >>> Text(words=["bad", "good"], idf=[1.0, 1.0]).apply(np.array(["Good, good!", None], object))
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
    def fit(cls, column, settings):
        """By TfidfVectorizer."""
        vectorizer = _sklearn("feature_extraction.text", "TfidfVectorizer", max_features=settings.max_words)
        try:
            vectorizer.fit([text or "" for text in as_texts(column)])
        except ValueError as e:
            raise ValueError(f"no words of two letters or more were found: {e}") from None
        return cls([str(w) for w in vectorizer.get_feature_names_out()], [float(w) for w in vectorizer.idf_])

    def apply(self, column):
        places = {word: place for place, word in enumerate(self.words)}
        counts = np.zeros((len(column), len(self.words)), np.float32)
        for row, text in enumerate(as_texts(column)):
            for word, count in Counter(WORD.findall((text or "").lower())).items():
                if word in places:
                    counts[row, places[word]] = count
        counts *= np.array(self.idf, np.float32)
        norms = np.linalg.norm(counts, axis=1, keepdims=True)
        return np.divide(counts, norms, out=counts, where=norms > 0)

    def names(self, name):
        return [f"{name}:{word}" for word in self.words]


ENCODERS = {encoder.kind: encoder for encoder in (Number, Category, Text)}


def is_number(value):
    """Whether a value out of JSON is a finite number that float64 has: its integers have no bounds.

    Example:
        >>> from fastnet.data.encoders import is_number
        >>> is_number(0.5), is_number(float("nan")), is_number(10**400), is_number(True)
        (True, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _are_texts(values):
    return isinstance(values, list) and all(isinstance(v, str) for v in values) and len(set(values)) == len(values)
