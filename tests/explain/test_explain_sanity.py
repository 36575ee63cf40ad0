"""explain.check: which methods change when the weights are randomised."""
import copy

import numpy as np
import pytest

import fastnet
from fastnet import explain, nn
from fastnet.explain import Attribution, GuidedBackprop, LayerGradCam, Saliency, SmoothGrad


@pytest.fixture(scope="module")
def trained():
    """A model that has learnt which of two halves of an image is brighter, and images."""
    fastnet.manual_seed(0)
    x = fastnet.tensor(np.random.default_rng(0).normal(size=(200, 1, 8, 8)), dtype=fastnet.float32)
    y = (x[:, 0, :4].sum((1, 2)) > x[:, 0, 4:].sum((1, 2))).long()
    model = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(),
                          nn.Flatten(), nn.Linear(384, 2))
    fastnet.Trainer(model, "adamw", lr=3e-3, loss="cross_entropy").fit(x.numpy(), y.numpy(), epochs=8, progress=False)
    return model, x[:6]


class Edges(Attribution):
    """A detector of edges, which does not ask the model."""

    def attribute(self, inputs, target=None):
        return (inputs - inputs.roll(1, -1)).abs()


def test_gradients_pass(trained):
    model, x = trained
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    state = fastnet.get_rng_state()
    report = explain.check(model, x)
    assert report.passed and report.unchanged == ()
    assert list(report.similarities) == ["Saliency", "InputXGradient", "IntegratedGradients"]
    assert list(report.similarities["Saliency"]) == ["5", "2", "0"]
    assert all(np.array_equal(value.numpy(), before[name]) for name, value in model.state_dict().items())
    assert np.array_equal(fastnet.get_rng_state(), state)
    assert str(report) == str(explain.check(model, x))


def test_edges_do_not(trained):
    model, x = trained
    report = explain.check(model, x, methods=[Saliency, Edges])
    assert not report.passed and report.unchanged == ("Edges",)
    assert set(report.similarities["Edges"].values()) == {1.0}
    line, = (line for line in str(report).split("\n") if line.startswith("Edges"))
    assert line.endswith("does NOT change with the weights: it does not explain this model")


def test_other_methods(trained):
    model, x = trained
    report = explain.check(model, x, 1, [GuidedBackprop, SmoothGrad, lambda model: LayerGradCam(model, model[2])])
    assert list(report.similarities) == ["GuidedBackprop", "SmoothGrad(Saliency)", "LayerGradCam"]
    assert all(-1 <= value <= 1 for found in report.similarities.values() for value in found.values())


def test_many_layers_take_few_stages():
    fastnet.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(30)])
    found = explain.check(model, fastnet.randn(2, 4), methods=Saliency).similarities["Saliency"]
    assert len(found) <= 8 and list(found)[-1] == "0"


def test_wrong_arguments():
    with pytest.raises(TypeError, match="expected a Module, got the function"):
        explain.check(fastnet.relu, fastnet.ones(1, 2))
    with pytest.raises(ValueError, match="expected a model with parameters"):
        explain.check(nn.ReLU(), fastnet.ones(1, 2))
    model, x = nn.Sequential(nn.Linear(2, 3), nn.ReLU()), fastnet.ones(1, 2)
    for methods, error, message in (
            ([], ValueError, "expected at least one method, got none"),
            (LayerGradCam, TypeError, "functions of a model alone, such as `lambda model: .* argument: 'layer'"),
            (Saliency(model), TypeError, "expected methods to be functions of a model, .* got Saliency"),
            ([lambda m: LayerGradCam(m, m[0]), lambda m: LayerGradCam(m, m[1])], ValueError, "got LayerGradCam twice")):
        with pytest.raises(error, match=message):
            explain.check(model, x, methods=methods)


def test_numbers_that_are_nan_are_no_change():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    with pytest.raises(ValueError, match="check: expected finite inputs"):
        explain.check(model, fastnet.full((1, 2), float("nan")), methods=Saliency)
    with fastnet.no_grad():
        model[0].weight.fill_(float("inf"))
    with pytest.raises(ValueError, match="the attributions of InputXGradient have NaN or infinite values"):
        explain.check(model, fastnet.ones(1, 2), methods=explain.InputXGradient)


def test_a_pruned_model_is_checked(trained):
    model, x = trained
    pruned = explain.check(fastnet.prune.ln_channels(copy.deepcopy(model), x, 0.25), x, 1, Saliency)
    assert set(pruned.similarities["Saliency"]) == set(explain.check(model, x, 1, Saliency).similarities["Saliency"])
