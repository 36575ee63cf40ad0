"""`torch.profiler` over `fastnet.profiler`: time, FLOPs, bytes and memory by operation and by named block.

Kernels inside replays of compiled functions count for the operation that called them when the function was recorded.
"""
from __future__ import annotations

import enum
import functools
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastnet._core.state import state
from fastnet.profiler import OperationTime, profile as _OperationProfile

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "supported_activities",
           "tensorboard_trace_handler"]

_MICROSECONDS = 1e6


class ProfilerActivity(enum.Enum):
    """The devices that can be profiled; CPU is the one here."""

    CPU = 0
    CUDA = 1
    XPU = 2
    MTIA = 3


class ProfilerAction(enum.Enum):
    """The action of a profiler in a step; see `schedule`."""

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
    """The calls of one operation or block; times in microseconds, memory in bytes.

    Attributes:
        key: the name of the operation, "NAME backward" for its gradients, or the name of a block.
        count: the number of calls.
        self_cpu_time_total, cpu_time_total: without and with the operations inside.
        self_cpu_memory_usage, cpu_memory_usage: taken from the memory pool and not given back, likewise.
        flops: of its kernels and those of operations inside, by `fastnet.graph.KernelCost`.
        bytes: that these kernels read and write.
        input_shapes: of the tensors among the arguments, if they were recorded and grouped by.
        device_time_total, self_device_time_total: 0, since there is no device but the CPU.
    """

    key: str
    count: int
    self_cpu_time_total: float
    cpu_time_total: float
    self_cpu_memory_usage: int = 0
    cpu_memory_usage: int = 0
    flops: int = 0
    bytes: int = 0
    input_shapes: tuple[tuple[int, ...], ...] = ()
    device_time_total = self_device_time_total = 0.0

    @property
    def cpu_time(self) -> float:
        """The mean time of a call."""
        return self.cpu_time_total / self.count


# {the name of a column to sort by: the attribute}
_SORT_KEYS = {
    **{name: name for name in ("self_cpu_time_total", "cpu_time_total", "cpu_time", "count", "self_cpu_memory_usage",
                               "cpu_memory_usage", "flops", "bytes", "device_time_total", "self_device_time_total")},
    **{f"{own}{device}_time_total": f"{own}device_time_total" for own in ("", "self_") for device in ("cuda", "xpu")}}


class Averages(list[Average]):
    """The operations and blocks that a profiler has seen.

    Args:
        rows: one for each.
        columns: the optional columns of the table: "memory", "shapes", "flops".
    """

    def __init__(self, rows: Iterable[Average] = (), columns: Iterable[str] = ()) -> None:
        super().__init__(rows)
        self.columns = frozenset(columns)

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
              max_name_column_width: int = 55, max_shapes_column_width: int = 80, header: str | None = None,
              top_level_events_only: bool = False) -> str:
        """The averages as text, those with the largest number first.

        Args:
            sort_by: "cpu_time_total" (the default), "self_cpu_time_total", "cpu_time", "count", "flops", "bytes",
                "cpu_memory_usage" or "self_cpu_memory_usage"; times of other devices are 0.
            row_limit: the largest number of rows; -1 for all.
            max_name_column_width, max_shapes_column_width: where names and shapes are cut.
            header: a line above the table.
            max_src_column_width, top_level_events_only: accepted and ignored.

        Raises:
            ValueError: another `sort_by`.
        """
        if sort_by is not None and sort_by not in _SORT_KEYS:
            raise ValueError(f"table: expected sort_by to be one of {', '.join(_SORT_KEYS)}, got {sort_by!r}")
        rows = sorted(self, key=lambda row: -row.cpu_time_total)
        rows.sort(key=lambda row: -float(getattr(row, _SORT_KEYS[sort_by or "cpu_time_total"])))
        rows = rows[:None if row_limit < 0 else row_limit]
        cells = [list(self._cells(row, max_name_column_width, max_shapes_column_width).items()) for row in rows]
        titles = list(self._cells(Average("", 1, 0.0, 0.0), max_name_column_width, max_shapes_column_width))
        lines = [titles, *([text for _, text in row] for row in cells)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
        texts = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
        rule = "  ".join("-" * n for n in widths)
        return "\n".join([*([header] if header else []), rule, texts[0], rule, *texts[1:], rule,
                          f"Self CPU time total: {_time_text(self.self_cpu_time_total)}"])

    def _cells(self, row: Average, name_width: int, shapes_width: int) -> dict[str, str]:
        """{column: text} of a row, with PyTorch's names of the columns."""
        whole = self.self_cpu_time_total or 1.0
        cells = {"Name": row.key[:name_width], "Self CPU %": f"{row.self_cpu_time_total / whole:.2%}",
                 "Self CPU": _time_text(row.self_cpu_time_total), "CPU total %": f"{row.cpu_time_total / whole:.2%}",
                 "CPU total": _time_text(row.cpu_time_total), "CPU time avg": _time_text(row.cpu_time)}
        if "memory" in self.columns:
            cells |= {"CPU Mem": _bytes_text(row.cpu_memory_usage),
                      "Self CPU Mem": _bytes_text(row.self_cpu_memory_usage)}
        cells["# of Calls"] = str(row.count)
        if "shapes" in self.columns:
            cells["Input Shapes"] = str([list(shape) for shape in row.input_shapes])[:shapes_width]
        if "flops" in self.columns:
            cells |= {"Total MFLOPs": f"{row.flops / 1e6:.3f}", "Total bytes": _bytes_text(row.bytes)}
        return cells

    def __str__(self) -> str:
        return self.table()

    def total_average(self) -> Average:
        """The sum over all operations; FLOPs and bytes of an operation inside another one count once for each."""
        spent, memory = (sum(getattr(row, name) for row in self)
                         for name in ("self_cpu_time_total", "self_cpu_memory_usage"))
        return Average("Total", sum(row.count for row in self), spent, spent, int(memory), int(memory),
                       sum(row.flops for row in self), sum(row.bytes for row in self))

    @property
    def self_cpu_time_total(self) -> float:
        """The time in all operations."""
        return sum(row.self_cpu_time_total for row in self)


def _time_text(microseconds: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.3f}{unit}"
    return f"{microseconds:.3f}us"


def _bytes_text(count: int) -> str:
    for unit, power in (("GB", 30), ("MB", 20), ("KB", 10)):
        if abs(count) >= 1 << power:
            return f"{count / (1 << power):.2f} {unit}"
    return f"{count} B"


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
        self._start, self._meters = time.perf_counter(), state.meters
        for meter in self._meters:
            meter.enter_operation(self.name, ())
        return self

    def __exit__(self, *error: Any) -> None:
        end = time.perf_counter()
        for meter in self._meters:
            meter.leave_operation()
        for profiler in _active:
            profiler.blocks.append((self.name, self._start, end))

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)
        return wrapper


class profile:
    """Measures the operations of this thread in a `with` block, or between `start` and `stop`.

    Args:
        activities: accepted; the CPU is profiled.
        record_shapes: note the shapes of arguments, for `key_averages(group_by_input_shape=True)`. Gradients and
            replays have none.
        profile_memory: show the bytes that operations take from the memory pool, less those that they give back.
        with_flops: show FLOPs and the bytes that kernels read and write. Every operation is counted, not only
            convolutions and matrix products.
        schedule: a function from the number of a step, see `step`, to a ProfilerAction; by default all is recorded.
        on_trace_ready: called with the profiler after each cycle of the schedule, or at the end.
        enabled: whether to measure.
        options: PyTorch's other arguments, such as `with_stack`, accepted and ignored.

    Attributes:
        blocks: (name, start, end) of each `record_function`, in seconds.
        step_num: the number of the step.

    Example:
        >>> import fastnet.torch as torch
        >>> with torch.profiler.profile() as seen:
        ...     _ = torch.ones(3).softmax(0)
        >>> [(row.key, row.count, row.flops) for row in seen.key_averages() if row.key == "softmax"]
        [('softmax', 1, 15)]
    """

    def __init__(self, enabled: bool = True, *, activities: Any = None,
                 schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[[profile], object] | None = None, record_shapes: bool = False,
                 profile_memory: bool = False, with_flops: bool = False, **options: Any) -> None:
        self._enabled, self._schedule, self._ready = enabled, schedule, on_trace_ready
        self._operations = _OperationProfile(record_shapes)
        wanted = {"shapes": record_shapes, "memory": profile_memory, "flops": with_flops}
        self._columns = {column for column, shown in wanted.items() if shown}
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
            self._operations.start()
        else:
            self._operations.stop()
            _active.remove(self)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> Averages:
        """The time, FLOPs and memory of each operation and block.

        Args:
            group_by_input_shape: a row for each combination of the shapes of its arguments, if they are recorded.
            group_by_stack_n: warns if it is not 0: stacks are not recorded.
        """
        if group_by_stack_n:
            warnings.warn("key_averages: stacks are not recorded, group_by_stack_n has no effect", stacklevel=2)
        rows: dict[Any, list[OperationTime]] = {}
        for row in self._operations.operations():
            rows.setdefault((row.name, row.shapes if group_by_input_shape else ()), []).append(row)
        return Averages([_average(name, shapes, found) for (name, shapes), found in rows.items()],
                        self._columns - (set() if group_by_input_shape else {"shapes"}))

    def events(self) -> Averages:
        """The same as `key_averages`: calls are not kept one by one."""
        return self.key_averages()

    def export_chrome_trace(self, path: str) -> None:
        """Write the blocks of `record_function` as a trace that chrome://tracing shows."""
        events = [{"name": name, "ph": "X", "ts": start * _MICROSECONDS, "dur": (end - start) * _MICROSECONDS,
                   "pid": os.getpid(), "tid": 0} for name, start, end in self.blocks]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events}, file)


def _average(name: str, shapes: Any, rows: list[OperationTime]) -> Average:
    """The sum of rows."""
    def total(attribute: str) -> Any:
        return sum(getattr(row, attribute) for row in rows)
    return Average(name, total("calls"), total("self_seconds") * _MICROSECONDS, total("seconds") * _MICROSECONDS,
                   total("self_memory"), total("memory"), sum(row.cost.flops for row in rows),
                   sum(row.cost.bytes for row in rows), shapes)


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
