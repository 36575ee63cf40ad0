"""Padding against PyTorch: every mode and number of dimensions, gradients, memory layouts, recordings, errors."""
import itertools

import numpy as np
import pytest
from torch_tools import compare

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(4)
MODES = ("constant", "reflect", "replicate", "circular")
SHAPES = ((2, 3, 5), (2, 3, 5, 4), (1, 17, 4, 6), (2, 3, 3, 5, 4), (3, 1, 6))
PADS = {1: ((1, 2), (0, 0), (-1, 2), (3, -1)), 2: ((1, 2, 3, 0), (-1, 1, 2, -1)),
        3: ((1, 2, 0, 1, 2, 1), (1, -1, 0, 2, 1, 1))}
CASES = [(shape, pads, mode) for shape, mode in itertools.product(SHAPES, MODES) for pads in PADS[len(shape) - 2]]
CONSTANT = [((4, 5), (1, 2)), ((4, 5), (1, 0, -2, 3)), ((2, 2, 2, 2, 2), (1,) * 10),
            ((2, 3, 4, 5), (1, -1, 0, 2, -1, 3, 0, 1)),
            ((5,), (2, 1)), ((0, 3, 4), (1, 1)), ((2, 3, 4), (-2, -2)), ((3, 4), ()), ((2, 3, 4, 5), (1, 1))]


def images(shape):
    return rng.standard_normal(shape)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape, pads, mode", CASES)
def test_is_pytorchs(shape, pads, mode, dtype):
    compare(lambda f, x: f.nn.functional.pad(x, pads, mode=mode), images(shape), dtype=dtype)
    compare(lambda f, x: f.nn.functional.pad(x[0], pads, mode=mode), images(shape), dtype=dtype)


@pytest.mark.parametrize("shape, pads", CONSTANT)
def test_constants_pad_any_dimensions(shape, pads):
    compare(lambda f, x: f.nn.functional.pad(x, pads, value=2.5), images(shape))


@pytest.mark.parametrize("shape, pads, mode", CASES)
def test_both_layouts_give_the_same_bits(shape, pads, mode):
    x = fastnet.tensor(images(shape).astype(np.float32))
    order = (0, *range(2, x.ndim), 1)
    last = x.permute(order).contiguous().permute(0, x.ndim - 1, *range(1, x.ndim - 1))
    results = []
    for layout in (x, last):
        layout = layout.detach().requires_grad_()
        y = F.pad(layout, pads, mode=mode)
        (y * y.sin()).sum().backward()
        results.append((y.detach().numpy(), layout.grad.numpy()))
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)
    assert F.pad(last, pads, mode=mode).permute(order).is_contiguous() or min(shape[1], shape[-1]) == 1


@pytest.mark.parametrize("mode", MODES)
def test_is_recorded(mode):
    def step(x):
        x = x.detach().clone().requires_grad_()
        y = F.pad(x, (2, 1, 1, 0), mode=mode)
        (y * y).sum().backward()
        return y.detach(), x.grad
    compiled = fastnet.compile(step)
    for _ in range(3):
        x = fastnet.tensor(images((2, 3, 4, 5)).astype(np.float32))
        for a, b in zip(compiled(x), step(x)):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert len(compiled) == 1


def test_integers_and_bools(torch):
    for values, mode, value in (([[1, 2]], "constant", 2.5), ([[1, 2]], "replicate", None),
                                ([[True, False]], "constant", None)):
        ours, theirs = (f.nn.functional.pad(f.tensor(values), (1, 1), mode, value) for f in (fastnet, torch))
        assert ours.tolist() == theirs.tolist() and str(ours.dtype) in str(theirs.dtype)


@pytest.mark.parametrize("shape, pads, mode, error, words", [
    ((1, 2, 3), (1,), "constant", RuntimeError, r"two sizes for each dimension to pad of shape \(1, 2, 3\), got 1"),
    ((1, 2, 3), (1,) * 8, "constant", RuntimeError, "two sizes for each dimension"),
    ((1, 2, 3), (1.5, 1), "constant", TypeError, "sequence of integers"),
    ((1, 2, 3), (-2, -2), "constant", RuntimeError, "removes more than shape"),
    ((1, 2, 3), (1, 1), "mirror", NotImplementedError, "unknown mode 'mirror'"),
    ((1, 2, 3), (3, 0), "reflect", RuntimeError, "takes at most 2 for a dimension of length 3"),
    ((1, 2, 3), (0, 4), "circular", RuntimeError, "takes at most 3 for a dimension of length 3"),
    ((1, 2, 0), (1, 1), "circular", RuntimeError, "takes at most 0"),
    ((1, 2, 0), (1, 1), "replicate", RuntimeError, "images with elements"),
    ((1, 2, 3), (-2, -2), "replicate", RuntimeError, "removes more"),
    ((1, 2, 3, 4), (1, 1), "reflect", NotImplementedError, r"expected 2, 4 or 6 sizes that fit it, got 2 for shape"),
])
def test_errors(shape, pads, mode, error, words, torch):
    with pytest.raises(error, match=words):
        F.pad(fastnet.zeros(shape), pads, mode)
    with pytest.raises(error):
        torch.nn.functional.pad(torch.zeros(shape), pads, mode)


def test_only_constants_take_a_value():
    with pytest.raises(RuntimeError, match="mode 'reflect' takes no value, got 1"):
        F.pad(fastnet.zeros(1, 1, 3), (1, 1), "reflect", 1.0)
