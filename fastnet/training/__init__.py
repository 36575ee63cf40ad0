"""Training for people: the Trainer, its history and checkpoints."""
from fastnet.training.history import History
from fastnet.training.trainer import Trainer

__all__ = ["History", "Trainer"]
