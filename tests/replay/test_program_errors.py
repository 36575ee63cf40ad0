"""`fastnet.compile`: errors for unsupported code; a failed call changes nothing."""
import gc

import numpy as np
import pytest
from program_tools import batch, network, trainer

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize("leak", [
    lambda x: x.sum().item(), lambda x: float(x.sum()), lambda x: bool(x.sum() > 0), lambda x: x.numpy(),
    lambda x: np.asarray(x), lambda x: x.tolist(), lambda x: int(x.sum()), lambda x: fastnet.tensor([1.0]),
    lambda x: fastnet.from_numpy(np.ones(2, np.float32)), lambda x: x[x > 0], lambda x: fastnet.manual_seed(0)])
def test_python_values_do_not_leak_in(leak):
    with pytest.raises(RuntimeError, match=r"inside a compiled function \(.*test_program_errors.py:\d+\)"):
        fastnet.compile(lambda x: (leak(x), x * 2)[1])(fastnet.ones(2))
    assert fastnet.ones(2).tolist() == [1, 1]          # the thread is out of the recording


def test_a_tensor_that_escapes_is_an_error():
    held = []

    @fastnet.compile
    def f(x):
        held.append(x * 2)
        return x + 1
    with pytest.raises(RuntimeError, match="still held"):
        f(fastnet.ones(2))
    held.clear()
    gc.collect()
    assert fastnet.compile(lambda x: x + 1)(fastnet.ones(2)).tolist() == [2, 2]


def test_a_failed_replay_changes_no_state():
    model = network(dropout=0.5, norm=True)
    step = trainer(model, fastnet.optim.AdamW(model.parameters(), lr=0.1), compiled=True)
    x, y = batch()
    for _ in range(3):
        step(x, y)
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    random_state = fastnet.get_rng_state()
    bad = y.clone()
    bad[3] = 7
    with pytest.raises(IndexError, match="7"):
        step(x, bad)
    for k, v in model.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k], err_msg=k)
    np.testing.assert_array_equal(fastnet.get_rng_state(), random_state)
    step(x, y)
    assert len(step) == 1


@pytest.mark.parametrize("use", [lambda y: F.cross_entropy(fastnet.zeros(8, 3), y), lambda y: fastnet.zeros(3)[y]])
def test_a_check_of_computed_values_restores_the_state(use):
    model = network(norm=True)

    @fastnet.compile
    def f(x, shift):
        return use(model(x).argmax(1) + shift).detach()
    x, _ = batch()
    zero = fastnet.zeros(8, dtype="int64")
    f(x, zero), f(x, zero)
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    with pytest.raises(IndexError):
        f(x, zero + 5)
    for k, v in model.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k], err_msg=k)


def test_an_error_while_recording_leaves_nothing_behind():
    f = fastnet.compile(lambda x: x.reshape(7))
    with pytest.raises(RuntimeError, match=r"\(7,\)"):
        f(fastnet.ones(2))
    assert fastnet.ones(2).add_(1).tolist() == [2, 2] and len(f) == 0


@pytest.mark.parametrize("write", [
    lambda x, y: x.copy_(y), lambda x, y: x[0].copy_(y[0]), lambda x, y: x.view(-1).mul_(y.view(-1)),
    lambda x, y: x.__setitem__(0, y[1])], ids=["copy_", "row", "view", "index"])
def test_gradients_written_into_tensors_from_outside_are_an_error(write):
    w, outside = fastnet.ones(2, 2, requires_grad=True), fastnet.ones(2, 2)

    def argument(x):
        write(x, w * 2)

    def captured(x):
        write(outside, w * x)

    def inside(x):
        y = x * 1
        write(y, w * 2)
        y.sum().backward()
        outside.copy_(y.detach())
    for f in (argument, captured):
        with pytest.raises(RuntimeError, match="from outside the compiled function"):
            fastnet.compile(f)(fastnet.zeros(2, 2))
    assert not outside.requires_grad and outside.tolist() == [[1, 1], [1, 1]]
    recorded = fastnet.compile(inside)
    gradients = []
    for f in (inside, recorded, recorded):
        w.grad = None
        f(fastnet.ones(2, 2))
        gradients.append((w.grad.tolist(), outside.tolist()))
    assert gradients[0] == gradients[1] == gradients[2]
