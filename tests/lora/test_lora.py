"""Adapters of a model: the output with them, merging, several of them, and errors."""
import copy

import numpy as np
import pytest

import fastnet
from fastnet import lora, nn
from fastnet.models.gpt import Projection

IDS = fastnet.tensor([[1, 2, 0], [3, 3, 1]])
X, IMAGES = fastnet.ones(2, 3, 6) * 0.5, fastnet.arange(96).reshape(2, 2, 4, 6).float() / 50

LAYERS = {
    "linear": (lambda: nn.Linear(6, 4), X),
    "linear-without-bias": (lambda: nn.Linear(6, 4, bias=False), X),
    "embedding": (lambda: nn.Embedding(5, 4, padding_idx=0), IDS),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3, padding=1), X),
    "conv2d": (lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), IMAGES),
    "conv2d-1x1": (lambda: nn.Conv2d(2, 3, 1, bias=False), IMAGES),
    "conv2d-reflect": (lambda: nn.Conv2d(2, 3, 3, padding=1, dilation=1, padding_mode="reflect"), IMAGES),
    "conv2d-dilated": (lambda: nn.Conv2d(2, 3, 3, padding="same", dilation=2), IMAGES),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2), IMAGES.reshape(1, 2, 2, 4, 6)),
    "gpt": (lambda: Projection(6, 4), X),
}
EVERY = {name: [name] for name in LAYERS} | {"attention": ["attention"]}


class Attention(nn.Module):
    """Self-attention, or attention with weights, which takes the separate maps."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0] + self.attention(x, x[:, :2], x[:, :2])[0]


def case(name):
    fastnet.manual_seed(3)
    if name == "attention":
        return Attention(), fastnet.randn(2, 3, 6)
    make, x = LAYERS[name]
    return nn.Sequential(make()), x


def target(name):
    return ["attention"] if name == "attention" else ["0"]


def trained(model, seed=0):
    """The model with other values in all adapters, as after a training."""
    rng = np.random.default_rng(seed)
    with fastnet.no_grad():
        for name, p in model.named_parameters():
            if ".adapters." in f".{name}":
                noise = fastnet.tensor(rng.standard_normal(p.shape).astype(np.float32))
                p.add_(noise * 0.1)
    return model


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_output_merged_and_unmerged(name, dora):
    model, x = case(name)
    if dora and name == "attention":
        pytest.skip("refused")
    model.eval()
    before, names = model(x).detach().numpy(), list(model.state_dict())
    weights = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    lora.apply(model, r=2, alpha=3, target_modules=target(name), dropout=0.1, dora=dora, seed=1)
    model.eval()
    np.testing.assert_allclose(model(x).detach().numpy(), before, rtol=1e-6, atol=1e-6)
    trained(model)
    changed = model(x).detach().numpy()
    assert np.abs(changed - before).max() > 1e-3
    assert [key for key in model.state_dict() if ".adapters." not in f".{key}"] == names
    lora.merge(model)
    np.testing.assert_allclose(model(x).detach().numpy(), changed, rtol=1e-6, atol=1e-6)
    lora.unmerge(model)
    np.testing.assert_array_equal(model(x).detach().numpy(), changed)
    for key, value in weights.items():
        np.testing.assert_array_equal(model.state_dict()[key].numpy(), value)
    plain = lora.merge_and_unload(model)
    np.testing.assert_allclose(plain(x).detach().numpy(), changed, rtol=1e-6, atol=1e-6)
    assert plain is model and list(model.state_dict()) == names
    assert not hasattr(model.get_submodule(target(name)[0]), "adapters")


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_gradients_reach_the_adapters_alone(name, dora):
    model, x = case(name)
    if dora and name == "attention":
        pytest.skip("refused")
    trained(lora.apply(model, r=2, target_modules=target(name), dora=dora, dropout=0.5, seed=1))
    model.train()
    (model(x) ** 2).sum().backward()
    for key, p in model.named_parameters():
        assert (p.grad is not None) == p.requires_grad == (".adapters." in f".{key}"), key
        assert p.grad is None or float(p.grad.abs().max()) > 0, key


def test_gradient_of_a_dora_layer_holds_the_norm_constant():
    layer = nn.Sequential(nn.Linear(3, 2)).double()
    trained(lora.apply(layer, r=1, dora=True, seed=0).double())
    adapter, x = layer[0].adapters["default"], fastnet.ones(1, 3, dtype=fastnet.float64)
    norm = (layer[0].weight + adapter.delta()).square().sum(1).sqrt().detach()
    wanted = ((x @ (layer[0].weight + adapter.delta()).t()) * (adapter.lora_magnitude_vector / norm)).sum()
    expected = fastnet.grad(wanted, list(adapter.parameters()))
    found = fastnet.grad(layer(x).sum(), list(adapter.parameters()))
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def network():
    fastnet.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


def test_compiled_steps_equal_eager_ones_and_see_the_chosen_adapter():
    x = fastnet.randn(5, 6)
    outputs = []
    for disabled in (True, False):
        model = trained(lora.apply(network(), r=2, dropout=0.0, seed=0))
        lora.add(model, "other", r=3, seed=1)
        trained(model, 1)
        optimizer = fastnet.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)

        @fastnet.compile(disable=disabled)
        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss
        losses = [step(x).item() for _ in range(4)]
        lora.set_adapter(model, ["default", "other"])
        losses += [step(x).item() for _ in range(2)]
        lora.set_adapter(model, "other")
        losses += [step(x).item() for _ in range(2)]
        outputs.append(losses)
    assert outputs[0] == outputs[1]


def test_updates_of_several_adapters_are_added():
    model, x = network(), fastnet.randn(5, 6)[:, :6]
    lora.apply(model, r=2, target_modules=["0"], seed=0)
    lora.add(model, "other", r=3, alpha=5, rslora=True, target_modules=["0", "2"], seed=1)
    trained(model)
    assert model[0].active == ("default",)
    outputs = {}
    for names in ((), "default", "other", ("default", "other")):
        lora.set_adapter(model, names)
        outputs[names] = model[0](x).detach().numpy()
    np.testing.assert_allclose(outputs["default"] + outputs["other"] - outputs[()], outputs["default", "other"],
                               rtol=1e-5, atol=1e-6)
    lora.merge(model)
    np.testing.assert_allclose(model[0](x).detach().numpy(), outputs["default", "other"], rtol=1e-6, atol=1e-6)
    lora.unmerge(model)
    lora.delete_adapter(model, "other")
    np.testing.assert_array_equal(model[0](x).detach().numpy(), outputs["default"])


def test_trainer_trains_adapters_and_head():
    fastnet.manual_seed(0)
    x = np.random.default_rng(0).standard_normal((200, 6)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    model = lora.apply(network(), r=4, target_modules=["0", "2"], modules_to_save=["4"], seed=0)
    before = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    trainer = fastnet.Trainer(model, "adam", lr=0.02, loss="cross_entropy", metrics="accuracy")
    history = trainer.fit(x, y, epochs=40, progress=False)
    assert history["accuracy"][-1] > 0.8
    changed = {key for key, value in model.state_dict().items() if (value.numpy() != before[key]).any()}
    assert changed == {key for key in before if ".adapters." in key or key.startswith("4.")}


def test_initial_values_are_those_of_the_seed():
    a, b, c = (lora.apply(network(), r=2, seed=seed).state_dict()["0.adapters.default.lora_A"].numpy()
               for seed in (5, 5, 6))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_copies_and_other_dtypes():
    model = trained(lora.apply(network(), r=2, seed=0))
    twin = copy.deepcopy(model)
    x = fastnet.ones(2, 6)
    np.testing.assert_array_equal(twin(x).detach().numpy(), model(x).detach().numpy())
    lora.merge(twin)
    twin.double()
    assert twin(x.double()).dtype == fastnet.float64
    lora.unmerge(twin)
    np.testing.assert_array_equal(twin.float()(x).detach().numpy(), model(x).detach().numpy())


@pytest.mark.parametrize("both", [True, False])
def test_a_weight_in_two_places_is_not_merged(both):
    """Its adapter updates it in one place, and a merge would in both."""
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    model[2].weight = model[0].weight
    lora.apply(model, r=2, target_modules=["0", "2"] if both else ["2"])
    with fastnet.no_grad():
        model[2].adapters["default"].lora_B.fill_(1)
    x, before = fastnet.randn(3, 6), model[0].weight.clone()
    expected = model(x)
    for merge in (lora.merge, lora.merge_and_unload):
        with pytest.raises(ValueError, match=r"lora\.merge: 0\.weight, 2\.weight are one parameter, and its adapter"):
            merge(model)
    assert (model[0].weight == before).all() and (model(x) == expected).all()


def test_a_layer_that_is_called_twice_is_merged_once():
    layer = nn.Linear(6, 6)
    model = lora.apply(nn.Sequential(layer, nn.Tanh(), layer), r=2, seed=0)
    with fastnet.no_grad():
        layer.adapters["default"].lora_B.fill_(0.1)
    x = fastnet.randn(3, 6)
    expected = model(x)
    lora.merge(model)
    assert fastnet.allclose(model(x), expected, atol=1e-5)


def test_without_adapters_the_layers_are_ordinary_ones(tmp_path):
    model = lora.apply(nn.Sequential(nn.Linear(4, 3)), r=2)
    lora.add(model, "other")
    lora.delete_adapter(model, "default")
    assert list(model[0].adapters) == ["other"]
    lora.delete_adapter(model, "other")
    assert type(model[0]) is nn.Linear
    model.save(tmp_path / "m.safetensors")
    assert fastnet.load(tmp_path / "m.safetensors").state_dict().keys() == {"0.weight", "0.bias"}
    lora.apply(model, r=1)


def test_merged_models_have_no_state_dict(tmp_path):
    """A state_dict of the merged weight and of the adapters would apply the updates twice."""
    model = trained(lora.apply(network(), r=2, seed=0))
    state = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    lora.merge(model)
    for merged in (model, copy.deepcopy(model)):
        for name, args in (("state_dict", ()), ("load_state_dict", (state,)), ("save", (tmp_path / "m.safetensors",))):
            with pytest.raises(RuntimeError, match="default are merged into the weights; call"):
                getattr(merged, name)(*args)
        lora.unmerge(merged)
        assert all((value.numpy() == state[key]).all() for key, value in merged.state_dict().items())
    lora.merge(model)
    assert set(lora.unload(model).state_dict()) == {key for key in state if ".adapters." not in key}


@pytest.mark.parametrize("pruned_first", [False, True])
def test_updates_are_not_merged_into_computed_weights(pruned_first):
    model, x = nn.Sequential(nn.Linear(6, 4)), fastnet.ones(1, 6)
    for step in (lambda: nn.utils.prune.l1_unstructured(model[0], "weight", 0.5),
                 lambda: lora.apply(model, r=2, seed=0))[::1 if pruned_first else -1]:
        step()
    trained(model)
    expected = model(x)
    with pytest.raises(ValueError, match=r"lora\.merge: the weights of 0 are computed, by masks"):
        lora.merge_and_unload(model)
    assert fastnet.equal(model(x), expected)
    nn.utils.prune.remove(model[0], "weight")
    assert fastnet.allclose(lora.merge_and_unload(model)(x), expected, atol=1e-5)
    nn.utils.weight_norm(model[0])
    with pytest.raises(ValueError, match="are computed"):
        lora.merge(lora.apply(model))


def test_a_model_without_its_adapters_is_an_ordinary_one_in_a_file(tmp_path):
    model = trained(lora.apply(network(), r=2, seed=0))
    output = model(fastnet.ones(1, 6)).detach().numpy()
    lora.merge_and_unload(model).save(tmp_path / "b.safetensors")
    found = fastnet.load(tmp_path / "b.safetensors")
    np.testing.assert_allclose(found(fastnet.ones(1, 6)).detach().numpy(), output, rtol=1e-6, atol=1e-6)


def test_names_select_layers_as_in_peft():
    model = nn.Sequential(nn.ModuleDict({"query": nn.Linear(2, 2), "query2": nn.Linear(2, 2)}), nn.Linear(2, 2))
    for given, wanted in ((["query"], ["0.query"]), (r"0\..*", ["0.query", "0.query2"]), (None, None)):
        paths = [path for path, layer in lora.apply(copy.deepcopy(model), target_modules=given).named_modules()
                 if isinstance(layer, lora.LoRALinear)]
        assert paths == (wanted or ["0.query", "0.query2", "1"])


def with_normed_output(model):
    nn.utils.parametrizations.weight_norm(model.attention.out_proj)
    return model


ERRORS = {
    "unknown name": (lambda m: lora.apply(m, target_modules=["qery"]), ValueError, "no layer is called 'qery'.*query"),
    "no fit": (lambda m: lora.apply(m, target_modules="x.*"), ValueError, "fits the name of no layer"),
    "expression": (lambda m: lora.apply(m, target_modules="("), ValueError, "not a regular expression"),
    "parametrized": (lambda m: lora.apply(nn.Sequential(m, nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))),
                     ValueError, "got 1, of which '1' is a ParametrizedLinear; name the layers to adapt in target_mod"),
    "parametrized output": (lambda m: lora.apply(with_normed_output(m), target_modules=["attention"]), ValueError,
                            "got attention.out_proj, of which .* is a ParametrizedLinear"),
    "norm": (lambda m: lora.apply(m, target_modules=["norm"]), ValueError, "got norm, of which .*norm' is a LayerNorm"),
    "groups": (lambda m: lora.apply(m, target_modules=["conv"]), ValueError, "conv, a Conv2d, .* its 2 groups"),
    "attention": (lambda m: lora.apply(m, target_modules=["attention"], dora=True), ValueError, "DoRA is not defined"),
    "rank": (lambda m: lora.apply(m, r=0), ValueError, "expected r to be at least 1, got 0"),
    "names": (lambda m: lora.apply(m, target_modules=[3]), TypeError, "target_modules to hold names"),
    "not names": (lambda m: lora.apply(m, target_modules=3), TypeError, "target_modules to be a sequence .* got 3"),
    "one name": (lambda m: lora.apply(m, modules_to_save="query"), TypeError, "to be a sequence of names, got .query"),
    "alpha": (lambda m: lora.apply(m, alpha=float("nan")), ValueError, "expected a finite alpha, got nan"),
    "saved": (lambda m: lora.apply(m, modules_to_save=["head"]), ValueError, "modules_to_save names 'head'"),
    "both": (lambda m: lora.apply(m, target_modules=["query"], modules_to_save=["query"]), ValueError, "not both"),
    "dropout": (lambda m: lora.apply(m, dropout=2), ValueError, "probability between 0 and 1, got 2"),
    "no model": (lambda m: lora.apply([m]), TypeError, "a model that is a Module"),
    "add": (lambda m: lora.add(m, "x"), ValueError, "has no adapter; make it one"),
    "unknown": (lambda m: lora.set_adapter(m, "x"), ValueError, "no adapter 'x'; it has none"),
    "no name": (lambda m: lora.set_adapter(m, None), ValueError, "no adapter None; it has none"),
    "merge": (lora.merge, ValueError, "has no adapters"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_leave_the_model_unchanged(name):
    fails, kind, text = ERRORS[name]
    model = nn.ModuleDict({"query": nn.Linear(4, 4), "norm": nn.LayerNorm(4), "conv": nn.Conv2d(4, 4, 3, groups=2),
                           "attention": nn.MultiheadAttention(4, 2)})
    with pytest.raises(kind, match=text):
        fails(model)
    assert all(p.requires_grad for p in model.parameters())
    assert type(model["query"]) is nn.Linear


def test_conflicts_between_adapters():
    model = lora.apply(network(), r=2, modules_to_save=["4"])
    with pytest.raises(ValueError, match="add another one with"):
        lora.apply(model)
    with pytest.raises(ValueError, match="an adapter 'default' already"):
        lora.add(model, "default")
    with pytest.raises(ValueError, match="'default' trains 4 as a whole"):
        lora.add(model, "b", modules_to_save=["4"])
    with pytest.raises(ValueError, match="a text without dots"):
        lora.add(model, "b.c")
    lora.add(model, "d", dora=True, target_modules=["0"])
    with pytest.raises(ValueError, match="DoRA cannot be added"):
        lora.set_adapter(model, ["default", "d"])
    lora.merge(model)
    for change in (lambda: lora.set_adapter(model, "d"), lambda: lora.add(model, "e"), lambda: lora.merge(model),
                   lambda: lora.delete_adapter(model, "d")):
        with pytest.raises(ValueError, match="adapters are merged"):
            change()


def test_not_inside_a_compiled_function():
    model = network()
    with pytest.raises(RuntimeError, match="compile"):
        fastnet.compile(lambda: lora.apply(model))()
