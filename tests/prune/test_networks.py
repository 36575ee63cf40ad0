"""Half of the channels of all convolutional networks, removed."""
import math

import numpy as np
import pytest
from small_models import _LARGE, flat, small_model

import fastnet
from fastnet import models, prune

# the least factor by which multiply-adds shrink, where all channels but those of the output can be pruned about 4
NETWORKS = {"resnet8": 3.8, "resnet50": 3.5, "resnext": 3.3, "densenet121": 3.8,
            "mobilenet_v1": 3.3, "mobilenet_v2": 3.5, "mobilenet_v3_small": 3.5, "efficientnet_b0": 3.5,
            "squeezenet1_1": 3.5, "inception_v3": 3.5, "googlenet": 3.6, "vgg11_bn": 3.5, "alexnet": 3, "lenet5": 3,
            "unet": 3.6, "ds_cnn": 2.3, "tcn": 3.5, "shufflenet_v2_x1_0": 1.9, "ssdlite": 2.8, "autoencoder": 2.5}


# networks of other sizes than those of `small_models`
_OWN = {"resnext": lambda: (models.ResNet("bottleneck", (1, 1), num_classes=10, groups=32, width_per_group=4),
                            (fastnet.randn(2, 3, 32, 32),)),
        "inception_v3": lambda: (models.inception_v3(num_classes=10, aux_logits=False).eval(),
                                 (fastnet.randn(2, 3, 80, 80),))}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.models] if name in _LARGE else [])
                                  for name in NETWORKS])
def test_half_of_the_channels(name):
    model, inputs = _OWN[name]() if name in _OWN else small_model(name)
    prune.ln_channels(model, inputs, 0.5)
    small, report = prune.compact(model, inputs, speed=False)
    with fastnet.no_grad():
        for x, y in zip(flat(model(*inputs)), flat(small(*inputs)), strict=True):
            np.testing.assert_allclose(y.numpy(), x.numpy(), rtol=1e-5, atol=1e-5 * max(1, np.abs(x.numpy()).max()))
    assert report.before["multiply_adds"] > NETWORKS[name] * report.after["multiply_adds"]
    assert type(small) is type(model)


def test_shuffled_channels_are_refused_by_name_and_inner_ones_removed():
    model, inputs = small_model("shufflenet_v2_x1_0")
    _, report = prune.compact(prune.ln_channels(model, inputs, 0.5), inputs, speed=False)
    found = {layer.name: layer for layer in report.layers}
    inner, last = found["stage2.1.branch2.0"], found["stage2.1.branch2.5"]
    assert inner.after == math.ceil(inner.before / 2) and inner.reason == ""
    assert last.after == last.before and "in 'stage2" in last.reason


@pytest.mark.parametrize("name", ["bert", "gpt", "vit_tiny"])
def test_heads_of_attention_stay_and_feed_forward_layers_shrink(name):
    model, inputs = small_model(name)
    _, report = prune.compact(prune.ln_channels(model, inputs, 0.5), inputs, speed=False)
    assert any(layer.after < layer.before for layer in report.layers)
    assert all(layer.reason for layer in report.layers if layer.after == layer.before)
