"""Ctrl-C during a training: the first stops it after the current batch, the second at once."""
from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

from fastnet.callbacks import Callback

if TYPE_CHECKING:
    from fastnet.training import Trainer

__all__ = ["Interruptible"]


class Interruptible(Callback):
    """Set the trainer's `interrupted` at the first SIGINT. Then, and after the training, restore the signal handler."""

    def __init__(self) -> None:
        self._before: Any = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        # keep ignoring interruptions where they are ignored, as in a process started with nohup
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) not in (
                signal.SIG_IGN, None):
            self._before = signal.signal(signal.SIGINT, lambda number, frame: self._interrupt(trainer))

    def close(self, trainer: Trainer) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _interrupt(self, trainer: Trainer) -> None:
        trainer.interrupted = True
        self.close(trainer)
