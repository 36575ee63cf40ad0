"""Learning-rate schedules, under PyTorch's names and with its numbers.

A schedule reads and writes its optimizer's `param_groups`, nothing else. Making one sets the first rates; each `step()`
after that sets the next. Most compute a rate from the one before, so that several may act on one optimizer at once.
"""
from fastnet.optim.lr_scheduler.base import LRScheduler
from fastnet.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from fastnet.optim.lr_scheduler.factors import ConstantLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR
from fastnet.optim.lr_scheduler.one_cycle import OneCycleLR
from fastnet.optim.lr_scheduler.plateau import ReduceLROnPlateau
from fastnet.optim.lr_scheduler.sequential import SequentialLR

__all__ = ["ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "ExponentialLR", "LRScheduler", "LambdaLR",
           "LinearLR", "MultiStepLR", "OneCycleLR", "ReduceLROnPlateau", "SequentialLR", "StepLR"]
