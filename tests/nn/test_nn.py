"""Every layer against PyTorch, in both memory layouts, and in place."""
import numpy as np
import pytest
from layout_tools import in_channels_last
from torch_tools import compare, to_torch

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(11)
X, ROW, BOX = rng.standard_normal((6, 5)), rng.standard_normal(5), rng.standard_normal((3, 5, 4))
IMAGES, MAPS = rng.standard_normal((2, 4, 5, 6)), rng.standard_normal((2, 3, 6, 5))
VOLUMES = rng.standard_normal((2, 3, 4, 5, 4))


# name -> (how to make the layer in a namespace, input); compared with PyTorch on the same weights
LAYERS = {
    "SELU": (lambda n: n.SELU(), X),
    "CELU": (lambda n: n.CELU(0.5), X),
    "GLU": (lambda n: n.GLU(-2), np.concatenate([X, X[::-1]])),
    "Hardshrink": (lambda n: n.Hardshrink(0.3), X),
    "PReLU": (lambda n: n.PReLU(), X),
    "PReLU-channels": (lambda n: n.PReLU(5, 0.125), BOX),
    "Softmax2d": (lambda n: n.Softmax2d(), IMAGES),
    "Softmin": (lambda n: n.Softmin(1), X),
    "Softshrink": (lambda n: n.Softshrink(0.3), X),
    "Tanhshrink": (lambda n: n.Tanhshrink(), X),
    "Threshold": (lambda n: n.Threshold(0.1, 0.7), X),
    "Conv1d": (lambda n: n.Conv1d(5, 4, 3, padding=1), BOX),
    "Conv2d": (lambda n: n.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(2, 0), groups=2), IMAGES),
    "Conv2d-unbatched": (lambda n: n.Conv2d(4, 3, 3, bias=False, padding="same"), IMAGES[0]),
    "Conv3d": (lambda n: n.Conv3d(2, 3, 2, dilation=(1, 2, 1)), IMAGES.reshape(2, 2, 2, 5, 6)),
    "ConvTranspose1d": (lambda n: n.ConvTranspose1d(5, 2, 4, stride=3, output_padding=2), BOX),
    "ConvTranspose2d": (lambda n: n.ConvTranspose2d(4, 2, 3, stride=2, padding=1, dilation=(1, 2)), IMAGES),
    "ConvTranspose3d": (lambda n: n.ConvTranspose3d(2, 1, 2, bias=False), IMAGES.reshape(2, 2, 2, 5, 6)),
    "Linear": (lambda n: n.Linear(5, 3), X),
    "Linear-plain": (lambda n: n.Linear(5, 3, bias=False), X),
    "Linear-3d": (lambda n: n.Linear(4, 3), BOX),
    "Linear-1d": (lambda n: n.Linear(5, 2), ROW),
    "Identity": (lambda n: n.Identity(7, unused=True), X),
    "Flatten": (lambda n: n.Flatten(), BOX),
    "Flatten-0": (lambda n: n.Flatten(0, 1), BOX),
    "Unflatten": (lambda n: n.Unflatten(2, (2, -1)), BOX),
    "BatchNorm1d": (lambda n: n.BatchNorm1d(5), X),
    "BatchNorm1d-3d": (lambda n: n.BatchNorm1d(5, momentum=0.3), BOX),
    "BatchNorm1d-mean": (lambda n: n.BatchNorm1d(5, momentum=None), X),
    "BatchNorm1d-plain": (lambda n: n.BatchNorm1d(5, affine=False), X),
    "BatchNorm1d-own": (lambda n: n.BatchNorm1d(5, track_running_stats=False), X),
    "BatchNorm1d-no-bias": (lambda n: n.BatchNorm1d(5, bias=False, eps=0.1), X),
    "BatchNorm2d": (lambda n: n.BatchNorm2d(4), IMAGES),
    "BatchNorm2d-plain": (lambda n: n.BatchNorm2d(4, affine=False, momentum=None), IMAGES),
    "BatchNorm3d": (lambda n: n.BatchNorm3d(3, eps=0.1), VOLUMES),
    "InstanceNorm1d": (lambda n: n.InstanceNorm1d(5, affine=True), BOX),
    "InstanceNorm1d-unbatched": (lambda n: n.InstanceNorm1d(3, eps=0.1), BOX[:, 0]),
    "InstanceNorm2d": (lambda n: n.InstanceNorm2d(4, affine=True, track_running_stats=True, momentum=0.3), IMAGES),
    "InstanceNorm2d-unbatched": (lambda n: n.InstanceNorm2d(4, affine=True, bias=False), IMAGES[0]),
    "InstanceNorm3d": (lambda n: n.InstanceNorm3d(3, track_running_stats=True, momentum=None), VOLUMES),
    "GroupNorm": (lambda n: n.GroupNorm(2, 4), IMAGES),
    "GroupNorm-1": (lambda n: n.GroupNorm(1, 5, eps=0.1, bias=False), X),
    "GroupNorm-plain": (lambda n: n.GroupNorm(3, 3, affine=False), VOLUMES),
    "LocalResponseNorm": (lambda n: n.LocalResponseNorm(3, 0.5), IMAGES),
    "LocalResponseNorm-even": (lambda n: n.LocalResponseNorm(2, 0.5, 0.6, 2.0), BOX),
    "LayerNorm": (lambda n: n.LayerNorm(5), X),
    "LayerNorm-2": (lambda n: n.LayerNorm((5, 4), eps=0.1), BOX),
    "LayerNorm-plain": (lambda n: n.LayerNorm(5, elementwise_affine=False), X),
    "LayerNorm-no-bias": (lambda n: n.LayerNorm([5], bias=False), X),
    "RMSNorm": (lambda n: n.RMSNorm(5), X),
    "RMSNorm-plain": (lambda n: n.RMSNorm(5, eps=0.1, elementwise_affine=False), X),
    "ReLU": (lambda n: n.ReLU(), X),
    "ReLU6": (lambda n: n.ReLU6(), 5 * X),
    "Hardswish": (lambda n: n.Hardswish(), 5 * X),
    "LeakyReLU": (lambda n: n.LeakyReLU(0.2), X),
    "ELU": (lambda n: n.ELU(0.7), X),
    "Sigmoid": (lambda n: n.Sigmoid(), X),
    "Tanh": (lambda n: n.Tanh(), X),
    "GELU": (lambda n: n.GELU(), X),
    "GELU-tanh": (lambda n: n.GELU(approximate="tanh"), X),
    "SiLU": (lambda n: n.SiLU(), X),
    "Softplus": (lambda n: n.Softplus(2.0, 3.0), X),
    "Softsign": (lambda n: n.Softsign(), X),
    "Mish": (lambda n: n.Mish(), X),
    "Hardtanh": (lambda n: n.Hardtanh(-0.5, 0.7), X),
    "LogSigmoid": (lambda n: n.LogSigmoid(), X),
    "Softmax": (lambda n: n.Softmax(dim=-1), X),
    "LogSoftmax": (lambda n: n.LogSoftmax(0), X),
    "Dropout-0": (lambda n: n.Dropout(0.0), X),
    "Dropout-1": (lambda n: n.Dropout(1.0), X),
    "Dropout1d": (lambda n: n.Dropout1d(0.0), BOX),
    "Dropout1d-1": (lambda n: n.Dropout1d(1.0), X),
    "Dropout2d": (lambda n: n.Dropout2d(0.0), IMAGES),
    "Dropout2d-1": (lambda n: n.Dropout2d(1.0), IMAGES),
    "Dropout3d": (lambda n: n.Dropout3d(0.0), VOLUMES),
    "Dropout3d-1": (lambda n: n.Dropout3d(1.0), VOLUMES),
    "AlphaDropout": (lambda n: n.AlphaDropout(0.0), X),
    "AlphaDropout-1": (lambda n: n.AlphaDropout(1.0), X),
    "FeatureAlphaDropout": (lambda n: n.FeatureAlphaDropout(0.0), BOX),
    "FeatureAlphaDropout-1": (lambda n: n.FeatureAlphaDropout(1.0), BOX),
    "Upsample": (lambda n: n.Upsample(scale_factor=2), BOX),
    "Upsample-linear": (lambda n: n.Upsample(7, mode="linear"), BOX),
    "Upsample-bicubic": (lambda n: n.Upsample(scale_factor=(1.5, 0.7), mode="bicubic", align_corners=True), IMAGES),
    "Upsample-recomputed": (lambda n: n.Upsample(None, 1.3, "bilinear", recompute_scale_factor=True), IMAGES),
    "Upsample-trilinear": (lambda n: n.Upsample((2, 5, 6), mode="trilinear"), VOLUMES),
    "UpsamplingNearest2d": (lambda n: n.UpsamplingNearest2d(scale_factor=2), IMAGES),
    "UpsamplingBilinear2d": (lambda n: n.UpsamplingBilinear2d((7, 9)), IMAGES),
    "Unfold": (lambda n: n.Unfold(3, padding=1, stride=(2, 1)), IMAGES),
    "Fold": (lambda n: n.Fold((3, 3), 2), IMAGES[:, :, :4, 0]),
    "PixelShuffle": (lambda n: n.PixelShuffle(2), IMAGES),
    "PixelUnshuffle": (lambda n: n.PixelUnshuffle(2), IMAGES[:, :, :4]),
    "ChannelShuffle": (lambda n: n.ChannelShuffle(2), IMAGES),
    "ConstantPad1d": (lambda n: n.ConstantPad1d((1, 2), 3.5), BOX),
    "ConstantPad2d": (lambda n: n.ConstantPad2d((2, 0, 1, 2), 3.5), IMAGES),
    "ConstantPad3d": (lambda n: n.ConstantPad3d((1, 0, 1, 1, 0, 1), 3.5), VOLUMES),
    "ZeroPad1d": (lambda n: n.ZeroPad1d((1, 2)), BOX),
    "ZeroPad2d": (lambda n: n.ZeroPad2d((2, 0, 1, 2)), IMAGES),
    "ZeroPad3d": (lambda n: n.ZeroPad3d((1, 0, 1, 1, 0, 1)), VOLUMES),
    "ReflectionPad1d": (lambda n: n.ReflectionPad1d((1, 2)), BOX),
    "ReflectionPad2d": (lambda n: n.ReflectionPad2d((2, 0, 1, 2)), IMAGES),
    "ReflectionPad3d": (lambda n: n.ReflectionPad3d((1, 0, 1, 1, 0, 1)), VOLUMES),
    "ReplicationPad1d": (lambda n: n.ReplicationPad1d((1, 2)), BOX),
    "ReplicationPad2d": (lambda n: n.ReplicationPad2d((2, 0, 1, 2)), IMAGES),
    "ReplicationPad3d": (lambda n: n.ReplicationPad3d((1, 0, 1, 1, 0, 1)), VOLUMES),
    "CircularPad1d": (lambda n: n.CircularPad1d((1, 2)), BOX),
    "CircularPad2d": (lambda n: n.CircularPad2d((2, 0, 1, 2)), IMAGES),
    "CircularPad3d": (lambda n: n.CircularPad3d((1, 0, 1, 1, 0, 1)), VOLUMES),
    "MaxPool1d": (lambda n: n.MaxPool1d(2), BOX),
    "MaxPool1d-row": (lambda n: n.MaxPool1d((3,), stride=1, padding=1), X),
    "MaxPool2d": (lambda n: n.MaxPool2d(2), MAPS),
    "MaxPool2d-all": (lambda n: n.MaxPool2d((3, 2), (2, 1), (1, 0), (1, 2), ceil_mode=True), MAPS),
    "MaxPool3d": (lambda n: n.MaxPool3d(2, padding=1), VOLUMES),
    "AvgPool1d": (lambda n: n.AvgPool1d(2, 1, 1), BOX),
    "AvgPool2d": (lambda n: n.AvgPool2d(3, padding=(1, 0), ceil_mode=True, count_include_pad=False), MAPS),
    "AvgPool2d-divisor": (lambda n: n.AvgPool2d((2, 3), divisor_override=5), MAPS[0]),
    "AvgPool3d": (lambda n: n.AvgPool3d(2, (1, 2, 2), 1), VOLUMES),
    "LPPool1d": (lambda n: n.LPPool1d(2, 3, 1), BOX),
    "LPPool2d": (lambda n: n.LPPool2d(2, (2, 3), ceil_mode=True), MAPS),
    "LPPool3d": (lambda n: n.LPPool3d(2.0, 2), VOLUMES),
    "AdaptiveAvgPool1d": (lambda n: n.AdaptiveAvgPool1d(3), BOX),
    "AdaptiveAvgPool2d": (lambda n: n.AdaptiveAvgPool2d((None, 2)), MAPS),
    "AdaptiveAvgPool2d-1": (lambda n: n.AdaptiveAvgPool2d(1), MAPS),
    "AdaptiveAvgPool3d": (lambda n: n.AdaptiveAvgPool3d((2, 3, 5)), VOLUMES[0]),
    "AdaptiveMaxPool1d": (lambda n: n.AdaptiveMaxPool1d(3), BOX),
    "AdaptiveMaxPool2d": (lambda n: n.AdaptiveMaxPool2d((4, 3)), MAPS),
    "AdaptiveMaxPool3d": (lambda n: n.AdaptiveMaxPool3d((None, 2, None)), VOLUMES),
}


def pair(make):
    """A layer in float64, and PyTorch's with the same weights."""
    torch = pytest.importorskip("torch")
    ours, theirs = make(nn).double(), make(torch.nn).double()
    with fastnet.no_grad():
        for p in ours.parameters():
            p.uniform_(0.5, 1.5)
    theirs.load_state_dict(to_torch(ours.state_dict()))
    return ours, theirs


@pytest.mark.parametrize("name", [name for name, (_, x) in LAYERS.items() if x.ndim > 2 and x.dtype.kind == "f"])
def test_layer_gives_the_same_bits_for_both_layouts(name):
    """Eagerly and recorded, forward and backward, for an input and a gradient in channels-last memory."""
    make, x = LAYERS[name]
    layer = make(nn).eval()                                     # no state changes between the calls
    g = rng.standard_normal(layer(fastnet.tensor(x.astype(np.float32))).shape).astype(np.float32)

    def step(x, g):
        layer.zero_grad()
        x = x.detach().clone().requires_grad_()
        y = layer(x)
        y.backward(g)
        return y.detach(), x.grad, [p.grad * 1 for p in layer.parameters()]

    def bits(run, scale, layout):
        y, dx, dp = run(*(fastnet.from_numpy(layout(a if a.ndim < 3 else a * np.float32(scale)))
                          for a in (x.astype(np.float32), g)))
        return [np.ascontiguousarray(r.numpy()).tobytes() for r in (y, dx, *dp)]
    recorded = fastnet.compile(step)
    for scale in (1, 0.5, 0.75):
        expected = bits(step, scale, np.ascontiguousarray)
        for run in (step, recorded):
            for layout in (in_channels_last, np.ascontiguousarray):
                assert bits(run, scale, layout) == expected


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer_against_torch(name, training):
    make, x = LAYERS[name]
    ours, theirs = pair(make)
    ours.train(training), theirs.train(training)
    for _ in range(3):                                        # statistics accumulate
        compare(lambda f, x: (ours if f is fastnet else theirs)(x), x)
    for p, q in zip(ours.parameters(), theirs.parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-11)
    for (k, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12, err_msg=k)


@pytest.mark.parametrize("name", LAYERS)
def test_names_and_defaults_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    make, _ = LAYERS[name]
    ours, theirs = make(nn), make(torch.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for (k, a), b in zip(ours.state_dict().items(), theirs.state_dict().values()):
        assert a.shape == tuple(b.shape) and str(a.dtype) == str(b.dtype).removeprefix("torch."), k
    skip = {"training", "approximate", *(("min_val", "max_val") if name == "ReLU6" else ())}
    for k, value in theirs.__dict__.items():
        if not k.startswith("_") and k not in skip:
            assert getattr(ours, k) == (tuple(value) if isinstance(value, (list, torch.Size)) else value), k


# function -> its module
IN_PLACE = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "mish": nn.Mish,
    "selu": nn.SELU,
    "celu": nn.CELU,
    "hardtanh": nn.Hardtanh,
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    x = fastnet.tensor(X, requires_grad=True)
    expected = getattr(F, name)(x)
    expected.sum().backward()
    gradient, x.grad = x.grad, None
    y = x * 1
    result = getattr(F, name)(y, inplace=True)
    assert result is y and (y == expected).all()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), gradient.numpy())
    module = IN_PLACE[name](inplace=True)
    z = fastnet.tensor(X)
    assert module(z) is z and (z == expected).all() and "inplace=True" in repr(module)
    with pytest.raises(RuntimeError, match="leaf"):
        module(x)
