"""What belongs to each Python thread: the recording in progress and whether gradients are recorded."""
import threading
from typing import Any


class _State(threading.local):
    recorder: Any = None                # the fastnet.recording.Recorder of a function being compiled
    grad_enabled = True


state = _State()
