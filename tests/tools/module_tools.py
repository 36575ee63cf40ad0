"""What the tests of modules share: a network with everything in it."""
import numpy as np

import fastnet
from fastnet import nn


class Block(nn.Module):
    """One of everything: parameters, one left out, buffers of both kinds, modules, plain attributes."""

    def __init__(self, f=nn, n=3):
        super().__init__()
        self.inner = f.Linear(n, n)
        self.norm = f.BatchNorm1d(n)
        self.scale = nn.Parameter(fastnet.ones(n))
        self.register_parameter("shift", None)
        self.register_buffer("seen", fastnet.zeros(()))
        self.register_buffer("scratch", fastnet.zeros(2), persistent=False)
        self.n = n

    def forward(self, x):
        return self.norm(self.inner(x)) * self.scale


def model():
    return nn.Sequential(Block(), nn.ReLU(), nn.Linear(3, 2))


def values(module):
    return {k: v.numpy().copy() for k, v in module.state_dict().items()}


def assert_equal(a, b):
    assert list(a) == list(b)
    for k in a:
        np.testing.assert_array_equal(a[k], b[k], err_msg=k)
