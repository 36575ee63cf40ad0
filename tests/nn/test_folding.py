"""Batch norm folded into the layer before it: the outputs stay, and the parameters are PyTorch's."""
import numpy as np
import pytest
from torch_tools import to_torch

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")

LAYERS = {
    "Conv1d": (lambda n: n.Conv1d(4, 6, 3, groups=2), lambda n: n.BatchNorm1d(6), (2, 4, 7)),
    "Conv2d": (lambda n: n.Conv2d(3, 6, (3, 2), stride=2, padding=1), lambda n: n.BatchNorm2d(6), (2, 3, 5, 6)),
    "Conv2d-no-bias": (lambda n: n.Conv2d(3, 6, 1, bias=False), lambda n: n.BatchNorm2d(6, affine=False), (2, 3, 2, 2)),
    "Conv3d": (lambda n: n.Conv3d(2, 3, 2), lambda n: n.BatchNorm3d(3, eps=0.1), (1, 2, 3, 3, 3)),
    "ConvTranspose2d": (lambda n: n.ConvTranspose2d(4, 6, 2), lambda n: n.BatchNorm2d(6), (2, 4, 3, 3)),
    "ConvTranspose2d-groups": (lambda n: n.ConvTranspose2d(4, 6, 2, groups=2), lambda n: n.BatchNorm2d(6),
                               (2, 4, 3, 3)),
    "Linear": (lambda n: n.Linear(4, 6), lambda n: n.BatchNorm1d(6), (5, 4)),
    "Linear-no-bias": (lambda n: n.Linear(4, 6, bias=False), lambda n: n.BatchNorm1d(6, bias=False), (5, 4)),
}


def layers(name, namespace=nn):
    make, norm, shape = LAYERS[name]
    layer, bn = make(namespace).eval(), norm(namespace).eval()
    rng = np.random.default_rng(2)
    if namespace is nn:
        bn.load_state_dict({k: fastnet.tensor(rng.uniform(0.5, 1.5, v.shape).astype("float32"))
                            for k, v in bn.state_dict().items()}, strict=False)
    return layer, bn, fastnet.tensor(rng.standard_normal(shape).astype("float32"))


def fuse(utils, layer, bn, **options):
    kind = "conv" if hasattr(layer, "kernel_size") else "linear"
    return getattr(utils.fusion, f"fuse_{kind}_bn_eval")(layer, bn, **options)


@pytest.mark.parametrize("name", LAYERS)
def test_the_output_stays(name):
    layer, bn, x = layers(name)
    before = {k: v.clone() for k, v in layer.state_dict().items()}
    fused = fuse(nn.utils, layer, bn)
    assert type(fused) is type(layer) and not fused.training
    np.testing.assert_allclose(fused(x).detach(), bn(layer(x)).detach(), rtol=2e-5, atol=2e-6)
    assert all(fastnet.equal(v, before[k]) for k, v in layer.state_dict().items())
    assert all(p.requires_grad for p in fused.parameters())


@pytest.mark.parametrize("name", [name for name in LAYERS if "groups" not in name and name != "Linear-no-bias"])
def test_the_parameters_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    layer, bn, _ = layers(name)
    other, other_bn, _ = layers(name, torch.nn)
    other.load_state_dict(to_torch(layer.state_dict()))
    other_bn.load_state_dict(to_torch(bn.state_dict()))
    options = {"transpose": True} if "Transpose" in name else {}
    expected = fuse(torch.nn.utils, other, other_bn, **options).state_dict()
    for key, value in fuse(nn.utils, layer, bn, **options).state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[key].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("call, error, words", [
    (lambda: nn.utils.fuse_conv_bn_eval(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), RuntimeError, "evaluation mode"),
    (lambda: nn.utils.fuse_conv_bn_eval(nn.Conv2d(3, 4, 1).eval(), nn.BatchNorm2d(4, track_running_stats=False).eval()),
     RuntimeError, "running statistics"),
    (lambda: nn.utils.fuse_conv_bn_eval(nn.Conv2d(3, 4, 1).eval(), nn.BatchNorm2d(3).eval()), ValueError,
     r"4 channels.*\(3,\)"),
    (lambda: nn.utils.fuse_linear_bn_eval(nn.Linear(3, 4).eval(), nn.BatchNorm1d(3).eval()), ValueError, "4 channels"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
