"""Ctrl-C during a training: the first ends it after the batch, the second at once."""
import signal
import threading

from fastnet.callbacks import Callback


class Interruptible(Callback):
    """Sets the trainer's `interrupted` at the first SIGINT; from then on, and after the training, all is as before."""

    def __init__(self):
        self._before = None

    def on_fit_begin(self, trainer):
        # where interruptions are ignored, as in a process started with nohup, they stay ignored
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) not in (
                signal.SIG_IGN, None):
            self._before = signal.signal(signal.SIGINT, lambda number, frame: self._interrupt(trainer))

    def close(self, trainer):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _interrupt(self, trainer):
        trainer.interrupted = True
        self.close(trainer)
