"""NoiseTunnel, SmoothGrad and GradientShap: statistics, seeds, blocks."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.explain import GradientShap, IntegratedGradients, NoiseTunnel, Saliency, SmoothGrad


@pytest.fixture
def x():
    return fastnet.tensor(np.random.default_rng(0).normal(size=(3, 5)), dtype=fastnet.float32)


def squares(x):
    return (x * x).sum(1)


@pytest.mark.parametrize("kind, expected", [("smoothgrad", lambda x: 2 * x),
                                            ("smoothgrad_sq", lambda x: 4 * x * x + 4 * 0.25),
                                            ("vargrad", lambda x: 4 * 0.25 + 0 * x)])
def test_statistics_of_noise(x, kind, expected):
    """The gradient 2 * (x + noise) has the mean 2 x and the variance 4 * 0.5^2."""
    found = NoiseTunnel(Saliency(squares)).attribute(x, kind, 20_000, 2000, 0.5, abs=False)
    np.testing.assert_allclose(found.numpy(), expected(x.numpy()), atol=0.15)


def test_the_noise_depends_on_the_seed_alone(x):
    method, state = SmoothGrad(squares), fastnet.get_rng_state()
    found = method.attribute(x, nt_samples=6, stdevs=0.2)
    assert fastnet.equal(found, SmoothGrad(squares).attribute(x, nt_samples=6, stdevs=0.2))
    assert not fastnet.equal(found, method.attribute(x, nt_samples=6, stdevs=0.2, seed=1))
    for size in (1, 4, 100):
        again = method.attribute(x, nt_samples=6, nt_samples_batch_size=size, stdevs=0.2)
        np.testing.assert_allclose(again.numpy(), found.numpy(), atol=1e-6)
    assert np.array_equal(fastnet.get_rng_state(), state)


def test_no_noise_is_the_method_itself(x):
    fastnet.manual_seed(0)
    model = nn.Linear(5, 3)
    targets = [0, 2, 1]
    found, delta = NoiseTunnel(IntegratedGradients(model)).attribute(
        x, nt_samples=3, stdevs=0.0, baselines=x.flip(0), target=targets, return_convergence_delta=True)
    expected = IntegratedGradients(model).attribute(x, x.flip(0), targets)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-6)
    assert delta.shape == (9,) and delta.abs().max().item() < 1e-5


def test_targets_of_rows():
    model, x = nn.Linear(4, 2), fastnet.randn(4, 4)
    rows = [0, 1, 0, 1]
    found = [SmoothGrad(model).attribute(x, target=target) for target in (rows, np.array(rows), fastnet.tensor(rows))]
    assert all((other == found[0]).all() for other in found)


def test_two_inputs(x):
    first, second = SmoothGrad(lambda a, b: (a * b).sum(1)).attribute((x, 2 * x), stdevs=(0.0, 0.0), abs=False)
    np.testing.assert_allclose(first.numpy(), 2 * x.numpy(), rtol=1e-6)
    np.testing.assert_allclose(second.numpy(), x.numpy(), rtol=1e-6)


@pytest.mark.parametrize("options, error, message", [
    ({"nt_type": "smooth"}, ValueError, "unknown nt_type 'smooth'"),
    ({"nt_samples": 0}, ValueError, "nt_samples to be at least 1, got 0"),
    ({"nt_samples_batch_size": 0}, ValueError, "nt_samples_batch_size to be at least 1, got 0"),
    ({"nt_samples": 2.5}, TypeError, "nt_samples to be a whole number, got 2.5"),
    ({"stdevs": -1.0}, ValueError, "stdevs of at least 0, got -1.0"),
    ({"stdevs": "0.1"}, TypeError, "expected stdevs to be a number, got '0.1'"),
    ({"stdevs": (0.1, 0.1)}, ValueError, "stdevs to be a tuple of 1"),
])
def test_wrong_options(x, options, error, message):
    with pytest.raises(error, match=message):
        SmoothGrad(squares).attribute(x, **options)


def test_a_model_in_place_of_a_method():
    with pytest.raises(TypeError, match="expected a method of fastnet"):
        NoiseTunnel(nn.Linear(2, 2))


# ---- GradientShap ----

def test_expected_gradients(x):
    """Of the sum of squares, the expectation is x^2 less the mean of b^2."""
    b = fastnet.tensor(np.random.default_rng(1).normal(size=(400, 5)), dtype=fastnet.float32)
    found, delta = GradientShap(squares).attribute(x, b, n_samples=4000, return_convergence_delta=True)
    expected = x.numpy() ** 2 - (b.numpy() ** 2).mean(0)
    np.testing.assert_allclose(found.numpy(), expected, atol=0.2)
    assert delta.shape == (12_000,)


def test_a_linear_model_needs_one_sample(x):
    model = nn.Linear(5, 2)
    found, delta = GradientShap(model).attribute(x, fastnet.zeros(1, 5), n_samples=1, target=1,
                                                 return_convergence_delta=True)
    np.testing.assert_allclose(found.numpy(), x.numpy() * model.weight.detach().numpy()[1], atol=1e-6)
    assert delta.abs().max().item() < 1e-5


def test_seeds_of_gradient_shap(x):
    b = fastnet.randn(9, 5)
    method = GradientShap(squares)
    found = method.attribute(x, b, stdevs=0.1)
    assert fastnet.equal(found, GradientShap(squares).attribute(x, b, stdevs=0.1))
    assert not fastnet.equal(found, method.attribute(x, b, stdevs=0.1, seed=5))
    assert fastnet.equal(found, method.attribute(x, lambda: b, stdevs=0.1))
    assert fastnet.equal(found, method.attribute(x, lambda inputs: b, stdevs=0.1))


@pytest.mark.parametrize("baselines, error, message", [
    (0.0, TypeError, "a tensor of samples for each of 1 inputs"),
    (fastnet.zeros(3, 4), ValueError, r"baselines of shape \(any number, 5\), got \(3, 4\)"),
    (fastnet.zeros(0, 5), ValueError, "baselines of shape"),
])
def test_wrong_baselines(x, baselines, error, message):
    with pytest.raises(error, match=message):
        GradientShap(squares).attribute(x, baselines)
