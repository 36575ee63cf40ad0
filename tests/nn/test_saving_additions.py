"""Saved models with masks of pruning and adapters of LoRA: loading restores both, or says what is damaged."""
import json

import pytest
from module_tools import assert_equal, values
from saving_tools import model_with_additions, pack, unpack

import fastnet
from fastnet import lora, models, nn
from fastnet.nn.utils import prune

pytestmark = pytest.mark.usefixtures("backend")


def shared_layer():
    layer = prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5)
    return nn.Sequential(layer, nn.ReLU(), layer)


def several_adapters():
    model = lora.apply(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)), r=1, rslora=True, seed=0)
    lora.add(model, "other", r=3, alpha=5, target_modules=["2"], dropout=0.25, modules_to_save=["0"], seed=1)
    lora.set_adapter(model, ["default", "other"])
    return model


def inside_of_a_model():
    inner = lora.apply(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), r=2, dora=True, seed=0)
    return nn.Sequential(inner, nn.Linear(4, 4))


def attention():
    model = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    prune.l1_unstructured(model.linear1, "bias", 0.5)
    return lora.apply(model, r=2, seed=0)


def network():
    model = models.ResNet("basic", (1,), num_classes=4, small_images=True)
    fastnet.prune.ln_channels(model, fastnet.zeros(1, 3, 8, 8), 0.5)
    return lora.apply(model, r=2, target_modules=["conv1", "fc"], modules_to_save=["bn1"], seed=0)


def inactive():
    model = lora.apply(nn.Sequential(nn.Linear(4, 4)), r=1, seed=0)
    lora.set_adapter(model, ())
    return model


MODELS = {"a shared layer": shared_layer, "several adapters": several_adapters, "inside": inside_of_a_model,
          "attention": attention, "network": network, "inactive": inactive, "both": model_with_additions}


def trained(model):
    """The model, with other numbers in all parameters."""
    with fastnet.no_grad():
        for p in model.parameters():
            p.add_(fastnet.rand(*p.shape))
    return model


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_masks_and_adapters_are_saved(make, path):
    model = trained(make()).eval()
    before, text = values(model), repr(model)
    model.save(path, {"note": 1})
    assert_equal(values(model), before)
    loaded = fastnet.load(path)
    assert type(loaded) is type(model) and repr(loaded) == repr(model) == text
    assert_equal(values(loaded), before)
    assert [(name, p.requires_grad) for name, p in loaded.named_parameters()] == [
        (name, p.requires_grad) for name, p in model.named_parameters()]
    assert not any(part.training for part in loaded.modules()) and fastnet.load_metadata(path) == {"note": 1}
    x = fastnet.rand(2, 3, 8, 8) if isinstance(model, models.ResNet) else fastnet.rand(2, 4, 4)
    assert fastnet.equal(loaded(x), model(x))
    loaded.save(path)
    assert_equal(values(fastnet.load(path)), before)


def test_a_loaded_model_goes_on_as_the_saved_one(path):
    model = several_adapters()
    model.save(path)
    loaded = fastnet.load(path)
    for m in (model.eval(), loaded):
        lora.set_adapter(m, "other")
        lora.merge(m)
    x = fastnet.rand(2, 4)
    assert fastnet.equal(loaded(x), model(x))
    lora.unmerge(loaded)
    lora.save_adapter(loaded, path.parent / "adapter", "other")
    assert not any(isinstance(part, lora.LoRALinear) for part in lora.unload(loaded).modules())
    shared_layer().save(path)
    pruned = fastnet.load(path)
    assert pruned[0] is pruned[2]
    prune.remove(pruned[0], "weight")
    assert (pruned[0].weight == 0).sum() == 8 and not prune.is_pruned(pruned)


def test_merged_adapters_are_not_saved(path):
    model = lora.apply(nn.Sequential(nn.Linear(4, 4)), r=1)
    lora.merge(model)
    with pytest.raises(RuntimeError, match=r"default are merged into the weights; call fastnet\.lora\.unmerge"):
        model.save(path)
    assert not path.exists()


def test_a_part_of_an_adapted_model_is_saved_with_a_warning(path):
    model = lora.apply(nn.Sequential(nn.Sequential(nn.Linear(4, 4)), nn.Tanh()), r=1)
    with pytest.warns(UserWarning, match="but not the architecture .*LoRALinear"):
        model[0].save(path)


def damaged(change):
    """A function that changes the description of `model_with_additions` in a file."""
    def changed(path):
        model_with_additions().save(path)
        header, body = unpack(path.read_bytes())
        about = json.loads(header["__metadata__"]["fastnet"])
        change(about)
        header["__metadata__"]["fastnet"] = json.dumps(about)
        path.write_bytes(pack(header, body))
    return changed


DAMAGED = {
    "no list": (lambda about: about.update(masks={}), "the list of masks is damaged"),
    "no mask": (lambda about: about["masks"].append("b.weight"), "no tensor 'b.weight_mask'"),
    "no module": (lambda about: about["masks"].append("x.weight"), "no tensor 'x.weight_orig'"),
    "masks left out": (lambda about: about.pop("masks"), "no tensor 'a.weight'"),
    "adapters left out": (lambda about: about.pop("adapters"), "the model has no tensors"),
    "no object": (lambda about: about.update(adapters=[]), "the description of the adapters is damaged"),
    "no layers": (lambda about: about["adapters"][""]["adapters"]["default"].pop("layers"), "adapters is damaged"),
    "another module": (lambda about: about["adapters"].update(x=about["adapters"].pop("")), "the model has no tensors"),
    "another layer": (lambda about: about["adapters"][""]["adapters"]["default"]["layers"].append("act"),
                      "expected lora_A of the adapter 'default' of 'act' to have 2 rows, got none"),
    "a huge rank": (lambda about: about["adapters"][""]["adapters"]["default"]["config"].update(r=10 ** 9),
                    r"to have 1000000000 rows, got \(2, 4\)"),
    "an unknown setting": (lambda about: about["adapters"][""]["adapters"]["default"]["config"].update(x=1),
                           "adapters is damaged"),
    "an unknown active one": (lambda about: about["adapters"][""].update(active=["x"]), "adapters is damaged"),
}


@pytest.mark.parametrize("change, words", DAMAGED.values(), ids=DAMAGED)
def test_damaged_descriptions_are_clear_errors(change, words, path):
    damaged(change)(path)
    with pytest.raises(ValueError, match=words) as e:
        fastnet.load(path)
    assert str(e.value).startswith(f"{path}: ")
