"""Callbacks for the Trainer: early stopping, checkpoints, logs, schedules and changes to the update."""
from fastnet.callbacks.base import Callback
from fastnet.callbacks.checkpoint import Checkpoint
from fastnet.callbacks.logs import CSVLogger, Progress, TensorBoard
from fastnet.callbacks.schedule import LearningRateSchedule
from fastnet.callbacks.stopping import EarlyStopping, ModelCheckpoint
from fastnet.callbacks.updates import ExponentialMovingAverage, GradientAccumulation, GradientClipping

__all__ = ["CSVLogger", "Callback", "Checkpoint", "EarlyStopping", "ExponentialMovingAverage", "GradientAccumulation",
           "GradientClipping", "LearningRateSchedule", "ModelCheckpoint", "Progress", "TensorBoard"]
