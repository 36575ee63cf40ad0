"""Methods with gradients of their own for operations of the traced model: GuidedBackprop, DeepLift, Grad-CAM."""
import numpy as np
import pytest

import fastnet
from fastnet import explain, models, nn
from fastnet.explain import Deconvolution, DeepLift, DeepLiftShap, GuidedBackprop, GuidedGradCam, LayerGradCam
from fastnet.nn import functional as F


class Reused(nn.Module):
    """One ReLU, called twice as a module and once as a function, and a residual connection."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.relu = nn.ReLU()

    def forward(self, x):
        h = self.relu(self.first(x))
        h = F.relu(self.relu(self.second(h)) + h - 0.2)
        return self.last(h)


@pytest.fixture
def model():
    fastnet.manual_seed(1)
    return Reused()


@pytest.fixture
def x():
    return fastnet.tensor(np.random.default_rng(0).normal(size=(4, 6)), dtype=fastnet.float32)


def convolutional(seed=0):
    fastnet.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))


# ---- guided backpropagation ----

def by_hand(model, x, rule):
    """The modified gradient of the sum of output 1, from the formula of each layer."""
    w1, w2, w3 = (layer.weight.detach().numpy() for layer in (model.first, model.second, model.last))
    b1, b2 = (layer.bias.detach().numpy() for layer in (model.first, model.second))
    z1 = x @ w1.T + b1
    h1 = np.maximum(z1, 0)
    z2 = h1 @ w2.T + b2
    z3 = np.maximum(z2, 0) + h1 - np.float32(0.2)
    g3 = rule(z3, np.broadcast_to(w3[1], z3.shape))
    return rule(z1, rule(z2, g3) @ w2 + g3) @ w1


def test_guided_backprop_by_hand(model, x):
    expected = by_hand(model, x.numpy(), lambda z, g: np.maximum(g, 0) * (z > 0))
    for _ in range(2):
        np.testing.assert_allclose(GuidedBackprop(model).attribute(x, 1).numpy(), expected, atol=1e-5)


def test_deconvolution_by_hand(model, x):
    expected = by_hand(model, x.numpy(), lambda z, g: np.maximum(g, 0))
    np.testing.assert_allclose(Deconvolution(model).attribute(x, 1).numpy(), expected, atol=1e-5)


# ---- DeepLIFT ----

def rise(model, x, b, target):
    return (model(x) - model(b))[:, target].detach().numpy()


def test_deep_lift_of_a_reused_relu_is_complete(model, x):
    b = fastnet.tensor(np.random.default_rng(1).normal(size=(4, 6)), dtype=fastnet.float32)
    found, delta = DeepLift(model).attribute(x, b, target=2, return_convergence_delta=True)
    np.testing.assert_allclose(found.numpy().sum(1), rise(model, x, b, 2), atol=1e-5)
    assert delta.abs().max().item() < 1e-5


def test_deep_lift_by_hand():
    """One hidden layer: the slope of unit k is (relu(z_k) - relu(z0_k)) / (z_k - z0_k)."""
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    w, v = model[0].weight.detach().numpy(), model[2].weight.detach().numpy()
    bias = model[0].bias.detach().numpy()
    x, b = np.float32([[1, -2, 3]]), np.float32([[0.5, 1, -1]])
    z, z0 = x @ w.T + bias, b @ w.T + bias
    slope = (np.maximum(z, 0) - np.maximum(z0, 0)) / (z - z0)
    expected = (x - b) * ((v[1] * slope) @ w)
    method = DeepLift(model)
    np.testing.assert_allclose(method.attribute(fastnet.tensor(x), fastnet.tensor(b), 1).numpy(), expected, atol=1e-6)
    slopes = DeepLift(model, multiply_by_inputs=False).attribute(fastnet.tensor(x), fastnet.tensor(b), 1)
    np.testing.assert_allclose(slopes.numpy(), expected / (x - b), atol=1e-5)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.GELU,
                                        nn.SiLU, nn.Hardswish, nn.ReLU6])
def test_deep_lift_is_complete(x, activation):
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), activation(), nn.Linear(8, 8), activation(), nn.Linear(8, 3))
    found = DeepLift(model).attribute(x, target=0)
    np.testing.assert_allclose(found.numpy().sum(1), rise(model, x, fastnet.zeros_like(x), 0), atol=1e-5)


def test_deep_lift_through_pooling_is_complete():
    model, x = convolutional(), fastnet.randn(3, 2, 8, 8)
    b = fastnet.randn(1, 2, 8, 8)
    found = DeepLift(model).attribute(x, b, target=1)
    np.testing.assert_allclose(found.numpy().sum((1, 2, 3)), rise(model, x, b, 1), atol=1e-5)


def test_equal_inputs_and_baselines(model, x):
    """Where nothing differs, the slope is the operation's gradient."""
    slopes = DeepLift(model, multiply_by_inputs=False).attribute(x, x, target=1)
    np.testing.assert_allclose(slopes.numpy(), explain.Saliency(model).attribute(x, 1, abs=False).numpy(), atol=1e-6)


def test_deep_lift_shap_is_the_mean(model, x):
    b = fastnet.tensor(np.random.default_rng(2).normal(size=(3, 6)), dtype=fastnet.float32)
    found, delta = DeepLiftShap(model).attribute(x, b, 1, return_convergence_delta=True)
    each = [DeepLift(model).attribute(x, b[k:k + 1], 1).numpy() for k in range(3)]
    np.testing.assert_allclose(found.numpy(), np.mean(each, 0), atol=1e-5)
    assert delta.shape == (12,) and delta.abs().max().item() < 1e-5


# ---- Grad-CAM ----

def test_grad_cam_by_hand():
    model, x = convolutional().eval(), fastnet.randn(2, 2, 8, 8)
    with fastnet.no_grad():
        value = model[:4](x)
    value.requires_grad_()
    gradient, = fastnet.grad(model[4:](value)[:, 2].sum(), value)
    expected = (gradient.mean((2, 3), keepdim=True) * value).sum(1, keepdim=True).detach().numpy()
    for _ in range(2):
        found = LayerGradCam(model, model[3]).attribute(x, 2)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    assert LayerGradCam.interpolate(found, (8, 8)).shape == (2, 1, 8, 8)
    assert LayerGradCam(model, model[3]).attribute(x, 2, relu_attributions=True).numpy().min() >= 0


def test_guided_grad_cam_is_the_product():
    model, x = convolutional(), fastnet.randn(2, 2, 8, 8)
    maps = LayerGradCam(model, model[3]).attribute(x, 2, relu_attributions=True)
    expected = GuidedBackprop(model).attribute(x, 2) * LayerGradCam.interpolate(maps, (8, 8))
    assert fastnet.equal(GuidedGradCam(model, model[3]).attribute(x, 2), expected)


def test_layers_that_do_not_fit(model, x):
    with pytest.raises(ValueError, match=r"expected a layer of the model, such as model.layer4, got another Linear"):
        LayerGradCam(model, nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="call the layer 'relu' once, got 2 calls"):
        LayerGradCam(model, model.relu).attribute(x, 0)
    with pytest.raises(TypeError, match="expected a Module, whose operations can be traced, got the function"):
        GuidedBackprop(fastnet.relu)


# ---- replay, and changes of the model ----

@pytest.mark.parametrize("method", [GuidedBackprop, Deconvolution, DeepLift])
def test_replays_give_the_same_bits(model, x, method):
    eager = method(model, compile=False).attribute(x, target=1)
    recorded = method(model)
    for _ in range(3):
        assert fastnet.equal(recorded.attribute(x, target=1), eager)
    assert recorded.attribute(x[:2], target=1).shape == (2, 6)


@pytest.mark.parametrize("method", [GuidedBackprop, DeepLift])
def test_changes_of_the_model_are_seen(model, x, method):
    recorded = method(model)
    before = recorded.attribute(x, target=1)
    with fastnet.no_grad():
        model.first.weight.mul_(2)
    assert fastnet.equal(recorded.attribute(x, target=1), method(model).attribute(x, target=1))
    model.first = nn.Linear(6, 8)
    model.last.weight = nn.Parameter(fastnet.randn(3, 8))
    after = recorded.attribute(x, target=1)
    assert fastnet.equal(after, method(model).attribute(x, target=1)) and not fastnet.equal(before, after)
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_a_residual_network():
    """A model of fastnet.models, whose layers are fused without hooks."""
    fastnet.manual_seed(0)
    model = models.resnet18(num_classes=4, small_images=True).eval()
    x = fastnet.randn(1, 3, 16, 16)
    found = DeepLift(model).attribute(x, target=2)
    total = rise(model, x, fastnet.zeros_like(x), 2)
    np.testing.assert_allclose(found.numpy().sum((1, 2, 3)), total, rtol=1e-3, atol=1e-4)
    assert LayerGradCam(model, model.layer3).attribute(x, 2).shape[:2] == (1, 1)
    assert GuidedBackprop(model).attribute(x, 2).shape == x.shape


@pytest.mark.parametrize("make", [DeepLift, GuidedBackprop, lambda model: LayerGradCam(model, model[1])])
def test_changed_hooks_and_adapters_are_seen(make):
    fastnet.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), fastnet.randn(2, 4)
    fastnet.lora.apply(model, r=2, seed=0)
    fastnet.lora.add(model, "other", r=2, seed=1)
    with fastnet.no_grad():
        for layer in (model[0], model[2]):
            for adapter in layer.adapters.values():
                adapter.lora_B.copy_(fastnet.randn(*adapter.lora_B.shape))
    method = make(model)
    method.attribute(x, target=1)
    for change in (lambda: fastnet.lora.set_adapter(model, "other"), lambda: fastnet.lora.merge(model),
                   lambda: model[0].register_forward_hook(lambda module, args, output: 2 * output)):
        change()
        assert fastnet.equal(method.attribute(x, target=1), make(model).attribute(x, target=1))
