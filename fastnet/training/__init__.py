"""Training for people: the Trainer, its history, callbacks and checkpoints."""
from fastnet.training import callbacks
from fastnet.training.history import History
from fastnet.training.trainer import Trainer

__all__ = ["History", "Trainer", "callbacks"]
