"""Callbacks for the Trainer: early stopping, checkpoints, logs, energy, schedules and changes to the update."""
from fastnet.callbacks.base import Callback
from fastnet.callbacks.checkpoint import Checkpoint
from fastnet.callbacks.energy import Energy
from fastnet.callbacks.logs import CSVLogger, Progress, TensorBoard
from fastnet.callbacks.report import Report
from fastnet.callbacks.schedule import LearningRateSchedule
from fastnet.callbacks.stopping import EarlyStopping, ModelCheckpoint
from fastnet.callbacks.unfreezing import GradualUnfreezing
from fastnet.callbacks.updates import ExponentialMovingAverage, GradientAccumulation, GradientClipping

__all__ = ["CSVLogger", "Callback", "Checkpoint", "EarlyStopping", "Energy", "ExponentialMovingAverage",
           "GradientAccumulation", "GradientClipping", "GradualUnfreezing", "LearningRateSchedule", "ModelCheckpoint",
           "Progress", "Report", "TensorBoard"]
