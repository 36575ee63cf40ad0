"""Optimizers and learning-rate schedules with PyTorch's names."""
from fastnet.optim import lr_scheduler, swa_utils
from fastnet.optim.adadelta import Adadelta
from fastnet.optim.adafactor import Adafactor
from fastnet.optim.adagrad import Adagrad
from fastnet.optim.adam import Adam, AdamW
from fastnet.optim.adamax import Adamax
from fastnet.optim.asgd import ASGD
from fastnet.optim.lbfgs import LBFGS
from fastnet.optim.muon import Muon
from fastnet.optim.nadam import NAdam
from fastnet.optim.optimizer import Optimizer
from fastnet.optim.radam import RAdam
from fastnet.optim.rmsprop import RMSprop
from fastnet.optim.rprop import Rprop
from fastnet.optim.sgd import SGD
from fastnet.optim.sparse_adam import SparseAdam

__all__ = ["ASGD", "LBFGS", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon", "NAdam",
           "Optimizer", "RAdam", "RMSprop", "Rprop", "SparseAdam", "lr_scheduler", "swa_utils"]
