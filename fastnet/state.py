"""What belongs to each Python thread, and how state is set and put back whatever interrupts it.

`state.recorder` is the recording in progress, `state.grad_enabled` the gradient mode.
"""
from fastnet._native import state as _native_state

state = _native_state.state
recorded, inside = _native_state.recorded, _native_state.inside
Swapped, Turn, Finally = _native_state.Swapped, _native_state.Turn, _native_state.Finally
