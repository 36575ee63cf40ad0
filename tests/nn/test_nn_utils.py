"""Gradient clipping and vectors of parameters."""
import math

import numpy as np
import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(11)


def with_gradients(f, dtype="float32", scale=1.0):
    """Parameters of both namespaces with the same gradients; the last has none."""
    random = np.random.default_rng(3)
    parameters = []
    for shape in ((4, 5), (7,), (1000,), (2,)):
        p = f.nn.Parameter(f.tensor(np.zeros(shape, dtype)))
        p.grad = f.tensor((scale * random.standard_normal(shape)).astype(dtype))
        parameters.append(p)
    parameters[-1].grad = None
    return parameters


@pytest.mark.parametrize("norm_type", [2, 2.0, 1, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 1e9])
def test_clip_grad_norm(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    ours, theirs = with_gradients(fastnet), with_gradients(torch)
    a = nn.utils.clip_grad_norm_(ours, max_norm, norm_type)
    b = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert a.shape == ()
    np.testing.assert_allclose(a.item(), b.item(), rtol=1e-5)
    for p, q in zip(ours[:-1], theirs):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5)
    assert ours[-1].grad is None


def test_clip_grad_norm_edges():
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0
    p = with_gradients(fastnet)[0]
    assert nn.utils.clip_grad_norm_(p, 1.0).item() > 1
    assert nn.utils.clip_grad_norm_((x for x in [p]), 2.0).item() <= 1
    mixed = [*with_gradients(fastnet, "float64"), *with_gradients(fastnet)]
    norm = nn.utils.clip_grad_norm_(mixed, 1.0)
    after = nn.utils.get_total_norm([x.grad for x in mixed if x.grad is not None])
    np.testing.assert_allclose(after.item(), 1, rtol=1e-5)
    assert norm.item() > 1
    p.grad = fastnet.full((4, 5), math.inf)
    with pytest.raises(RuntimeError, match=r"finite total norm of order 2\.0, got inf"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == math.inf


@pytest.mark.parametrize("norm_type", [1, 2, 3, float("inf")])
def test_norms_of_complex_gradients_are_real(norm_type):
    torch = pytest.importorskip("torch")

    def program(f):
        x = f.tensor([3 + 4j, 0j, 1 - 1j], requires_grad=True)
        y = f.ones(2, requires_grad=True)
        (x.norm(norm_type) + (x * f.tensor([1j, 2 + 0j, 3 + 1j])).abs().sum() + y.sum()).backward()
        return f.nn.utils.clip_grad_norm_([x, y], 1.5, norm_type), x.grad.real, x.grad.imag, y.grad
    for ours, theirs in zip(program(fastnet), program(torch), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)
    x = fastnet.tensor([1j], requires_grad=True)
    x.abs().sum().backward()
    with pytest.raises(RuntimeError, match="clip_grad_value_: expected a floating-point gradient, got complex64; take"):
        nn.utils.clip_grad_value_([x], 1.0)


def test_clip_grad_value():
    torch = pytest.importorskip("torch")
    ours, theirs = with_gradients(fastnet, scale=3), with_gradients(torch, scale=3)
    assert nn.utils.clip_grad_value_(ours, 1.5) is None
    torch.nn.utils.clip_grad_value_(theirs, 1.5)
    for p, q in zip(ours[:-1], theirs):
        np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())


CLIPS = {"norm": nn.utils.clip_grad_norm_, "value": nn.utils.clip_grad_value_,
         "given norm": lambda ps, bound, **options: nn.utils.clip_grads_with_norm_(
             ps, bound, fastnet.ones(()), **options)}


@pytest.mark.parametrize("name", CLIPS)
def test_a_negative_bound_is_refused(name):
    ours = with_gradients(fastnet)
    before = ours[0].grad.clone()
    for bound in (-1, -0.5, math.nan):
        with pytest.raises(ValueError, match=f"to be a non-negative number, got {bound}"):
            CLIPS[name](ours, bound)
    assert fastnet.equal(ours[0].grad, before)
    CLIPS[name](ours, 0.0, foreach=False)
    assert not ours[0].grad.any()


@pytest.mark.parametrize("name", [*CLIPS, "total"])
def test_an_exhausted_iterator_is_noticed(name):
    layer = nn.Linear(2, 2)
    parameters = layer.parameters()
    assert len(list(parameters)) == 2
    clip = CLIPS.get(name, lambda tensors, _: nn.utils.get_total_norm(tensors))
    with pytest.warns(UserWarning, match="the iterator of tensors is exhausted") as caught:
        clip(parameters, 1.0)
    if fastnet.backend.compiled_available:      # without it, another frame of fastnet is on the stack
        assert caught[0].filename == __file__
    clip([], 1.0)


@pytest.mark.parametrize("clip", [
    lambda ps: nn.utils.clip_grad_norm_(ps, 0.5), lambda ps: nn.utils.clip_grad_norm_(ps, 0.5, math.inf),
    lambda ps: nn.utils.clip_grad_value_(ps, 0.1)], ids=["norm", "inf-norm", "value"])
def test_clipping_is_recorded(clip):
    layers = [nn.Linear(4, 3), nn.Linear(4, 3)]
    layers[1].load_state_dict(layers[0].state_dict())

    def step(layer, x):
        layer.zero_grad()
        (layer(x) ** 2).sum().backward()
        return clip(list(layer.parameters()))
    recorded = fastnet.compile(lambda x: step(layers[1], x))
    for i in range(4):
        x = fastnet.tensor(rng.standard_normal((5, 4)).astype("float32") * i)
        a, b = step(layers[0], x), recorded(x)
        assert (a is None and b is None) or a.item() == b.item()
        for p, q in zip(layers[0].parameters(), layers[1].parameters()):
            np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())
    assert len(recorded) <= 2


def test_error_if_nonfinite_reads_a_value():
    layer = nn.Linear(2, 2)

    def step(x):
        layer(x).sum().backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0, error_if_nonfinite=True)
    with pytest.raises(RuntimeError, match="error_if_nonfinite=True inside a compiled function"):
        fastnet.compile(step)(fastnet.ones(1, 2))


def test_vectors_of_parameters():
    layer = nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (8,) and vector.requires_grad
    vector.sum().backward()
    assert (layer.weight.grad == 1).all()
    address = layer.weight.data_ptr()
    nn.utils.vector_to_parameters(fastnet.arange(8.0), layer.parameters())
    assert layer.bias.tolist() == [6, 7] and layer.weight.data_ptr() == address
    with pytest.raises(ValueError, match=r"8 elements.*\(7,\)"):
        nn.utils.vector_to_parameters(fastnet.ones(7), layer.parameters())


@pytest.mark.parametrize("model", [nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1))])
def test_a_module_in_place_of_parameters_is_named(model):
    with pytest.raises(TypeError, match=r"clip_grad_norm_: .* got the module .*; pass its parameters\(\)"):
        nn.utils.clip_grad_norm_(model, 1.0)
