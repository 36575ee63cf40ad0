"""Sliding windows over time series: the past as inputs, later values as targets."""
from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.errors import one_of, whole_number
from fastnet._core.reprs import repr_of
from fastnet._core.tensor import Tensor
from fastnet.data.arrays import as_array
from fastnet.data.dataset import Subset
from fastnet.data.dates import Dates
from fastnet.data.finiteness import finite
from fastnet.data.frames import columns, require

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Windows"]

_SLACK = 1e-6                           # of a step between times, relative: rounding, not a gap


class Windows:
    """A dataset of sliding windows over a time series: `length` rows as the input, later rows as the target.

    Window i starts at row i*stride (of the rows at which a window fits). Its input is the rows r to r + length - 1, and
    its target the rows r + length - 1 + h for each horizon h >= 1: no target lies among the inputs of its window.

    Args:
        data: an array (T,) or (T, columns), or a table with columns of numbers, ordered by time.
        length: rows of an input.
        horizon: how many rows after the last input row the target is, or several of these.
        target: the column to predict, or several, by name (of a table) or number (of an array); None: all columns.
        time: the times of the rows: the name of a column of a table, which is then no input, or an array: numbers,
            dates or text that dates are read from. None: the rows are evenly spaced.
        stride: rows from the start of a window to the next.
        gaps: what to do where two rows are further apart than usual (the median): "error", "split": leave out the
            windows that contain the gap, or "ignore".
        unsorted: what to do with times that are not in order: "error" or "sort".

    Attributes:
        values: the series, float32 (T, columns).
        names: of the columns; of an array None.
        starts: the first row of each window.

    Raises:
        ValueError: values that are not finite numbers; times that are missing, twice, or not in order, or gaps (the
            message names the row); a horizon twice; no window fits.
        TypeError: sizes that are not integers.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.Windows(np.arange(6.0), length=3, horizon=(1, 2))
        >>> data
        Windows(windows=2, length=3, horizon=(1, 2), columns=1)
        >>> x, y = data.take(np.array([1]))
        >>> x.tolist(), y.tolist()
        ([[[1.0], [2.0], [3.0]]], [[4.0, 5.0]])
    """

    values: Array
    names: list[str] | None
    starts: Array

    def __init__(self, data: Any, length: int, horizon: int | Sequence[int] = 1, *,
                 target: str | int | Sequence[str | int] | None = None, time: Any = None, stride: int = 1,
                 gaps: Literal["error", "split", "ignore"] = "error",
                 unsorted: Literal["error", "sort"] = "error") -> None:
        if gaps not in ("error", "split", "ignore"):
            raise one_of("gaps", gaps, ("error", "split", "ignore"))
        if unsorted not in ("error", "sort"):
            raise one_of("unsorted", unsorted, ("error", "sort"))
        self.length, stride = whole_number("length", length, 1), whole_number("stride", stride, 1)
        several = horizon if isinstance(horizon, Sequence | np.ndarray) else [horizon]
        self.horizon = tuple(whole_number("horizon", h, 1) for h in several)
        if not self.horizon:
            raise ValueError("Windows: expected at least one horizon, got none")
        if len(set(self.horizon)) < len(self.horizon):
            raise ValueError(f"Windows: expected different horizons, got {self.horizon}")
        self.names, self.values, times = _series(data, time)
        order = None if times is None else _time_order(times, unsorted)
        if order is not None and times is not None:
            self.values, times = self.values[order], times[order]
        self._targets = self._target_columns(target)
        self.starts = self._window_starts(times, stride, gaps)

    def _target_columns(self, target: str | int | Sequence[str | int] | None) -> Array:
        """The numbers of the target columns."""
        count = self.values.shape[1]
        if target is None:
            return np.arange(count)
        named = [target] if isinstance(target, str | int | np.integer) else list(target)
        names = self.names or []
        if self.names is not None:
            require([name for name in named if isinstance(name, str)], names)
        found = [names.index(name) if isinstance(name, str) and name in names else name for name in named]
        wrong = [name for name in found if isinstance(name, str) or not -count <= name < count]
        if wrong or not found:
            raise ValueError(f"Windows: expected target columns from 0 to {count - 1}, got {wrong or 'none'}")
        return np.array([int(number) % count for number in found])

    def _window_starts(self, times: Array | None, stride: int, gaps: str) -> Array:
        rows = self.length + max(self.horizon)
        if len(self.values) < rows:
            raise ValueError(f"Windows: expected at least {rows} rows, {self.length} of the input and a horizon of "
                             f"{max(self.horizon)}, got {len(self.values)}")
        starts = np.arange(0, len(self.values) - rows + 1, stride)
        broken = np.zeros(0, np.int64) if times is None or gaps == "ignore" else _gaps(times)
        if broken.size and gaps == "error" and times is not None:
            row = broken[0]
            raise ValueError(f"Windows: expected evenly spaced times, got {times[row]} in row {row} and "
                             f"{times[row + 1]} in the next row; use gaps='split' to leave out windows that contain "
                             "the gap, or gaps='ignore'")
        before = np.searchsorted(broken, starts), np.searchsorted(broken, starts + rows - 1)
        starts = starts[before[0] == before[1]]
        if not starts.size:
            raise ValueError(f"Windows: no window of {rows} rows is free of gaps")
        return starts

    @property
    def targets(self) -> Array:
        """The targets of all windows, float32 (N, horizons) or (N, horizons, columns)."""
        return self._target_of(self.starts)

    def _target_of(self, starts: Array) -> Array:
        rows = starts[:, None] + (self.length - 1 + np.array(self.horizon))
        made = self.values[rows[:, :, None], self._targets]
        return made[..., 0] if len(self._targets) == 1 else made

    def _input_of(self, starts: Array) -> Array:
        return self.values[starts[:, None] + np.arange(self.length)]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: Any) -> tuple[Array, Array]:
        starts = self.starts[index]
        if np.ndim(starts):
            return self._input_of(starts), self._target_of(starts)
        one = np.array([starts])
        return self._input_of(one)[0], self._target_of(one)[0]

    def take(self, rows: Array) -> tuple[Tensor, Tensor]:
        """The windows with these numbers, as tensors: inputs (n, length, columns), and targets (n, horizons) of a
        single target column or (n, horizons, targets) of several.

        Args:
            rows: the numbers, int64 (n,).

        Raises:
            IndexError: a number out of range.
        """
        starts = self.starts[rows]
        return from_numpy(self._input_of(starts)), from_numpy(np.ascontiguousarray(self._target_of(starts)))

    def split(self, *shares: float) -> list[Subset]:
        """Parts in the order of time, such as (0.7, 0.15, 0.15) to train, validate and test.

        The rows are cut by these shares. A window belongs to the part that contains all of its targets; windows whose
        targets lie in two parts are left out. So no part is trained on the targets of a later one. The inputs of a
        later part's first windows are the last rows of the part before, which are known by then.

        Args:
            shares: of the rows, which add up to 1.

        Raises:
            ValueError: shares that do not add up to 1, or a part without a window.

        Example:
            >>> import numpy as np, fastnet
            >>> data = fastnet.data.Windows(np.arange(20.0), length=3, horizon=2)
            >>> [len(part) for part in data.split(0.5, 0.5)]
            [6, 10]
        """
        if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
            raise ValueError(f"split: expected positive shares that add up to 1, got {shares}")
        first = self.starts + self.length - 1 + min(self.horizon)
        last = self.starts + self.length - 1 + max(self.horizon)
        ends = np.rint(np.cumsum((0.0, *shares)) * len(self.values)).astype(np.int64)
        parts = [np.flatnonzero((first >= low) & (last < high)) for low, high in itertools.pairwise(ends)]
        empty = [i for i, part in enumerate(parts) if not part.size]
        if empty:
            raise ValueError(f"split: part {empty[0]} of {shares} has no window with all of its targets")
        return [Subset(self, part) for part in parts]

    def __repr__(self) -> str:
        return repr_of(self, windows=len(self), length=self.length, horizon=self.horizon, columns=self.values.shape[1])


# ---- the series and its times ---------------------------------------------------------------------------------------

def _series(data: Any, time: Any) -> tuple[list[str] | None, Array, Array | None]:
    """(names of the columns, values float32 (T, columns), times)."""
    names = None
    if isinstance(data, dict) or hasattr(data, "columns"):
        table: dict[str, Array] = columns(data)
        if isinstance(time, str):
            require([time], table)
            time = table.pop(time)
        if not table:
            raise ValueError("Windows: expected a table with columns of numbers, got none")
        for name, column in table.items():
            if np.asarray(column).dtype.kind not in "biuf":
                raise ValueError(f"Windows: expected numbers in column {name!r}, got {column[0]!r} in row 0")
        names = list(table)
        values = np.stack([np.asarray(column, np.float64) for column in table.values()], 1)
    else:
        if isinstance(time, str):
            raise ValueError(f"Windows: the time column {time!r} is the name of a column, but the data is no table")
        values = np.asarray(as_array(data, "the series"))
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or not values.shape[1]:
            raise ValueError(f"Windows: expected a series (T,) or (T, columns), got the shape {values.shape}")
    times = None if time is None else _times(time, len(values))
    return names, finite(values, "the series").astype(dtypes.float32), times


def _times(given: Any, length: int) -> Array:
    """Times as numbers, int64 microseconds if they are dates."""
    times = np.asarray(given)
    if times.dtype.kind in "OUS":
        texts = [cell.isoformat() if isinstance(cell, datetime.date) else str(cell) for cell in times.tolist()]
        times = Dates().read(texts)[0]
    if times.ndim != 1 or len(times) != length:
        raise ValueError(f"Windows: expected {length} times, got the shape {times.shape}")
    if times.dtype.kind == "M":
        missing = np.isnat(times)
        times = times.astype("datetime64[us]")
    elif times.dtype.kind in "iuf":
        missing = ~np.isfinite(times)
    else:
        raise ValueError(f"Windows: expected times that are numbers or dates, got {times.dtype}")
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(f"Windows: expected a time in each row, got {str(np.asarray(given)[row])!r} in row {row}")
    return times


def _time_order(times: Array, unsorted: str) -> Array | None:
    """The order that sorts times; None if they are sorted."""
    order = None
    backward = times[1:] < times[:-1]
    if backward.any():
        if unsorted == "error":
            row = int(backward.argmax())
            raise ValueError(f"Windows: expected times in order, got {times[row]} in row {row} and "
                             f"{times[row + 1]} in the next row; use unsorted='sort' to sort them")
        order = np.argsort(times, kind="stable")
        times = times[order]
    twice = times[1:] == times[:-1]
    if twice.any():
        raise ValueError(f"Windows: expected different times, got {times[int(twice.argmax())]} twice")
    return order


def _gaps(times: Array) -> Array:
    """The rows after which the next time is later than usual."""
    steps = np.diff(times.astype(np.int64) if times.dtype.kind == "M" else times.astype(np.float64))
    usual = float(np.median(steps)) if steps.size else 0.0
    return np.flatnonzero(np.asarray(steps, np.float64) > usual * (1 + _SLACK))
