"""Callbacks of the Trainer: what happens beside the training."""
from fastnet.training.callbacks.base import Callback
from fastnet.training.callbacks.checkpoint import Checkpoint
from fastnet.training.callbacks.logs import CSVLogger, Progress, TensorBoard
from fastnet.training.callbacks.schedule import LearningRateSchedule
from fastnet.training.callbacks.stopping import EarlyStopping, ModelCheckpoint
from fastnet.training.callbacks.updates import ExponentialMovingAverage, GradientAccumulation, GradientClipping

__all__ = ["CSVLogger", "Callback", "Checkpoint", "EarlyStopping", "ExponentialMovingAverage", "GradientAccumulation",
           "GradientClipping", "LearningRateSchedule", "ModelCheckpoint", "Progress", "TensorBoard"]
