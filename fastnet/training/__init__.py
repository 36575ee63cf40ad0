"""The Trainer: fit, evaluate and predict with a model, with a history and checkpoints."""
from fastnet.training.history import History
from fastnet.training.trainer import Trainer

__all__ = ["History", "Trainer"]
