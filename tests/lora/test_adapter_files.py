"""Files of adapters: both ways through a folder, and adapters that do not fit."""
import json

import numpy as np
import pytest

import fastnet
from fastnet import lora, nn


def network(width=6, names=("first", "second", "head")):
    fastnet.manual_seed(0)
    sizes = {names[0]: (width, 8), names[1]: (8, 8), names[2]: (8, 3)}
    return nn.ModuleDict({name: nn.Linear(*size) for name, size in sizes.items()})


def trained(model):
    rng = np.random.default_rng(1)
    with fastnet.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p.add_(fastnet.tensor(rng.standard_normal(p.shape).astype(np.float32)))
    return model


def output(model):
    x = fastnet.ones(2, 6)
    for layer in model.values():
        x = layer(x)
    return x.detach().numpy()


@pytest.mark.parametrize("settings", [{}, {"rslora": True, "target_modules": ".*st"}, {"dora": True},
                                      {"modules_to_save": ["head"], "dropout": 0.1}])
def test_through_a_folder(tmp_path, settings):
    model = trained(lora.apply(network(), r=2, alpha=5, seed=0, **settings))
    lora.save_adapter(model.eval(), tmp_path / "adapter")
    fresh = network().eval()
    lora.load_adapter(fresh, tmp_path / "adapter")
    np.testing.assert_array_equal(output(fresh), output(model))
    assert not any(p.requires_grad for p in fresh.parameters())
    lora.save_adapter(fresh, tmp_path / "again")
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "adapter" / file).read_bytes()
    lora.load_adapter(fresh, tmp_path / "adapter", name="more") if not settings.get("modules_to_save") else None


def test_a_loaded_adapter_can_be_trained_further_and_joins_others(tmp_path):
    model = trained(lora.apply(network(), r=2, seed=0))
    lora.save_adapter(model, tmp_path)
    lora.add(model, "b", r=1)
    lora.load_adapter(model, tmp_path, name="c", trainable=True)
    trainable = {name.split(".")[2] for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {"c"} and model["first"].active == ("c",)
    with pytest.raises(ValueError, match="expected the name of an adapter, the model has default, b, c"):
        lora.save_adapter(model, tmp_path)
    with pytest.raises(ValueError, match="has no adapter 'd'"):
        lora.save_adapter(model, tmp_path, "d")


def state(model):
    return {name: (p.detach().numpy().tobytes(), p.requires_grad) for name, p in model.named_parameters()}


def test_an_adapter_of_another_model_is_refused_with_names(tmp_path):
    lora.save_adapter(lora.apply(network(), r=2), tmp_path)
    names = [f"layer{i}" for i in range(15)]
    many = nn.ModuleDict({name: nn.Linear(4, 4) for name in names})
    lora.save_adapter(lora.apply(many), tmp_path / "many")
    for model, folder, text in (
            (network(names=("first", "b", "head")), tmp_path, "of another model: ModuleDict has no layers second"),
            (network(), tmp_path / "many", "has no layers layer0, layer1, .* and 5 more"),
            (network(5), tmp_path, r"shapes that differ: base_model.model.first.lora_A.weight \(2, 6\), expected "
                                   r"\(2, 5\)"),
            (nn.ModuleDict({"first": nn.LayerNorm(3), "second": nn.Linear(2, 2), "head": nn.Linear(2, 2)}), tmp_path,
             "first are not layers with adapters, such as LayerNorm")):
        before = state(model)
        with pytest.raises(ValueError, match=text):
            lora.load_adapter(model, folder)
        assert state(model) == before and type(model[next(iter(model))]) in (nn.Linear, nn.LayerNorm)


def test_a_model_with_adapters_is_unchanged_after_an_error(tmp_path):
    lora.save_adapter(lora.apply(network(5), r=2), tmp_path)
    model = trained(lora.apply(network(), r=2))
    before = state(model)
    with pytest.raises(ValueError, match="shapes that differ"):
        lora.load_adapter(model, tmp_path, name="b")
    assert state(model) == before and list(model["first"].adapters) == ["default"]
    assert model["first"].active == ("default",)


def test_tensors_that_are_missing_or_too_many(tmp_path):
    lora.save_adapter(lora.apply(network(), r=2), tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    tensors = fastnet.load_file(path)
    moved = tensors.pop("base_model.model.first.lora_A.weight")
    fastnet.save_file(tensors | {"other": moved}, path)
    with pytest.raises(ValueError, match=r"(?s)file lacks: base_model.model.first.lora_A.weight.*model lacks: other"):
        lora.load_adapter(network(), tmp_path)
    fastnet.save_file({"other": moved}, path)
    with pytest.raises(ValueError, match="no tensors of the form"):
        lora.load_adapter(network(), tmp_path)


@pytest.mark.parametrize("change, text", [
    ({"peft_type": "LOHA"}, "a LoRA adapter, got peft_type 'LOHA'"), ({"rank_pattern": {"first": 4}}, "rank_pattern"),
    ({"init_lora_weights": "pissa"}, "the setting init_lora_weights='pissa', which fastnet does not have"),
    ({"bias": "all"}, "the setting bias='all', which fastnet does not have"), ({"r": "2"}, "expected r to be"),
    (None, "is damaged")])
def test_settings_that_cannot_be_served(tmp_path, change, text):
    lora.save_adapter(lora.apply(network(), r=2), tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text("{" if change is None else json.dumps(json.loads(path.read_text()) | change))
    model = network()
    with pytest.raises((ValueError, TypeError), match=text):
        lora.load_adapter(model, tmp_path)
    assert type(model["first"]) is nn.Linear


def test_a_folder_without_an_adapter(tmp_path):
    with pytest.raises(FileNotFoundError):
        lora.load_adapter(network(), tmp_path)
