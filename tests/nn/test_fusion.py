"""Fusion of neighbouring layers of a Sequential: the same bits, unless a hook could notice it."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn.fusion import FUSED, Fusion, fused, inverted

ACTIVATIONS = [nn.ReLU, nn.Sigmoid, nn.Tanh]
IN_EVALUATION = [nn.ReLU6, nn.Sigmoid, nn.Tanh, nn.SiLU, nn.Hardswish, nn.Hardsigmoid]
SHAPES = [(5, 7), (1, 7), (2, 3, 7), (0, 7)]


def layers(activation, bias=True):
    fastnet.manual_seed(3)
    return nn.Linear(7, 19, bias=bias), activation()


def outcome(run, linear, shape, needs_x):
    """The result and all gradients of a sum with a different weight for every element."""
    x = fastnet.tensor(np.random.default_rng(0).standard_normal(shape).astype("float32"), requires_grad=needs_x)
    linear.zero_grad()
    y = run(x)
    (y * fastnet.arange(y.numel(), dtype=fastnet.float32).reshape(y.shape)).sum().backward()
    grads = [p.grad for p in linear.parameters()] + ([x.grad] if needs_x else [])
    return [t.detach().numpy().tobytes() for t in (y, *grads)]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("needs_x", [True, False])
def test_same_bits_as_separate_layers(backend, activation, shape, bias, needs_x):
    linear, act = layers(activation, bias)
    model = nn.Sequential(linear, act)
    assert fused(linear, act) is not None
    assert outcome(model, linear, shape, needs_x) == outcome(lambda x: act(linear(x)), linear, shape, needs_x)


NORMS = {nn.BatchNorm1d: [(8, 19), (3, 19, 5), (0, 19)], nn.BatchNorm2d: [(3, 19, 5, 2), (1, 19, 1, 300)],
         nn.BatchNorm3d: [(2, 19, 3, 1, 2)]}


@pytest.mark.parametrize("kind, shape", [(kind, shape) for kind, shapes in NORMS.items() for shape in shapes], ids=str)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("needs_x", [True, False])
def test_a_norm_and_relu_have_the_bits_of_separate_layers(backend, kind, shape, training, affine, needs_x):
    if not (affine or needs_x):
        pytest.skip("nothing requires a gradient")
    norm, act = kind(19, affine=affine), nn.ReLU()
    norm.running_mean.uniform_(-1, 1)
    for p in norm.parameters():
        nn.init.uniform_(p, -1, 1)
    norm.train(training)
    start = norm.state_dict()
    start = {name: t.clone() for name, t in start.items()}
    assert fused(norm, act) is not None
    results = []
    for run in (nn.Sequential(norm, act), lambda x: act(norm(x))):
        norm.load_state_dict(start)
        results.append(outcome(run, norm, shape, needs_x) + [b.numpy().tobytes() for b in norm.buffers()])
    assert results[0] == results[1]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("activation", ["none", "relu"])
def test_a_norm_and_a_residual_have_the_bits_of_separate_steps(backend, training, activation):
    def results(fuses):
        fastnet.manual_seed(4)
        norm = nn.BatchNorm2d(19).train(training)
        x, residual = (fastnet.randn(3, 19, 7, 5).requires_grad_() for _ in range(2))
        if fuses:
            y = norm.activated(x, activation, residual)
        else:
            y = norm(x) + residual
            y = y.relu() if activation == "relu" else y
        (y * fastnet.randn(y.shape)).sum().backward()
        return [t.detach().numpy().tobytes() for t in (y, x.grad, residual.grad, norm.weight.grad, norm.bias.grad)]

    assert results(True) == results(False)


def test_frozen_parameters_get_no_gradient():
    linear, act = layers(nn.ReLU)
    linear.weight.requires_grad = False
    nn.Sequential(linear, act)(fastnet.ones(2, 7)).sum().backward()
    assert linear.weight.grad is None and linear.bias.grad is not None


def test_backward_twice_with_retain_graph():
    linear, act = layers(nn.Tanh)
    y = nn.Sequential(linear, act)(fastnet.ones(2, 7))
    g = fastnet.ones(2, 19)
    y.backward(g, retain_graph=True)
    once = linear.weight.grad.clone()
    with fastnet.no_grad():
        g.mul_(2)
    y.backward(g)
    assert fastnet.allclose(linear.weight.grad, once * 3)


def test_a_result_changed_in_place_is_an_error():
    linear, act = layers(nn.Sigmoid)
    y = nn.Sequential(linear, act)(fastnet.ones(2, 7))
    with fastnet.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="its result was changed in place"):
        y.sum().backward()


def test_hooks_turn_fusion_off():
    seen = []
    for place in (0, 1):
        linear, act = layers(nn.ReLU)
        model = nn.Sequential(linear, act)
        model[place].register_forward_hook(lambda module, args, result: seen.append(type(module).__name__))
        model(fastnet.ones(2, 7))
    assert seen == ["Linear", "ReLU"]


def test_subclasses_and_assigned_forward_turn_fusion_off():
    class Own(nn.Linear):
        def forward(self, input):
            return super().forward(input) * 0 - 1

    model = nn.Sequential(Own(7, 3), nn.ReLU())
    assert model(fastnet.ones(2, 7)).sum().item() == 0
    linear, act = layers(nn.ReLU)
    act.forward = lambda x: x * 0 + 5
    assert nn.Sequential(linear, act)(fastnet.ones(2, 7)).sum().item() == 5 * 38


def test_only_adjacent_layers_are_fused():
    fastnet.manual_seed(0)
    a, b, c = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)
    model = nn.Sequential(a, b, nn.ReLU(), nn.ReLU(), c)
    x = fastnet.randn(5, 3)
    assert fastnet.equal(model(x), c(nn.functional.relu(b(a(x)))))
    with pytest.raises(RuntimeError, match="does not fit a weight"):
        model(fastnet.ones(5, 4))


def test_an_entry_that_is_none_is_an_error():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    model.add_module("2", None)
    with pytest.raises(TypeError):
        model(fastnet.ones(5, 3))


def test_one_row_fuses_another_kind_of_layer(monkeypatch):
    class Twice(nn.Module):
        def forward(self, input):
            return input * 2

    monkeypatch.setitem(FUSED, (Twice, nn.ReLU), Fusion(lambda layers, input: input * 0 + 7))
    x = fastnet.ones(2)
    assert nn.Sequential(Twice(), nn.ReLU())(x).tolist() == [7, 7]
    assert nn.Sequential(Twice(), nn.Tanh(), Twice())(x).tolist() == (2 * (2 * x).tanh()).tolist()
    hooked = nn.Sequential(Twice(), nn.ReLU())
    hooked[0].register_forward_hook(lambda *_: None)
    assert hooked(x).tolist() == [2, 2]


CONVOLUTIONS = {                        # by the algorithm that computes them
    "direct": (lambda: nn.Conv2d(3, 19, 3, padding=1, stride=2), (2, 3, 9, 8)),
    "winograd": (lambda: nn.Conv2d(16, 40, 3, padding=1), (2, 16, 9, 8)),
    "pointwise": (lambda: nn.Conv2d(5, 19, 1), (2, 5, 9, 8)),
    "depthwise": (lambda: nn.Conv2d(8, 8, 3, groups=8, bias=False), (2, 8, 9, 8)),
    "sequence": (lambda: nn.Conv1d(3, 8, 3, padding=1, padding_mode="reflect"), (2, 3, 9)),
    "volume": (lambda: nn.Conv3d(2, 5, 2), (1, 2, 3, 4, 5)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("needs_x", [True, False])
def test_a_convolution_and_relu_have_the_bits_of_separate_layers(backend, name, needs_x):
    make, shape = CONVOLUTIONS[name]
    fastnet.manual_seed(4)
    conv, act = make(), nn.ReLU()
    assert fused(conv, act) is not None
    assert (outcome(nn.Sequential(conv, act), conv, shape, needs_x)
            == outcome(lambda x: act(conv(x)), conv, shape, needs_x))


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("activation", [None, nn.ReLU, *IN_EVALUATION])
def test_a_convolution_and_its_norm_have_the_bits_of_separate_layers(backend, name, activation):
    make, shape = CONVOLUTIONS[name]
    fastnet.manual_seed(5)
    conv = make()
    kind = {3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(shape)]
    norm = kind(conv.out_channels).eval()
    for values in (norm.running_mean, norm.weight, norm.bias):
        nn.init.uniform_(values, -1, 1)
    layers = [conv, norm, *([] if activation is None else [activation()])]
    x, model = 3 * fastnet.randn(*shape), nn.Sequential(*layers)
    with fastnet.no_grad():
        assert fused(*layers) is not None
        y = x
        for layer in layers:
            y = layer(y)
        assert model(x).numpy().tobytes() == y.numpy().tobytes()
        assert fastnet.compile(model)(x).numpy().tobytes() == y.numpy().tobytes()
        norm.train()
        assert fused(*layers) is None
    norm.eval()
    assert fused(*layers) is None       # with gradients
    assert model(x).requires_grad


@pytest.mark.parametrize("make, shape", [(lambda: nn.Linear(7, 19), (5, 7)), (lambda: nn.Linear(7, 19), (1, 7)),
                                         *CONVOLUTIONS.values()])
@pytest.mark.parametrize("activation", IN_EVALUATION)
def test_other_activations_without_a_gradient_have_the_bits_of_separate_layers(backend, make, shape, activation):
    fastnet.manual_seed(6)
    layer, act = make(), activation()
    x, model = 3 * fastnet.randn(*shape), nn.Sequential(layer, act)
    with fastnet.no_grad():
        assert fused(layer, act) is not None
        assert model(x).numpy().tobytes() == act(layer(x)).numpy().tobytes()
    assert model(x).requires_grad       # with gradients
    assert model(x).detach().numpy().tobytes() == act(layer(x)).detach().numpy().tobytes()


def inverted_layers(kernel=3, stride=1, activation=nn.ReLU6):
    fastnet.manual_seed(5)
    block = nn.Sequential(
        nn.Conv2d(12, 72, 1, bias=False), nn.BatchNorm2d(72), activation(),
        nn.Conv2d(72, 72, kernel, stride, kernel // 2, groups=72, bias=False), nn.BatchNorm2d(72), activation(),
        nn.Conv2d(72, 12, 1, bias=False), nn.BatchNorm2d(12)).eval()
    for norm in list(block)[1::3]:
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
    return block


@pytest.mark.parametrize("kernel, stride", [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("activation", [nn.ReLU6, nn.SiLU])
def test_an_inverted_block_has_the_bits_of_separate_layers(backend, kernel, stride, activation):
    block = inverted_layers(kernel, stride, activation)
    x = fastnet.randn(4, 12, 40, 33)
    residual = x if stride == 1 else None
    expected = block(x).detach()
    expected = expected + x if stride == 1 else expected
    with fastnet.no_grad():
        out = inverted(list(block), x, residual).numpy()
    if backend == "compiled":
        assert out.tobytes() == expected.numpy().tobytes()
    np.testing.assert_allclose(out, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_inverted_blocks_that_run_separately():
    block, x = inverted_layers(), fastnet.randn(4, 12, 40, 33)
    assert inverted(list(block), x) is None                                 # a gradient is wanted
    with fastnet.no_grad():
        assert inverted(list(block), x) is not None
        assert inverted(list(block), x[:, :, :8, :8]) is None               # small
        assert inverted(list(block), x[0]) is None
        assert inverted(list(block)[:-1], x) is None
        assert inverted(list(block.train()), x) is None
        block.eval()[3].register_forward_hook(lambda *args: None)
        assert inverted(list(block), x) is None
