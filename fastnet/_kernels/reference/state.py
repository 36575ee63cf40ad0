"""The thread's own values of fastnet/_kernels/state.pyx in plain Python, for installs without the extension."""
import threading
from typing import Any


class State(threading.local):
    """The values of the thread that asks."""

    recorder: Any = None                # the fastnet.recording.Recorder of a function being compiled
    grad_enabled = True                 # whether operations are recorded on the tape


state = State()
