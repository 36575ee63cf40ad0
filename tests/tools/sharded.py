"""A training on shards, for tests: `python sharded.py FOLDER SHARDS EPOCHS [BACKEND [STEP]]`, on any number of ranks.

Prints the rank and the SHA-256 of the weights, the buffers and the history. Dropout, both kinds of batch norm, random
transforms, a last batch of another size, accumulation, clipping and a validation take part. The gradients are cut into
several buckets, most of which are exchanged during backward().
"""
import hashlib
import sys

import numpy as np

import fastnet
from fastnet import callbacks as c, distributed, nn
from fastnet.data import DataLoader, TensorDataset
from fastnet.distributed import buckets


def noisy(x, y, rng):
    return x + rng.normal(0, 0.05, x.shape).astype(x.dtype), y


def images(count, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = rng.standard_normal((count, 1, 6, 6)).astype(np.float32)
    x[np.arange(count), 0, y] += 2
    return x, y


def network():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(0.1), nn.Flatten(),
                         nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))


def digest(trainer):
    found = hashlib.sha256()
    for name, x in trainer.model.state_dict().items():
        found.update(name.encode() + x.numpy().tobytes())
    for row in trainer.history:
        found.update(repr({name: value for name, value in row.items() if name != "seconds"}).encode())
    return found.hexdigest()


def make_trainer(shards):
    fastnet.manual_seed(5)
    return fastnet.Trainer(network(), "adamw", lr=0.01, loss="cross_entropy", metrics=["accuracy", "auc"],
                           shards=shards)


def train(trainer, epochs, folder=None, count=325, extra=()):
    loader = DataLoader(TensorDataset(*images(count, 1)), 16, shuffle=True, seed=3, transform=noisy)
    kept = [] if folder is None else [c.Checkpoint(folder, seconds=0)]
    trainer.fit(loader, epochs=epochs, validation_data=images(2100, 2), progress=False, resume=folder, callbacks=[
        c.LearningRateSchedule("one_cycle"), c.GradientClipping(1.0), c.ExponentialMovingAverage(0.9), *kept, *extra])


class StopAt(c.Callback):
    """Interrupts the training at a step on the last rank, as Ctrl-C does, which need not reach all ranks."""

    def __init__(self, step):
        self.step = step

    def on_batch_end(self, trainer):
        last = distributed.get_rank() == distributed.get_world_size() - 1
        trainer.interrupted = trainer.interrupted or (last and trainer.step >= self.step)


def main(folder, shards, epochs, backend=None, stop=None):
    buckets.BUCKET_BYTES = 256
    if backend is not None:
        distributed.init_process_group(backend)
    trainer = make_trainer(int(shards))
    train(trainer, int(epochs), folder if folder != "-" else None, extra=[] if stop is None else [StopAt(int(stop))])
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    sys.stdout.write(f"rank {rank} {trainer.step} {digest(trainer)}\n")       # at once: mpirun mixes parts of lines


if __name__ == "__main__":
    main(*sys.argv[1:])
