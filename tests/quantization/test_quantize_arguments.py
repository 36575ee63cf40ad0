"""What `fastnet.quantize` takes and refuses."""
import numpy as np
import pytest

import fastnet
from fastnet import nn

rng = np.random.default_rng(0)
OPTIONS = {"faster_only": False, "speed": False}


def rows(*shape):
    return rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"scheme": "dynamic"}, {"scheme": "weight_only"},
                                     {"scheme": "weight_only", "method": "gptq", "bits": 4}], ids=str)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_named(options, value):
    model = nn.Sequential(nn.ReLU(), nn.Linear(64, 64))
    with fastnet.no_grad():
        model[1].weight[3, 5] = value
    with pytest.raises(ValueError, match=f"expected finite weights, got {value} in '1.weight'"):
        fastnet.quantize(model, rows(8, 64), **options, **OPTIONS)


def test_a_mask_is_not_a_weight():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.mask = nn.Parameter(fastnet.full((4, 4), -float("inf")).triu(1))

        def forward(self, x):
            return (self.fc(x) + self.mask).softmax(-1)
    made, report = fastnet.quantize(Masked(), rows(4, 4), "dynamic", **OPTIONS)
    assert made(fastnet.ones(4, 4)).isfinite().all() and report.layers


class Two(nn.Module):
    """A model of two inputs."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(4, 3), nn.Linear(6, 3)

    def forward(self, a, b):
        return self.left(a) + self.right(b)


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("options", [{}, {"scheme": "qat", "epochs": 2}, {"scheme": "weight_only", "method": "gptq"}],
                         ids=str)
def test_models_of_two_inputs(batched, options):
    a, b, labels = rows(40, 4), rows(40, 6), rng.integers(0, 3, 40)
    data = [((a[:20], b[:20]), labels[:20]), ((a[20:], b[20:]), labels[20:])] if batched else ((a, b), labels)
    made, report = fastnet.quantize(Two(), data, **options, **OPTIONS)
    assert made(fastnet.tensor(a), fastnet.tensor(b)).shape == (40, 3) and report.after["accuracy"] <= 1
    assert {layer.type for layer in report.layers} == {"int8"}


def test_two_inputs_without_labels():
    assert len(fastnet.quantize(Two(), ((rows(8, 4), rows(8, 6)), None), **OPTIONS)[1].layers) == 3
    with pytest.raises(ValueError, match=r"one number of samples, got shapes \(8, 4\), \(7, 6\)"):
        fastnet.quantize(Two(), ((rows(8, 4), rows(7, 6)), None), **OPTIONS)


@pytest.mark.parametrize("options", [{"scheme": "dynamic"}, {"scheme": "weight_only", "bits": 4}], ids=str)
def test_schemes_without_data_and_small_layers(options):
    model = nn.Sequential(nn.Linear(16, 8))
    made, report = fastnet.quantize(model, **options, faster_only=False)
    assert report.layers[0].type in ("int8", "int4") and made(fastnet.ones(2, 16)).shape == (2, 8)
    assert fastnet.quantize(model, **options)[1].layers[0].reason == "it is small"


@pytest.mark.parametrize("options, message", [
    ({"scheme": "int8"}, "unknown scheme 'int8'; choose from"), ({"bits": 5}, "unknown bits 5"),
    ({"scheme": "dynamic", "bits": 4}, "bits is an option of the scheme 'weight_only', got scheme 'dynamic'"),
    ({"scheme": "dynamic", "calibration": "Entropy"}, "calibration is an option of the scheme 'static'"),
    ({"scheme": "static", "learnable": True}, "learnable is an option of the scheme 'qat'"),
    ({"scheme": "qat", "epochs": 1.5}, "expected epochs to be a whole number, got 1.5"),
    ({"scheme": "weight_only", "group_size": 32.0}, "expected group_size to be a whole number, got 32.0"),
    ({"batch_size": 1.5}, "expected batch_size to be a whole number"), ({"batch_size": 0}, "at least 1, got 0"),
    ({"data": None}, "got None"), ({"data": None, "scheme": "weight_only", "method": "gptq"}, "got None")], ids=str)
def test_wrong_options(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        fastnet.quantize(nn.Linear(4, 3), **{"data": rows(8, 4), **options})
