"""Adaptive softmax: PyTorch's numbers, gradients and errors, and the same bits in a recording."""
import numpy as np
import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")
RNG = np.random.default_rng(0)
X, T = RNG.standard_normal((40, 8)), RNG.permutation(40)
OPTIONS = [{"cutoffs": [5]}, {"cutoffs": [5, 10, 20], "div_value": 2.0}, {"cutoffs": (1, 39), "head_bias": True,
                                                                          "div_value": 1.5}]


def pair(**options):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 40, **options, dtype=torch.float64)
    ours = nn.AdaptiveLogSoftmaxWithLoss(8, 40, **options, dtype=fastnet.float64)
    ours.load_state_dict({name: fastnet.tensor(value.numpy()) for name, value in theirs.state_dict().items()})
    return torch, ours, theirs


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_against_torch(options):
    torch, ours, theirs = pair(**options)
    x, t = fastnet.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    got, expected = ours(x, fastnet.tensor(T)), theirs(t, torch.tensor(T))
    np.testing.assert_allclose(got.output.detach().numpy(), expected.output.detach().numpy(), rtol=0, atol=1e-12)
    (got.loss + got.output[3]).backward()
    (expected.loss + expected.output[3]).backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=0, atol=1e-13)
    for p, (name, q) in zip(ours.parameters(), theirs.named_parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=0, atol=1e-13, err_msg=name)
    np.testing.assert_allclose(ours.log_prob(x).detach().numpy(), theirs.log_prob(t).detach().numpy(), atol=1e-12)
    np.testing.assert_array_equal(ours.predict(x).numpy(), theirs.predict(t).numpy())
    one, its = ours(x[0], fastnet.tensor(T)[0]), theirs(t[0], torch.tensor(T)[0])
    assert one.output.shape == () and abs(one.output.item() - its.output.item()) < 1e-12


def test_recorded_with_the_same_bits():
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 40, [5, 20])
    x = fastnet.tensor(X).float()
    run = fastnet.compile(lambda x, t: layer(x, t).output)
    for targets in (T, T[::-1].copy(), np.zeros_like(T), np.full_like(T, 39)):
        t = fastnet.tensor(targets)
        assert fastnet.equal(run(x, t), layer(x, t).output)
    assert (layer.log_prob(x).exp().sum(1) - 1).abs().max().item() < 1e-5


@pytest.mark.parametrize("cutoffs", [[], [0], [5, 5], [7, 5], [40], [2.5]])
def test_wrong_cutoffs(cutoffs):
    with pytest.raises(ValueError, match="cutoffs"):
        nn.AdaptiveLogSoftmaxWithLoss(8, 40, cutoffs)


@pytest.mark.parametrize("shape, targets, message", [
    ((2, 8), [0, 40], "expected targets from 0 to 39, got targets from 0 to 40"), ((2, 8), [-1, 2], "from -1 to 2"),
    ((2, 8), [1], r"got \(2, 8\) and \(1,\)"), ((8,), [1], "expected an input"),
    ((2, 8), [[1, 2]], "expected an input")])
def test_errors_of_a_call(shape, targets, message):
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 40, [5, 20])
    with pytest.raises(RuntimeError, match=message):
        layer(fastnet.zeros(*shape), fastnet.tensor(targets))


def test_new_weights():
    layer = nn.AdaptiveLogSoftmaxWithLoss(16, 40, [5, 20])
    before = layer.tail[1][1].weight.clone()
    layer.reset_parameters()
    assert not fastnet.equal(before, layer.tail[1][1].weight)
