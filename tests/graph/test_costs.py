"""Costs of nodes: multiply-adds, FLOPs, bytes and parameters."""
import pytest

import fastnet
from fastnet import models, nn
from fastnet.graph import costs, fuse, operation, trace
from fastnet.graph.operations import DRAWS, ELEMENTWISE


def totals(model, *example):
    costs = trace(model, *example).costs()
    return sum(c.multiply_adds for c in costs), sum(c.flops for c in costs)


@pytest.mark.parametrize("model, example, products", [
    (nn.Linear(3, 4), (fastnet.ones(5, 3),), 5 * 3 * 4),
    (fastnet.lora.apply(nn.Linear(3, 4), r=2), (fastnet.ones(5, 3),), 5 * (3 * 4 + 2 * 3 + 4 * 2)),
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


def test_integers_cost_what_numbers_do():
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 2)).eval(), fastnet.randn(2, 3, 6, 6)
    quantized = fastnet.quantize(model, [x], faster_only=False, speed=False)[0]
    assert totals(quantized, x)[0] == totals(model, x)[0] == 2 * (4 * 16 * 27 + 64 * 2)


def test_every_counted_operation_exists():
    assert [name for name in (*costs.MULTIPLY_ADDS, *ELEMENTWISE, *DRAWS) if not callable(operation(name))] == []


def test_fused_operations_cost_what_their_parts_do():
    graph = trace(models.resnet8(), fastnet.ones(1, 3, 32, 32))
    assert sum(c.multiply_adds for c in fuse(graph).costs()) == sum(c.multiply_adds for c in graph.costs())
