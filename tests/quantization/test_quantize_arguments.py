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
