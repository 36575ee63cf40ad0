"""Optimizers over arenas: adjacent parameters in one call, with the same bits as separate calls."""
import numpy as np
import pytest
from optim_tools import (
    SHAPES,
    STEPS,
    assert_close,
    bits,
    over_rules,
    parameters,
    step_on,
    torch_step_on,
    values,
    whole_state,
)

import fastnet
from fastnet import nn, optim
from fastnet._core import memory
from fastnet.backend import K

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def adam_calls(monkeypatch):
    """The sizes of the calls of Adam's kernel."""
    calls = []
    kernel = K.adam_

    def counted(p, *args, **attrs):
        calls.append(p.size)
        kernel(p, *args, **attrs)
    monkeypatch.setattr(K, "adam_", counted)
    return calls


@pytest.mark.usefixtures("fresh_arena")
def test_adjacent_parameters_are_updated_in_one_call(adam_calls):
    params = parameters(values("float32"))
    optimizer = optim.AdamW(params, lr=0.1)
    for i in (0, 2):
        step_on(params, optimizer, i)
    assert len(adam_calls) == 2
    first, last = params[0], params[-1]
    assert adam_calls[0] == (last.data_ptr() - first.data_ptr()) // 4 + last.numel()
    adam_calls.clear()
    step_on(params, optimizer, 1)               # one without a gradient splits the span
    assert len(adam_calls) == 2


@pytest.mark.usefixtures("fresh_arena")
@over_rules
def test_the_bits_do_not_depend_on_the_arena(rule, kw):
    start = values("float32", shapes=[*SHAPES, (4097,), (2,)])
    inside, outside = parameters(start), parameters(start, arena=False)
    rules = [getattr(optim, rule)(params, **kw) for params in (inside, outside)]
    for i in range(STEPS):
        step_on(inside, rules[0], i)
        step_on(outside, rules[1], i)
    assert bits(inside) == bits(outside)
    assert whole_state(rules[0]) == whole_state(rules[1])


@pytest.mark.usefixtures("fresh_arena")
def test_a_frozen_parameter_in_between_is_unchanged(adam_calls):
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5), nn.Linear(5, 2))
    model[1].requires_grad_(False)
    frozen, free = bits(model[1].parameters()), bits([*model[0].parameters(), *model[2].parameters()])
    optimizer = optim.AdamW(model.parameters(), lr=0.1)
    model(fastnet.ones(2, 3)).sum().backward()
    optimizer.step()
    assert len(adam_calls) == 2 and adam_calls[1] == 16 + 2
    assert bits(model[1].parameters()) == frozen
    assert all(a != b for a, b in zip(free, bits([*model[0].parameters(), *model[2].parameters()])))
    assert len(optimizer.state) == 4


@pytest.mark.usefixtures("fresh_arena")
def test_a_span_ends_with_its_chunk(adam_calls, monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", 256)
    start = [np.full(24, i, np.float32) for i in range(6)] + [np.ones(1000, np.float32), np.ones(3, np.float32)]
    params = parameters(start)
    optimizer = optim.Adam(params, lr=1.0)
    for p in params:
        p.backward(fastnet.ones(*p.shape))
    optimizer.step()
    assert sorted(adam_calls) == [3, 56, 56, 56, 1000]      # 24 elements take 128 bytes, 32 elements, of a chunk
    for p, a in zip(params, start):
        np.testing.assert_allclose(p.detach().numpy(), a - 1, atol=1e-6)


@pytest.mark.usefixtures("fresh_arena")
def test_a_gradient_that_was_set_by_hand_is_used():
    params = parameters([np.zeros(3, np.float32) for _ in range(3)])
    optimizer = optim.SGD(params, lr=1.0)
    for p in params:
        p.backward(fastnet.ones(3))
    params[1].grad = fastnet.full((3,), 5.0)
    optimizer.step()
    assert [p.tolist() for p in params] == [[-1] * 3, [-5] * 3, [-1] * 3]


@pytest.mark.usefixtures("fresh_arena")
def test_two_optimizers_on_one_model(torch):
    start = values("float64")
    ours, theirs = parameters(start), [torch.tensor(a, requires_grad=True) for a in start]

    def make(package, params):
        return [package.AdamW(params[::2], lr=0.02), package.SGD(params[1::2], lr=0.1, momentum=0.9),
                package.RMSprop(params[1:4], lr=0.01)]
    both = make(optim, ours), make(torch.optim, theirs)
    for i in range(STEPS):
        for optimizer, other in zip(*both):
            step_on(ours, optimizer, i)
            torch_step_on(torch, theirs, other, i)
            for p in ours:
                p.grad = None
    assert_close(ours, theirs, 1e-11)
