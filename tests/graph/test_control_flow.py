"""Control flow by value, random numbers and updates of buffers are errors that name the user's file and line."""
import inspect

import pytest
from function_module import Function

import fastnet
from fastnet import nn, ops
from fastnet.graph import trace
from fastnet.nn import functional as F


def branch(x):
    if x.sum() > 0:
        return x
    return -x


def integer(x):
    return x * int(x.sum())


def item(x):
    return x * x.max().item()


def repeats(x):
    for _ in range(x.argmax()):
        x = x + 1
    return x


def values(x):
    total = 0.0
    for value in x.flatten():
        total += float(value)
    return x * total


def until(x):
    while (x < 10).all():
        x = x * 2
    return x


def mask(x):
    return x[x > 0]


def mask_write(x):
    y = x * 1
    y[y > 0] = 0
    return y


def membership(x):
    return x if 1.0 in x else -x


FUNCTIONS = [branch, integer, item, repeats, values, until, mask, mask_write, membership]
FUNCTIONS += [lambda x: x.nonzero(), lambda x: x.unique(), lambda x: x.long().flatten().bincount(),
              lambda x: F.one_hot(x.long()), lambda x: x.histc(4), lambda x: x.tolist() and x,
              lambda x: ops.nms(x[:, :4], x[:, 0], 0.5), lambda x: fastnet.tensor(x.numpy()), lambda x: f"{x.sum():f}"]
FUNCTIONS += [lambda x: x + fastnet.randn(4), lambda x: x * fastnet.rand_like(x), lambda x: x[fastnet.randperm(2)],
              lambda x: x + fastnet.empty(4).normal_(), lambda x: F.gumbel_softmax(x)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_line_is_named(function):
    first = function.__code__.co_firstlineno
    last = first + len(inspect.getsource(function).splitlines())
    with pytest.raises(RuntimeError, match=r"inside fastnet\.graph\.trace") as caught:
        trace(Function(function), fastnet.ones(2, 4))
    file, _, line = str(caught.value).rpartition("): the graph")[0].rpartition("(")[2].rpartition(":")
    assert file == __file__ and first <= int(line) < last


def test_loops_over_shapes_are_unrolled():
    graph = trace(Function(lambda x: sum(row.exp() for row in x) if x.ndim == 2 and len(x) else x), fastnet.ones(3, 2))
    assert [node.operation for node in graph.nodes].count("exp") == 3


class Counting(nn.Module):
    """Counts its calls in a buffer."""

    def __init__(self, update):
        super().__init__()
        self.register_buffer("count", fastnet.zeros(()))
        self.update = update

    def forward(self, x):
        self.update(self)
        return x * self.count


def add(module):
    module.count += 1


def add_by_method(module):
    module.count.add_(1)


def assign(module):
    module.count = module.count + 1


@pytest.mark.parametrize("update", [add, add_by_method, assign], ids=lambda function: function.__name__)
def test_an_update_of_a_buffer_is_refused(update):
    model = Counting(update)
    with pytest.raises(RuntimeError, match=r"'count'.* inside fastnet\.graph\.trace") as caught:
        trace(model, fastnet.ones(2))
    assert f"{__file__}:{update.__code__.co_firstlineno + 1})" in str(caught.value) and model.count.item() == 0


def test_operations_that_draw_numbers_are_nodes():
    graph = trace(nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3)), fastnet.ones(4, 3), training=True)
    assert [node.operation for node in graph.nodes] == ["dropout", "batch_norm"]
    assert [node.operation for node in trace(Function(fastnet.bernoulli), fastnet.ones(3)).nodes] == ["bernoulli"]
