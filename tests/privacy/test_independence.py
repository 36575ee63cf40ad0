"""Modules whose own code mixes the samples of a batch are refused; all others are not."""
import copy
import random

import numpy as np
import pytest

import fastnet
from fastnet import models, nn
from fastnet.data import DataLoader, TensorDataset
from fastnet.nn import functional as F
from fastnet.privacy import ModuleValidator, PrivacyEngine


class Own(nn.Module):
    """A linear layer, and code of one's own."""

    def __init__(self, code):
        super().__init__()
        self.layer, self.code = nn.Linear(4, 3), code
        self.calls, self.rng = 0, np.random.default_rng(0)
        self.register_buffer("mean", fastnet.zeros(4))

    def forward(self, *inputs):
        self.calls += 1
        return self.code(self, *inputs)


def make_private(module, *arrays, **loading):
    if not arrays:
        arrays = np.random.default_rng(1).standard_normal((20, 4), np.float32), np.arange(20) % 3
    return PrivacyEngine(seed=0).make_private(
        module=module, optimizer=fastnet.optim.SGD(module.parameters(), 0.1), noise_multiplier=1.0, max_grad_norm=1.0,
        data_loader=DataLoader(TensorDataset(*arrays), 5, **loading))


def routed(m, x):
    """Each sample goes to one of two experts, which computes those of the batch together."""
    first = x[:, 0] > 0
    y = fastnet.zeros(len(x), 3)
    for chosen, scale in ((first, 1.0), (~first, 2.0)):
        rows = chosen.nonzero()[:, 0]
        y = y.index_add(0, rows, m.layer(x[rows]) * scale)
    return y


MIXING = {
    "mean": lambda m, x: m.layer(x - x.mean(0)),
    "weak": lambda m, x: m.layer(x + 0.05 * x.mean(0)),
    "largest": lambda m, x: m.layer(x / x.max()),
    "own batch norm": lambda m, x: F.batch_norm(m.layer(x), None, None, training=True),
    "neighbour": lambda m, x: m.layer(x + x.roll(1, 0)),
    "sums": lambda m, x: m.layer(x.cumsum(0)),
    "attention over samples": lambda m, x: F.softmax(m.layer(x) @ m.layer(x).T, 1) @ m.layer(x),
    "similarities": lambda m, x: m.layer(x) @ m.layer(x).T,
    "after dropout": lambda m, x: m.layer(F.dropout(x, 0.5) - x.mean(0)),
    "pairs": lambda m, x: m.layer(x.reshape(-1, 2, 4) - x.reshape(-1, 2, 4).mean(1, keepdim=True)).reshape(-1, 3),
}
INDEPENDENT = {
    "plain": lambda m, x: m.layer(x),
    "over features": lambda m, x: m.layer((x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)),
    "dropout": lambda m, x: F.dropout(m.layer(F.dropout(x, 0.5)), 0.5),
    "noise": lambda m, x: m.layer(x + fastnet.randn_like(x)),
    "noise of NumPy": lambda m, x: m.layer(x + fastnet.from_numpy(np.random.normal(size=(4,)).astype(np.float32))),     # noqa: NPY002
    "random depth": lambda m, x: m.layer(x) if random.random() < 0.5 else m.layer(-x),
    "own generator": lambda m, x: m.layer(x) * float(m.rng.random()),
    "random numbers of the system": lambda m, x: m.layer(x) * float(np.random.default_rng().random()),
    "counted calls": lambda m, x: m.layer(x) / m.calls,
    "routed": routed,
    "use of experts": lambda m, x: (m.layer(x), fastnet.stack([(x > i / 8).float().mean() for i in range(8)])),
    "place in the batch": lambda m, x: m.layer(x) * fastnet.arange(float(len(x)))[:, None],
    "loss": lambda m, x: m.layer(x - x.mean(0)).mean(),
    "not finite": lambda m, x: m.layer(x) * float("nan"),
    "zero": lambda m, x: m.layer(x) * 0,
    "labels": lambda m, x: (m.layer(x - 0), (x - x.mean(0)).argmax(1)),
}
NOT_CALLED = {
    "other inputs": lambda m, x, y: m.layer(x - x.mean(0)),
    "whole batches": lambda m, x: m.layer((x - x.mean(0)).reshape(5, 4)),
}


@pytest.mark.parametrize("code", MIXING.values(), ids=MIXING)
def test_code_that_mixes_samples_is_refused(code):
    with pytest.raises(ValueError, match="but the output for a sample changes with the other samples of the batch"):
        make_private(Own(code))


@pytest.mark.parametrize("code", INDEPENDENT.values(), ids=INDEPENDENT)
def test_no_false_alarm(code):
    make_private(Own(code))


@pytest.mark.parametrize("code", NOT_CALLED.values(), ids=NOT_CALLED)
def test_a_module_that_cannot_be_called_is_accepted_with_a_warning(code):
    with pytest.warns(UserWarning, match="module was not checked.* a call with 8 samples failed: (Type|Runtime)Error"):
        make_private(Own(code))


def test_the_output_is_named():
    with pytest.raises(ValueError, match=r"the output\[1\]\['centred'\] for a sample"):
        make_private(Own(lambda m, x: (m.layer(x), {"centred": m.layer(x - x.mean(0)), "plain": x})))


def test_several_inputs():
    """The module is called as the Trainer calls it: with all arrays of the loader but the last."""
    a = np.random.default_rng(0).standard_normal((20, 4), np.float32)
    make_private(Own(lambda m, x, y: m.layer(x * y)), a, a, np.arange(20))
    with pytest.raises(ValueError, match="changes with the other samples"):
        make_private(Own(lambda m, x, y: m.layer(x - y.mean(0))), a, a, np.arange(20))
    with pytest.raises(ValueError, match="changes with the other samples"):
        make_private(Own(lambda m, x: m.layer(x - x.mean(0))), a)


@pytest.mark.parametrize("samples", [1, 2, 3, 8])
def test_few_samples(samples):
    a = np.random.default_rng(0).standard_normal((samples, 4), np.float32)
    make_private(Own(MIXING["mean"] if samples < 2 else INDEPENDENT["plain"]), a, np.arange(samples))


def test_nothing_changes():
    def code(m, x):
        m.mean += x.mean(0)
        random.random(), np.random.random()     # noqa: NPY002
        return m.layer(fastnet.rand(len(x), 4))
    module = Own(code)
    before = copy.deepcopy(module.state_dict())
    states = fastnet.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()      # noqa: NPY002
    make_private(module)
    assert states == (fastnet.get_rng_state().tolist(), random.getstate(),
                      np.random.get_state()[1].tolist())                                    # noqa: NPY002
    assert module.calls == 0 and module.training
    assert all(value.equal(module.state_dict()[name]) for name, value in before.items())


IMAGES, TOKENS = ((9, 3, 32, 32), np.float32), ((9, 12), np.int64)
ZOO = {
    "lenet5": (lambda: models.lenet5(10), ((9, 1, 28, 28), np.float32)),
    "resnet18": (lambda: ModuleValidator.fix(models.resnet18(num_classes=10)), IMAGES),
    "mobilenet": (lambda: ModuleValidator.fix(models.mobilenet_v2(num_classes=10)), IMAGES),
    "gpt": (lambda: models.gpt(20, 12, n_embd=16, n_layer=2, n_head=2), TOKENS),
    "transformer": (lambda: nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), ((9, 5, 16), np.float32)),
}


@pytest.mark.parametrize("name", ZOO)
def test_models_are_independent(name):
    make, (shape, dtype) = ZOO[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape, np.float32) if dtype is np.float32 else rng.integers(0, 20, shape)
    make_private(make(), x, np.arange(9))
