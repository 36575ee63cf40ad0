"""Adafactor beside PyTorch's."""
import numpy as np
import pytest

import fastnet
from fastnet import optim

OPTIONS = [{}, {"lr": 0.5, "weight_decay": 0.1, "eps": (1e-3, 0.01), "maximize": True}, {"d": 2.0, "beta2_decay": -0.5}]
SHAPES = ((4, 3), (3,), (2, 3, 4), ())


def pairs(torch, kw, dtype="float64"):
    """Parameters and optimizers of both engines."""
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    found = []
    for package in (fastnet, torch):
        weights = [package.tensor(a, requires_grad=True) for a in start]
        found.append((weights, package.optim.Adafactor(weights, **kw)))
    return found


def step_all(found, i):
    for weights, optimizer in found:
        rng = np.random.default_rng(i)
        for w in weights:
            w.grad = w.new_tensor(rng.standard_normal(tuple(w.shape)))
        optimizer.step()


@pytest.mark.parametrize("kw", OPTIONS)
def test_agrees_with_torch(kw):
    torch = pytest.importorskip("torch")
    found = pairs(torch, kw)
    for i in range(6):
        step_all(found, i)
    (ours, mine), (theirs, other) = found
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6)
    for number, entry in mine.state_dict()["state"].items():
        assert set(entry) == set(other.state_dict()["state"][number])


def test_a_state_continues():
    torch = pytest.importorskip("torch")
    found = pairs(torch, {})
    step_all(found, 0)
    (weights, optimizer), _ = found
    others = [w.detach().clone().requires_grad_() for w in weights]
    later = optim.Adafactor(others)
    later.load_state_dict(optimizer.state_dict())
    step_all([(weights, optimizer), (others, later)], 1)
    assert all(fastnet.equal(a, b) for a, b in zip(weights, others))


def test_wrong_arguments_are_refused():
    w = fastnet.ones(2, requires_grad=True)
    for wrong in ({"lr": -1.0}, {"beta2_decay": 0.5}, {"d": 0.5}, {"eps": (None, -1.0)}, {"weight_decay": -1.0}):
        with pytest.raises(ValueError, match="invalid"):
            optim.Adafactor([w], **wrong)
