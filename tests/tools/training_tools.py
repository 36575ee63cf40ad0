"""Small trainings for tests."""
import numpy as np

import fastnet
from fastnet import callbacks, nn


def blobs(n=300, classes=3, seed=0):
    """Points around the corners of a triangle, which anything can learn to tell apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    corners = np.array([[0, 0], [4, 0], [0, 4]])
    return (corners[y] + rng.standard_normal((n, 2)) * 0.5).astype(np.float32), y.astype(np.int64)


class batches_of:
    """A loader that knows nothing but its batches."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def perceptron(dropout=0.0, outputs=3):
    fastnet.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, outputs))


def trainer(dropout=0.0, optimizer=None, loss="cross_entropy", metrics=("accuracy",), outputs=3, model=None):
    model = model or perceptron(dropout, outputs)
    return fastnet.Trainer(model, optimizer or (lambda p: fastnet.optim.AdamW(p, lr=0.02)), loss=loss, metrics=metrics)


def fitted(x=None, y=None, *, dropout=0.0, make=None, **options):
    """A trainer after `fit`."""
    if x is None:
        x, y = blobs()
    options = {"epochs": 4, "batch_size": 32, "progress": False} | options
    t = make() if make else trainer(dropout)
    t.fit(x, y, **options)
    return t


def weights(t):
    """The bits of a trainer's weights."""
    return [x.numpy().tobytes() for x in t.model.state_dict().values()]


def without_seconds(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


class Scripted(callbacks.Callback):
    """Logs these numbers, one for each epoch, and keeps the weights of each epoch."""

    priority = -1

    def __init__(self, *values, name="validation_loss"):
        self.values, self.name, self.kept = list(values), name, []

    def on_epoch_end(self, trainer):
        trainer.logs[self.name] = self.values.pop(0)
        self.kept.append(weights(trainer))
