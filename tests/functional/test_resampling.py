"""Interpolation and pixel shuffles against PyTorch over a grid of options; memory layouts, recordings, errors."""
import itertools
import warnings

import numpy as np
import pytest
from torch_tools import compare

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(8)
LINE, IMAGE, VOLUME = (rng.standard_normal(shape) for shape in ((2, 3, 7), (2, 3, 5, 6), (2, 2, 3, 4, 5)))
MODES = {3: ("nearest", "nearest-exact", "linear", "area"),
         4: ("nearest", "nearest-exact", "bilinear", "bicubic", "area"),
         5: ("nearest", "nearest-exact", "trilinear", "area")}
SIZES = {3: (1, 5, 7, 11), 4: (4, (2, 9), (7, 6), (5, 6), (10, 12)), 5: (2, (3, 6, 4), (5, 1, 7))}
SCALES = {3: (2, 0.5, 1.3), 4: (2, 0.4, (1.7, 0.6), (1.05, 2.3)), 5: (2, (0.7, 1.6, 1.2))}


def options():
    for x in (LINE, IMAGE, VOLUME):
        for mode in MODES[x.ndim]:
            aligned = (False, True) if "linear" in mode or "cubic" in mode else (None,)
            smoothed = (False, True) if mode in ("bilinear", "bicubic") else (False,)
            for align_corners, antialias in itertools.product(aligned, smoothed):
                extra = {"mode": mode, "align_corners": align_corners, "antialias": antialias}
                yield from ((x, {"size": size, **extra}) for size in SIZES[x.ndim])
                yield from ((x, {"scale_factor": scale, **extra}) for scale in SCALES[x.ndim])
                yield x, {"scale_factor": 1.4, "recompute_scale_factor": True, **extra}


# PyTorch's gradient is not that of its result: its forward pass leaves an axis of unchanged length alone
OTHER_GRADIENT = {"scale_factor": (1.05, 2.3), "antialias": True}
OPTIONS = [(x, o) for x, o in options() if not OTHER_GRADIENT.items() <= o.items()]


def name(value):
    if not isinstance(value, dict):
        return f"{value.ndim}d"
    return ", ".join(f"{k}={v}" for k, v in value.items() if v is not None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("x, given", OPTIONS, ids=name)
def test_is_pytorchs(x, given, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                     # PyTorch's about recompute_scale_factor
        compare(lambda f, x: f.nn.functional.interpolate(x, **given), x, dtype=dtype)


def layouts(x):
    """A tensor (N, C, ...) as two leaves, of contiguous and of channels-last memory."""
    order = (0, *range(2, x.ndim), 1)
    last = fastnet.tensor(x.transpose(order).copy()).permute(0, x.ndim - 1, *range(1, x.ndim - 1))
    return fastnet.tensor(x, requires_grad=True), last.detach().requires_grad_()


CALLS = {
    "nearest": lambda x: F.interpolate(x, scale_factor=(2, 1.5)),
    "bilinear": lambda x: F.interpolate(x, (7, 3), mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, (4, 9), mode="bicubic"),
    "antialias": lambda x: F.interpolate(x, (3, 9), mode="bicubic", antialias=True),
    "area": lambda x: F.interpolate(x, (2, 4), mode="area"),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("channels", [4, 16, 20])
def test_both_layouts_give_the_same_bits(call, channels):
    results = []
    for x in layouts(rng.standard_normal((2, channels, 4, 6)).astype(np.float32)):
        y = CALLS[call](x)
        (y * y.sin()).sum().backward()
        assert y.permute(0, 2, 3, 1).is_contiguous() or y.shape[1] == 1
        results.append((y.detach().numpy(), x.grad.numpy()))
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("call", CALLS)
def test_is_recorded(call):
    def step(x):
        x = x.detach().clone().requires_grad_()
        y = CALLS[call](x)
        (y * y).sum().backward()
        return y.detach(), x.grad
    compiled = fastnet.compile(step)
    for _ in range(3):
        x = fastnet.tensor(rng.standard_normal((2, 4, 4, 6)).astype(np.float32))
        for a, b in zip(compiled(x), step(x)):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert len(compiled) == 1


@pytest.mark.parametrize("shape", [(8, 3, 2), (2, 8, 3, 2), (2, 1, 8, 3, 2)])
def test_pixel_shuffles_of_any_batch(shape):
    x = rng.standard_normal(shape)
    compare(lambda f, x: f.nn.functional.pixel_shuffle(x, 2), x)
    compare(lambda f, x: f.nn.functional.pixel_unshuffle(x.reshape(*shape[:-2], shape[-1], shape[-2]), 1), x)
    y = fastnet.tensor(x)
    assert fastnet.equal(F.pixel_unshuffle(F.pixel_shuffle(y, 2), 2), y)
    assert F.pixel_shuffle(y.long(), 2).dtype == fastnet.int64


def test_a_scale_factor_is_a_number():
    for given in ("a", [None]):
        with pytest.raises(TypeError, match="scale_factor to be a number or a sequence of numbers, got "):
            F.interpolate(fastnet.zeros(1, 1, 3), scale_factor=given)


def test_an_empty_batch():
    assert F.pixel_shuffle(fastnet.zeros(0, 8, 3, 2), 2).shape == (0, 2, 6, 4)
    assert F.pixel_unshuffle(fastnet.zeros(2, 8, 0, 2), 2).shape == (2, 32, 0, 1)
    assert F.interpolate(fastnet.zeros(0, 2, 3), 5).shape == (0, 2, 5)
    assert F.interpolate(fastnet.zeros(0, 2, 3, 3), 5, mode="bilinear").shape == (0, 2, 5, 5)


@pytest.mark.parametrize("shape, given, error, words", [
    ((1, 2, 3), {}, ValueError, "either size or scale_factor, got neither"),
    ((1, 2, 3), {"size": 2, "scale_factor": 2}, ValueError, "either size or scale_factor, got both"),
    ((1, 2, 3), {"size": (2, 3)}, ValueError, r"expected 1 sizes for shape \(1, 2, 3\)"),
    ((1, 2, 3), {"scale_factor": (2, 3)}, ValueError, "expected 1 scale factors"),
    ((1, 2, 3), {"size": 2, "mode": "cubic"}, NotImplementedError, "unknown mode 'cubic'"),
    ((1, 2, 3), {"size": 2, "mode": "bilinear"}, NotImplementedError, r"4 dimensions, \(N, C, ...\), got shape"),
    ((2, 3), {"size": 2}, NotImplementedError, "3 or 4 or 5 dimensions"),
    ((1, 2, 3), {"size": 2, "align_corners": True}, ValueError, "align_corners is for the modes linear"),
    ((1, 2, 3), {"size": 2, "antialias": True}, ValueError, "antialias is for the modes bilinear and bicubic"),
    ((1, 2, 3), {"size": 2, "recompute_scale_factor": True}, ValueError, "recompute_scale_factor is for scale_factor"),
    ((1, 2, 3), {"scale_factor": -1.0}, RuntimeError, "positive, finite scale factors, got -1.0"),
    ((1, 2, 3), {"size": 0}, RuntimeError, "images and a result with elements"),
    ((1, 2, 0), {"size": 3}, RuntimeError, "images and a result with elements"),
    ((1, 2, 3), {"scale_factor": 0.1}, RuntimeError, "images and a result with elements"),
])
def test_errors_of_interpolate(shape, given, error, words, torch):
    with pytest.raises(error, match=words):
        F.interpolate(fastnet.zeros(shape), **given)
    with pytest.raises(error):
        torch.nn.functional.interpolate(torch.zeros(shape), **given)


@pytest.mark.parametrize("size", [(9, 9), (40, 31), (17, 20)])
@pytest.mark.parametrize("mode, antialias", [("nearest", False), ("nearest-exact", False), ("bilinear", False),
                                             ("bilinear", True), ("bicubic", False), ("bicubic", True)])
def test_pictures_of_uint8(mode, antialias, size, torch):
    x = np.random.default_rng(2).integers(0, 256, (2, 3, 17, 13)).astype(np.uint8)
    expected = torch.nn.functional.interpolate(torch.tensor(x), size, mode=mode, antialias=antialias).numpy()
    found = F.interpolate(fastnet.tensor(x), size, mode=mode, antialias=antialias).numpy()
    assert found.dtype == np.uint8
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= (0 if "nearest" in mode else 2)
    assert (difference > 0).mean() < 0.1 and (difference > 1).mean() < 1e-3


@pytest.mark.parametrize("dtype", ["int64", "int32", "bool"])
@pytest.mark.parametrize("shape", [(1, 2, 5), (1, 2, 5, 4), (1, 2, 3, 4, 5)])
def test_nearest_neighbours_of_masks(shape, dtype):
    x = np.random.default_rng(3).integers(0, 2, shape).astype(dtype)
    expected = F.interpolate(fastnet.tensor(x.astype(np.float32)), scale_factor=1.3).numpy()
    found = F.interpolate(fastnet.tensor(x), scale_factor=1.3).numpy()
    assert found.dtype == dtype and np.array_equal(found, expected.astype(dtype))


@pytest.mark.parametrize("call, words", [
    (lambda f: f.pixel_shuffle(fastnet.zeros(1, 6, 2, 2), 2), r"divisible by 2\*\*2, got 6"),
    (lambda f: f.pixel_shuffle(fastnet.zeros(4, 2), 2), r"shape \(..., C, H, W\), got \(4, 2\)"),
    (lambda f: f.pixel_shuffle(fastnet.zeros(1, 4, 2, 2), 0), "upscale_factor to be positive"),
    (lambda f: f.pixel_unshuffle(fastnet.zeros(1, 1, 3, 4), 2), "height and a width divisible by 2"),
    (lambda f: f.channel_shuffle(fastnet.zeros(1, 3, 2), 2), "C divisible by 2 groups"),
    (lambda f: f.interpolate(fastnet.ones(1, 2, 3).long(), 2, mode="linear"), "floating-point input"),
])
def test_errors(call, words):
    with pytest.raises(RuntimeError, match=words):
        call(F)
