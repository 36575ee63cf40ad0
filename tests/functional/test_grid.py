"""grid_sample and affine_grid against PyTorch over a grid of options; memory layouts, recordings, errors."""
import itertools

import numpy as np
import pytest
from torch_tools import compare

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(3)
IMAGES, POINTS = rng.standard_normal((2, 3, 5, 6)), rng.uniform(-2.5, 2.5, (2, 4, 7, 2))
VOLUMES, PLACES = rng.standard_normal((2, 2, 3, 4, 5)), rng.uniform(-2.5, 2.5, (2, 2, 3, 4, 3))
OPTIONS = list(itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (False, True)))


def sample(mode, padding, align):
    return lambda f, x, grid: f.nn.functional.grid_sample(x, grid, mode, padding, align_corners=align)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mode, padding, align", OPTIONS)
def test_is_pytorchs(mode, padding, align, dtype):
    # positions of float32 points have an error that the slope of the image multiplies
    inputs = [IMAGES, POINTS] if dtype == "float64" else [IMAGES / 8, np.round(POINTS * 16) / 16 + 1 / 64]
    compare(sample(mode, padding, align), *inputs, dtype=dtype)
    compare(sample(mode, padding, align), inputs[0][:, :, :1, :1], inputs[1], dtype=dtype)
    if mode != "bicubic":
        inputs = [VOLUMES, PLACES] if dtype == "float64" else [VOLUMES / 8, np.round(PLACES * 16) / 16 + 1 / 64]
        compare(sample(mode, padding, align), *inputs, dtype=dtype)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("channels", [3, 16, 70])
def test_both_layouts_give_the_same_bits(mode, channels):
    array = rng.standard_normal((2, channels, 5, 6)).astype(np.float32)
    last = fastnet.tensor(array.transpose(0, 2, 3, 1).copy()).permute(0, 3, 1, 2)
    results = []
    for x in (fastnet.tensor(array), last):
        x = x.detach().requires_grad_()
        grid = fastnet.tensor(POINTS.astype(np.float32), requires_grad=True)
        y = F.grid_sample(x, grid, mode)
        (y * y.sin()).sum().backward()
        assert y.permute(0, 2, 3, 1).is_contiguous()
        results.append([y.detach().numpy(), x.grad.numpy(), grid.grad.numpy()])
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("of_images", [False, True])
def test_only_one_gradient(of_images, torch):
    results = []
    for f in (fastnet, torch):
        x, grid = f.tensor(IMAGES, requires_grad=of_images), f.tensor(POINTS, requires_grad=not of_images)
        f.nn.functional.grid_sample(x, grid, align_corners=False).sin().sum().backward()
        assert (x.grad is None) != of_images and (grid.grad is None) == of_images
        results.append((x if of_images else grid).grad.numpy())
    np.testing.assert_allclose(*results, rtol=1e-10, atol=1e-11)


def test_is_recorded():
    """A spatial transformer, of which only some gradients are needed."""
    def step(x, theta):
        theta = theta.detach().clone().requires_grad_()
        y = F.grid_sample(x, F.affine_grid(theta, (2, 3, 4, 4)))
        (y * y).sum().backward()
        return y.detach(), theta.grad
    compiled = fastnet.compile(step)
    for _ in range(3):
        given = [fastnet.tensor(rng.standard_normal(shape).astype(np.float32)) for shape in ((2, 3, 5, 6), (2, 2, 3))]
        for a, b in zip(compiled(*given), step(*given)):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert len(compiled) == 1


@pytest.mark.filterwarnings("ignore:Since version 1.3.0:UserWarning")       # PyTorch's, about sizes of 1
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 1, 1), (2, 3, 2, 4, 5), (2, 3, 1, 4, 1)])
def test_affine_grid_is_pytorchs(size, align):
    dims = len(size) - 2
    theta = rng.standard_normal((2, dims, dims + 1))
    for dtype in ("float64", "float32"):
        compare(lambda f, t: f.nn.functional.affine_grid(t, size, align_corners=align), theta, dtype=dtype)


def test_points_that_are_not_finite_are_outside():
    grid = fastnet.tensor([[[[np.nan, 0.0], [np.inf, 0.0], [0.0, -np.inf], [1e30, 0.0]]]], requires_grad=True)
    x = fastnet.ones(1, 2, 3, 3, requires_grad=True)
    y = F.grid_sample(x, grid)
    y.sum().backward()
    assert y.tolist() == fastnet.zeros(1, 2, 1, 4).tolist()
    assert not x.grad.numpy().any() and not grid.grad.numpy().any()
    for mode, padding, align in OPTIONS:                    # no crash
        F.grid_sample(x, grid, mode, padding, align).sum().backward()


def test_an_empty_batch_and_no_points():
    assert F.grid_sample(fastnet.zeros(0, 2, 3, 3), fastnet.zeros(0, 4, 5, 2)).shape == (0, 2, 4, 5)
    assert F.grid_sample(fastnet.zeros(1, 2, 3, 3), fastnet.zeros(1, 0, 5, 2)).shape == (1, 2, 0, 5)


@pytest.mark.parametrize("x, grid, given, error, words", [
    ((1, 1, 3, 3), (1, 2, 2, 2), ("linear",), ValueError, "unknown mode 'linear'"),
    ((1, 1, 3, 3), (1, 2, 2, 2), ("nearest", "mirror"), ValueError, "unknown padding_mode 'mirror'"),
    ((1, 1, 3), (1, 2, 1), (), RuntimeError, r"got shapes \(1, 1, 3\) and \(1, 2, 1\)"),
    ((1, 1, 3, 3), (1, 2, 2, 3), (), RuntimeError, r"a grid \(N, H', W', 2\)"),
    ((2, 1, 3, 3), (1, 2, 2, 2), (), RuntimeError, "got shapes"),
    ((1, 1, 3, 3), (1, 2, 2, 2, 3), (), RuntimeError, "got shapes"),
    ((1, 1, 0, 3), (1, 2, 2, 2), (), RuntimeError, "images with pixels"),
    ((1, 1, 3, 3, 3), (1, 2, 2, 2, 3), ("bicubic",), RuntimeError, r"'bicubic' is for inputs \(N, C, H, W\)"),
])
def test_errors_of_grid_sample(x, grid, given, error, words, torch):
    with pytest.raises(error, match=words):
        F.grid_sample(fastnet.zeros(x), fastnet.zeros(grid), *given)
    with pytest.raises(error):
        torch.nn.functional.grid_sample(torch.zeros(x), torch.zeros(grid), *given, align_corners=False)


def test_dtypes_must_agree():
    with pytest.raises(TypeError, match="grid_sample: expected grid to be a tensor, got NoneType"):
        F.grid_sample(fastnet.zeros(1, 1, 2, 2), None)
    with pytest.raises(RuntimeError, match="got input float32 and grid float64"):
        F.grid_sample(fastnet.zeros(1, 1, 2, 2), fastnet.zeros(1, 2, 2, 2).double())


@pytest.mark.parametrize("theta, size, error, words", [
    ((2, 2, 3), (2, 1, 4), NotImplementedError, r"a size \(N, C, H, W\) or \(N, C, D, H, W\), got \(2, 1, 4\)"),
    ((2, 2, 3), (3, 1, 4, 4), ValueError, r"theta of shape \(3, 2, 3\) for the size \(3, 1, 4, 4\), got \(2, 2, 3\)"),
    ((2, 3, 3), (2, 1, 4, 4), ValueError, "theta of shape"),
    ((2, 2, 3), (2, 1, 0, 4), ValueError, "positive sizes"),
])
def test_errors_of_affine_grid(theta, size, error, words, torch):
    with pytest.raises(error, match=words):
        F.affine_grid(fastnet.zeros(theta), size)
    with pytest.raises((error, RuntimeError)):
        torch.nn.functional.affine_grid(torch.zeros(theta), size, align_corners=False)
