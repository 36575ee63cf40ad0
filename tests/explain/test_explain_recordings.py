"""Recordings of explanations: weights are packed once if they stay, and every change of them is seen."""
import warnings

import numpy as np
import pytest
from kernel_tools import built

import fastnet
from fastnet import nn
from fastnet.explain import DeepLift, LayerGradCam, Occlusion, Saliency, recordings


def network():
    fastnet.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                         nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 64, 4))


X = fastnet.tensor(np.random.default_rng(0).standard_normal((2, 3, 8, 8)), dtype=fastnet.float32)
Y = fastnet.tensor([0, 1])
METHODS = {
    "Saliency": (Saliency, {}), "DeepLift": (DeepLift, {}),
    "LayerGradCam": (lambda model, **options: LayerGradCam(model, model[3], **options), {}),
    "Occlusion": (Occlusion, {"sliding_window_shapes": (3, 4, 4), "strides": (3, 4, 4)}),
}


def trained(model):
    loss = nn.functional.cross_entropy(model(X), Y)
    loss.backward()
    fastnet.optim.SGD(model.parameters(), lr=0.5).step()


def replayed_step(model):
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.2)

    @fastnet.compile
    def step(x):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), Y).backward()
        optimizer.step()
    for _ in range(3):
        step(X)


def changed_in_place(model):
    with fastnet.no_grad():
        model[3].weight.mul_(-1)


def loaded(model):
    model.load_state_dict({key: x * 1.5 if x.dtype.kind == "f" else x for key, x in model.state_dict().items()})


CHANGES = {
    "in place": changed_in_place, "load_state_dict": loaded, "a training step": trained,
    "replayed training steps": replayed_step,
    "data": lambda model: setattr(model[3].weight, "data", fastnet.ones(16, 16, 3, 3)),
    "another layer": lambda model: setattr(model, "6", nn.Linear(16 * 64, 4)),
    "statistics of a batch norm": lambda model: model[1].running_var.mul_(4),
}


def attributions(name, model, compile=True):
    make, options = METHODS[name]
    method = make(model, compile=compile)
    return lambda: method.attribute(X, target=1, **options)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", METHODS)
def test_a_change_of_the_weights_is_seen(name, change):
    model = network()
    recorded = attributions(name, model)
    before = [recorded() for _ in range(6)]                 # the last ones with packed weights
    assert all(fastnet.equal(x, attributions(name, model, False)()) for x in before)
    CHANGES[change](model)
    expected = attributions(name, model, False)()
    assert not fastnet.equal(expected, before[0])
    for _ in range(8):
        assert fastnet.equal(recorded(), expected)
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_a_change_of_frozen_weights_is_seen(name):
    model = network().requires_grad_(False)
    recorded = attributions(name, model)
    for _ in range(6):
        recorded()
    changed_in_place(model)
    expected = attributions(name, model, False)()
    for _ in range(8):
        assert fastnet.equal(recorded(), expected)


@pytest.mark.parametrize("name", METHODS)
def test_a_mask_that_changes_between_other_calls_of_the_model_gives_no_warning(name):
    model = network()
    nn.utils.prune.l1_unstructured(model[3], "weight", 0.5)
    recorded = attributions(name, model)
    for i in range(20):
        if i % 5 == 0:
            with fastnet.no_grad():
                model[3].weight_mask[i // 5] = 0
        assert fastnet.equal(recorded(), attributions(name, model, False)())
        model(X)


@pytest.fixture
def compiled(monkeypatch):
    """Collects the functions that are compiled."""
    made, original = [], fastnet.compile

    def compile(*args, **options):
        made.append(original(*args, **options))
        return made[-1]
    monkeypatch.setattr(fastnet, "compile", compile)
    return made


@built
def test_weights_that_stay_are_packed_once(compiled):
    method = Saliency(network())
    for _ in range(6):
        method.attribute(X, target=1)
    plain, packed = ([run.recordings[0] for run in compiled if run.freeze is freeze and len(run)]
                     for freeze in (False, True))
    assert len(plain) == len(packed) == 1 and packed[0].launches < plain[0].launches


@built
def test_a_model_that_is_explained_in_its_training_is_seldom_recorded_again(compiled):
    model = network()
    method = Saliency(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")                      # fastnet.compile warns of many recordings
        for _ in range(30):
            changed_in_place(model)
            for _ in range(8):
                method.attribute(X, target=1)
    assert 0 < sum(run.calls for run in compiled if run.freeze) <= 5 + 2


@pytest.mark.parametrize("shapes, nbytes", [(8, 1 << 29), (2, 140_000), (0, 50_000)])
def test_recordings_with_packed_weights_are_few(compiled, monkeypatch, shapes, nbytes):
    monkeypatch.setattr(recordings, "_PACKED_BYTES", nbytes)
    method, rows = Saliency(network()), range(1, 14)
    for n in rows:
        for _ in range(5):
            method.attribute(X[:1].repeat(n, 1, 1, 1), target=1)
    assert sum(len(run) for run in compiled if run.freeze) == shapes


def test_a_parameter_of_another_model_counts_as_a_constant_of_none():
    """A module that uses a parameter which is not its own is explained without packed weights."""
    other = nn.Parameter(fastnet.randn(4, 6))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(6, 6)

        def forward(self, x):
            return nn.functional.linear(self.linear(x), other)
    model, x = Model(), fastnet.randn(2, 6)
    method, expected = Saliency(model), Saliency(model, compile=False).attribute(x, target=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [method.attribute(x, target=1) for _ in range(6)]
    assert all(fastnet.equal(y, expected) for y in found) and other.grad is None
