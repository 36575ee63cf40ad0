"""The Trainer: fit, evaluate and predict with a model, with a history and checkpoints; the Distiller is one."""
from fastnet.training.distiller import Distiller
from fastnet.training.history import History
from fastnet.training.trainer import Trainer

__all__ = ["Distiller", "History", "Trainer"]
