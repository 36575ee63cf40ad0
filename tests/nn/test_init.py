"""Initialization: bounds, moments, and the initial values of layers compared with PyTorch's."""
import math

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn import init

pytestmark = pytest.mark.usefixtures("backend")

N = 40_000


def assert_uniform(x, low, high):
    """Within the bounds, near both, of the right mean and variance."""
    x = x.detach().numpy().astype("float64")
    width = high - low
    assert low <= x.min() < low + width * 10 / x.size ** 0.9
    assert high - width * 10 / x.size ** 0.9 < x.max() <= high
    assert abs(x.mean() - (low + high) / 2) < 4 * width / math.sqrt(12 * x.size)
    np.testing.assert_allclose(x.std(), width / math.sqrt(12), rtol=4 / math.sqrt(x.size))


def assert_normal(x, mean, std):
    x = x.detach().numpy().astype("float64").ravel()
    assert abs(x.mean() - mean) < 4 * std / math.sqrt(x.size)
    np.testing.assert_allclose(x.std(), std, rtol=4 / math.sqrt(x.size))
    assert abs((np.abs(x - mean) < std).mean() - 0.6827) < 2 / math.sqrt(x.size)


def test_uniform_normal_and_constants():
    x = fastnet.empty(N)
    assert init.uniform_(x, -2.0, 3.0) is x
    assert_uniform(x, -2, 3)
    assert_normal(init.normal_(x, 1.0, 0.5), 1, 0.5)
    assert (init.constant_(x, 2.5) == 2.5).all()
    assert (init.ones_(x) == 1).all() and (init.zeros_(x) == 0).all()
    assert init.eye_(fastnet.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    with pytest.raises(ValueError, match=r"\(3,\)"):
        init.eye_(fastnet.empty(3))


def test_generators():
    a, b, c = (init.normal_(fastnet.empty(10), generator=fastnet.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert (a == b).all() and not (a == c).any()
    before = fastnet.get_rng_state()
    init.trunc_normal_(fastnet.empty(10), generator=fastnet.Generator().manual_seed(1))
    init.orthogonal_(fastnet.empty(3, 3), generator=fastnet.Generator().manual_seed(1))
    np.testing.assert_array_equal(fastnet.get_rng_state(), before)


def test_initialization_of_parameters_in_place():
    p = nn.Parameter(fastnet.zeros(3, 3))
    version = p._storage.version
    for fill in (init.xavier_uniform_, init.kaiming_normal_, init.orthogonal_, init.eye_, init.trunc_normal_,
                 init.ones_):
        assert fill(p) is p and p.is_leaf and p.requires_grad
    assert p._storage.version == version + 6


@pytest.mark.parametrize("fill, std", [
    (lambda x: init.xavier_uniform_(x, gain=2.0), 2 * math.sqrt(2 / 500)),
    (lambda x: init.kaiming_uniform_(x, nonlinearity="relu"), math.sqrt(2 / 300)),
    (lambda x: init.kaiming_uniform_(x, a=math.sqrt(5)), math.sqrt(1 / 3 / 300)),
    (lambda x: init.kaiming_uniform_(x, mode="fan_out", nonlinearity="linear"), math.sqrt(1 / 200))])
def test_scaled_uniform(fill, std):
    bound = math.sqrt(3) * std
    assert_uniform(fill(fastnet.empty(200, 300)), -bound, bound)


@pytest.mark.parametrize("fill, std", [
    (lambda x: init.xavier_normal_(x), math.sqrt(2 / 500)),
    (lambda x: init.kaiming_normal_(x, mode="fan_out", nonlinearity="tanh"), 5 / 3 / math.sqrt(200)),
    (lambda x: init.kaiming_normal_(x, a=1.0), math.sqrt(1 / 300))])
def test_scaled_normal(fill, std):
    assert_normal(fill(fastnet.empty(200, 300)), 0, std)


def test_fans_count_the_field():
    x = init.kaiming_uniform_(fastnet.empty(100, 10, 3, 3), nonlinearity="linear")
    assert_uniform(x, -math.sqrt(3 / 90), math.sqrt(3 / 90))


@pytest.mark.parametrize("mean, std, a, b", [
    (0, 1, -2, 2), (0, 0.02, -2, 2), (1, 2, 0, 1.5), (0, 1, 2, 9), (0, 1, -1e6, -3), (0, 3, -0.1, 0.1), (5, 1, -9, 0),
    (0, 1, 9, math.inf)])
def test_trunc_normal(mean, std, a, b):
    x = init.trunc_normal_(fastnet.empty(N, dtype=fastnet.float64), mean, std, a, b).numpy()
    assert a <= x.min() and x.max() <= b
    low, high = max(a, mean - 12 * std), min(b, mean + 12 * std)    # moments, by integration
    z = np.linspace(low, high, 200_001)
    density = np.exp(-((z - mean) / std) ** 2 / 2 + min(max((low - mean) / std, 0), (high - mean) / std) ** 2 / 2)
    expected = (z * density).sum() / density.sum()
    spread = math.sqrt(((z - expected) ** 2 * density).sum() / density.sum())
    assert abs(x.mean() - expected) < 5 * spread / math.sqrt(N)
    np.testing.assert_allclose(x.std(), spread, rtol=0.05)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (4, 2, 3), (2, 3, 4), (1, 1)])
def test_orthogonal(shape):
    x = init.orthogonal_(fastnet.empty(*shape, dtype=fastnet.float64), gain=2.0).numpy().reshape(shape[0], -1)
    rows, columns = x.shape
    product = x @ x.T if rows <= columns else x.T @ x
    np.testing.assert_allclose(product, 4 * np.eye(min(rows, columns)), atol=1e-12)
    assert init.orthogonal_(fastnet.empty(0, 3)).shape == (0, 3)


def test_gains():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)


def test_initial_values_agree_with_pytorch():
    layer = nn.Linear(300, 200)
    assert_uniform(layer.weight, -1 / math.sqrt(300), 1 / math.sqrt(300))
    assert_uniform(nn.Linear(300, 5000).bias, -1 / math.sqrt(300), 1 / math.sqrt(300))
    assert_normal(nn.Embedding(200, 200).weight, 0, 1)
    norm = nn.BatchNorm1d(3)
    assert (norm.weight == 1).all() and (norm.bias == 0).all()
    assert (norm.running_mean == 0).all() and (norm.running_var == 1).all()
    assert (nn.LayerNorm(3).weight == 1).all() and (nn.LayerNorm(3).bias == 0).all()


def test_the_seed_determines_the_values():
    def made(seed):
        fastnet.manual_seed(seed)
        return nn.Linear(5, 5).weight
    assert (made(3) == made(3)).all() and not (made(3) == made(4)).any()


@pytest.mark.parametrize("call, error, words", [
    (lambda: init.xavier_uniform_(fastnet.empty(3)), ValueError, r"at least two dimensions.*\(3,\)"),
    (lambda: init.kaiming_normal_(fastnet.empty(3, 3), mode="fan"), ValueError, "unknown mode 'fan'.*'fan_in'"),
    (lambda: init.kaiming_normal_(fastnet.empty(3, 3), nonlinearity="swish"), ValueError,
     "unknown nonlinearity 'swish'"),
    (lambda: init.calculate_gain("leaky_relu", "x"), ValueError, "'x'"),
    (lambda: init.orthogonal_(fastnet.empty(3)), ValueError, r"\(3,\)"),
    (lambda: init.trunc_normal_(fastnet.empty(3), a=1, b=1), ValueError, "a < b"),
    (lambda: init.trunc_normal_(fastnet.empty(3), std=0), ValueError, "positive std"),
    (lambda: fastnet.compile(lambda x: init.trunc_normal_(x))(fastnet.empty(3)), RuntimeError, "compiled function"),
    (lambda: fastnet.compile(lambda x: init.orthogonal_(x))(fastnet.empty(3, 3)), RuntimeError, "compiled function"),
])
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
