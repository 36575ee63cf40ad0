"""Captum's attributions on the same weights."""
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import explain

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    captum = pytest.importorskip("captum.attr")

TOLERANCE = 1e-5
SIZE = (2, 12, 12)


def network(library):
    """A small convolutional network with batch norm and pooling, in either library.

    No two nonlinear layers are neighbours: Captum's DeepLift does not conserve differences there.
    """
    n = library.nn
    return n.Sequential(
        n.Conv2d(2, 6, 3, padding=1), n.MaxPool2d(2), n.BatchNorm2d(6), n.ReLU(), n.Conv2d(6, 8, 3, padding=1),
        n.Tanh(), n.Conv2d(8, 8, 3), n.ReLU(), n.Flatten(), n.Linear(128, 16), n.Sigmoid(), n.Linear(16, 5))


@pytest.fixture(scope="module")
def pair():
    """The network of fastnet, and PyTorch's with the same weights."""
    fastnet.manual_seed(0)
    ours, theirs = network(fastnet), network(torch)
    rng = np.random.default_rng(0)
    state = {name: np.asarray(value) for name, value in ours.state_dict().items()}
    for name, value in state.items():
        if name.endswith(("weight", "bias", "mean")) and value.ndim:
            state[name] = rng.normal(0, 0.4, value.shape).astype("float32")
        elif name.endswith("var"):
            state[name] = rng.uniform(0.5, 1.5, value.shape).astype("float32")
    ours.load_state_dict({name: fastnet.tensor(value) for name, value in state.items()})
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    return ours.eval(), theirs.eval()


@pytest.fixture(scope="module")
def data():
    """Three inputs, baselines, and a target for each."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(3, *SIZE)).astype("float32"), rng.normal(size=(3, *SIZE)).astype("float32"), [1, 4, 0]


@pytest.fixture(autouse=True)
def _without_warnings():
    """Captum warns of its hooks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def assert_same(ours, theirs):
    ours, theirs = ours.numpy(), theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= TOLERANCE * max(1.0, np.abs(theirs).max())
    assert np.abs(theirs).max() > 1e-3


CASES = {
    "Saliency": ("Saliency", {}),
    "Saliency signed": ("Saliency", {"abs": False}),
    "InputXGradient": ("InputXGradient", {}),
    "IntegratedGradients": ("IntegratedGradients", {}),
    "IntegratedGradients in blocks": ("IntegratedGradients", {"internal_batch_size": 7, "n_steps": 20}),
    "IntegratedGradients riemann": ("IntegratedGradients", {"method": "riemann_trapezoid", "n_steps": 8}),
    "GuidedBackprop": ("GuidedBackprop", {}),
    "Deconvolution": ("Deconvolution", {}),
    "DeepLift": ("DeepLift", {}),
    "Occlusion": ("Occlusion", {"sliding_window_shapes": (2, 5, 5), "strides": (2, 3, 3)}),
    "FeatureAblation": ("FeatureAblation", {"perturbations_per_eval": 64}),
}
WITH_BASELINES = {"IntegratedGradients", "DeepLift", "Occlusion", "FeatureAblation"}


def both(pair, name):
    return getattr(explain, name)(pair[0]), getattr(captum, name)(pair[1])


@pytest.mark.parametrize("case", CASES)
def test_same_as_captum(pair, data, case):
    name, options = CASES[case]
    ours, theirs = both(pair, name)
    x, b, target = data
    first, second = {}, {}
    if name in WITH_BASELINES:
        first, second = {"baselines": fastnet.tensor(b)}, {"baselines": torch.tensor(b)}
    for _ in range(2):                          # recorded, and replayed
        found = ours.attribute(fastnet.tensor(x), target=target, **first, **options)
    assert_same(found, theirs.attribute(torch.tensor(x), target=target, **second, **options))


@pytest.mark.parametrize("name", ["IntegratedGradients", "DeepLift"])
def test_same_convergence_delta(pair, data, name):
    ours, theirs = both(pair, name)
    x, _, target = data
    _, first = ours.attribute(fastnet.tensor(x), target=target, return_convergence_delta=True)
    _, second = theirs.attribute(torch.tensor(x), target=target, return_convergence_delta=True)
    assert np.abs(first.numpy() - second.numpy()).max() < 2e-5


@pytest.mark.parametrize("options", [{}, {"relu_attributions": True}, {"attr_dim_summation": False},
                                     {"attribute_to_layer_input": True}])
def test_grad_cam(pair, data, options):
    x, _, target = data
    for layer in (4, 5):
        found = explain.LayerGradCam(pair[0], pair[0][layer]).attribute(fastnet.tensor(x), target, **options)
        theirs = captum.LayerGradCam(pair[1], pair[1][layer])
        assert_same(found, theirs.attribute(torch.tensor(x), target, **options))


def test_guided_grad_cam(pair, data):
    x, _, target = data
    found = explain.GuidedGradCam(pair[0], pair[0][4]).attribute(fastnet.tensor(x), target)
    assert_same(found, captum.GuidedGradCam(pair[1], pair[1][4]).attribute(torch.tensor(x), target))


def test_deep_lift_shap(pair, data):
    x, b, target = data
    found = explain.DeepLiftShap(pair[0]).attribute(fastnet.tensor(x), fastnet.tensor(b), target)
    assert_same(found, captum.DeepLiftShap(pair[1]).attribute(torch.tensor(x), torch.tensor(b), target))


def test_deep_lift_through_softmax():
    fastnet.manual_seed(0)
    ours, theirs = (lib.nn.Sequential(lib.nn.Linear(6, 8), lib.nn.ReLU(), lib.nn.Linear(8, 4), lib.nn.Softmax(dim=1))
                    for lib in (fastnet, torch))
    theirs.load_state_dict({name: torch.tensor(value.numpy()) for name, value in ours.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(1, 6)).astype("float32")
    found = explain.DeepLift(ours).attribute(fastnet.tensor(x), target=2)
    assert_same(found, captum.DeepLift(theirs).attribute(torch.tensor(x), target=2))


def test_gradient_shap(pair, data, monkeypatch):
    """With the same random numbers: Captum draws the points and the baselines from NumPy's generator."""
    x, b, target = data
    generator, count = fastnet.Generator(7), 12
    for _ in range(4):
        fastnet.randn(*x.shape, generator=generator)            # the noise, which stdevs=0 removes
    rows = fastnet.randint(0, len(b), (count,), generator=generator).numpy()
    share = fastnet.rand(count, generator=generator).numpy()
    monkeypatch.setattr(np.random, "choice", lambda *args: rows)
    monkeypatch.setattr(np.random, "uniform", lambda *args: share)
    found, delta = explain.GradientShap(pair[0]).attribute(
        fastnet.tensor(x), fastnet.tensor(b), n_samples=4, target=target, return_convergence_delta=True, seed=7)
    theirs, their_delta = captum.GradientShap(pair[1]).attribute(
        torch.tensor(x), torch.tensor(b), n_samples=4, target=target, return_convergence_delta=True)
    assert_same(found, theirs)
    assert np.abs(delta.numpy() - their_delta.numpy()).max() < 2e-5


@pytest.mark.parametrize("kind", ["smoothgrad", "smoothgrad_sq", "vargrad"])
def test_noise_tunnel(pair, data, monkeypatch, kind):
    """With the same noise."""
    x, _, target = data
    generator = fastnet.Generator(3)
    noise = [fastnet.randn(*x.shape, generator=generator).numpy() for _ in range(6)]
    drawn = torch.tensor(np.stack(noise, 1).reshape(-1, *SIZE)) * 0.3
    monkeypatch.setattr(torch, "normal", lambda mean, deviation: drawn)
    for method in ("Saliency", "IntegratedGradients"):
        ours, theirs = both(pair, method)
        found = explain.NoiseTunnel(ours).attribute(fastnet.tensor(x), nt_type=kind, nt_samples=6, stdevs=0.3, seed=3,
                                                    nt_samples_batch_size=4, target=target)
        expected = captum.NoiseTunnel(theirs).attribute(torch.tensor(x), nt_type=kind, nt_samples=6, stdevs=0.3,
                                                        target=target)
        assert_same(found, expected)


def test_two_inputs_and_further_arguments():
    x = [np.random.default_rng(i).normal(size=(4, 3)).astype("float32") for i in range(3)]

    def forward(a, b, c, power):
        return (a * b).sum(1) ** power + (a * c).sum(1)
    results = []
    for lib, package in ((fastnet, explain), (torch, captum)):
        a, b, c = (lib.tensor(part) for part in x)
        results.append([package.IntegratedGradients(forward).attribute((a, b), additional_forward_args=(c, 2)),
                        package.FeatureAblation(forward).attribute((a, b), additional_forward_args=(c, 2))])
    for ours, theirs in zip(*results):
        assert isinstance(ours, tuple)
        for first, second in zip(ours, theirs):
            assert_same(first, second)


@pytest.mark.parametrize("target", [(1, 2), [(0, 0), (1, 3), (2, 1)]])
def test_targets_of_outputs_with_more_dimensions(target):
    x = np.random.default_rng(0).normal(size=(3, 12)).astype("float32")
    found = explain.Saliency(lambda x: (x * x).reshape(-1, 3, 4)).attribute(fastnet.tensor(x), target=target)
    theirs = captum.Saliency(lambda x: (x * x).reshape(-1, 3, 4)).attribute(torch.tensor(x), target=target)
    assert_same(found, theirs)


@pytest.mark.parametrize("mask", [[[0, 0, 1, 1, 2, 2]], [[0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 2], [2, 0, 0, 1, 1, 1]]])
def test_groups_of_features(mask):
    x = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")

    def forward(x):
        return (x.cumsum(1) ** 2).sum(1)
    found = explain.FeatureAblation(forward).attribute(fastnet.tensor(x), feature_mask=fastnet.tensor(mask))
    theirs = captum.FeatureAblation(forward).attribute(torch.tensor(x), feature_mask=torch.tensor(mask))
    assert_same(found, theirs)
