"""The encoder of columns of numbers."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet.data.encoders.settings import form_from, most_frequent, require_gaps
from fastnet.data.forms import form_as
from fastnet.data.numerals import Numerals
from fastnet.data.values import as_float32, as_numbers, is_number, mean_and_scale

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Kind
    from fastnet.data.encoders.settings import Settings

__all__ = ["Number"]


def _median_and_quartile_range(values: Array) -> tuple[float, float]:
    """(median, distance of the quartiles), as in scikit-learn's RobustScaler."""
    low, median, high = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
    return median, high - low if high - low > 10 * np.finfo(np.float64).eps * max(abs(low), abs(high)) else 1.0


_SCALES: dict[str | None, Callable[[Array], tuple[float, float]]] = {
    "standard": mean_and_scale, "robust": _median_and_quartile_range, None: lambda values: (0.0, 1.0)}
_FILLS: dict[str, Callable[[Any], Any]] = {"median": np.median, "mean": np.mean, "most_frequent": most_frequent}


@dataclass(repr=False)
class Number:
    """Encodes a column of numbers: fills in missing values, clips outliers, subtracts a mean and divides by a scale.

    Args:
        fill: the number that replaces missing ones.
        low, high: the limits of clipping; None: no limit.
        mean, scale: the number to subtract and the one to divide by.
        form: how numbers are written; None if the column was not text, so that each column of text decides.
        gaps: words that stood for missing values in training.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Number
        >>> number = Number(fill=2.0, low=None, high=10.0, mean=2.0, scale=4.0)
        >>> number
        Number(fill=2.0, mean=2.0, scale=4.0, high=10.0)
        >>> number.apply(np.array([np.nan, 6.0, 99.0]))
        array([[0.],
               [1.],
               [2.]], dtype=float32)
    """

    kind: ClassVar[Kind] = "number"
    fill: float
    low: float | None
    high: float | None
    mean: float
    scale: float
    form: Numerals | None = None
    gaps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.form = self.form and form_from(self.form, Numerals)
        require_gaps(self.gaps)
        limits = [n for n in (self.low, self.high) if n is not None]
        if not all(is_number(n) for n in (self.fill, self.mean, self.scale, *limits)) or not self.scale:
            raise ValueError("expected finite numbers and a scale other than 0, got "
                             f"{(self.fill, self.mean, self.scale, *limits)!r:.200}")

    @classmethod
    def fit(cls, column: Array, settings: Settings, form: Numerals | None = None) -> Number:
        """Learn from the values of a column."""
        values = as_numbers(column)
        present = values[~np.isnan(values)]
        fill = float(_FILLS[settings.missing](present))
        values, low, high = np.where(np.isnan(values), fill, values), None, None
        if settings.clip is not None:
            low, high = (float(q) for q in np.quantile(values, settings.clip))
            values = np.clip(values, low, high)
        mean, scale = _SCALES[settings.scale](values)
        return cls(fill, low, high, mean, scale, form)

    def read(self, column: Array, mark: str = ".") -> tuple[Array, list[int]]:
        """Read a column; returns (its values, the rows whose cells count as missing although they are not empty)."""
        if column.dtype != object:
            return column, []
        cells = column.tolist()
        return (self.form or form_as("number", cells, mark)).read(cells)

    def apply(self, column: Array) -> Array:
        """Convert values to a feature, float32 (N, 1)."""
        values = as_numbers(column)
        values = np.where(np.isnan(values), self.fill, values)
        if self.low is not None or self.high is not None:
            values = np.clip(values, self.low, self.high)
        return as_float32((values - self.mean) / self.scale)[:, None]

    def names(self, name: str) -> list[str]:
        """The name of the feature."""
        return [name]

    @property
    def note(self) -> str:
        """How the numbers are written, if not plainly."""
        form = self.form or Numerals()
        return ", ".join(part for part, holds in (
            (f"decimal mark {form.mark!r}", form.mark != "."), (f"unit {form.unit!r}", form.unit),
            ("k, M and B are thousands, millions and billions", form.powers)) if holds)

    def __repr__(self) -> str:
        limits = {name: limit for name, limit in (("low", self.low), ("high", self.high)) if limit is not None}
        return repr_of(self, fill=self.fill, mean=self.mean, scale=self.scale, **limits)
