"""Dates as people write them, and their features: seconds since 1970, and month, weekday and time of day as angles."""
from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastnet.data.numerals import MISSING_WORDS

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["SECONDS_A_DAY", "Dates", "are_digit_dates", "circles", "has_hours", "judged_dates", "seconds", "utc"]

SECONDS_A_DAY = 86_400
_DAY = SECONDS_A_DAY * 1_000_000        # in microseconds
_Date = TypeVar("_Date", bound=datetime.date)
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
         r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?")
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_CLOCK = (r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
          r"\s*(?P<half>[ap]\.?m\.?)?")
_TIME = rf"(?:[T ,]\s*{_CLOCK}\s*(?P<zone>Z|UTC|GMT|[-+−]\d\d(?::?\d\d)?)?)?"
_TIME_OF_DAY = re.compile(rf"{_CLOCK}|(?P<full_hour>\d{{1,2}})\s*(?P<full_half>[ap]\.?m\.?)", re.IGNORECASE)
_YEAR = r"(?P<year>(?:1[6-9]|2[01])\d\d)"                # before a month; 1234-05 is a code
_FORMS = [re.compile(_WEEKDAY + form + _TIME, re.IGNORECASE) for form in (
    r"(?P<year>\d{4})(?P<s>[-/.])(?P<month>\d{1,2})(?P=s)(?P<day>\d{1,2})",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
    r"(?P<first>\d{1,2})(?P<s>[-/.])(?P<second_part>\d{1,2})(?P=s)(?P<year>\d{4}|(?<=/)\d\d|(?<=\d\d\.\d\d\.)\d\d)",
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[-. ]\s*(?P<name>{_NAME})[-, ]\s*(?P<year>\d{{4}})",
    rf"(?P<name>{_NAME})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,\s*|\s+)(?P<year>\d{{4}})")]
_FORMS += [re.compile(form, re.IGNORECASE) for form in (
    rf"{_YEAR}[-/](?P<month>\d\d)", rf"(?P<month>\d{{1,2}})/{_YEAR}", rf"(?P<name>{_NAME})[- ,]\s*{_YEAR}",
    rf"{_YEAR}[- ]?Q(?P<quarter>[1-4])", rf"Q(?P<quarter>[1-4])[- /]?{_YEAR}")]


@dataclass(frozen=True)
class Dates:
    """How the dates of a column are written.

    Months and quarters, such as 2019-07, Jul 2019 and 2019Q3, stand for their first day.

    Args:
        day_first: whether 1/2/2020 is the first of February. None if no date of the column shows it; then it is read
            with the day first.
        times: whether the column holds times of day, such as 13:45 or 1:45 PM. They are read as times on 1970-01-01.

    Example:
        >>> from fastnet.data.dates import Dates
        >>> Dates().read(["31/12/2020", "2020-12-31T23:59:00.5+01:00", "31 Dec 2020", "NA", "soon"])[0]
        array(['2020-12-31T00:00:00.000000', '2020-12-31T22:59:00.500000',
               '2020-12-31T00:00:00.000000',                        'NaT',
                                      'NaT'], dtype='datetime64[us]')
    """

    day_first: bool | None = None
    times: bool = False

    def __post_init__(self) -> None:
        if self.day_first is not None and not isinstance(self.day_first, bool):
            raise ValueError(f"Dates: expected day_first to be True, False or None, got {self.day_first!r}")
        if not isinstance(self.times, bool):
            raise ValueError(f"Dates: expected times to be True or False, got {self.times!r}")

    def value(self, cell: Any) -> float | None:
        """The date in a cell as microseconds since 1970 in UTC; NaN if it is missing, None if it is something else."""
        if cell is None:
            return math.nan
        if isinstance(cell, datetime.date):
            return int(np.datetime64(utc(cell), "us").astype(np.int64))
        if not isinstance(cell, str) or cell.casefold() in MISSING_WORDS:
            return math.nan if isinstance(cell, str) else None
        if self.times:
            found = _TIME_OF_DAY.fullmatch(cell)
            return _clock(found.groupdict()) if found else None
        for form in _FORMS:
            found = form.fullmatch(cell)
            if found:
                return _microseconds(found.groupdict(), self.day_first is not False)
        return None

    def read(self, cells: Sequence[Any]) -> tuple[Array, list[int]]:
        """Read cells; returns (datetime64[us], NaT where there is no date; the rows that hold something else)."""
        known = {cell: self.value(cell) for cell in set(cells)}
        values = [known[cell] for cell in cells]
        odd = [row for row, value in enumerate(values) if value is None]
        return np.array(["NaT" if value is None or value != value else value for value in values], "M8[us]"), odd


def judged_dates(counts: Mapping[Any, int]) -> tuple[Dates, int]:
    """Find the date format that reads the most cells; returns (the Dates, the number of cells it reads).

    Args:
        counts: {cell: number of rows}, without missing cells.

    Example:
        >>> from fastnet.data.dates import judged_dates
        >>> judged_dates({"1/2/2020": 1, "12/31/2020": 1})
        (Dates(day_first=False, times=False), 2)
    """
    times = Dates(times=True)
    read_as_times = sum(n for cell, n in counts.items() if times.value(cell) is not None)
    if 2 * read_as_times > sum(counts.values()):
        return times, read_as_times
    values = {day_first: {cell: Dates(day_first).value(cell) for cell in counts} for day_first in (True, False)}
    read = {day_first: sum(n for cell, n in counts.items() if found[cell] is not None)
            for day_first, found in values.items()}
    day_first = read[True] >= read[False]
    return Dates(None if values[True] == values[False] else day_first), read[day_first]


def are_digit_dates(cells: Iterable[Any]) -> bool:
    """Whether all cells of a column are dates of eight digits such as 20190731, from 1900 to 2099.

    Args:
        cells: text, or None for missing cells.

    Example:
        >>> from fastnet.data.dates import are_digit_dates
        >>> are_digit_dates(["20190731", None]), are_digit_dates(["20190731", "20190732"])
        (True, False)
    """
    found = set()
    for cell in cells:
        if isinstance(cell, str) and len(cell) == 8 and cell.isdigit() and cell[:2] in ("19", "20"):
            found.add(cell)
        elif cell is not None and not (isinstance(cell, str) and cell.casefold() in MISSING_WORDS):
            return False
    return bool(found) and all(Dates().value(cell) is not None for cell in found)


def seconds(days: Array) -> Array:
    """Convert dates to float64 seconds since 1970; missing dates become NaN.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.dates import seconds
        >>> seconds(np.array(["1970-01-02", "NaT"], "M8[us]"))
        array([86400.,    nan])
    """
    found = days.astype("M8[us]").astype(np.int64) / 1e6
    found[np.isnat(days)] = np.nan
    return found


def circles(days: Array, with_hours: bool, with_days: bool = True) -> Array:
    """Convert dates to angles on a circle, given as sine and cosine; missing dates become 0.

    Args:
        days: dates, datetime64 (N,).
        with_hours: include the time of day.
        with_days: include the month and the weekday.

    Returns:
        (N, 2 to 6): sine and cosine of the month, the weekday, and the time of day.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.dates import circles
        >>> circles(np.array(["2024-01-01T06:00", "NaT"], "M8[us]"), True).round(2).tolist()
        [[0.0, 1.0, 0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    missing = np.isnat(days)
    known = np.where(missing, np.datetime64(0, "us"), days)
    whole = known.astype("M8[D]").astype(np.int64)
    turns = []
    if with_days:                                                       # 1970 began on a Thursday
        turns += [known.astype("M8[M]").astype(np.int64) % 12 / 12, (whole + 3) % 7 / 7]
    if with_hours:
        turns.append(known.astype(np.int64) % _DAY / _DAY)
    angles = 2 * np.pi * np.stack(turns, axis=1)
    found = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(len(days), -1)
    found[missing] = 0
    return found


def utc(day: _Date) -> _Date:
    """Convert a datetime with a time zone to UTC without one, as NumPy needs; other dates are unchanged.

    Example:
        >>> import datetime
        >>> from fastnet.data.dates import utc
        >>> utc(datetime.datetime.fromisoformat("2020-12-31T23:00:00+01:00"))
        datetime.datetime(2020, 12, 31, 22, 0)
    """
    given: Any = day
    if getattr(given, "tzinfo", None) is None:
        return day
    return given.astimezone(datetime.timezone.utc).replace(tzinfo=None)


def has_hours(days: Array) -> bool:
    """Whether any of the dates has a time of day other than midnight."""
    return bool((days[~np.isnat(days)].astype(np.int64) % _DAY != 0).any())


def _microseconds(parts: Mapping[str, Any], day_first: bool) -> int | None:
    """A date in microseconds since 1970, given its parts by name; None if there is no such day or time."""
    year, day, month = int(parts["year"]), parts.get("day") or 1, parts.get("month")
    if parts.get("name"):
        month = _MONTHS.index(parts["name"][:3].lower()) + 1
    elif parts.get("quarter"):
        month = 3 * int(parts["quarter"]) - 2
    elif month is None:
        first, second = parts["first"], parts["second_part"]
        day, month = (first, second) if day_first else (second, first)
    if len(parts["year"]) == 2:
        year += 2000 if year < 69 else 1900                         # POSIX's rule
    try:
        days = datetime.date(year, int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return None
    clock = _clock(parts)
    return None if clock is None else days * _DAY + clock


def _clock(parts: Mapping[str, Any]) -> int | None:
    """The time of day in microseconds in UTC, given its parts by name; None if there is no such time."""
    given = parts.get("hour") or parts.get("full_hour")
    if given is None:
        return 0
    hour, minute, second = int(given), int(parts["minute"] or 0), int(parts["second"] or 0)
    half = (parts["half"] or parts.get("full_half") or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + 12 * half.startswith("p") if half else hour
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = int((parts["fraction"] or "")[:6].ljust(6, "0"))
    return ((hour * 60 + minute - _zone(parts.get("zone"))) * 60 + second) * 1_000_000 + fraction


def _zone(text: str | None) -> int:
    """How many minutes a time zone is ahead of UTC."""
    if not text or text[0] in "zZuUgG":
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return minutes if text[0] == "+" else -minutes
