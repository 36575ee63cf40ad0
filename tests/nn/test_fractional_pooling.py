"""Max pooling over windows at random places, beside PyTorch's with the same random numbers."""
import numpy as np
import pytest

import fastnet
from fastnet import nn

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("batch", [True, False], ids=["batch", "one"])
@pytest.mark.parametrize("kernel, output, ratio", [(2, 3, None), (3, (4, 1, 2), None), (1, None, 0.5), (2, None, 0.6)])
@pytest.mark.parametrize("n", [2, 3])
def test_agrees_with_torch(n, kernel, output, ratio, batch):
    torch = pytest.importorskip("torch")
    x, samples = RNG.standard_normal((2, 3, 7, 6, 8)[:n + 2]), RNG.random((2, 3, n))
    if not batch:
        x, samples = x[0], samples[:1]
    output, ratio = output[-n:] if isinstance(output, tuple) else output, ratio and (ratio,) * n
    found = []
    for package in (fastnet, torch):
        given = package.tensor(x, requires_grad=True)
        pool = getattr(package.nn, f"FractionalMaxPool{n}d")(
            kernel, output, ratio, return_indices=True, _random_samples=package.tensor(samples))
        values, indices = pool(given)
        (values * values).sum().backward()
        found.append([t.detach().numpy() for t in (values, indices, given.grad)])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_draws_new_windows_in_each_call():
    fastnet.manual_seed(0)
    x, pool = fastnet.arange(400.0).reshape(1, 1, 20, 20), nn.FractionalMaxPool2d(2, output_size=8)
    assert len({tuple(pool(x).flatten().tolist()) for _ in range(8)}) > 1
    assert pool(x).shape == (1, 1, 8, 8)


def test_wrong_arguments_are_refused():
    x = fastnet.ones(1, 2, 5, 5)
    for options in ({}, {"output_size": 2, "output_ratio": 0.5}):
        with pytest.raises(ValueError, match="either output_size or output_ratio"):
            nn.FractionalMaxPool2d(2, **options)
        with pytest.raises(RuntimeError, match="either output_size or output_ratio"):
            nn.functional.fractional_max_pool2d(x, 2, **options)
    for ratio in (-1.0, 0, 1.0, (0.5, 1.5)):
        with pytest.raises(ValueError, match="FractionalMaxPool2d: expected output_ratio to be between 0 and 1, got"):
            nn.FractionalMaxPool2d(2, output_ratio=ratio)
    with pytest.raises(RuntimeError, match="that fit"):
        nn.functional.fractional_max_pool2d(x, 4, output_size=3)
    with pytest.raises(RuntimeError, match="4 dimensions, or 3"):
        nn.functional.fractional_max_pool2d(x[0, 0], 2, output_size=3)
