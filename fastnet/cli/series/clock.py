"""The times of a table's rows: as positions in equal steps, and the times that follow."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnet import data
from fastnet._core.annotations import Array
from fastnet.data.dates import SECONDS_A_DAY, Dates, has_hours
from fastnet.data.forms import form_of
from fastnet.data.frames import require

__all__ = ["Clock", "gaps_after"]

_UNITS = ("number", "second", "weekday", "month", "month end")
_SLACK = 1e-6                           # of a step between times, relative: rounding, not a gap
_WEEKDAYS, _MONTHS = 5, 12
_LONGER = (("day", SECONDS_A_DAY), ("hour", 3600), ("minute", 60))
_TWICE = {"day": 2, "week": 14, "year": 730}    # days of times that show what repeats


@dataclass
class Clock:
    """The times of a series.

    Args:
        preparation: a `TablePreparation` fitted to the column of times.
        unit: of positions: "number"; "second"; "weekday", without Saturdays and Sundays; "month", the same day of each
            month; or "month end".
        step: the usual distance of rows, in the unit.
        repeats: what the times repeat, of "day", "week" and "year": its angles are inputs of the model.
    """
    preparation: data.TablePreparation
    unit: str
    step: float
    repeats: list[str]

    def __post_init__(self) -> None:
        if not (self.unit in _UNITS and isinstance(self.step, int | float) and 0 < self.step < np.inf
                and isinstance(self.repeats, list) and set(self.repeats) <= set(_TWICE)
                and len(self.preparation.encoders) == 1):
            raise ValueError(f"the description of the times is damaged: {self}")

    @classmethod
    def fitted(cls, table: Any, name: str, rows: float) -> Clock:
        """The clock of a table.

        Args:
            table: what `fastnet.data.read_columns` returns.
            name: of the column of times.
            rows: the share of rows, the earliest, that decides which repetitions a model can learn.

        Raises:
            ValueError: there is no such column, it holds neither dates nor numbers, or all times are equal.
        """
        require([name], table)
        column = table[name]
        is_date = column.dtype.kind == "M" or (column.dtype == object and isinstance(
            form_of(column.tolist(), getattr(table, "mark", ".")), Dates))
        preparation = data.TablePreparation({name: "date" if is_date else "number"}).fit({name: column})
        made = cls(preparation, "second" if is_date else "number", 1.0, [])
        times = np.sort(made.times(table))
        made.unit = _unit_of(times) if is_date else "number"
        steps = np.diff(made.positions(times))
        if not (steps > 0).any():
            raise ValueError(f"column {name!r}: expected different times in at least two rows")
        made.step = float(np.median(steps[steps > 0]))
        if is_date:
            made.repeats = _repeats(times[:max(2, round(rows * len(times)))], made)
        return made

    @property
    def name(self) -> str:
        """The name of the column."""
        return next(iter(self.preparation.encoders))

    def times(self, table: Any) -> Array:
        """The times of all rows, datetime64[us] or float64.

        Raises:
            ValueError: there is no such column, or a row without a time.
        """
        require([self.name], table)
        encoder = self.preparation.encoders[self.name]
        times, _ = encoder.read(table[self.name], getattr(table, "mark", "."))
        times = times if times.dtype.kind == "M" else np.asarray(times, np.float64)
        missing = np.isnat(times) if times.dtype.kind == "M" else ~np.isfinite(times)
        if missing.any():
            row = int(missing.argmax())
            raise ValueError(f"column {self.name!r}: expected a time, got {table[self.name][row]!r} in row {row} "
                             "(counted from 0)")
        return times

    def positions(self, times: Array) -> Array:
        """The times as float64 numbers, equally spaced where the rows are.

        Args:
            times: the result of `times`.
        """
        if self.unit == "weekday":
            return np.busday_count("1970-01-01", times.astype("M8[D]")).astype(np.float64)
        if self.unit.startswith("month"):
            return times.astype("M8[M]").astype(np.float64)
        return times.astype("M8[us]").astype(np.float64) / 1e6 if self.unit == "second" else times

    def following(self, last: Any, rows: int) -> Any:
        """The time that is this many steps after another.

        Args:
            last: one of the result of `times`.
            rows: the number of steps.
        """
        distance = self.step * rows
        if self.unit == "number":
            return last + distance
        if self.unit == "second":
            return last + np.timedelta64(round(distance * 1e6), "us")
        if self.unit == "weekday":
            return np.busday_offset(last.astype("M8[D]"), round(distance), roll="backward").astype("M8[us]")
        month = last.astype("M8[M]") + round(distance)
        if self.unit == "month end":
            return ((month + 1).astype("M8[D]") - 1).astype("M8[us]")
        return (month.astype("M8[D]") + (last.astype("M8[D]") - last.astype("M8[M]").astype("M8[D]"))).astype("M8[us]")

    def angles(self, times: Array) -> Array:
        """Sine and cosine of the place in what the times repeat, float32 (N, 2 * len(repeats)).

        Args:
            times: the result of `times`.
        """
        if not self.repeats:
            return np.zeros((len(times), 0), np.float32)
        days = times.astype("M8[us]").astype(np.float64) / 1e6 / SECONDS_A_DAY
        year = (times.astype("M8[D]") - times.astype("M8[Y]").astype("M8[D]")).astype(np.float64) / 365.25
        turns: Mapping[str, Array] = {"day": days % 1, "week": (np.floor(days) + 3) % 7 / 7, "year": year}
        angles = 2 * np.pi * np.stack([turns[name] for name in self.repeats], 1)
        return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)

    @property
    def season(self) -> int | None:
        """The usual season in rows: of monthly rows a year, of daily ones a week, of more frequent ones a day."""
        period = {"weekday": _WEEKDAYS, "month": _MONTHS, "month end": _MONTHS, "number": 0}.get(
            self.unit, SECONDS_A_DAY if self.step < SECONDS_A_DAY else 7 * SECONDS_A_DAY)
        rows = period / self.step
        return round(rows) if rows >= 2 and abs(rows - round(rows)) < _SLACK else None

    def describe(self, step: float | None = None) -> str:
        """A distance of rows as text.

        Args:
            step: in the unit; None: the usual one.
        """
        count, name = self.step if step is None else step, self.unit.partition(" ")[0]
        if self.unit == "number":
            return f"{count:g}"
        for longer, seconds in _LONGER if self.unit == "second" else ():
            if count >= seconds:
                count, name = count / seconds, longer
                break
        return f"{count:g} {name}{'s' * (count != 1)}"

    def written(self, time: Any) -> str:
        """A time as text for a table: a number; or a date, with the time of day unless rows are whole days apart.

        Args:
            time: one of the result of `times`.
        """
        if not isinstance(time, np.datetime64):
            return f"{time:.12g}"
        whole = self.unit != "second" or self.step % SECONDS_A_DAY == 0
        if whole and time == time.astype("M8[D]"):
            return str(time.astype("M8[D]"))
        return str(time.astype("M8[s]") if time == time.astype("M8[s]") else time).replace("T", " ")

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON."""
        return {"preparation": self.preparation.to_dict(), "unit": self.unit, "step": self.step,
                "repeats": self.repeats}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Clock:
        """Restore the result of `to_dict`.

        Raises:
            ValueError, TypeError, KeyError: the dictionary is damaged.
        """
        return cls(**{**given, "preparation": data.TablePreparation.from_dict(given["preparation"])})


def gaps_after(positions: Array, step: float) -> Array:
    """The rows after which the next row is further away than usual.

    Args:
        positions: in order.
        step: the usual distance.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.series.clock import gaps_after
        >>> gaps_after(np.array([0.0, 1.0, 4.0, 5.0]), 1.0)
        array([1])
    """
    return np.flatnonzero(np.diff(positions) > step * (1 + _SLACK))


def _unit_of(times: Array) -> str:
    """The unit of dates in order."""
    if has_hours(times):
        return "second"
    days = times.astype("M8[D]")
    steps = np.diff(days).astype(np.int64)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if 28 <= usual <= 366:
        if len(np.unique((days - days.astype("M8[M]").astype("M8[D]")).astype(np.int64))) == 1:
            return "month"
        if ((days + 1).astype("M8[M]") != days.astype("M8[M]")).all():
            return "month end"
    return "weekday" if usual == 1 and np.is_busday(days).all() and len(days) > 2 * _WEEKDAYS else "second"


def _repeats(times: Array, clock: Clock) -> list[str]:
    """The periods that times in order cover at least twice, in more than one row each."""
    span = (times[-1] - times[0]) / np.timedelta64(1, "D")
    seconds = clock.step if clock.unit == "second" else SECONDS_A_DAY if clock.unit == "weekday" else 28 * SECONDS_A_DAY
    finest = {"day": SECONDS_A_DAY, "week": 7 * SECONDS_A_DAY, "year": 366 * SECONDS_A_DAY}
    return [name for name, days in _TWICE.items() if span >= days and 2 * seconds <= finest[name]]
