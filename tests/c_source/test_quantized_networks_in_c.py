"""Networks that `fastnet.quantize` made, as C: equal to Python in every bit. MLPerf Tiny's four in their sizes."""
import numpy as np
import pytest
from c_networks import NETWORKS, with_statistics
from c_tools import Compiled, arrays_in, exported, symbols

import fastnet
from fastnet import nn

NAMES = ["ds_cnn", "resnet8", "autoencoder", "mobilenet_v1", "lenet5", "gru_kws", "tcn"]


def quantized(model, shape, count=8):
    """A model with 8-bit integers, calibrated on random numbers."""
    fastnet.manual_seed(0)
    small, _ = fastnet.quantize(model, fastnet.randn(count, *shape[1:]), faster_only=False, speed=False)
    return small


@pytest.mark.parametrize("name", NAMES)
def test_networks_equal_python_in_every_bit(name, tmp_path):
    fastnet.manual_seed(1)
    make, shape = NETWORKS[name]
    model = quantized(with_statistics(make()), shape)
    x = fastnet.randn(*shape)
    compiled, expected = exported(model, x, tmp_path, dtype="int8")
    assert not {"malloc", "free", "expf", "roundf", "sqrtf"} & symbols(compiled.path)
    assert compiled.made.arena <= compiled.made.live_maximum + 512
    for scale in (0.3, 1.0, 3.0):
        x = fastnet.randn(*shape) * scale
        assert np.array_equal(integers_in_c(compiled, x.numpy(), expected[0].shape), arrays_in(model(x))[0])


def integers_in_c(compiled, x, shape):
    """The model's results, by way of the conversions in C."""
    q, result, y = np.zeros(x.shape, np.int8), np.zeros(shape, np.int8), np.zeros(shape, np.float32)
    for function, given, to in (("quantize", x, q), ("run", q, result), ("dequantize", result, y)):
        compiled.call(function, given, to)
    return y


def test_ten_thousand_inputs(tmp_path):
    fastnet.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(36, 10), nn.ReLU(), nn.Linear(10, 3))
    model = quantized(with_statistics(model), (1, 1, 8, 8), 64)
    made = fastnet.export_c(model, fastnet.zeros(1, 1, 8, 8), tmp_path / "net.c", dtype="int8")
    inputs = fastnet.randn(10_000, 1, 8, 8)
    with fastnet.no_grad():
        expected = model(inputs).numpy()
    compiled = Compiled(made, [expected[:1]])
    found = np.concatenate([integers_in_c(compiled, x[None], (1, 3)) for x in inputs.numpy()])
    assert np.array_equal(found, expected)


def test_a_quantized_model_with_floats_around_it(tmp_path):
    fastnet.manual_seed(3)
    model = quantized(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), (1, 6), 64)
    x = fastnet.randn(1, 6)
    compiled, expected = exported(model, x, tmp_path)
    assert np.array_equal(compiled(x.numpy())[0], expected[0])


class Means(nn.Module):
    """Means over the image, and over tokens, between layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.tokens, self.last = nn.Conv2d(1, 4, 3), nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        x = self.conv(x)
        tokens = self.tokens(x.flatten(2).transpose(1, 2)) + self.tokens(x.mean((2, 3), True).flatten(2).mT)
        return self.last(tokens.mean(1))


class Product(nn.Module):
    """x @ weight + bias over (N, T, C), as ONNX files have it."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(fastnet.randn(6, 8)), nn.Parameter(fastnet.randn(8))

    def forward(self, x):
        return x @ self.weight + self.bias


LEAKY = nn.Linear(6, 8), nn.LeakyReLU(0.1), nn.Linear(8, 8), nn.Softplus(), nn.Linear(8, 3), nn.SELU()
INTEGERS = {"means": (Means, (1, 1, 6, 6)), "tables": (lambda: nn.Sequential(*LEAKY), (1, 6)),
            "rows": (lambda: nn.Sequential(Product(), nn.LeakyReLU(), nn.Linear(8, 3)), (1, 5, 6))}


@pytest.mark.parametrize("name", INTEGERS)
def test_means_functions_and_products_equal_python_in_every_bit(name, tmp_path):
    fastnet.manual_seed(4)
    make, shape = INTEGERS[name]
    model = quantized(make(), shape, 64)
    compiled, expected = exported(model, fastnet.ones(*shape), tmp_path, dtype="int8")
    assert compiled.made.floats == () and not compiled.made.libm
    assert not {"sqrtf", "expf", "fmaxf"} & symbols(compiled.path)
    for _ in range(100):
        x = fastnet.randn(*shape) * 1.5
        assert np.array_equal(integers_in_c(compiled, x.numpy(), expected[0].shape), arrays_in(model(x))[0])


NORM = nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3)
SLOPES = nn.Linear(6, 8), nn.Unflatten(1, (2, 4)), nn.PReLU(2), nn.Flatten(), nn.Linear(8, 3)


def test_operations_in_float_are_named(tmp_path):
    model = quantized(nn.Sequential(*SLOPES), (1, 6), 64)
    made = exported(model, fastnet.ones(1, 6), tmp_path, dtype="int8")[0].made
    floats = tuple(f"{name} of '2'" for name in ("gt", "where"))
    lines = ["libm:  not needed", f"float: {', '.join(floats)}"]
    assert made.floats == floats and not made.libm and str(made).splitlines()[-2:] == lines
    assert all(f" * {line}\n" in made.source.read_text() for line in lines)
    assert not {"sqrtf", "expf", "fmaxf"} & symbols(tmp_path / "net.so")


def test_integers_need_no_libm(tmp_path):
    model = quantized(nn.Sequential(*NORM), (1, 6), 64)
    with pytest.raises(ValueError, match="but these operations of the model run in float: layer_norm of '1';"):
        fastnet.export_c(model, fastnet.ones(1, 6), tmp_path / "whole.c", dtype="int8")
    assert not list(tmp_path.iterdir())
    made = fastnet.export_c(model, fastnet.ones(1, 6), tmp_path / "net.c")
    assert made.libm and made.floats == ("layer_norm of '1'",) and "libm:  needed\nfloat: layer_norm" in str(made)


@pytest.mark.parametrize("layers, message", [
    ((nn.Linear(6, 3), nn.Softmax(-1)), "'softmax' of module '1' computes .* in float; leave it out, which keeps"),
    ((nn.Linear(6, 3), nn.LayerNorm(3), nn.Unflatten(1, (1, 3))),
     "'layer_norm' of module '1' computes .* in float; compute it outside of the model, or use dtype='float32'"),
    ((nn.LayerNorm(6), nn.Linear(6, 3)), "inputs are quantised first, .*'layer_norm' of module '0' reads")])
def test_inputs_and_outputs_in_float(layers, message, tmp_path):
    model = quantized(nn.Sequential(*layers), (1, 6), 64)
    with pytest.raises(ValueError, match=message):
        fastnet.export_c(model, fastnet.ones(1, 6), tmp_path / "net.c", dtype="int8")


def test_small_layers_in_float(tmp_path, monkeypatch):
    monkeypatch.setattr("fastnet.quantization.handlers.slower_in_int8", lambda kind, x, weight: (
        "it is small" if weight[0] < 8 else None))
    model, x = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), fastnet.randn(8, 6)
    small, _ = fastnet.quantize(model, x, speed=False)
    with pytest.raises(ValueError, match=r"'linear' of module '2' computes .*; quantise with faster_only=False"):
        fastnet.export_c(small, x[:1], tmp_path / "net.c", dtype="int8")


def test_integers_alone_need_no_libm(tmp_path):
    model = quantized(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), (1, 6), 64)
    made = fastnet.export_c(model, fastnet.ones(1, 6), tmp_path / "net.c", dtype="int8")
    assert not made.libm and made.floats == () and "libm:  not needed" in made.source.read_text()
    assert "float:" not in str(made)


def test_a_model_whose_activations_are_float_is_no_model_of_integers(tmp_path):
    model, _ = fastnet.quantize(nn.Sequential(nn.Linear(64, 64)), fastnet.randn(8, 64), "dynamic", faster_only=False,
                                speed=False)
    with pytest.raises(ValueError, match="takes a quantised model, see the schemes 'static' and 'qat'"):
        fastnet.export_c(model, fastnet.ones(1, 64), tmp_path / "net.c", dtype="int8")
