"""What belongs to each Python thread: `state.recorder`, the recording in progress, and `state.grad_enabled`."""
from fastnet._native import state as _native_state

state = _native_state.state
