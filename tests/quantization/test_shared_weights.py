"""Weights that several layers share: they stay shared in training, in files, and in the integer model's values."""
import json

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.quantization import StepModel, convert, prepare_qat


class Tied(nn.Module):
    """A layer that is called twice, a table that is also the last layer's weight, and a product with a weight."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(12, 8)
        self.twice = nn.Linear(8, 8)
        self.out = nn.Linear(8, 12, bias=False)
        self.out.weight = self.table.weight

    def forward(self, tokens):
        x = self.twice(self.twice(self.table(tokens)).tanh())
        return self.out(x) + x @ self.twice.weight @ self.table.weight.T


class CalledTwice(nn.Module):
    """A convolution and a batch norm that are called twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu()
        return self.norm(self.conv(x))


TOKENS = fastnet.tensor(np.random.default_rng(0).integers(0, 12, 40))


def trained(model, *, steps=3):
    fastnet.manual_seed(0)
    prepared = prepare_qat(model, TOKENS, faster_only=False)
    optimizer = fastnet.optim.SGD(prepared.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(prepared(TOKENS), TOKENS).backward()
        optimizer.step()
    return prepared.eval()


def test_shared_weights_are_trained_together():
    fastnet.manual_seed(1)
    model = Tied()
    before = [p.detach().clone() for p in model.parameters()]
    prepared = trained(model)
    assert sorted(p.shape for p in prepared.parameters()) == sorted(p.shape for p in model.parameters())
    assert all((p == old).all() for p, old in zip(model.parameters(), before))          # the model is unchanged
    kinds = [type(prepared.get_submodule(step.module)).__name__ for step in prepared.steps if step.module]
    assert kinds.count("Linear") == 4           # the layers, and the product with the table


def test_the_first_gradient_is_the_sum_over_all_calls():
    fastnet.manual_seed(1)
    model = Tied()
    prepared = prepare_qat(model, TOKENS, faster_only=False)
    prepared.apply(lambda module: setattr(module, "fake_quant_enabled", False))
    for network in (model, prepared):
        nn.functional.cross_entropy(network(TOKENS), TOKENS).backward()
    for name, p in prepared.named_parameters():
        expected = model.table.weight if "table" in name or p.shape[0] == 12 else (
            model.twice.weight if p.ndim == 2 else model.twice.bias)
        np.testing.assert_allclose(p.grad.numpy(), expected.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_a_batch_norm_that_is_called_twice():
    fastnet.manual_seed(2)
    model, x = CalledTwice(), fastnet.randn(4, 3, 6, 6)
    model(x)
    prepared = prepare_qat(model, x, faster_only=False)
    assert len(list(prepared.parameters())) == 3
    model.train()(x), prepared(x)
    statistics = [buffer for name, buffer in prepared.named_buffers() if name.endswith("running_mean")]
    assert len(statistics) == 1
    np.testing.assert_allclose(statistics[0].numpy(), model.norm.running_mean.numpy(), atol=0.05)


def test_files_and_integers(tmp_path):
    fastnet.manual_seed(1)
    prepared = trained(Tied())
    prepared.save(tmp_path / "m.safetensors")
    loaded = fastnet.load(tmp_path / "m.safetensors")
    assert len(list(loaded.parameters())) == len(list(prepared.parameters())) == 3
    np.testing.assert_array_equal(loaded(TOKENS).detach().numpy(), prepared(TOKENS).detach().numpy())
    integers = convert(loaded)
    expected, got = prepared(TOKENS).detach().numpy(), integers(TOKENS).numpy()
    assert np.square(got - expected).mean() < 1e-3 * np.square(expected).mean()
    integers.save(tmp_path / "i.safetensors")
    np.testing.assert_array_equal(fastnet.load(tmp_path / "i.safetensors")(TOKENS).numpy(), got)


@pytest.mark.parametrize("shared", [{"0.weight": "nothing"}, {"nothing.weight": "0.weight"}, {"0.bias": "0.weight"},
                                    {"0.weight": 3}])
def test_a_program_that_shares_what_it_lacks(shared):
    described = prepare_qat(nn.Sequential(nn.Linear(4, 3)), fastnet.ones(1, 4), faster_only=False).description
    described["shared"] = shared
    with pytest.raises(ValueError, match="the program shares"):
        StepModel(json.dumps(described))
