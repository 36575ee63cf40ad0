"""The preparation of a time series: its times, its targets, and the other columns."""
from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnet import data
from fastnet._core.annotations import Array
from fastnet.cli.series.clock import Clock, gaps_after
from fastnet.cli.tables import select_rows
from fastnet.data.cells import Cells
from fastnet.data.frames import require
from fastnet.data.text_lines import shown

__all__ = ["GAPS", "Series", "SeriesInputs", "arrays_of", "in_time_order"]

GAPS = ("split", "ignore", "error")
_TOLERANCE = 0.01                       # of the usual step, relative
_LARGEST_SETTING = 1 << 20                      # of the settings in a file


@dataclass
class Series:
    """The prepared rows of a table, in the order of time.

    Args:
        values: float32 (T, columns), the targets first, standardised.
        times: datetime64[us] or float64.
        positions: the times in equal steps, float64.
        notes: lines about what was found.
    """
    values: Array
    times: Array
    positions: Array
    notes: list[str]


@dataclass
class SeriesInputs:
    """The preparation of a time series.

    Args:
        clock: of the times.
        targets: {column: its fitted TargetPreparation}.
        features: the fitted preparation of the other columns; None: there are none.
        length: rows of a model's input.
        horizons: how many rows after the last input row the predicted values are.
        season: rows, or None.
        gaps: what to do about missing rows: "split", "ignore" or "error".
    """
    clock: Clock
    targets: dict[str, data.TargetPreparation]
    features: data.TablePreparation | None
    length: int
    horizons: list[int]
    season: int | None
    gaps: str

    def __post_init__(self) -> None:
        numbers = [self.length, *self.horizons, *([] if self.season is None else [self.season])]
        if not (self.targets and self.horizons and self.gaps in GAPS
                and all(type(number) is int and 0 < number <= _LARGEST_SETTING for number in numbers)):
            raise ValueError(f"the preparation of a time series is damaged: {self!r:.200}")

    @property
    def columns(self) -> int:
        """The number of columns of a model's input."""
        features = len(self.features.feature_names) if self.features else 0
        return len(self.targets) + features + 2 * len(self.clock.repeats)

    def series(self, table: Any) -> Series:
        """Prepare a table.

        Args:
            table: what `fastnet.data.read_columns` returns.

        Raises:
            ValueError: a column is missing, a time is missing or twice (the message names the row), or the steps are
                others than those of the training.
        """
        require(self.targets, table)
        table, times, notes = in_time_order(table, self.clock, self.targets)
        positions = self.clock.positions(times)
        usual = float(np.median(np.diff(positions))) if len(positions) > 1 else self.clock.step
        if abs(usual - self.clock.step) > _TOLERANCE * self.clock.step:
            raise ValueError(f"column {self.clock.name!r}: expected steps of {self.clock.describe()}, as in the "
                             f"training, got steps of {self.clock.describe(usual)}")
        parts = [np.stack([part.transform(table[name]) for name, part in self.targets.items()], 1)]
        if self.features is not None:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                parts.append(self.features.transform(table))
            notes += [str(warning.message) for warning in caught]
        parts.append(self.clock.angles(times))
        return Series(np.concatenate(parts, 1).astype(np.float32), times, positions, notes)

    def _gap_notes(self, positions: Array, times: Array) -> list[str]:
        broken = gaps_after(positions, self.clock.step)
        if not broken.size:
            return []
        where = f"between {self.clock.written(times[broken[0]])} and {self.clock.written(times[broken[0] + 1])}"
        if self.gaps == "error":
            raise ValueError(f"column {self.clock.name!r}: expected steps of {self.clock.describe()}, got a gap "
                             f"{where}")
        more = f", and {len(broken) - 1} more gap{'s' * (len(broken) > 2)}" if len(broken) > 1 else ""
        return [f"column {self.clock.name!r} has steps of {self.clock.describe()}, except for a gap {where}{more}: "
                "windows across a gap are not used; --gaps ignore uses them"]

    def windows(self, series: Series) -> data.Windows:
        """The windows of a series. Gaps are added to its notes.

        Args:
            series: the result of `series`.

        Raises:
            ValueError: there are too few rows, or gaps in all windows.
        """
        if self.gaps != "ignore":
            series.notes += self._gap_notes(series.positions, series.times)
        rows = self.length + max(self.horizons)
        if len(series.values) < rows:
            raise ValueError(f"expected at least {rows} rows, for windows of {self.length} rows and "
                             f"{max(self.horizons)} rows to forecast, got {len(series.values)}; use a smaller --window "
                             "or --horizon")
        steps = np.round(series.positions / self.clock.step, 6)
        split: Any = "ignore" if self.gaps == "ignore" else "split"
        try:
            return data.Windows(series.values, self.length, self.horizons, target=list(range(len(self.targets))),
                                time=steps, gaps=split)
        except ValueError as e:
            raise ValueError(f"{e}; use a smaller --window or --gaps ignore") from None

    def last_window(self, series: Series, where: object) -> Array:
        """The last rows of a series as a model's input, float32 (1, length, columns).

        Args:
            series: the result of `series`.
            where: the name of its file, for errors.

        Raises:
            ValueError: there are too few rows, or a gap in them.
        """
        positions = series.positions[-self.length:]
        if len(positions) < self.length:
            raise ValueError(f"{shown(str(where))}: the model needs the last {self.length} rows, got {len(positions)}")
        broken = gaps_after(positions, self.clock.step)
        if broken.size and self.gaps != "ignore":
            times = series.times[-self.length:]
            raise ValueError(f"{shown(str(where))}: the model needs the last {self.length} rows without a gap, got one "
                             f"between {self.clock.written(times[broken[-1]])} and "
                             f"{self.clock.written(times[broken[-1] + 1])}")
        return series.values[None, -self.length:]

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON."""
        return {"clock": self.clock.to_dict(), "targets": {name: part.to_dict() for name, part in self.targets.items()},
                "features": self.features and self.features.to_dict(), "length": self.length,
                "horizons": self.horizons, "season": self.season, "gaps": self.gaps}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> SeriesInputs:
        """Restore the result of `to_dict`.

        Raises:
            ValueError, TypeError, KeyError: the dictionary is damaged.
        """
        targets = {name: data.TargetPreparation.from_dict(part) for name, part in given["targets"].items()}
        features = given["features"] and data.TablePreparation.from_dict(given["features"])
        return cls(**{**given, "clock": Clock.from_dict(given["clock"]), "targets": targets, "features": features})

    def describe(self) -> str:
        """A short description of the inputs."""
        names = [*self.targets, *(self.features.encoders if self.features else ())]
        return (f"{self.length} rows of a table, in steps of {self.clock.describe()}, with the columns "
                f"{', '.join([self.clock.name, *names])}")


def arrays_of(windows: data.Windows | data.Subset) -> tuple[Array, Array]:
    """The inputs (N, length, columns) and the targets (N, horizons, targets) of windows.

    Args:
        windows: all or some of a series.
    """
    x, y = (a.numpy() for a in windows.take(np.arange(len(windows))))
    return x, y.reshape(*y.shape[:2], -1)


def in_time_order(table: Any, clock: Clock,
                  targets: Mapping[str, data.TargetPreparation]) -> tuple[Any, Array, list[str]]:
    """The rows of a table with all targets in the order of time, their times, and notes.

    Args:
        table: what `fastnet.data.read_columns` returns.
        clock: of its times.
        targets: {column: its TargetPreparation}, fitted or not.

    Raises:
        ValueError: a time is missing or twice.
    """
    times, notes = clock.times(table), list[str]()
    order = np.arange(len(times))
    backward = np.flatnonzero(times[1:] < times[:-1])
    if backward.size:
        order = np.argsort(times, kind="stable")
        notes.append(f"column {clock.name!r} is not in order ({_row_text(table, int(backward[0]) + 1)} is earlier than "
                     "the row before it): the rows are sorted")
    ordered = times[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if twice.size:
        rows = order[twice[0]], order[twice[0] + 1]
        where = " and ".join(_row_text(table, int(row)) for row in rows)
        raise ValueError(f"column {clock.name!r}: expected a different time in each row, got "
                         f"{clock.written(ordered[twice[0]])} in {where}; a file with several series needs to be split")
    missing = np.zeros(len(times), np.bool_)
    for name, part in targets.items():
        missing |= part.missing(table[name])
    if missing.any():
        notes.append(f"{missing.sum()} of {len(missing)} rows have no {' or '.join(targets)}, the first is "
                     f"{_row_text(table, int(missing.argmax()))}: they count as gaps")
        order = order[~missing[order]]
    if not order.size:
        raise ValueError(f"the target {' or '.join(map(repr, targets))} is missing in every row")
    return select_rows(table, order), times[order], notes


def _row_text(table: Any, row: int) -> str:
    return f"line {table.lines[row]}" if isinstance(table, Cells) else f"row {row}"
