"""Optimizers and learning-rate schedules with PyTorch's names."""
from fastnet.optim import lr_scheduler
from fastnet.optim.adagrad import Adagrad
from fastnet.optim.adam import Adam, AdamW
from fastnet.optim.optimizer import Optimizer
from fastnet.optim.rmsprop import RMSprop
from fastnet.optim.sgd import SGD
from fastnet.optim.sparse_adam import SparseAdam

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "SparseAdam", "lr_scheduler"]
