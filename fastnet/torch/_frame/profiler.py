"""`torch.profiler`: time by operation and by named block, measured with Python's own profiler.

The functions that compute operations are counted, forward and backward. The kernels inside of replays of compiled
functions are counted by `fastnet.profiler`; their rows are called "kernel matmul" and so on. Python's profiler makes
each call slower, so the shares matter rather than the times.
"""
from __future__ import annotations

import cProfile
import enum
import functools
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastnet import functional, profiler as kernel_profiler

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "supported_activities",
           "tensorboard_trace_handler"]

_OPERATIONS = os.path.dirname(os.path.abspath(functional.__file__))
_MICROSECONDS = 1e6


class ProfilerActivity(enum.Enum):
    """The devices that can be profiled; CPU is the one here."""

    CPU = 0
    CUDA = 1
    XPU = 2
    MTIA = 3


class ProfilerAction(enum.Enum):
    """What a profiler does in a step; see `schedule`."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """The devices that can be profiled."""
    return {ProfilerActivity.CPU}


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
             ) -> Callable[[int], ProfilerAction]:
    """A function from the number of a step to what the profiler does: it waits, warms up and records, in cycles.

    Args:
        wait, warmup, active: the lengths of the parts of a cycle.
        repeat: the number of cycles; 0: until the end.
        skip_first: the number of steps before the first cycle.
        skip_first_wait: if not 0, the first cycle has no wait.

    Example:
        >>> from fastnet.torch.profiler import schedule
        >>> [schedule(wait=1, warmup=1, active=2, repeat=1)(step).name for step in range(5)]
        ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    def action(step: int) -> ProfilerAction:
        step -= skip_first - (wait if skip_first_wait else 0)
        cycle, place = divmod(step, wait + warmup + active)
        if step < 0 or (repeat and cycle >= repeat) or place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < wait + warmup + active - 1 else ProfilerAction.RECORD_AND_SAVE
    return action


@dataclass(frozen=True)
class Average:
    """The calls of one operation or block; times in microseconds."""

    key: str
    count: int
    self_cpu_time_total: float
    cpu_time_total: float

    @property
    def cpu_time(self) -> float:
        """The mean time of a call."""
        return self.cpu_time_total / self.count


class Averages(list[Average]):
    """The operations and blocks that a profiler has seen."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """The averages as text, those with the most time first.

        Args:
            sort_by: the name of a time, such as "cpu_time_total" or "self_cpu_time_total", or "count".
            row_limit: the largest number of rows; -1 for all.
            options: accepted and ignored.
        """
        name = sort_by if sort_by in ("self_cpu_time_total", "count", "cpu_time") else "cpu_time_total"
        rows = sorted(self, key=lambda row: -float(getattr(row, name)))[:None if row_limit < 0 else row_limit]
        lines = [f"{'Name':40s}{'Self CPU (us)':>16s}{'CPU total (us)':>16s}{'CPU mean (us)':>16s}{'Calls':>10s}"]
        lines += [f"{row.key[:39]:40s}{row.self_cpu_time_total:16.1f}{row.cpu_time_total:16.1f}{row.cpu_time:16.1f}"
                  f"{row.count:10d}" for row in rows]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    def total_average(self) -> Average:
        """The sum over all operations."""
        spent = sum(row.self_cpu_time_total for row in self)
        return Average("Total", sum(row.count for row in self), spent, spent)

    @property
    def self_cpu_time_total(self) -> float:
        """The time in all operations."""
        return self.total_average().self_cpu_time_total


_active: list[profile] = []             # the profilers that record at this time


class record_function:
    """A context manager or decorator that names a block for the profiler.

    Args:
        name: of the block.
        args: accepted and ignored.

    Example:
        >>> from fastnet.torch.profiler import profile, record_function
        >>> with profile() as seen, record_function("load"):
        ...     pass
        >>> [row.key for row in seen.key_averages()]
        ['load']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *error: Any) -> None:
        end = time.perf_counter()
        for profiler in _active:
            profiler.blocks.append((self.name, self._start, end))

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)
        return wrapper


class profile:
    """Measures the time of operations in a `with` block, or between `start` and `stop`.

    Args:
        activities: accepted; the CPU is profiled.
        schedule: a function from the number of a step, see `step`, to a ProfilerAction; by default all is recorded.
        on_trace_ready: called with the profiler after each cycle of the schedule, or at the end.
        enabled: whether to measure.
        options: PyTorch's other arguments, accepted and ignored.

    Attributes:
        blocks: (name, start, end) of each `record_function`, in seconds.
        step_num: the number of the step.

    Example:
        >>> import fastnet.torch as torch
        >>> with torch.profiler.profile() as seen:
        ...     _ = torch.ones(3).softmax(0)
        >>> print(seen.key_averages().table(row_limit=1))                              # doctest: +ELLIPSIS
        Name ...
    """

    def __init__(self, enabled: bool = True, *, activities: Any = None,
                 schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[[profile], object] | None = None, **options: Any) -> None:
        self._enabled, self._schedule, self._ready = enabled, schedule, on_trace_ready
        self._python = cProfile.Profile()
        self._kernels = kernel_profiler.profile()
        self._recording = False
        self.step_num = 0
        self.blocks: list[tuple[str, float, float]] = []

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.stop()

    def start(self) -> None:
        """Begin with the first step."""
        self._switch(self._action())

    def stop(self) -> None:
        """End the last step."""
        recorded = self._recording
        self._switch(ProfilerAction.NONE)
        if recorded and self._ready is not None:
            self._ready(self)

    def step(self) -> None:
        """Begin with the next step."""
        if self._schedule is not None and self._action() == ProfilerAction.RECORD_AND_SAVE:
            self.stop()
        self.step_num += 1
        self._switch(self._action())

    def _action(self) -> ProfilerAction:
        if not self._enabled:
            return ProfilerAction.NONE
        return ProfilerAction.RECORD if self._schedule is None else self._schedule(self.step_num)

    def _switch(self, action: ProfilerAction) -> None:
        """Record or not."""
        wanted = action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if wanted == self._recording:
            return
        self._recording = wanted
        if wanted:
            _active.append(self)
            self._kernels.start()
            self._python.enable()
        else:
            self._python.disable()
            self._kernels.stop()
            _active.remove(self)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> Averages:
        """The time of each operation and block; the arguments are ignored."""
        found: dict[str, list[float]] = {}
        for entry in self._python.getstats():
            if not isinstance(entry.code, str) and entry.code.co_filename.startswith(_OPERATIONS):
                _add_time(found, entry.code.co_name, entry.callcount, entry.inlinetime, entry.totaltime)
        for row in self._kernels.kernels():
            if row.replayed:
                _add_time(found, f"kernel {row.name}", row.replayed, row.replayed_seconds, row.replayed_seconds)
        for name, start, end in self.blocks:
            _add_time(found, name, 1, 0.0, end - start)
        return Averages(Average(name, int(count), own * _MICROSECONDS, whole * _MICROSECONDS)
                        for name, (count, own, whole) in found.items())

    def events(self) -> Averages:
        """The same as `key_averages`: calls are not kept one by one."""
        return self.key_averages()

    def export_chrome_trace(self, path: str) -> None:
        """Write the blocks of `record_function` as a trace that chrome://tracing shows."""
        events = [{"name": name, "ph": "X", "ts": start * _MICROSECONDS, "dur": (end - start) * _MICROSECONDS,
                   "pid": os.getpid(), "tid": 0} for name, start, end in self.blocks]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events}, file)


def _add_time(found: dict[str, list[float]], name: str, count: int, own: float, whole: float) -> None:
    sums = found.setdefault(name, [0, 0.0, 0.0])
    sums[:] = [a + b for a, b in zip(sums, (count, own, whole))]


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False
                              ) -> Callable[[profile], None]:
    """A function for `on_trace_ready` that writes a trace into a folder.

    Args:
        dir_name: the folder, which is made if it is missing.
        worker_name: the beginning of the file's name; default: the number of the process.
        use_gzip: accepted and ignored.
    """
    def write(profiler: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        name = f"{worker_name or os.getpid()}.{time.time_ns()}.pt.trace.json"
        profiler.export_chrome_trace(os.path.join(dir_name, name))
    return write
