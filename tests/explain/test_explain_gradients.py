"""Saliency, InputXGradient and IntegratedGradients: formulas, blocks, targets, errors."""
import re

import numpy as np
import pytest
from kernel_tools import built

import fastnet
from fastnet import explain, nn
from fastnet.explain import InputXGradient, IntegratedGradients, Saliency, network as networks
from fastnet.explain.quadrature import METHODS, quadrature
from fastnet.explain.samples import cut_evenly


def perceptron(seed=0, activation=nn.Tanh):
    fastnet.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 16), activation(), nn.Linear(16, 8), activation(), nn.Linear(8, 3)).eval()


@pytest.fixture
def x():
    return fastnet.tensor(np.random.default_rng(0).normal(size=(4, 6)), dtype=fastnet.float32)


def slopes(model, x, target):
    """Gradients by the ordinary backward pass."""
    x = x.detach().requires_grad_()
    output = model(x)
    sum(output[i, t] for i, t in enumerate(target)).backward()
    return x.grad.numpy()


# ---- formulas ----

def test_gradients(x):
    model, target = perceptron(), [0, 2, 1, 1]
    expected = slopes(model, x, target)
    np.testing.assert_allclose(Saliency(model).attribute(x, target, abs=False).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(Saliency(model).attribute(x, target).numpy(), np.abs(expected), atol=1e-6)
    np.testing.assert_allclose(InputXGradient(model).attribute(x, target).numpy(), expected * x.numpy(), atol=1e-6)


def test_input_x_gradient_adds_up_without_biases(x):
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 9, bias=False), nn.ReLU(), nn.Linear(9, 1, bias=False))
    found = InputXGradient(model).attribute(x)
    np.testing.assert_allclose(found.sum(1).numpy(), model(x).detach().numpy()[:, 0], atol=1e-5)


def test_integrated_gradients_of_a_polynomial():
    """Each attribution is x^3 - b^3, which two points of Gauss and Legendre integrate exactly."""
    x, b = fastnet.tensor([[2.0, 1.0]]), fastnet.tensor([[1.0, -1.0]])
    found = IntegratedGradients(lambda x: (x ** 3).sum(1)).attribute(x, b, n_steps=3)
    np.testing.assert_allclose(found.numpy(), [[7.0, 2.0]], atol=1e-5)
    mean = IntegratedGradients(lambda x: (x ** 3).sum(1), multiply_by_inputs=False).attribute(x, b, n_steps=3)
    np.testing.assert_allclose(mean.numpy(), [[7.0, 1.0]], atol=1e-5)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.GELU])
def test_completeness_of_integrated_gradients(x, activation):
    """At 50 steps, the attributions add up to f(x) - f(b) within 1%."""
    model = perceptron(activation=activation)
    for target in range(3):
        found, delta = IntegratedGradients(model).attribute(x, target=target, return_convergence_delta=True)
        rise = (model(x) - model(fastnet.zeros_like(x)))[:, target].detach().numpy()
        assert np.abs(found.numpy().sum(1) - rise).max() <= 0.01 * np.abs(rise).max()
        np.testing.assert_allclose(delta.numpy(), found.numpy().sum(1) - rise, atol=1e-5)
        again = IntegratedGradients(model).compute_convergence_delta(found, None, x, target)
        assert fastnet.equal(again, delta)


@pytest.mark.parametrize("method", METHODS)
def test_quadrature(method):
    places, weights = quadrature(method, 400)
    assert len(places) == len(weights) == 400 and (np.diff(places) > 0).all()
    assert places.min() >= 0 and places.max() <= 1 + 1e-12
    assert abs((weights * places ** 2).sum() - 1 / 3) < 3e-3


def test_weighted_sum_of_two_gauss_points():
    places, weights = quadrature("gausslegendre", 2)
    np.testing.assert_allclose(places, 0.5 + np.array([-1, 1]) * 0.5 / np.sqrt(3))
    np.testing.assert_allclose(weights, [0.5, 0.5])


# ---- blocks, replay, and the model afterwards ----

@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_blocks_give_the_same_attributions(x, size):
    model = perceptron()
    expected = IntegratedGradients(model).attribute(x, target=1).numpy()
    found = IntegratedGradients(model).attribute(x, target=1, internal_batch_size=size)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_memory_is_bounded(x, monkeypatch):
    """No call of the model takes more rows than the budget allows."""
    rows = []

    def forward(x):
        rows.append(len(x))
        return (x * x).sum(1)
    monkeypatch.setattr(networks, "BUDGET", 4096)
    IntegratedGradients(forward, compile=False).attribute(x.repeat(20, 1))
    explain.FeatureAblation(forward, compile=False).attribute(x.repeat(20, 1))
    Saliency(forward, compile=False).attribute(x.repeat(20, 1))
    assert max(rows) < 30 and sum(rows) > 80 * 57


@pytest.mark.parametrize("count, limit", [(1, 1), (10, 4), (12, 4), (50, 7), (3, 100)])
def test_cut_evenly(count, limit):
    ranges = cut_evenly(count, limit)
    assert [i for first, last in ranges for i in range(first, last)] == list(range(count))
    lengths = {last - first for first, last in ranges}
    assert max(lengths) <= limit and max(lengths) - min(lengths) <= 1


def test_replays_give_the_same_bits(x):
    model, target = perceptron(), 2
    for method in (Saliency, InputXGradient, IntegratedGradients):
        eager = method(model, compile=False).attribute(x, target=target)
        recorded = method(model)
        for _ in range(3):
            assert fastnet.equal(recorded.attribute(x, target=target), eager)


@built
def test_the_same_bits_on_any_number_of_threads():
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 256, 4))
    images, before = fastnet.randn(2, 3, 16, 16), fastnet.get_num_threads()
    methods = [(Saliency(model), {}), (IntegratedGradients(model), {"n_steps": 8}), (explain.DeepLift(model), {}),
               (explain.Occlusion(model), {"sliding_window_shapes": (3, 8, 8), "strides": (3, 4, 4)}),
               (explain.SmoothGrad(model), {"stdevs": 0.1})]
    found = []
    try:
        for threads in (1, 2):
            fastnet.set_num_threads(threads)
            found.append([method.attribute(images, target=1, **options) for method, options in methods])
    finally:
        fastnet.set_num_threads(before)
    assert all(fastnet.equal(one, two) for one, two in zip(*found))


def test_new_weights_are_seen(x):
    model = perceptron()
    method = Saliency(model)
    before = method.attribute(x, 0)
    with fastnet.no_grad():
        model[0].weight.mul_(2)
    after = method.attribute(x, 0)
    assert not fastnet.equal(before, after) and fastnet.equal(after, Saliency(model).attribute(x, 0))


def test_the_model_is_left_as_it_was(x):
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    model[3].bias.requires_grad_(False)
    model[1].eval()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    state = fastnet.get_rng_state()
    found = [IntegratedGradients(model).attribute(x, target=1) for _ in range(2)]
    assert fastnet.equal(*found)                        # in evaluation mode: no dropout
    assert [module.training for module in model.modules()] == [True, True, False, True, True]
    assert [p.requires_grad for p in model.parameters()] == [True] * 5 + [False]
    assert all(p.grad is None for p in model.parameters())
    assert all(np.array_equal(value.numpy(), before[name]) for name, value in model.state_dict().items())
    assert np.array_equal(fastnet.get_rng_state(), state)


def test_inputs_that_require_gradients(x):
    given = x.clone().requires_grad_()
    found = Saliency(perceptron()).attribute(given, 1)
    assert not found.requires_grad and given.grad is None


def test_no_grad_around(x):
    with fastnet.no_grad():
        assert Saliency(perceptron()).attribute(x, 1).numpy().any()


def test_an_input_that_the_output_does_not_depend_on(x):
    first, second = Saliency(lambda a, b: a.sum(1)).attribute((x, x[:, :2]))
    assert first.numpy().all() and not second.numpy().any()


def test_a_function_that_reads_values(x):
    def forward(x):
        return x.sum(1) * (2 if x.sum().item() > 0 else 3)
    method = Saliency(forward)
    with pytest.warns(RuntimeWarning, match="eagerly"):
        found = method.attribute(x)
    assert set(np.unique(found.numpy())) <= {2.0, 3.0}


# ---- targets and errors ----

def test_targets(x):
    model = perceptron()
    method = Saliency(model)
    by_list = method.attribute(x, [2, 2, 2, 2])
    assert fastnet.equal(method.attribute(x, 2), by_list)
    assert fastnet.equal(method.attribute(x, fastnet.tensor([2, 2, 2, 2])), by_list)
    assert fastnet.equal(method.attribute(x, fastnet.tensor(2)), by_list)
    assert fastnet.equal(method.attribute(x, (2,)), by_list)


WRONG = [
    (lambda m, x: m.attribute(x, 3), IndexError,
     "Saliency: expected a target from 0 to 2, since the model has 3 outputs, got 3"),
    (lambda m, x: m.attribute(x, -1), IndexError, "from 0 to 2, .* got -1"),
    (lambda m, x: m.attribute(x, [0, 1, 2, 7]), IndexError, "got 7"),
    (lambda m, x: m.attribute(x), ValueError,
     r"expected a target, since the model has outputs of shape \(N, 3\): an integer from 0 to 2"),
    (lambda m, x: m.attribute(x, [0, 1]), ValueError, "expected a target for each of 4 samples, got 2"),
    (lambda m, x: m.attribute(x, (0, 1)), ValueError,
     r"a target of one integer, for the outputs \(N, 3\) of the model, got 2"),
    (lambda m, x: m.attribute(x, 1.5), TypeError,
     "expected target to be an integer, a tuple, a tensor or a list, got 1.5"),
    (lambda m, x: m.attribute(x, [0.5] * 4), TypeError, "expected target to hold integers, got float64"),
    (lambda m, x: m.attribute(x, "cat"), TypeError, "expected target to be an integer"),
    (lambda m, x: m.attribute(x.numpy(), 1), TypeError, "expected inputs to be a tensor .* fastnet.from_numpy"),
    (lambda m, x: m.attribute(x.long(), 1), TypeError, "floating-point numbers, which have gradients, got int64"),
    (lambda m, x: m.attribute((), 1), ValueError, "at least one input"),
    (lambda m, x: m.attribute((x, x[:2]), 1), ValueError, "same number of samples"),
    (lambda m, x: m.attribute(x[:0], 1), ValueError, "at least one sample"),
]


@pytest.mark.parametrize("call, error, message", WRONG, ids=range(len(WRONG)))
def test_wrong_arguments(x, call, error, message):
    with pytest.raises(error, match=message):
        call(Saliency(perceptron()), x)


@pytest.mark.parametrize("options, message", [
    ({"baselines": fastnet.zeros(4, 5)}, r"expected a baseline of shape \(4, 6\), or of one sample, got \(4, 5\)"),
    ({"baselines": float("nan")}, "expected finite baselines"),
    ({"baselines": (0, 0)}, "expected baselines to be a tuple of 1"),
    ({"method": "simpson"}, "unknown method 'simpson'"),
    ({"n_steps": 0}, "n_steps of at least 1"),
    ({"n_steps": 1, "method": "riemann_left"}, "n_steps of at least 2"),
    ({"internal_batch_size": 0}, "rows in one call of the model to be at least 1, got 0"),
])
def test_wrong_options(x, options, message):
    with pytest.raises(ValueError, match=message):
        IntegratedGradients(perceptron()).attribute(x, target=0, **options)
    with pytest.raises(TypeError, match="expected n_steps to be a whole number"):
        IntegratedGradients(perceptron()).attribute(x, target=0, n_steps=2.5)


@pytest.mark.parametrize("forward, error, message", [
    (3, TypeError, "expected a Module or a function of the inputs, got 3"),
    (lambda x: x.detach().numpy(), TypeError, "expected the model to return a tensor, got ndarray"),
    (lambda x: x.sum(), ValueError, r"expected the model to return \(N, ...\)"),
    (lambda x: x.detach().sum(1), RuntimeError, "the output has no gradient with respect to the inputs"),
])
def test_wrong_models(x, forward, error, message):
    with pytest.raises(error, match=message):
        Saliency(forward).attribute(x.detach())


def test_error_text_of_a_missing_target_in_two_dimensions(x):
    with pytest.raises(ValueError, match=re.escape("shape (N, 2, 3): an integer from 0 to 1, or a tuple of integers")):
        Saliency(lambda x: x.reshape(-1, 2, 3)).attribute(x)
