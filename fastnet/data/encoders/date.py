"""The encoder of columns of dates."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet.data.dates import Dates, circles, has_hours, seconds
from fastnet.data.encoders.settings import form_from, require_gaps
from fastnet.data.forms import form_as
from fastnet.data.values import as_texts, is_number, mean_and_scale

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Kind
    from fastnet.data.encoders.settings import Settings

__all__ = ["Date"]


@dataclass(repr=False)
class Date:
    """Encodes a column of dates: the time, and the month, the weekday and the time of day as angles.

    The time is shifted and scaled. An angle is given as sine and cosine, so that December is close to January. Missing
    dates become the median time, and 0 for both sine and cosine. Times of day are in UTC if the dates have time zones.
    A column of times of day only has no month and no weekday.

    Args:
        fill: the time that replaces missing ones, in seconds since 1970.
        mean, scale: the number of seconds to subtract, and the one to divide by.
        hours: whether the dates have times of day.
        form: how dates are written; None if the column was not text, so that each column of text decides.
        days: whether the values are dates, not times of day only.
        gaps: words that stood for missing values in training.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.encoders import Date
        >>> date = Date(fill=0.0, mean=0.0, scale=86400.0, hours=False)
        >>> date
        Date(mean=0.0, scale=86400.0, hours=False, days=True)
        >>> date.names("day")
        ['day', 'day:month sin', 'day:month cos', 'day:weekday sin', 'day:weekday cos']
        >>> date.apply(np.array(["1970-01-02"], "M8[us]")).round(2).tolist()
        [[1.0, 0.0, 1.0, -0.43, -0.9]]
    """

    kind: ClassVar[Kind] = "date"
    fill: float
    mean: float
    scale: float
    hours: bool
    form: Dates | None = None
    days: bool = True
    gaps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.form = self.form and form_from(self.form, Dates)
        require_gaps(self.gaps)
        if not all(is_number(n) for n in (self.fill, self.mean, self.scale)) or not self.scale:
            raise ValueError("expected finite numbers and a scale other than 0, got "
                             f"{(self.fill, self.mean, self.scale)!r:.200}")
        if not (isinstance(self.hours, bool) and isinstance(self.days, bool)):
            raise ValueError(f"expected hours and days to be True or False, got {self.hours!r} and {self.days!r}")

    @classmethod
    def fit(cls, column: Array, settings: Settings, form: Dates | None = None) -> Date:
        """Learn from the values of a column, datetime64."""
        times = seconds(column)
        fill = float(np.nanmedian(times))
        mean, scale = mean_and_scale(np.where(np.isnan(times), fill, times))
        hours = has_hours(column)
        only_times = hours and bool((column[~np.isnat(column)].astype("M8[D]").astype(np.int64) == 0).all())
        return cls(fill, mean, scale, hours, Dates(times=True) if only_times else form, not only_times)

    def read(self, column: Array, mark: str = ".") -> tuple[Array, list[int]]:
        """Read a column; returns (its dates, the rows whose cells count as missing although they are not empty)."""
        if column.dtype.kind == "M":
            return column, []
        cells = column.tolist() if column.dtype == object else as_texts(column)
        return (self.form or form_as("date", cells)).read(cells)

    def apply(self, column: Array) -> Array:
        """Convert dates to features, (N, 3 to 7)."""
        times = seconds(column)
        times = (np.where(np.isnan(times), self.fill, times) - self.mean) / self.scale
        return np.concatenate([times[:, None], circles(column, self.hours, self.days)], axis=1)

    def names(self, name: str) -> list[str]:
        """The names of the features."""
        turns = ["month", "weekday"] * self.days + ["hour"] * self.hours
        return [name] + [f"{name}:{turn} {side}" for turn in turns for side in ("sin", "cos")]

    @property
    def note(self) -> str:
        """How the dates are written, if it can be mistaken."""
        if self.form is None or self.form.times:
            return "times of day" if self.form else ""
        return {True: "day before month", False: "month before day", None: ""}[self.form.day_first]

    def __repr__(self) -> str:
        return repr_of(self, mean=self.mean, scale=self.scale, hours=self.hours, days=self.days)
