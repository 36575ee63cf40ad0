"""A small network, its batches and its training step, and comparisons, for the tests of `fastnet.compile`."""
import numpy as np

import fastnet
from fastnet import nn
from fastnet.nn import functional as F


def batch(n=8, features=5, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return (fastnet.tensor(rng.standard_normal((n, features)).astype("float32")),
            fastnet.tensor(rng.integers(0, classes, n)))


def network(seed=0, dropout=0.0, norm=False):
    fastnet.manual_seed(seed)
    layers = [nn.Linear(5, 16), nn.BatchNorm1d(16) if norm else nn.Identity(), nn.ReLU(), nn.Dropout(dropout),
              nn.Linear(16, 3)]
    return nn.Sequential(*layers)


def trainer(model, optimizer, clip=None, compiled=False):
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss
    return fastnet.compile(step) if compiled else step


OPTIMIZERS = {
    "sgd": lambda p: fastnet.optim.SGD(p, lr=0.1, momentum=0.9), "adam": lambda p: fastnet.optim.Adam(p, lr=1e-2),
    "adamw": lambda p: fastnet.optim.AdamW(p, lr=1e-2), "rmsprop": lambda p: fastnet.optim.RMSprop(p, lr=1e-3),
    "adagrad": lambda p: fastnet.optim.Adagrad(p, lr=1e-2)}


def without_gradient(fn):
    def run(*args):
        with fastnet.no_grad():
            return fn(*args)
    return run


def equal(a, b):
    return a.shape == b.shape and np.array_equal(a.numpy(), b.numpy(), equal_nan=True)
