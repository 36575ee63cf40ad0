"""Costs of nodes: multiply-adds, FLOPs, bytes and parameters."""
import pytest

import fastnet
from fastnet import models, nn
from fastnet.graph import fuse, trace


def totals(model, *example):
    costs = trace(model, *example).costs()
    return sum(c.multiply_adds for c in costs), sum(c.flops for c in costs)


@pytest.mark.parametrize("model, example, products", [
    (nn.Linear(3, 4), (fastnet.ones(5, 3),), 5 * 3 * 4),
    (nn.Conv2d(4, 6, 3, groups=2), (fastnet.ones(2, 4, 5, 5),), 2 * 6 * 9 * 2 * 9),
    (nn.ConvTranspose1d(4, 6, 2, 2), (fastnet.ones(1, 4, 5),), 4 * 5 * 6 * 2),
    (nn.LSTM(3, 4), (fastnet.ones(7, 2, 3),), 7 * 2 * 16 * (3 + 4)),
    (nn.GRU(3, 4, bidirectional=True), (fastnet.ones(7, 2, 3),), 2 * 7 * 2 * 12 * (3 + 4)),
    (nn.LSTMCell(3, 4), (fastnet.ones(2, 3),), 2 * 16 * (3 + 4)),
    (nn.MultiheadAttention(8, 2, batch_first=True), (fastnet.ones(2, 5, 8),) * 3,
     2 * 5 * 8 * 8 * 4 + 2 * (2 * 2 * 5 * 5 * 4)),
], ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else "")
def test_multiply_adds(model, example, products):
    assert totals(model, *example)[0] == products


def test_flops_of_other_operations():
    assert totals(nn.ReLU(), fastnet.ones(2, 3)) == (0, 6)
    assert totals(nn.Softmax(1), fastnet.ones(2, 3)) == (0, 30)
    assert totals(nn.MaxPool2d(2), fastnet.ones(1, 3, 4, 4)) == (0, 3 * 4 * 4)
    assert totals(nn.AdaptiveAvgPool2d(1), fastnet.ones(1, 3, 4, 4)) == (0, 3 * 4 * 4)
    assert totals(nn.Flatten(), fastnet.ones(1, 3, 4, 4)) == (0, 0)


def test_bytes_and_parameters():
    [cost] = trace(nn.Embedding(1000, 4), fastnet.ones(3, dtype=fastnet.int64)).costs()
    assert (cost.bytes_read, cost.bytes_written, cost.parameters) == (3 * 4 * 4 + 3 * 8, 3 * 4 * 4, 4000)
    [cost] = trace(nn.Flatten(), fastnet.ones(2, 3, 4)).costs()
    assert (cost.bytes_read, cost.bytes_written) == (0, 0)


def test_fused_operations_cost_what_their_parts_do():
    graph = trace(models.resnet8(), fastnet.ones(1, 3, 32, 32))
    assert sum(c.multiply_adds for c in fuse(graph).costs()) == sum(c.multiply_adds for c in graph.costs())
