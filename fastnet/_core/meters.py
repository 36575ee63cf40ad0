"""Meters of the kernels and operations of a thread: counters of costs, and profilers.

`state.meters` holds the meters of each thread. They are told

- of each kernel call, by `KernelCall` (_runtime/dispatch.pyx), by the recorder and by `call_silently`;
- of each replay of recorded launches, by `LaunchList.run_at` (_runtime/launch.pyx);
- of the beginning and the end of each operation, by `differentiable` (_runtime/tape.pyx) and by the walk of
  `backward()`, which call the recorder in the same way: a recording keeps the operation of each kernel call.

Without meters, a kernel call and an operation each test one pointer.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastnet._core.state import state

__all__ = ["Meter"]


class Meter:
    """The base of what measures a thread, between `start_meter` and `stop_meter`."""

    def start_meter(self) -> None:
        """Measure this thread from now on."""
        state.meters = (*state.meters, self)

    def stop_meter(self) -> None:
        """Stop measuring this thread."""
        meters = list(state.meters)
        meters.remove(self)
        state.meters = tuple(meters)

    def note_kernel(self, kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any], seconds: float) -> None:
        """A kernel was called.

        Args:
            kernel: the reference kernel.
            args, attrs: of the call.
            seconds: that it took.
        """

    def note_replay(self, launches: Any) -> None:
        """Recorded launches were replayed.

        Args:
            launches: the LaunchList; `calls` and `seconds_by_call()` say which kernel calls they are.
        """

    def enter_operation(self, name: str, args: tuple[Any, ...]) -> None:
        """An operation begins.

        Args:
            name: of the operation; "NAME backward" in a backward pass.
            args: its arguments; none in a backward pass.
        """

    def leave_operation(self) -> None:
        """The latest operation ends."""
