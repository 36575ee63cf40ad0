"""What belongs to each Python thread: the recording in progress and whether gradients are recorded."""
import threading


class _State(threading.local):
    recorder = None                     # the fastnet.recording.Recorder of a function being compiled
    grad_enabled = True


state = _State()
