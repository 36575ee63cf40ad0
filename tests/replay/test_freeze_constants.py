"""The values that `fastnet.compile(freeze=True)` may not keep as constants: gradients, writes, random numbers."""
import copy
import random

import numpy as np
import pytest
from program_tools import equal, without_gradient

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def test_a_gradient_is_an_error():
    model = nn.Linear(3, 2)
    frozen = fastnet.compile(model, freeze=True)
    with pytest.raises(RuntimeError, match=r"no tensor that needs a gradient, got one of shape \(2, 3\); call the "
                                           r"function under fastnet.no_grad\(\)"):
        frozen(fastnet.ones(1, 3))
    with fastnet.no_grad():
        assert equal(frozen(fastnet.ones(1, 3)), model(fastnet.ones(1, 3)))
    model.requires_grad_(False)
    assert equal(frozen(fastnet.ones(1, 3)), model(fastnet.ones(1, 3)))


def test_a_gradient_of_a_tensor_from_outside_runs_eagerly_without_fullgraph():
    model = nn.Linear(3, 2)
    frozen = fastnet.compile(model, freeze=True, fullgraph=False)
    with pytest.warns(RuntimeWarning, match=r"uses a tensor of shape \(2, 3\) that needs a gradient, with freeze=True"):
        frozen(fastnet.ones(1, 3))
    frozen(fastnet.ones(1, 3)).sum().backward()
    assert model.weight.grad is not None and not len(frozen)


class Cache(nn.Module):
    """A buffer that each call reads and then writes."""

    def __init__(self):
        super().__init__()
        self.register_buffer("sums", fastnet.zeros(4))

    def forward(self, x):
        doubled = self.sums * 2             # depends on nothing but the buffer
        self.sums.add_(x)
        return doubled + self.sums * 3


def test_a_buffer_that_the_function_writes_is_no_constant():
    eager, other = Cache(), Cache()
    frozen = fastnet.compile(without_gradient(other), freeze=True)
    for i in range(4):
        assert equal(frozen(fastnet.ones(4) * i), without_gradient(eager)(fastnet.ones(4) * i))
    assert len(frozen) == 1


def test_memory_of_two_tensors():
    array = np.ones(4, np.float32)
    a, b = fastnet.from_numpy(array), fastnet.from_numpy(array)

    def run(x):
        doubled = b * 2 + x
        a.add_(x)
        return doubled
    frozen = fastnet.compile(run, freeze=True)
    assert [frozen(fastnet.ones(4)).tolist()[0] for _ in range(3)] == [3, 5, 7]


def test_batch_norm_in_training_mode():
    eager, other = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    frozen = fastnet.compile(without_gradient(other), freeze=True)
    for seed in range(4):
        fastnet.manual_seed(seed)
        x = fastnet.randn(2, 3, 4, 4)
        assert equal(frozen(x), without_gradient(eager)(x))
        assert all(equal(a, b) for a, b in zip(eager.state_dict().values(), other.state_dict().values()))


def test_random_numbers_and_float_arguments_are_no_constants():
    weight = fastnet.ones(50)
    def run(x, scale):
        return x + weight * 2 * scale + fastnet.randn(50) + F.dropout(weight, 0.5)
    frozen = fastnet.compile(run, freeze=True)
    results = []
    for fn in (run, frozen):
        fastnet.manual_seed(1)
        results.append([fn(fastnet.ones(50), 0.5 * i) for i in range(5)])
    assert all(map(equal, *results))


def test_constants_that_are_overwritten_inside():
    weight = fastnet.ones(6) * 3
    def run(x):
        a = weight * 2
        b = a + x                           # reads a before it is overwritten
        a.add_(x)
        a[2:4] = weight[:2]
        c = weight - 1
        c[1:3].mul_(weight[1:3])
        return a, b, c, a + c, weight * 5
    frozen = fastnet.compile(run, freeze=True)
    for i in range(4):
        x = fastnet.arange(6) * float(i)
        assert all(map(equal, frozen(x), run(x)))


@pytest.mark.parametrize("between", [lambda x: x + 1, lambda x: fastnet.cumsum(x, 0)])
def test_memory_that_was_used_before(between):
    weight = fastnet.ones(1000)

    def run(x):
        y = (x * 2).sum()                   # the product's memory is free again
        doubled = weight * 2
        z = between(x)                      # perhaps in Python, between two lists of launches
        return y + doubled + z
    frozen = fastnet.compile(run, freeze=True)
    for i in range(3):
        assert equal(frozen(fastnet.ones(1000) * i), run(fastnet.ones(1000) * i))


def test_results_of_constants_belong_to_the_caller():
    weight = fastnet.ones(3)
    frozen = fastnet.compile(lambda x: (weight * 2, x + 1), freeze=True)
    for _ in range(3):
        doubled, _ = frozen(fastnet.ones(3))
        assert doubled.tolist() == [2, 2, 2]
        doubled.mul_(7)


def random_program(seed):
    """A function of two tensors that computes with constants and arguments, drops results, and writes in place."""
    draw = random.Random(seed)
    kinds = ["add", "mul", "relu", "matmul", "cat", "slice", "in place", "in part", "drop", "copy", "write", "numpy"]
    plan = [(draw.choice(kinds), draw.random(), draw.random()) for _ in range(25)]

    def run(x, y, constants):
        live = [*constants, x * 1, y * 1]
        for kind, p, q in plan:
            a, b = live[int(p * len(live))], live[int(q * len(live))]
            if kind == "add":
                live.append(a + b)
            elif kind == "mul":
                live.append(a * 0.5)
            elif kind == "relu":
                live.append(F.relu(a))
            elif kind == "matmul":
                live.append(a @ b * 0.1)
            elif kind == "cat":
                live.append(fastnet.cat([a[:2], b[2:]]))
            elif kind == "slice":
                live.append(a[::1])
            elif kind == "copy":
                live.append(a.T.contiguous())
            elif kind == "numpy":               # has no compiled kernel
                live.append(fastnet.cumsum(a, 0) * 0.5)
            elif kind == "drop" and len(live) > 4:
                live.pop(len(constants) + int(p * (len(live) - len(constants))))
            elif kind == "in place" and not any(a is c for c in constants):
                a.add_(b * 0.5)
            elif kind == "in part":
                live[-1][1:3].mul_(0.5)
            elif kind == "write" and q < 0.1:
                constants[0].add_(a * 0.1)
        return tuple(live[len(constants):])
    return run


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed):
    fastnet.manual_seed(seed)
    constants = [fastnet.randn(5, 5) for _ in range(3)]
    others = copy.deepcopy(constants)
    program = random_program(seed)
    frozen = fastnet.compile(lambda x, y: program(x, y, others), freeze=True)
    for i in range(4):
        x, y = fastnet.randn(5, 5), fastnet.randn(5, 5)
        assert all(map(equal, frozen(x, y), program(x, y, constants)))
        assert all(map(equal, others, constants))
        if i == 2:
            for c in constants, others:
                c[1].mul_(0.5)
