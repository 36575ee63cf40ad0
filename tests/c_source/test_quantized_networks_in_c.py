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
    """Means over the image between a convolution and a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.last(self.conv(x).mean((2, 3)))


NORM = nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3)
LEAKY = nn.Linear(6, 8), nn.LeakyReLU(), nn.Linear(8, 3)


def test_operations_in_float_are_named(tmp_path):
    for make, shape, name in ((Means, (1, 1, 6, 6), "mean"), (lambda: nn.Sequential(*LEAKY), (1, 6), "leaky_relu")):
        made = exported(quantized(make(), shape, 64), fastnet.ones(*shape), tmp_path, name, dtype="int8")[0].made
        lines = ["libm:  not needed", f"float: {name}"]
        assert made.floats == (name,) and not made.libm and str(made).splitlines()[-2:] == lines
        assert all(f" * {line}\n" in made.source.read_text() for line in lines)
        assert not {"sqrtf", "expf", "fmaxf"} & symbols(tmp_path / f"{name}.so")


def test_integers_need_no_libm(tmp_path):
    model = quantized(nn.Sequential(*NORM), (1, 6), 64)
    with pytest.raises(ValueError, match="needs no libm, but these operations of the model run in float: layer_norm;"):
        fastnet.export_c(model, fastnet.ones(1, 6), tmp_path / "whole.c", dtype="int8")
    assert not list(tmp_path.iterdir())
    made = fastnet.export_c(model, fastnet.ones(1, 6), tmp_path / "net.c")
    assert made.libm and made.floats == ("layer_norm",) and "libm:  needed\nfloat: layer_norm" in str(made)


@pytest.mark.parametrize("layers, message", [
    ((nn.Linear(6, 3), nn.Softmax(-1)), "'softmax' of the model computes .* in float; leave it out, or use dtype="),
    ((nn.LeakyReLU(), nn.Linear(6, 3)), "inputs are quantised first, .*'leaky_relu' of the model reads")])
def test_inputs_and_outputs_in_float(layers, message, tmp_path):
    model = quantized(nn.Sequential(*layers), (1, 6), 64)
    with pytest.raises(ValueError, match=message):
        fastnet.export_c(model, fastnet.ones(1, 6), tmp_path / "net.c", dtype="int8")


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
