"""Whole networks as C: MLPerf Tiny's four in their sizes, models of `fastnet.models`, and random small networks."""
import random

import numpy as np
import pytest
from c_networks import NETWORKS, with_statistics
from c_tools import exported, largest_error

import fastnet
from fastnet import nn


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name, tmp_path):
    fastnet.manual_seed(0)
    make, shape = NETWORKS[name]
    x = fastnet.randn(*shape)
    compiled, expected = exported(with_statistics(make()), x, tmp_path)
    assert largest_error(compiled(x.numpy()), expected) <= 1e-6
    assert compiled.made.arena <= compiled.made.live_maximum + 512


# ---- random networks ------------------------------------------------------------------------------------------------

def random_network(draw, shape):
    """Layers of random kinds and sizes for an input (N, C, H, W)."""
    layers, (c, h, w) = [], shape
    for _ in range(draw.randint(1, 5)):
        kind = draw.choice(["conv", "depthwise", "pool", "norm", "activation", "residual"])
        if kind == "conv":
            k, stride = draw.randint(1, min(3, h, w)), draw.randint(1, 2)
            pad, outputs = draw.randint(0, 1), draw.randint(1, 6)
            layers.append(nn.Conv2d(c, outputs, k, stride, pad, bias=draw.random() < 0.7))
            c, h, w = outputs, (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
        elif kind == "depthwise":
            layers.append(nn.Conv2d(c, 2 * c, 3, padding=1, groups=c))
            c *= 2
        elif kind == "pool" and min(h, w) >= 2:
            layers.append(draw.choice([nn.MaxPool2d, nn.AvgPool2d])(2))
            h, w = h // 2, w // 2
        elif kind == "norm":
            layers.append(draw.choice([nn.BatchNorm2d(c), nn.GroupNorm(1, c), nn.LayerNorm([c, h, w])]))
        elif kind == "residual":
            layers.append(Residual(nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.ReLU())))
        else:
            layers.append(draw.choice([nn.ReLU(), nn.Tanh(), nn.SiLU(), nn.Sigmoid(), nn.Softmax(1)]))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(c * h * w, draw.randint(1, 5)))


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) + x


@pytest.mark.parametrize("seed", range(25))
def test_random_networks(seed, tmp_path):
    draw = random.Random(seed)
    fastnet.manual_seed(seed)
    shape = draw.randint(1, 4), draw.randint(3, 12), draw.randint(3, 12)
    x = fastnet.randn(draw.randint(1, 2), *shape)
    compiled, expected = exported(with_statistics(random_network(draw, shape)), x, tmp_path)
    assert largest_error(compiled(x.numpy()), expected) <= 2e-6
    assert compiled.made.arena <= compiled.made.live_maximum + 512
    assert np.isfinite(expected[0]).all()
