"""Numerical accuracy of mean and variance: large offsets, equal numbers, squares beyond float32."""
import numpy as np
import pytest

import fastnet
import fastnet.nn.functional as F

pytestmark = pytest.mark.usefixtures("backend")

FAR = 12345.678


def far(shape, spread=0.01, seed=0):
    return (np.random.default_rng(seed).standard_normal(shape) * spread + FAR).astype(np.float32)


def normalized(a, axis, eps=1e-5):
    a = a.astype(np.float64)
    return (a - a.mean(axis, keepdims=True)) / np.sqrt(a.var(axis, keepdims=True) + eps)


@pytest.mark.parametrize("n", [1, 7, 300, 2049, 5000])
def test_the_mean_of_equal_numbers(n):
    x = fastnet.full((2, n), FAR)
    assert not F.layer_norm(x, (n,)).numpy().any()
    assert not F.layer_norm(x, (n,), fastnet.ones(n), fastnet.zeros(n)).numpy().any()
    columns = x.T.contiguous()
    assert n == 1 or not F.batch_norm(columns, None, None, training=True).numpy().any()
    if n > 1:
        for dim, y in ((1, x), (0, columns), (None, x)):
            assert not y.var(dim).numpy().any() and not y.std(dim).numpy().any()


@pytest.mark.parametrize("shape", [(300, 3, 1), (40, 3, 9), (4, 3, 400)])
def test_equal_numbers_in_channels(shape):
    x = fastnet.full(shape, FAR)
    mean, var = fastnet.zeros(3), fastnet.ones(3)
    assert not F.batch_norm(x, mean, var, training=True, momentum=1.0).numpy().any()
    assert mean.tolist() == [x[0, 0, 0].item()] * 3 and var.tolist() == [0, 0, 0]


@pytest.mark.parametrize("n", [33, 300, 5000])
def test_a_large_offset_costs_no_digits(n):
    a = far((20, n))
    x = fastnet.from_numpy(a)
    np.testing.assert_allclose(F.layer_norm(x, (n,)).numpy(), normalized(a, 1), atol=2e-6)
    np.testing.assert_allclose(F.batch_norm(x.T, None, None, training=True).numpy(), normalized(a, 1).T, atol=2e-6)
    for dim in (0, 1, None):
        np.testing.assert_allclose(x.var(dim).numpy(), a.astype(np.float64).var(dim, ddof=1), rtol=2e-6)
        np.testing.assert_allclose(x.std(dim).numpy(), a.astype(np.float64).std(dim, ddof=1), rtol=2e-6)


@pytest.mark.parametrize("shape", [(64, 3, 1), (40, 3, 9), (4, 3, 400)])
def test_channels_far_from_zero(shape):
    a = far(shape)
    expected = normalized(a.transpose(1, 0, 2).reshape(3, -1), 1).reshape(3, shape[0], shape[2]).transpose(1, 0, 2)
    got = F.batch_norm(fastnet.from_numpy(a), None, None, training=True).numpy()
    np.testing.assert_allclose(got, expected, atol=3e-6)


def gradients(function, *arrays):
    tensors = [fastnet.from_numpy(a).clone() for a in arrays]
    for t in tensors:
        t.requires_grad = True
    function(*tensors).backward()
    return [t.grad.numpy() for t in tensors]


@pytest.mark.parametrize("function", [
    lambda x, w: (F.layer_norm(x, (40,), w) ** 3).sum(),
    lambda x, w: (F.batch_norm(x, None, None, w, training=True) ** 3).sum(),
    lambda x, w: (F.batch_norm(x.reshape(5, 40, 6), None, None, w, training=True) ** 3).sum(),
    lambda x, w: (x.var(1)[:, None] * w).sum(),
    lambda x, w: (x.std(0) * w).sum(),
], ids=["layer_norm", "batch_norm", "channels", "var", "std"])
def test_gradients_far_from_zero(function):
    a, w = far((30, 40)), np.linspace(0.5, 1.5, 40, dtype=np.float32)
    for got, exact in zip(gradients(function, a, w), gradients(function, a.astype(np.float64), w.astype(np.float64))):
        np.testing.assert_allclose(got, exact, rtol=2e-4, atol=2e-4 * np.abs(exact).max())


@pytest.mark.parametrize("values", [
    [1e25, -1e25], [1e-25, -1e-25, 0.0], [1e30 * i for i in range(100)], [1e-30 * i for i in range(5000)],
    [3e37, 3.1e37] * 3000, [1e-39, 2e30]], ids=lambda v: f"{v[0]} and {len(v) - 1} more")
def test_the_deviation_of_numbers_whose_squares_overflow(values):
    a = np.array(values, np.float32)
    expected = a.astype(np.float64).std(ddof=1)
    x = fastnet.tensor(a, requires_grad=True)
    for y in (x.std(), fastnet.stack((x, x), 1).std(0)[0], fastnet.compile(lambda x: x.std())(x.detach())):
        assert y.item() == pytest.approx(expected, rel=2e-6, abs=0)
    x.std().backward()
    exact = (a - a.mean(dtype=np.float64)) / expected / (len(a) - 1)
    np.testing.assert_allclose(x.grad.numpy(), exact, rtol=1e-4, atol=1e-6 * np.abs(exact).max())


def test_a_variance_whose_sums_overflow():
    a = np.linspace(3e36, 3.0001e36, 5000, dtype=np.float32)        # their sum, and that of their squares, is too large
    for dim, x in ((None, a), (0, np.stack([a] * 3, 1))):
        expected = (x.astype(np.float64) / 1e30).var(dim, ddof=1)   # 1e60 of it is still beyond float32
        np.testing.assert_allclose(fastnet.from_numpy(x).std(dim).numpy() / 1e30, np.sqrt(expected), rtol=2e-6)
    b = np.linspace(-1, 1, 3000, dtype=np.float32) * np.float32(3e18) + np.float32(1e19)
    np.testing.assert_allclose(fastnet.from_numpy(b).var().item(), b.astype(np.float64).var(ddof=1), rtol=2e-6)
    assert fastnet.full((4096,), 1e38).var().item() == 0


def test_normalising_numbers_whose_squares_overflow():
    a = np.linspace(-1, 1, 300, dtype=np.float32)
    np.testing.assert_allclose(F.layer_norm(fastnet.from_numpy(a * np.float32(1e25)), (300,)).numpy(),
                               normalized(a, 0, 0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 5])
def test_nan_stays_nan(bad, place):
    a = np.ones((3, 40), np.float32)
    a[1, place] = bad
    x = fastnet.from_numpy(a)
    for y in (x.var(1), x.std(1), F.layer_norm(x, (40,)).sum(1)):
        assert np.isnan(y.numpy()).tolist() == [False, True, False]
