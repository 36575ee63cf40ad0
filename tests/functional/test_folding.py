"""unfold and fold against PyTorch over a grid of options; memory layouts, recordings, errors."""
import itertools

import numpy as np
import pytest
from torch_tools import compare

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(6)
IMAGES = rng.standard_normal((2, 3, 6, 9))
OPTIONS = [dict(zip(("kernel_size", "dilation", "padding", "stride"), values)) for values in itertools.product(
    (1, 3, (2, 4)), (1, (2, 1)), (0, (1, 2)), (1, 2, (3, 1)))]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("given", OPTIONS, ids=str)
def test_is_pytorchs(given, dtype):
    compare(lambda f, x: f.nn.functional.unfold(x, **given), IMAGES, dtype=dtype)
    compare(lambda f, x: f.nn.functional.unfold(x[0], **given), IMAGES, dtype=dtype)
    columns = rng.standard_normal(F.unfold(fastnet.tensor(IMAGES), **given).shape)
    compare(lambda f, x: f.nn.functional.fold(x, (6, 9), **given), columns, dtype=dtype)
    compare(lambda f, x: f.nn.functional.fold(x[1], (6, 9), **given), columns, dtype=dtype)


def results(x):
    """The columns of images, the images that these add up to, and their gradient."""
    columns = F.unfold(x, 3, padding=1, stride=2)
    y = F.fold(columns.sin(), (6, 9), 3, padding=1, stride=2)
    (y * y).sum().backward()
    return [columns.detach(), y.detach(), x.grad]


def test_both_layouts_give_the_same_bits():
    x = fastnet.tensor(IMAGES.astype(np.float32), requires_grad=True)
    last = fastnet.tensor(IMAGES.astype(np.float32).transpose(0, 2, 3, 1).copy()).permute(0, 3, 1, 2)
    for a, b in zip(results(x), results(last.detach().requires_grad_())):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_is_recorded():
    def step(x):
        return results(x.detach().clone().requires_grad_())
    compiled = fastnet.compile(step)
    for _ in range(3):
        x = fastnet.tensor(rng.standard_normal((2, 3, 6, 9)).astype(np.float32))
        for a, b in zip(compiled(x), step(x)):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert len(compiled) == 1


def test_a_product_with_columns_is_a_convolution(torch):
    weight = rng.standard_normal((4, 3, 2, 3))
    columns = F.unfold(fastnet.tensor(IMAGES), (2, 3))
    out = (fastnet.tensor(weight.reshape(4, -1)) @ columns).reshape(2, 4, 5, 7)
    expected = torch.nn.functional.conv2d(torch.tensor(IMAGES), torch.tensor(weight))
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-11, atol=1e-12)


def test_an_empty_batch():
    assert F.unfold(fastnet.zeros(0, 2, 3, 3), 2).shape == (0, 8, 4)
    assert F.fold(fastnet.zeros(3, 8, 4), 3, 2).shape == (3, 2, 3, 3)


@pytest.mark.parametrize("name, shape, given, words", [
    ("unfold", (3, 4), (2,), r"\(N, C, H, W\) or \(C, H, W\) of images with elements, got shape \(3, 4\)"),
    ("unfold", (1, 0, 3, 4), (2,), "images with elements"),
    ("unfold", (1, 1, 3, 4), (5,), r"window of size \(5, 5\) with dilation \(1, 1\) does not fit in images"),
    ("unfold", (1, 1, 3, 4), (0,), "kernel_size to be at least 1"),
    ("unfold", (1, 1, 3, 4), (1, 1, 0, 0), "stride to be at least 1"),
    ("unfold", (1, 1, 3, 4), (1, 0), "dilation to be at least 1"),
    ("unfold", (1, 1, 3, 4), (1, 1, -1), "padding to be at least 0"),
    ("fold", (1, 1, 8, 4), (3, 2), "columns with elements"),
    ("fold", (1, 7, 4), (3, 2), r"multiple of 2\*2 rows, got 7 in shape \(1, 7, 4\)"),
    ("fold", (1, 8, 5), (3, 2), r"2\*2 windows for images of size \(3, 3\), got 5 in shape \(1, 8, 5\)"),
])
def test_errors(name, shape, given, words, torch):
    with pytest.raises(RuntimeError, match=words):
        getattr(F, name)(fastnet.zeros(shape), *given)
    with pytest.raises((RuntimeError, NotImplementedError, IndexError)):
        getattr(torch.nn.functional, name)(torch.zeros(shape), *given)


def test_integers_are_refused():
    x = fastnet.zeros(1, 4, 4).long()
    for call in (lambda: F.unfold(x, 2), lambda: F.fold(x, 3, 2)):
        with pytest.raises(RuntimeError, match="floating-point input"):
            call()
