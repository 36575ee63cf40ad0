"""Operations on 8-bit integers as C: equal to Python in every bit, without libm."""
import numpy as np
import pytest
from c_tools import exported, symbols
from int8_models import DRAW, MODELS, Integer, conv, linear, recurrent

import fastnet
from fastnet import nn
from fastnet.functional.quantized import quantize, requantize

LIBM = {"expf", "tanhf", "sqrtf", "logf", "erff", "floorf", "rintf", "roundf", "lrintf", "exp", "pow", "malloc", "free"}


def bits_equal(found, expected):
    return all(np.array_equal(a.view(np.int32), b.view(np.int32)) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_integers_equal_python_in_every_bit(name, tmp_path):
    make, shape = MODELS[name]
    model = make()
    x = fastnet.tensor(DRAW.normal(0, 3, shape).astype(np.float32))
    floats, expected = exported(model, x, tmp_path, "floats")
    assert bits_equal(floats(x.numpy()), expected)
    whole, _ = exported(model, x, tmp_path, "whole", dtype="int8")
    assert not LIBM & symbols(whole.path) and "const int8_t *input, int8_t *output" in whole.made.header.read_text()
    for scale in (0.5, 3.0, 30.0):
        x = fastnet.tensor(DRAW.normal(0, scale, shape).astype(np.float32))
        q, (result, y) = np.zeros(shape, np.int8), (np.zeros(expected[0].shape, d) for d in (np.int8, np.float32))
        whole.call("quantize", x.numpy(), q)
        whole.call("run", q, result)
        whole.call("dequantize", result, y)
        assert bits_equal([y], [model(x).numpy()])
    assert whole.made.arena <= whole.made.live_maximum + 512


@pytest.mark.parametrize("zero", [-128, 3, 127])
def test_conversions(zero, tmp_path):
    """Halves go to the nearest even integer, and NaN becomes the integer that stands for 0."""
    x = np.float32([0, 0.025, 0.075, 0.125, -0.025, -0.075, 1e30, -1e30, np.inf, -np.inf, np.nan, 6.2, 6.225, -6.55])
    x = np.concatenate([x, np.float32(0.05) * np.arange(-140, 140, 0.5, np.float32)])
    model = Integer(lambda n, q: requantize(q, 0.05, zero, 0.1, -7), zero)
    compiled, _ = exported(model, fastnet.tensor(x), tmp_path, dtype="int8", self_test=0)
    q = np.zeros(len(x), np.int8)
    compiled.call("quantize", x, q)
    assert np.array_equal(q, quantize(fastnet.tensor(x), 0.05, zero).numpy())


def test_ten_thousand_inputs(tmp_path):
    model = linear()
    x = fastnet.tensor(DRAW.normal(0, 3, (10_000, 12)).astype(np.float32))
    compiled, expected = exported(model, x, tmp_path, self_test=0)
    assert bits_equal(compiled(x.numpy()), expected)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_streaming_integers(cell, tmp_path):
    model, x = recurrent(cell, 6, 5), fastnet.tensor(DRAW.normal(0, 3, (6, 2, 6)).astype(np.float32))
    compiled, _ = exported(model, x[:2], tmp_path, streaming=True)
    for _ in range(2):
        compiled.call("reset")
        found = np.concatenate([compiled(part.numpy())[0] for part in x.split(2)])
        assert bits_equal([found], [model(x).numpy()])


class Causal(nn.Module):
    """A causal convolution in integers, whose padding comes before the quantisation."""

    def __init__(self):
        super().__init__()
        self.inner = conv(3, 4, 1, (3,), dilation=2)

    def forward(self, x):
        return self.inner(nn.functional.pad(x.transpose(1, 2), (4, 0), value=0.5))


def test_streaming_convolution_of_integers(tmp_path):
    model, x = Causal(), fastnet.tensor(DRAW.normal(0, 3, (1, 12, 3)).astype(np.float32))
    compiled, _ = exported(model, x[:, :2], tmp_path, streaming=True, dtype="int8", self_test=1)
    for _ in range(2):
        compiled.call("reset")
        found = []
        for part in x.split(2, 1):
            q, (result, y) = np.zeros((1, 2, 3), np.int8), (np.zeros((1, 4, 2), d) for d in (np.int8, np.float32))
            for function, given, to in (("quantize", np.ascontiguousarray(part.numpy()), q), ("run", q, result),
                                        ("dequantize", result, y)):
                compiled.call(function, given, to)
            found.append(y)
        assert np.array_equal(np.concatenate(found, 2), model(x).numpy())


def test_streaming_convolutions_of_integers_pad_the_past_alone(tmp_path):
    model = nn.Sequential(Causal(), conv(4, 4, 1, (3,), padding=1))
    with pytest.raises(NotImplementedError, match="both ends of time"):
        fastnet.export_c(model, fastnet.ones(1, 2, 3), tmp_path / "net.c", streaming=True)


def test_a_float_operation_has_no_place_between_integers(tmp_path):
    class Late(nn.Module):
        def forward(self, x):
            return quantize(x.exp(), 0.1, 0)

    with pytest.raises(ValueError, match=r"'quantize' of the model computes .* in float; compute it outside"):
        fastnet.export_c(Late(), fastnet.ones(3), tmp_path / "net.c", dtype="int8")
