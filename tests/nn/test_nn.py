"""Layers and their functions against PyTorch and finite differences; normalization, embedding, clipping; errors."""
import numpy as np
import pytest
from gradcheck import gradcheck
from torch_tools import compare, to_torch

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(11)
X, Y, BOX = rng.standard_normal((6, 5)), rng.standard_normal((6, 5)), rng.standard_normal((3, 5, 4))
IMAGES, VOLUMES = rng.standard_normal((2, 4, 5, 6)), rng.standard_normal((2, 3, 3, 4, 5))
ROW, OTHER, MATRIX = rng.uniform(0.5, 2, 5), rng.standard_normal(5), rng.uniform(0.5, 2, (5, 4))
MEAN, VAR = rng.standard_normal(5), rng.uniform(0.5, 2, 5)
MAPS, VOLUMES = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((2, 3, 4, 5, 4))


def batch_norm(training, **attributes):
    def fn(f, x, *affine):
        statistics = [f.tensor(np.asarray(s, str(x.dtype).removeprefix("torch."))) for s in (MEAN, VAR)]
        return f.nn.functional.batch_norm(x, *statistics, *affine, training=training, **attributes)
    return fn


# name -> (function of the namespace and its tensors, inputs)
FUNCTIONS = {
    "linear": (lambda f, x, w, b: f.nn.functional.linear(x, w, b), X, MATRIX.T.copy(), OTHER[:4]),
    "linear-3": (lambda f, x, w, b: f.nn.functional.linear(x, w, b), BOX, MATRIX, OTHER),
    "layer_norm": (lambda f, x, w, b: f.nn.functional.layer_norm(x, (5,), w, b), X, ROW, OTHER),
    "layer_norm-plain": (lambda f, x: f.nn.functional.layer_norm(x, [5]), X),
    "layer_norm-weight": (lambda f, x, w: f.nn.functional.layer_norm(x, (5,), w, eps=0.1), X, ROW),
    "layer_norm-bias": (lambda f, x, b: f.nn.functional.layer_norm(x, (5,), None, b), X, OTHER),
    "layer_norm-2": (lambda f, x, w, b: f.nn.functional.layer_norm(x, (5, 4), w, b), BOX, MATRIX, -MATRIX),
    "layer_norm-strided": (lambda f, x, w: f.nn.functional.layer_norm(x.t(), (6,), w[:, 0]), X,
                           rng.standard_normal((6, 2))),
    "layer_norm-1": (lambda f, x: f.nn.functional.layer_norm(x, (5,)), ROW),
    "layer_norm-empty": (lambda f, x: f.nn.functional.layer_norm(x, (5,)), X[:0]),
    "rms_norm": (lambda f, x, w: f.nn.functional.rms_norm(x, (5,), w), X, ROW),
    "rms_norm-2": (lambda f, x: f.nn.functional.rms_norm(x, (5, 4), eps=0.1), BOX),
    "batch_norm": (batch_norm(True), X, ROW, OTHER), "batch_norm-plain": (batch_norm(True), X),
    "batch_norm-weight": (batch_norm(True, eps=0.1), X, ROW),
    "batch_norm-eval": (batch_norm(False), X, ROW, OTHER), "batch_norm-eval-plain": (batch_norm(False), X),
    "batch_norm-3": (batch_norm(True), BOX, ROW, OTHER), "batch_norm-3-eval": (batch_norm(False), BOX, ROW, OTHER),
    "batch_norm-4": (batch_norm(True), rng.standard_normal((2, 5, 3, 2)), ROW, OTHER),
    "batch_norm-own": (lambda f, x: f.nn.functional.batch_norm(x, None, None, training=True), X),
    "normalize": (lambda f, x: f.nn.functional.normalize(x), X),
    "normalize-1": (lambda f, x: f.nn.functional.normalize(x, p=1.0, dim=0), X),
    "normalize-dims": (lambda f, x: f.nn.functional.normalize(x, dim=(1, 2)), BOX),
    "cosine": (lambda f, x, y: f.nn.functional.cosine_similarity(x, y), X, Y),
    "cosine-row": (lambda f, x, y: f.nn.functional.cosine_similarity(x, y, dim=-1), X, OTHER),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_against_torch(name, dtype):
    compare(*FUNCTIONS[name], dtype=dtype)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "layer_norm-empty"])
def test_function_gradient(name):
    fn, *inputs = FUNCTIONS[name]
    gradcheck(lambda *xs: fn(fastnet, *xs), *map(fastnet.tensor, inputs))


# name -> (how to make the layer in a namespace, input); compared with PyTorch on the same weights
LAYERS = {
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


def in_channels_last(x):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


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


# ---- dropout --------------------------------------------------------------------------------------------------------

def test_dropout():
    layer = nn.Dropout(0.3)
    x = fastnet.ones(10000, requires_grad=True)
    y = layer(x)
    kept = y.detach().numpy() != 0
    assert abs(kept.mean() - 0.7) < 0.03
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / 0.7, rtol=1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert not (layer(x) == y).all()
    assert layer.eval()(x) is x
    z = fastnet.ones(100)
    assert nn.Dropout(0.5, inplace=True)(z) is z and not z.numpy().all()
    with pytest.raises(ValueError, match=r"-0\.1"):
        nn.Dropout(-0.1)


CHANNELS = {
    "Dropout1d": (100, 50, 3), "Dropout1d-unbatched": (5000, 3), "Dropout2d": (100, 50, 2, 3),
    "Dropout2d-sequences": (100, 50, 3), "Dropout3d": (100, 50, 2, 1, 3), "Dropout3d-unbatched": (5000, 2, 1, 3),
    "FeatureAlphaDropout": (100, 50, 2, 3)}


@pytest.mark.filterwarnings("ignore:dropout2d")
@pytest.mark.parametrize("name", CHANNELS)
def test_dropout_of_channels(name):
    layer, shape = getattr(nn, name.partition("-")[0])(0.3), CHANNELS[name]
    channels = 1 if "unbatched" in name else 2
    x = fastnet.randn(*shape).requires_grad_()
    y = layer(x)
    y.sum().backward()
    factors = x.grad.numpy().reshape(*shape[:channels], -1)
    assert (factors == factors[..., :1]).all()                  # one for a channel
    assert len(np.unique(factors)) == 2 and abs((factors != 0).mean() - 0.7) < 0.03
    if not name.startswith("Feature"):
        np.testing.assert_allclose(factors.max(), 1 / 0.7, rtol=1e-6)
        np.testing.assert_array_equal(y.detach().numpy(), (x * x.grad).detach().numpy())
    assert layer.eval()(x) is x
    step = fastnet.compile(layer.train())
    z = fastnet.ones(*shape)
    assert not (step(z) == step(z)).all()
    changed = getattr(nn, name.partition("-")[0])(0.5, inplace=True)(z)
    assert changed is z and len(np.unique(z.numpy())) == 2


def test_alpha_dropout_keeps_mean_and_variance():
    x = fastnet.randn(200000)
    y = nn.AlphaDropout(0.2)(x).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.03
    scale = ((1 - 0.2) * (1 + 0.2 * 1.7580993408473766 ** 2)) ** -0.5
    dropped = np.isclose(y, -scale * 1.7580993408473766 * 0.8, rtol=1e-5)
    assert abs(dropped.mean() - 0.2) < 0.01
    np.testing.assert_allclose(y[~dropped], scale * x.numpy()[~dropped] + scale * 1.7580993408473766 * 0.2, atol=1e-5)


def test_dimensions_of_dropout_are_pytorchs():
    with pytest.raises(RuntimeError, match=r"dropout1d: expected an input of shape .*, got \(1, 2, 3, 4\)"):
        nn.Dropout1d()(fastnet.zeros(1, 2, 3, 4))
    with pytest.warns(UserWarning, match=r"taken as \(N, C, L\)"):
        nn.Dropout2d()(fastnet.zeros(2, 3, 4))
    with pytest.warns(UserWarning, match=r"dropout2d: expected .* got \(2, 3\)"):
        nn.Dropout2d()(fastnet.zeros(2, 3))
    with pytest.warns(UserWarning, match="dropout3d: expected"):
        nn.Dropout3d()(fastnet.zeros(2, 3))
    with pytest.raises(RuntimeError, match=r"feature_alpha_dropout: .*got \(3,\)"):
        nn.FeatureAlphaDropout()(fastnet.zeros(3))


# ---- batch norm -----------------------------------------------------------------------------------------------------

def test_running_statistics():
    x = fastnet.tensor(X.astype("float32"))
    layer = nn.BatchNorm1d(5, momentum=0.25)
    layer(x)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.25 * X.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.75 + 0.25 * X.var(0, ddof=1), rtol=1e-5)
    assert int(layer.num_batches_tracked) == 1
    before = layer.running_mean.numpy().copy()
    layer.eval()(x)
    np.testing.assert_array_equal(layer.running_mean.numpy(), before)
    average = nn.BatchNorm1d(5, momentum=None)
    for rows in (X[:3], X[3:], X):
        average(fastnet.tensor(rows.astype("float32")))
    np.testing.assert_allclose(average.running_mean.numpy(), np.mean([X[:3].mean(0), X[3:].mean(0), X.mean(0)], 0),
                               rtol=1e-4, atol=1e-6)
    average.reset_running_stats()
    assert not average.running_mean.numpy().any() and (average.running_var == 1).all()
    assert int(average.num_batches_tracked) == 0


def test_statistics_that_backward_needs_are_guarded():
    layer = nn.BatchNorm1d(5).eval()
    y = layer(fastnet.tensor(X.astype("float32"), requires_grad=True))
    layer.reset_running_stats()
    with pytest.raises(RuntimeError, match="batch_norm: argument 4 was changed in place"):
        y.sum().backward()
    x = fastnet.tensor(BOX, requires_grad=True)
    scaled = x * 1
    y = F.layer_norm(scaled, (5, 4))
    with fastnet.no_grad():
        scaled.zero_()
    with pytest.raises(RuntimeError, match="layer_norm: argument 1 was changed in place"):
        y.sum().backward()


def test_a_result_that_backward_needs_is_guarded():
    """An in-place change is found even if the operation saves its result or argument in another shape."""
    x = fastnet.tensor(BOX, requires_grad=True)
    y = F.softmax(x, 1)
    with fastnet.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="softmax: its result was changed in place"):
        y.sum().backward()
    h = x * 1
    y = F.linear(h, fastnet.tensor(MATRIX.T @ MATRIX, requires_grad=True))
    with fastnet.no_grad():
        h.zero_()
    with pytest.raises(RuntimeError, match="linear: argument 1 was changed in place"):
        y.sum().backward()


def test_normalize_of_zeros_has_a_gradient():
    x = fastnet.zeros(2, 3, dtype=fastnet.float64, requires_grad=True)
    y = F.normalize(x)
    y.sum().backward()
    assert not y.detach().numpy().any() and np.isfinite(x.grad.numpy()).all()


# ---- embedding ------------------------------------------------------------------------------------------------------

def test_embedding():
    torch = pytest.importorskip("torch")
    index = np.array([[0, 2, 2], [4, 0, 1]])
    ours, theirs = nn.Embedding(5, 3, padding_idx=-4), torch.nn.Embedding(5, 3, padding_idx=-4)
    assert ours.padding_idx == theirs.padding_idx == 1 and not ours.weight.detach().numpy()[1].any()
    theirs.load_state_dict(to_torch(ours.state_dict()))
    a, b = ours(fastnet.tensor(index)), theirs(torch.tensor(index))
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    g = rng.standard_normal(a.shape).astype("float32")
    a.backward(fastnet.tensor(g)), b.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-6)
    assert not ours.weight.grad.numpy()[1].any()
    assert "5, 3, padding_idx=1" in repr(ours)


def test_embedding_from_pretrained():
    table = fastnet.tensor(X.astype("float32"))
    layer = nn.Embedding.from_pretrained(table, padding_idx=-1)
    assert not layer.weight.requires_grad and layer.num_embeddings == 6 and layer.padding_idx == 5
    assert (layer(fastnet.tensor([5, 2])) == table[[5, 2]]).all()
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    with pytest.raises(ValueError, match=r"\(6,\)"):
        nn.Embedding.from_pretrained(table[:, 0])


# ---- recordings -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["linear", "linear-3", "layer_norm", "layer_norm-2", "batch_norm-3", "cosine",
                                  "rms_norm"])
def test_recordings_contain_all_work_of_a_function(name):
    """Strided or broadcast gradients are packed by recorded launches, not by unrecorded NumPy calls."""
    fn, x, *rest = FUNCTIONS[name]
    rest = [fastnet.tensor(r) for r in rest]
    leaf = nn.Parameter(fastnet.tensor(x))

    def gradient(scale):
        leaf.grad = None
        y = fn(fastnet, leaf * scale, *rest)
        (y.transpose(0, -1).reshape(-1) * scale.exp()).sum().backward()
        return leaf.grad + 0
    if name == "batch_norm-3":
        statistics = [fastnet.tensor(MEAN), fastnet.tensor(VAR)]

        def fn(f, x, *affine):
            return F.batch_norm(x, *statistics, *affine, training=True)
    recorded = fastnet.compile(gradient)
    for s in (0.5, 1.0, 2.0):
        s = fastnet.tensor(s, dtype=fastnet.float64)
        expected = gradient(s).numpy()
        np.testing.assert_array_equal(recorded(s).numpy(), expected)


# ---- errors ---------------------------------------------------------------------------------------------------------

def f32(*shape):
    return fastnet.ones(*shape)


@pytest.mark.parametrize("call, error, words", [
    (lambda: F.layer_norm(f32(3, 4), (5,)), RuntimeError, r"\(5,\).*\(3, 4\)"),
    (lambda: F.layer_norm(f32(3, 4), ()), RuntimeError, r"\(\).*\(3, 4\)"),
    (lambda: F.layer_norm(f32(3, 4), 4, f32(3)), RuntimeError, r"weight has shape \(3,\), expected \(4,\).*\(3, 4\)"),
    (lambda: F.layer_norm(f32(3, 4), 4, f32(4).double()), RuntimeError, "weight is float64, the input float32"),
    (lambda: F.layer_norm(fastnet.ones(3, 4, dtype=fastnet.int64), 4), RuntimeError, "int64"),
    (lambda: nn.LayerNorm(5)(f32(3, 4)), RuntimeError, r"\(5,\).*\(3, 4\)"),
    (lambda: nn.RMSNorm(5)(f32(3, 4)), RuntimeError, r"\(5,\).*\(3, 4\)"),
    (lambda: F.batch_norm(f32(3), None, None, training=True), RuntimeError, r"\(N, C\).*\(3,\)"),
    (lambda: F.batch_norm(f32(3, 4), f32(3), f32(4)), RuntimeError, r"running_mean has shape \(3,\), expected \(4,\)"),
    (lambda: F.batch_norm(f32(3, 4), None, None), RuntimeError, "running_mean and running_var"),
    (lambda: F.batch_norm(f32(3, 4), f32(4), None, training=True), RuntimeError, "running_mean and running_var"),
    (lambda: F.batch_norm(f32(1, 4), f32(4), f32(4), training=True), ValueError, r"more than one value.*\(1, 4\)"),
    (lambda: nn.BatchNorm1d(4)(f32(1, 4)), ValueError, r"more than one value.*\(1, 4\)"),
    (lambda: nn.BatchNorm1d(4)(f32(2, 3, 4, 5)), ValueError, r"\(N, 4\) or \(N, 4, L\), got \(2, 3, 4, 5\)"),
    (lambda: nn.BatchNorm1d(4)(f32(2, 3)), ValueError, r"\(N, 4\) or \(N, 4, L\), got \(2, 3\)"),
    (lambda: nn.BatchNorm2d(4)(f32(2, 4)), ValueError, r"\(N, 4, H, W\), got \(2, 4\)$"),
    (lambda: nn.BatchNorm2d(4)(f32(4, 5, 5)), ValueError, r"\(N, 4, H, W\), got \(4, 5, 5\); .* unsqueeze\(0\)"),
    (lambda: nn.InstanceNorm2d(4)(f32(4, 5)), ValueError, r"\(N, C, H, W\) or \(C, H, W\), got \(4, 5\)"),
    (lambda: nn.InstanceNorm2d(4, affine=True)(f32(3, 5, 5)), ValueError, r"expected 4 channels, got .*\(3, 5, 5\)"),
    (lambda: nn.InstanceNorm2d(4)(f32(2, 4, 1, 1)), ValueError, r"more than one value.*\(2, 4, 1, 1\)"),
    (lambda: nn.GroupNorm(3, 4), ValueError, "num_channels=4 and num_groups=3"),
    (lambda: nn.GroupNorm(2, 4)(f32(2, 6, 5)), RuntimeError, r"weight has shape \(4,\), expected \(6,\)"),
    (lambda: nn.GroupNorm(4, 4)(f32(1, 4)), ValueError, r"more than one value in each group.*\(1, 4\)"),
    (lambda: F.group_norm(f32(2, 4), 3), RuntimeError, r"divides the 4 channels .*\(2, 4\), got 3"),
    (lambda: F.group_norm(f32(4), 2), RuntimeError, r"\(N, C\) or \(N, C, ...\), got \(4,\)"),
    (lambda: F.instance_norm(f32(2, 4, 3), use_input_stats=False), RuntimeError, "running_mean and running_var"),
    (lambda: F.instance_norm(f32(2, 4)), RuntimeError, r"got \(2, 4\)"),
    (lambda: F.local_response_norm(f32(2, 4), 2), ValueError, r"got \(2, 4\)"),
    (lambda: F.local_response_norm(f32(2, 4, 1), 0), ValueError, "a size of 1 or more, got 0"),
    (lambda: nn.BatchNorm3d(4)(f32(2, 4, 5, 5)), ValueError, r"\(N, 4, D, H, W\), got \(2, 4, 5, 5\)$"),
    (lambda: nn.Linear(4, 2)(f32(3, 5)), RuntimeError, r"\(3, 5\).*\(2, 4\)"),
    (lambda: nn.Linear(4, 2)(f32(3, 4).double()), RuntimeError, "float64.*float32"),
    (lambda: nn.Embedding(4, 2)(fastnet.tensor([1, 4])), IndexError, "4 at position 1.*< 4"),
    (lambda: nn.Embedding(4, 2)(f32(2)), RuntimeError, "float32"),
    (lambda: nn.Embedding(4, 2, padding_idx=4), ValueError, "expected padding_idx from -4 to 3, got 4"),
    (lambda: nn.Hardtanh(1.0, 1.0), ValueError, "min_val < max_val"),
    (lambda: nn.Softmax()(f32(2, 2)), TypeError, "dim"),
    (lambda: nn.GELU("fast")(f32(2)), RuntimeError, "'none' or 'tanh', got 'fast'"),
])
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
