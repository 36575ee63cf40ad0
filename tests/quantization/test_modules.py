"""Each layer of fastnet.nn.quantized and fastnet.nn.qat: files, repr, and integers against float32."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn import qat, quantized
from fastnet.nn.quantized import dynamic

rng = np.random.default_rng(0)
CONV = {1: ((3,), (2,), (1,), (1,)), 2: ((3, 2), (1, 2), (1, 0), (2, 1)),
        3: ((1, 2, 1), (1, 1, 1), (0, 1, 0), (1, 1, 1))}

MODULES = [
    quantized.Quantize(0.1, 3), quantized.DeQuantize(0.25, -4), quantized.Linear(3, 2, 0.1, 4, 0.3, -5, "relu"),
    *(getattr(quantized, f"Conv{n}d")(4, 6, *CONV[n], 2, 0.1, 4, 0.3, -5, "relu6") for n in CONV),
    quantized.Add(0.1, 2, 0.2, 3, 0.3, 4, "relu"), quantized.Mul(0.1, 2, 0.2, 3, 0.3, 4),
    quantized.Concat([0.1, 0.2], [3, 4], 0.3, 5, 1), quantized.Function("tanh", 0.1, 2, 0.3, 4),
    quantized.LSTM(3, 4, 2, True, 0.1, 2, 0.3, 4), quantized.GRU(3, 4, 1, False, 0.1, 2, 0.3, 4),
    quantized.WeightOnlyLinear(64, 3, 4, 16), quantized.WeightOnlyLinear(64, 3, 8, 64),
    dynamic.Linear(3, 2), dynamic.LSTM(3, 4, 2, True, True), dynamic.GRU(3, 4),
    qat.Linear(3, 2, False, True, "relu6", True, 1e-3, 0.2, True),
    *(getattr(qat, f"Conv{n}d")(4, 6, *CONV[n], 2, norm=True, activation="relu") for n in CONV),
    qat.FakeQuantize("MinMax"), qat.FakeQuantize("Entropy", observer_enabled=False),
    qat.FakeQuantize("MovingAverage", True), qat.WeightFakeQuantize(3, True, False), qat.Add("relu"), qat.Mul(),
    qat.Concat(2), qat.Function("silu"), qat.LSTM(3, 4, 2), qat.GRU(3, 4, 1, True),
]


def names(modules):
    return [f"{type(m).__module__.split('.')[2]}.{type(m).__name__}" for m in modules]


def test_all_layers_are_here():
    tested = {type(m) for m in MODULES}
    for package in (quantized, dynamic, qat):
        assert {x for x in map(package.__dict__.get, package.__all__) if isinstance(x, type)} <= tested


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_files(module, tmp_path):
    for buffer in module.buffers():
        with fastnet.no_grad():
            buffer.copy_(fastnet.tensor(rng.integers(1, 5, buffer.shape).astype(buffer.dtype)))
    path = tmp_path / "m.safetensors"
    nn.Sequential(module, nn.ReLU()).save(path)
    loaded = fastnet.load(path)[0]
    assert type(loaded) is type(module) and repr(loaded) == repr(module.eval())
    for (name, a), (other, b) in zip(module.state_dict().items(), loaded.state_dict().items(), strict=True):
        assert name == other and a.dtype == b.dtype
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    loaded.load_state_dict(module.state_dict())


def test_a_name_of_the_file_is_not_code(tmp_path):
    from fastnet.nn.outline import module_class
    for name in ("quantized", "quantized.", "quantized.os", "os.Linear", "qat.ACTIVATIONS", "quantized.dynamic.x"):
        assert module_class(name) is None


# ---- integers against float32 ---------------------------------------------------------------------------------------

def int8(x, scale, zero):
    return fastnet.tensor(np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_layers_with_weights(n, activation):
    shape = (5, 12) if n == 0 else (2, 4, 7, 6, 5)[:n + 2]
    x = (rng.integers(-100, 100, shape) * 0.05).astype(np.float32)
    if n:
        layer = getattr(quantized, f"Conv{n}d")(4, 6, *CONV[n], 2, 0.05, 3, 0.1, -7, activation)
        weight = rng.normal(size=layer.weight.shape).astype(np.float32)
    else:
        layer = quantized.Linear(12, 6, 0.05, 3, 0.1, -7, activation)
        weight = rng.normal(size=(6, 12)).astype(np.float32)
    bias = rng.normal(size=6).astype(np.float32)
    layer.set_weight(weight, bias)
    real = layer.weight.numpy() * layer.weight_scale.numpy().reshape(-1, *(1,) * (weight.ndim - 1))
    real = fastnet.tensor(real.astype(np.float32))
    if n:
        function = getattr(nn.functional, f"conv{n}d")
        expected = function(fastnet.tensor(x), real, fastnet.tensor(bias), *CONV[n][1:], 2)
    else:
        expected = nn.functional.linear(fastnet.tensor(x), real, fastnet.tensor(bias))
    expected = qat.layers.ACTIVATIONS[activation](expected).numpy()
    got = layer(int8(x, 0.05, 3)).numpy()
    assert got.dtype == np.int8
    wanted = np.clip(expected / 0.1 - 7, -128, 127)
    assert np.abs(got - wanted).max() <= 0.8


@pytest.mark.usefixtures("backend")
def test_operations_on_two():
    a, b = (rng.normal(size=(4, 50)) for _ in range(2))
    qa, qb = int8(a, 0.03, 2), int8(b, 0.02, -3)
    a, b = (qa.numpy().astype(float) - 2) * 0.03, (qb.numpy().astype(float) + 3) * 0.02
    for layer, real in ((quantized.Add(0.03, 2, 0.02, -3, 0.05, 1), a + b),
                        (quantized.Mul(0.03, 2, 0.02, -3, 0.05, 1), a * b),
                        (quantized.Add(0.03, 2, 0.02, -3, 0.05, 1, "relu"), np.maximum(a + b, 0))):
        assert np.abs(layer(qa, qb).numpy() - np.clip(real / 0.05 + 1, -128, 127)).max() <= 0.8
    both = quantized.Concat([0.03, 0.02], [2, -3], 0.05, 1, 1)(qa, qb).numpy()
    assert np.abs(both - np.clip(np.concatenate([a, b], 1) / 0.05 + 1, -128, 127)).max() <= 0.8


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("make, cls", [(nn.LSTM, quantized.LSTM), (nn.GRU, quantized.GRU)])
@pytest.mark.parametrize("layers, batch_first", [(1, True), (2, False)])
def test_integer_recurrent_layers(make, cls, layers, batch_first):
    fastnet.manual_seed(0)
    layer = make(5, 16, layers, batch_first=batch_first)
    x = rng.normal(size=(6, 7, 5))
    q = int8(x, 0.03, 2)
    expected = layer(fastnet.tensor(((q.numpy().astype(float) - 2) * 0.03).astype(np.float32)))[0].detach().numpy()
    small = cls(5, 16, layers, batch_first, 0.03, 2, 1 / 128, 0)
    small.set_weights(layer)
    got = small(q).numpy() / 128
    assert got.shape == expected.shape and np.abs(got - expected).max() < 0.03
