"""The state of each Python thread, and context managers that restore state after any interruption.

`state.recorder` is the recording in progress or None, `state.tracer` the trace, `state.grad_enabled` the gradient mode.
Functions that cannot be recorded call `forbid_in_recording`, those that read values `forbid_reading`,
those that a graph cannot hold `forbid_in_trace`.
"""
from __future__ import annotations

import sys
import warnings
from types import FrameType

from fastnet._runtime.native import state as _native_state

state = _native_state.state
recorded, traced, apart = _native_state.recorded, _native_state.traced, _native_state.apart
inside = _native_state.inside
Swapped = _native_state.Swapped
Turn = _native_state.Turn
Finally = _native_state.Finally

UPDATE_IN_TRACE = "the graph would not hold the update. Take the old value as an input, and return the new one."


def user_line() -> str:
    """ "file:line" of the nearest caller outside this package."""
    frame, _ = _user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?"


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the nearest caller outside this package."""
    _, calls = _user_frame()
    warnings.warn(message, category, stacklevel=calls + 1)


def _user_frame() -> tuple[FrameType | None, int]:
    """The frame of the nearest caller outside this package, and its distance in calls from the function that asks."""
    package, calls = __name__.partition(".")[0], 0
    frame: FrameType | None = sys._getframe(1)
    while frame and (frame.f_globals.get("__name__") or "").partition(".")[0] == package:
        frame, calls = frame.f_back, calls + 1
    return frame, calls


def forbid_in_recording(what: str, because: str | None = None) -> None:
    """Raise a RuntimeError if this thread is recording, unless the run may continue without being kept.

    Args:
        what: the call that cannot be recorded, such as "item()".
        because: the reason; by default, that every replay would use the value of the recorded run.
    """
    if state.recorder is not None:
        line = user_line()
        state.recorder.refuse(RuntimeError(
            f"{what} inside a compiled function ({line}): " + (because or (
                "the value would be that of the recorded run in every replay. Return the tensor and read it outside, "
                "or keep the computation in tensors."))), f"calls {what} ({line})")


def forbid_reading(what: str, because: str | None = None) -> None:
    """Raise a RuntimeError if a recording or a trace is in progress in this thread.

    Args:
        what: the call that reads the values of a tensor, such as "item()".
        because: as of `forbid_in_recording`.
    """
    forbid_in_recording(what, because)
    forbid_in_trace(what, "the graph would hold the value of this run only. Keep the computation in tensors.")


def forbid_in_trace(what: str, because: str) -> None:
    """Raise a RuntimeError if a trace is in progress in this thread.

    Args:
        what: the call that a graph cannot hold.
        because: the reason, and what to do.
    """
    if state.tracer is not None:
        raise RuntimeError(f"{what} inside fastnet.graph.trace ({user_line()}): {because}")
