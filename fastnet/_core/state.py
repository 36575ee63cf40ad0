"""What belongs to each Python thread, and how state is set and put back whatever interrupts it.

`state.recorder` is the recording in progress, `state.grad_enabled` the gradient mode. What must not be recorded asks
`forbid_in_recording`.
"""
import sys
from types import FrameType

from fastnet._runtime.native import state as _native_state

state = _native_state.state
recorded, inside = _native_state.recorded, _native_state.inside
Swapped = _native_state.Swapped
Turn = _native_state.Turn
Finally = _native_state.Finally


def user_line():
    """ "file:line" of the nearest caller outside this package."""
    package = __name__.partition(".")[0]
    frame: FrameType | None = sys._getframe(1)
    while frame and (frame.f_globals.get("__name__") or "").partition(".")[0] == package:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?"


def forbid_in_recording(what, because=None):
    """Raise if this thread records: `what` would fix a value of this run into every replay."""
    if state.recorder is not None:
        raise RuntimeError(
            f"{what} inside a compiled function ({user_line()}): " + (because or (
                "the value would be that of the recorded run in every replay. Return the tensor and read it outside, "
                "or keep the computation in tensors.")))
