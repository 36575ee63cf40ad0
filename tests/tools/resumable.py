"""A training to be killed: `python resumable.py FOLDER SECONDS`; it prints the SHA-256 of weights and history.

Everything that a checkpoint must hold takes part: dropout, a schedule by batch, averaged weights, accumulated
gradients, early stopping, metrics, augmentation, the shuffled epoch.
"""
import hashlib
import sys

from training_tools import blobs, perceptron

import fastnet
from fastnet import callbacks as c
from fastnet.data import DataLoader, TensorDataset


def noisy(x, y, rng):
    return x + rng.normal(0, 0.05, x.shape).astype(x.dtype), y


def main(folder, seconds):
    loader = DataLoader(TensorDataset(*blobs(500)), 16, shuffle=True, seed=3, transform=noisy)
    fastnet.manual_seed(5)
    trainer = fastnet.Trainer(perceptron(dropout=0.2), "adam", loss="cross_entropy", metrics=["accuracy", "auc"])
    history = trainer.fit(loader, epochs=8, validation_data=blobs(100, 3, 4), progress=False, resume=folder, callbacks=[
        c.LearningRateSchedule("one_cycle"), c.GradientAccumulation(3), c.ExponentialMovingAverage(0.9),
        c.EarlyStopping("validation_accuracy", patience=20), c.Checkpoint(folder, seconds=float(seconds))])
    digest = hashlib.sha256()
    for x in trainer.model.state_dict().values():
        digest.update(x.numpy())
    for row in history:
        digest.update(repr({name: value for name, value in row.items() if name != "seconds"}).encode())
    print(digest.hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
