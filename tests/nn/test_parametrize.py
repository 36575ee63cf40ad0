"""Parametrizations and spectral normalization beside PyTorch's."""
import copy
import pickle

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn.utils import parametrizations, parametrize

MAKERS = {
    "weight_norm": lambda lib, layer, **kw: lib.nn.utils.parametrizations.weight_norm(layer, **kw),
    "spectral_norm": lambda lib, layer, **kw: lib.nn.utils.parametrizations.spectral_norm(layer, **kw),
    "orthogonal": lambda lib, layer, **kw: lib.nn.utils.parametrizations.orthogonal(layer, **kw),
    "old weight_norm": lambda lib, layer, **kw: lib.nn.utils.weight_norm(layer, **kw),
    "old spectral_norm": lambda lib, layer, **kw: lib.nn.utils.spectral_norm(layer, **kw),
}
LAYERS = {
    "linear": lambda lib: lib.nn.Linear(4, 3), "square": lambda lib: lib.nn.Linear(4, 4),
    "wide": lambda lib: lib.nn.Linear(3, 4), "conv": lambda lib: lib.nn.Conv1d(4, 3, 2),
    "transposed": lambda lib: lib.nn.ConvTranspose1d(4, 2, 3),
}
CASES = [
    ("weight_norm", "linear", {}), ("weight_norm", "conv", {"dim": 1}), ("weight_norm", "conv", {"dim": None}),
    ("weight_norm", "linear", {"dim": -1}), ("weight_norm", "linear", {"name": "bias"}),
    ("spectral_norm", "linear", {}), ("spectral_norm", "conv", {"n_power_iterations": 3}),
    ("spectral_norm", "transposed", {}), ("spectral_norm", "conv", {"dim": 2, "eps": 1e-3}),
    ("spectral_norm", "linear", {"name": "bias"}),
    ("old spectral_norm", "linear", {}), ("old spectral_norm", "transposed", {"n_power_iterations": 2}),
    ("old spectral_norm", "conv", {"dim": 1}),
    *[("orthogonal", layer, {"orthogonal_map": kind, "use_trivialization": trivial})
      for layer in ("linear", "square", "wide") for kind in ("matrix_exp", "cayley", "householder")
      for trivial in (True, False)],
    ("orthogonal", "linear", {}), ("orthogonal", "square", {}),
]


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T

    def right_inverse(self, a):
        return a.triu()


class Double(nn.Module):
    def forward(self, x):
        return 2 * x


class RankOne(nn.Module):
    def forward(self, x, y):
        return x.unsqueeze(-1) @ y.unsqueeze(-2)

    def right_inverse(self, z):
        return z[:, 0], z[0] / z[0, 0]


def close(ours, theirs, **kw):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-4, atol=1e-5, **kw)


@pytest.mark.parametrize("maker, layer, kw", CASES)
def test_values_gradients_and_state_are_torchs(maker, layer, kw):
    torch = pytest.importorskip("torch")
    fastnet.manual_seed(0)
    ours = MAKERS[maker](fastnet, LAYERS[layer](fastnet), **kw)
    theirs = MAKERS[maker](torch, LAYERS[layer](torch), **kw)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert {n: tuple(p.shape) for n, p in ours.named_parameters()} == {
        n: tuple(p.shape) for n, p in theirs.named_parameters()}
    theirs.load_state_dict({name: torch.tensor(x.numpy()) for name, x in ours.state_dict().items()})
    shape = (5, ours.in_features) if isinstance(ours, nn.Linear) else (2, 4, 5)
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    for _ in range(2):
        y, z = ours(fastnet.tensor(x)), theirs(torch.tensor(x))
        close(y, z)
        (y.sin() * y).sum().backward()
        (z.sin() * z).sum().backward()
        for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters()):
            close(p.grad, q.grad, err_msg=name)
        with fastnet.no_grad(), torch.no_grad():
            for p, q in zip(ours.parameters(), theirs.parameters()):
                p.sub_(0.03 * p.grad)
                q.sub_(0.03 * q.grad)
    for name, value in ours.state_dict().items():
        close(value, theirs.state_dict()[name], err_msg=name)
    ours.load_state_dict(theirs.state_dict())
    close(ours.eval()(fastnet.tensor(x)), theirs.eval()(torch.tensor(x)))


@pytest.mark.parametrize("trivial", [True, False])
def test_householder_starts_from_an_orthogonal_weight_as_torch_does(trivial):
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.Linear(3, 5), nn.Linear(3, 5)
    ours.load_state_dict(theirs.state_dict())
    for lib, layer in ((torch, theirs), (fastnet, ours)):
        MAKERS["orthogonal"](lib, layer, orthogonal_map="householder", use_trivialization=trivial)
    close(ours.weight, theirs.weight)
    before = ours.weight.detach()
    ours.weight = before
    close(ours.weight, before)


def test_parametrizations_follow_each_other_and_are_removed():
    layer = nn.Linear(3, 3)
    weight = layer.weight
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert layer.parametrizations.weight.original is weight and isinstance(layer, nn.Linear)
    assert [n for n, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    parametrize.register_parametrization(layer, "weight", Double())
    once = layer.weight.detach() / 2
    assert (once == once.T).all() and type(layer).__name__ == "ParametrizedLinear"
    with pytest.raises(RuntimeError, match="right_inverse"):
        layer.weight = once
    parametrize.register_parametrization(layer, "bias", Double())
    assert parametrize.is_parametrized(layer, "bias")
    parametrize.remove_parametrizations(layer, "weight")
    np.testing.assert_array_equal(layer.weight.tolist(), (once * 2).tolist())
    assert layer.weight is weight and not parametrize.is_parametrized(layer, "weight")
    before = layer.parametrizations.bias.original.tolist()
    parametrize.remove_parametrizations(layer, "bias", leave_parametrized=False)
    assert layer.bias.tolist() == before and type(layer) is nn.Linear and not hasattr(layer, "parametrizations")
    with pytest.raises(ValueError, match="no parametrization"):
        parametrize.remove_parametrizations(layer, "weight")


def test_a_parametrized_tensor_can_be_assigned():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    wanted = fastnet.tensor([[1.0, 2, 3], [2, 4, 5], [3, 5, 6]])
    for value in (wanted, nn.Parameter(wanted * 2)):
        layer.weight = value
        assert layer.weight.tolist() == value.tolist() and "weight" not in layer._parameters


def test_a_parametrization_of_two_tensors():
    layer = nn.Linear(3, 2)
    layer.weight = nn.Parameter(fastnet.tensor([[1.0, 2, 3], [2, 4, 6]]))
    parametrize.register_parametrization(layer, "weight", RankOne())
    assert layer.weight.tolist() == [[1, 2, 3], [2, 4, 6]]
    assert layer.parametrizations.weight.original1.shape == (3,)
    with pytest.raises(ValueError, match="leave_parametrized"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert isinstance(parametrize.remove_parametrizations(layer, "weight").weight, nn.Parameter)


def test_buffers_are_parametrized():
    norm = nn.BatchNorm1d(3)
    parametrize.register_parametrization(norm, "running_var", Double())
    assert [n for n, _ in norm.named_buffers()][-1] == "parametrizations.running_var.original"
    assert norm.running_var.tolist() == [2, 2, 2]


@pytest.mark.parametrize("tensor, forward, message", [
    ("weights", lambda x: x, "no parameter or buffer 'weights'"), ("weight", lambda x: x[:1], "shape"),
    ("weight", lambda x: x.double(), "dtype"), ("weight", lambda x: 3, "must return a tensor")])
def test_errors_leave_the_module_as_it_was(tensor, forward, message):
    layer, bad = nn.Linear(3, 2), nn.Module()
    bad.forward = forward
    with pytest.raises(ValueError, match=message):
        parametrize.register_parametrization(layer, tensor, bad)
    assert type(layer) is nn.Linear and list(layer.state_dict()) == ["weight", "bias"]
    if tensor == "weight" and message == "shape":
        assert parametrize.register_parametrization(layer, tensor, bad, unsafe=True).weight.shape == (1, 3)


def test_an_error_of_a_parametrization_names_the_tensor():
    layer = parametrize.register_parametrization(nn.Linear(3, 2), "weight", Double())
    layer.parametrizations.weight[0].forward = lambda x: x.nothing
    with pytest.raises(RuntimeError, match=r"of 'weight' failed: .*nothing"):
        layer(fastnet.ones(1, 3))


def test_an_unsafe_parametrization_changes_the_shape():
    class Rows(nn.Module):
        def forward(self, x):
            return x.expand(2, 3)

        def right_inverse(self, x):
            return x[:1]
    layer = nn.Linear(3, 2)
    weight = layer.weight
    parametrize.register_parametrization(layer, "weight", Rows(), unsafe=True)
    assert layer.parametrizations.weight.original is weight and weight.shape == (1, 3)
    optimizer = fastnet.optim.SGD(layer.parameters(), lr=0.1)
    before = weight.tolist()
    layer(fastnet.ones(1, 3)).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(weight.tolist(), np.array(before) - 0.2, rtol=1e-5)
    parametrize.remove_parametrizations(layer, "weight")
    assert layer.weight is weight and weight.shape == (2, 3)


def test_arguments_are_checked():
    for call, message in [(lambda: parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=0), "positive"),
                          (lambda: parametrizations.orthogonal(nn.Linear(2, 2), "bias"), "matrix"),
                          (lambda: parametrizations.orthogonal(nn.Linear(2, 2), orthogonal_map="exp"), "cayley"),
                          (lambda: nn.utils.spectral_norm(nn.Linear(2, 2), "weights"), "no parameter"),
                          (lambda: nn.utils.remove_spectral_norm(nn.Linear(2, 2)), "not normalized"),
                          (lambda: parametrize.ParametrizationList([], fastnet.ones(2)), "at least one")]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(IndexError):
        parametrizations.spectral_norm(nn.Linear(2, 2), dim=2)


def test_cached_values_are_computed_once():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    assert layer.weight is not layer.weight
    with parametrize.cached():
        first = layer.weight
        with parametrize.cached():
            assert layer.weight is first
        assert layer.weight is first
        layer.weight = fastnet.eye(3)
        assert layer.weight.tolist() == fastnet.eye(3).tolist()
    assert layer.weight is not layer.weight


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
@pytest.mark.parametrize("maker", MAKERS)
def test_copies_are_independent(copied, maker):
    layer = MAKERS[maker](fastnet, nn.Linear(3, 3)).eval()
    x = fastnet.ones(2, 3)
    with fastnet.no_grad():
        expected = layer(x).tolist()
    other = copied(layer)
    assert other(x).tolist() == expected
    if maker.startswith("old"):
        getattr(nn.utils, maker.replace("old ", "remove_"))(other)
    else:
        parametrize.remove_parametrizations(other, "weight")
    assert type(other) is nn.Linear and list(other.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(other(x).tolist(), expected, rtol=1e-6)
    with fastnet.no_grad():
        other.weight.zero_()
    assert layer(x).tolist() == expected


@pytest.mark.parametrize("maker", MAKERS)
def test_a_compiled_training_step_is_the_eager_one(maker):
    fastnet.manual_seed(1)
    models, losses = [nn.Sequential(MAKERS[maker](fastnet, nn.Linear(4, 4)), nn.Tanh(), nn.Linear(4, 2))
                      for _ in range(2)], []
    models[1].load_state_dict(models[0].state_dict())
    data = np.random.default_rng(0).standard_normal((6, 5, 4)).astype("float32")
    for part, compiled in zip(models, (False, True)):
        optimizer = fastnet.optim.SGD(part.parameters(), lr=0.1)

        def step(x, part=part, optimizer=optimizer):
            optimizer.zero_grad()
            with parametrize.cached():
                loss = part(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss
        run = fastnet.compile(step) if compiled else step
        losses.append([run(fastnet.tensor(x)).item() for x in data])
    assert (len(run.recordings), run.calls) == (1, len(data))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    for name, value in models[0].state_dict().items():
        np.testing.assert_allclose(value.numpy(), models[1].state_dict()[name].numpy(), rtol=1e-5, atol=1e-6,
                                   err_msg=name)


def test_the_attribute_of_a_hook_is_whole_after_a_compiled_call():
    layer = nn.utils.weight_norm(nn.Linear(3, 3))
    before = layer.weight
    forward = fastnet.compile(lambda x: layer(x))
    outs = [forward(fastnet.full((2, 3), value)).tolist() for value in (1.0, 2.0, 3.0)]
    assert layer.weight is before
    assert outs == [layer(fastnet.full((2, 3), value)).tolist() for value in (1.0, 2.0, 3.0)]


def test_a_recording_inside_cached_computes_its_own_values():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Double())
    forward, x = fastnet.compile(lambda x: layer(x)), fastnet.ones(2, 3)
    with parametrize.cached():
        layer(x), forward(x)
    with fastnet.no_grad():
        layer.parametrizations.weight.original.mul_(3.0)
    assert forward(x).tolist() == layer(x).tolist()


def test_fused_layers_and_functional_calls_use_the_value():
    conv, norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
    model = nn.Sequential(parametrizations.weight_norm(conv), norm, nn.ReLU()).eval()
    x, name = fastnet.randn(2, 3, 4, 4), "0.parametrizations.weight.original0"
    with fastnet.no_grad():
        np.testing.assert_allclose(model(x).tolist(), norm(conv(x)).relu().tolist(), rtol=1e-5, atol=1e-6)
        changed = fastnet.func.functional_call(model, {name: model.state_dict()[name] * 2}, x)
        conv.parametrizations.weight.original0.mul_(2.0)
        np.testing.assert_allclose(changed.tolist(), model(x).tolist(), rtol=1e-5, atol=1e-6)


def test_a_file_holds_the_originals(tmp_path):
    layer, other = (parametrizations.weight_norm(nn.Linear(3, 2)) for _ in range(2))
    with pytest.warns(UserWarning, match="the weights, but not the architecture .*ParametrizedLinear"):
        layer.save(tmp_path / "model.safetensors")
    fastnet.load(tmp_path / "model.safetensors", model=other)
    assert other.weight.tolist() == layer.weight.tolist()


def test_a_compiled_function_sees_a_new_parametrization():
    layer = nn.Linear(3, 3)
    forward = fastnet.compile(lambda x: layer(x))
    x = fastnet.ones(2, 3)
    forward(x), forward(x)
    parametrize.register_parametrization(layer, "weight", Double())
    assert forward(x).tolist() == layer(x).tolist()
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert forward(x).tolist() == layer(x).tolist()


def test_state_of_the_old_weight_norm_is_loaded():
    old, new = nn.utils.weight_norm(nn.Linear(3, 2)), parametrizations.weight_norm(nn.Linear(3, 2))
    new.load_state_dict(old.state_dict())
    np.testing.assert_allclose(new.weight.tolist(), old(fastnet.eye(3)).sub(old.bias).T.tolist(), rtol=1e-4, atol=1e-6)


def test_recurrent_weights_are_parametrized():
    lstm = nn.LSTM(3, 4)
    parametrize.register_parametrization(lstm, "weight_hh_l0", Double())
    with fastnet.no_grad():
        lstm.parametrizations.weight_hh_l0.original.mul_(0.5)
    out = lstm(fastnet.ones(5, 2, 3))[0]
    parametrize.remove_parametrizations(lstm, "weight_hh_l0")
    np.testing.assert_allclose(out.tolist(), lstm(fastnet.ones(5, 2, 3))[0].tolist(), rtol=1e-6)


def test_the_old_spectral_norm_is_removed():
    layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match="normalized already"):
        nn.utils.spectral_norm(layer)
    with pytest.raises(ValueError, match="not normalized"):
        nn.utils.remove_weight_norm(layer)
    for _ in range(20):
        layer(fastnet.ones(1, 3))
    weight = nn.utils.remove_spectral_norm(layer).weight
    assert isinstance(weight, nn.Parameter) and list(layer.state_dict()) == ["bias", "weight"]
    assert abs(np.linalg.norm(weight.detach().numpy(), 2) - 1) < 1e-3


def test_parametrizations_are_transferred():
    layer, other = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric()), nn.Linear(3, 3)
    parametrize.transfer_parametrizations_and_params(layer, other)
    assert other.parametrizations.weight.original is layer.parametrizations.weight.original
    assert parametrize.type_before_parametrizations(other) is nn.Linear
