"""Learning-rate schedules with PyTorch's names and numbers.

A schedule only reads and writes its optimizer's `param_groups`. Creating it sets the first rates, and each `step()`
sets the next ones. Most schedules compute a rate from the current one, so that several can act on one optimizer.
"""
from fastnet.optim.lr_scheduler.base import LRScheduler
from fastnet.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from fastnet.optim.lr_scheduler.cyclic import ChainedScheduler, CyclicLR, MultiplicativeLR, PolynomialLR
from fastnet.optim.lr_scheduler.factors import ConstantLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR
from fastnet.optim.lr_scheduler.one_cycle import OneCycleLR
from fastnet.optim.lr_scheduler.plateau import ReduceLROnPlateau
from fastnet.optim.lr_scheduler.sequential import SequentialLR

_LRScheduler = LRScheduler              # the name of the class in old versions of PyTorch

__all__ = ["ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
           "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR",
           "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR"]
