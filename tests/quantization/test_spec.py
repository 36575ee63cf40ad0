"""The arithmetic of int8, observers, and fake quantisation with its gradients."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn import qat
from fastnet.nn.quantized.spec import clamp_limits, quantized_weight, weight_scales
from fastnet.quantization import (
    EntropyObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    PercentileObserver,
    PerChannelMinMaxObserver,
    choose_qparams,
    quantize_multiplier,
)

rng = np.random.default_rng(0)


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-1.0, 1.0), (-3.0, -1.0), (2.0, 5.0), (-0.001, 7.0)])
def test_zero_is_exact_and_the_range_is_covered(low, high):
    scale, zero = choose_qparams(low, high)
    assert -128 <= zero <= 127 and scale > 0
    ends = [(q - zero) * scale for q in (-128, 127)]
    assert ends[0] <= min(low, 0) + scale / 2 and ends[1] >= max(high, 0) - scale / 2


@pytest.mark.parametrize("low, high", [(1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_ranges_that_are_none(low, high):
    with pytest.raises(ValueError, match="finite range"):
        choose_qparams(low, high)


def test_multipliers():
    reals = np.concatenate([10.0 ** rng.uniform(-8, 8, 500), [0.5, 1.0, 2.0, 1 - 2.0**-40, 0.0]])
    multiplier, shift = quantize_multiplier(reals)
    assert multiplier.dtype == shift.dtype == np.int32
    assert ((multiplier >= 2**30) | (reals == 0)).all()
    np.testing.assert_allclose(multiplier * 2.0 ** (shift - 31.0), reals, rtol=2.0**-31)
    assert quantize_multiplier(1e-12) == (0, 0) and quantize_multiplier(1.0) == (2**30, 1)
    for wrong in (-1.0, float("nan"), 2.0**30):
        with pytest.raises(ValueError, match="factors"):
            quantize_multiplier(wrong)


def test_weights_use_all_levels():
    weight = rng.normal(size=(4, 3, 2)).astype(np.float32)
    weight[2] = 0
    scales = weight_scales(weight)
    q = quantized_weight(weight, scales)
    assert q.dtype == np.int8 and (np.abs(q[[0, 1, 3]]).reshape(3, -1).max(1) == 127).all() and not q[2].any()
    assert np.abs(q * scales[:, None, None] - weight).max() <= scales.max() / 2 * 1.001


def test_clamps():
    assert clamp_limits("none", 0.1, 5) == (-128, 127)
    assert clamp_limits("relu", 0.1, 5) == (5, 127)
    assert clamp_limits("relu6", 0.1, -128) == (-128, -68)


# ---- observers ------------------------------------------------------------------------------------------------------

def test_ranges_of_observers():
    data = [fastnet.tensor(rng.normal(size=1000).astype(np.float32)) for _ in range(5)]
    for make, narrower in ((MinMaxObserver, False), (MovingAverageMinMaxObserver, True), (EntropyObserver, None),
                           (lambda: PercentileObserver(99.0), True)):
        observer = make()
        assert all(observer(x) is x for x in data)
        low, high = (x.item() for x in observer.range())
        least, most = min(x.min().item() for x in data), max(x.max().item() for x in data)
        assert least - 1e-2 <= low < 0 < high <= most + 1e-2
        assert narrower is None or (high < most - 0.01) == narrower


def test_an_observer_without_data():
    low, high = MinMaxObserver().range()
    assert low.item() > high.item()


def test_a_histogram_grows():
    observer = PercentileObserver(100.0, bins=64)
    for size in (1.0, 2.0, 8.0):
        observer(fastnet.tensor(rng.uniform(-size, size, 400).astype(np.float32)))
    assert observer.counts.sum().item() == 1200
    low, high = (x.item() for x in observer.range())
    assert -8.3 < low < -7.5 and 7.5 < high < 8.3


def test_entropy_drops_outliers():
    values = np.concatenate([rng.normal(size=20_000), [80.0]]).astype(np.float32)
    observer = EntropyObserver()
    observer(fastnet.tensor(values))
    assert observer.range()[1].item() < 60


def test_histograms_refuse_recordings_and_infinity():
    with pytest.raises(ValueError, match="finite"):
        PercentileObserver()(fastnet.tensor([float("inf")]))
    with pytest.raises(RuntimeError, match="PercentileObserver"):
        fastnet.compile(PercentileObserver().forward)(fastnet.ones(3))


def test_channels():
    observer = PerChannelMinMaxObserver(3, ch_axis=1)
    observer(fastnet.tensor(np.float32([[1, -127, 0], [0.5, 2, 0]])))
    np.testing.assert_allclose(observer.calculate_qparams()[0].numpy()[:2], [1 / 127, 1])


# ---- fake quantisation ----------------------------------------------------------------------------------------------

@pytest.mark.usefixtures("backend")
def test_fake_quantisation_rounds_as_int8():
    x = rng.normal(size=(4, 50)).astype(np.float32) * 3
    got = fastnet.fake_quantize_per_tensor_affine(fastnet.tensor(x), 0.03, 5, -128, 127).numpy()
    q = np.clip(np.rint(x / np.float32(0.03)) + 5, -128, 127)
    np.testing.assert_allclose(got, (q - 5) * 0.03, rtol=1e-6)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_of_fake_quantisation(compiled):
    from fastnet.functional.fake_quantization import learnable_fake_quantize
    x = fastnet.tensor(rng.normal(size=(3, 20)).astype(np.float32) * 2, requires_grad=True)
    scale = fastnet.tensor(np.float32([0.01, 0.02, 0.05]), requires_grad=True)
    zero = fastnet.tensor(np.int32([3]))

    def run():
        y = learnable_fake_quantize(x, scale, zero, -128, 127)
        (y * y).sum().backward()
        return y.detach()
    run = fastnet.compile(run) if compiled else run
    y = run().numpy()
    steps = x.detach().numpy() / scale.detach().numpy()[:, None]
    q = np.clip(np.rint(steps), -131, 124)
    inside = q == np.rint(steps)
    assert 0 < inside.mean() < 1
    np.testing.assert_allclose(x.grad.numpy(), 2 * y * inside, rtol=1e-5)
    slope = (2 * y * (q - np.where(inside, steps, 0))).sum(1)
    np.testing.assert_allclose(scale.grad.numpy(), slope, rtol=1e-3)


def test_fake_quantisation_is_pytorchs():
    torch = pytest.importorskip("torch")
    x = rng.normal(size=(5, 6, 7)).astype(np.float32)
    scale, zero = rng.uniform(0.01, 0.05, 6).astype(np.float32), rng.integers(-20, 20, 6).astype(np.int32)
    ours, theirs = fastnet.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    got = fastnet.fake_quantize_per_channel_affine(ours, fastnet.tensor(scale), fastnet.tensor(zero), 1, -128, 127)
    wanted = torch.fake_quantize_per_channel_affine(theirs, torch.tensor(scale), torch.tensor(zero), 1, -128, 127)
    np.testing.assert_allclose(got.detach().numpy(), wanted.detach().numpy(), rtol=1e-6)
    got.sum().backward()
    wanted.sum().backward()
    np.testing.assert_array_equal(ours.grad.numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("norm", [False, True])
def test_layers_without_rounding_are_those_of_float32(norm):
    layer = qat.Conv2d(3, 4, (3, 3), (2, 2), (1, 1), (1, 1), norm=norm, activation="relu")
    layer.weight_fake_quant.fake_quant_enabled = False
    conv = nn.Conv2d(3, 4, 3, 2, 1)
    conv.load_state_dict({"weight": layer.weight, "bias": layer.bias})
    bn = nn.BatchNorm2d(4) if norm else nn.Identity()
    x = fastnet.tensor(rng.normal(size=(6, 3, 8, 8)).astype(np.float32))
    for _ in range(2):
        np.testing.assert_allclose(layer(x).detach().numpy(), bn(conv(x)).relu().detach().numpy(), atol=2e-5)
    layer.eval(), bn.eval()
    np.testing.assert_allclose(layer(x).detach().numpy(), bn(conv(x)).relu().detach().numpy(), atol=2e-5)


def test_a_learned_scale():
    layer = qat.FakeQuantize("MinMax", learnable=True)
    x = fastnet.tensor(rng.normal(size=100).astype(np.float32))
    layer(x)
    layer.observer_enabled = False
    before = layer.scale.item()
    layer(x).square().sum().backward()
    assert layer.scale.item() == before > 0 and layer.scale.grad.item() != 0
