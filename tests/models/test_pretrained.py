"""Weights from files: which model a file belongs to, how its tensors are renamed, and what is wrong with it."""
import json
import sys
import types

import numpy as np
import pytest
from state_dict_names import transformers_package
from torchvision_tools import torchvision_models

import fastnet
from fastnet import models, nn

RNG = np.random.default_rng(0)


def saved(model, path, **arguments):
    """A file with the tensors of a model alone, as other libraries write it."""
    fastnet.save_file({name: x for name, x in model.state_dict().items() if name not in arguments.get("without", ())},
                      path)
    return path


def same(a, b):
    ours, theirs = a.state_dict(), b.state_dict()
    return list(ours) == list(theirs) and all(bool((x == theirs[name]).all()) for name, x in ours.items())


# ---- which model ----------------------------------------------------------------------------------------------------

NETWORKS = {
    "resnet18": lambda: models.resnet18(num_classes=3, in_channels=1, small_images=True),
    "resnet8": lambda: models.resnet8(num_classes=3),
    "mobilenet_v3_small": lambda: models.mobilenet_v3_small(num_classes=3),
    "googlenet without aux_logits": lambda: models.googlenet(num_classes=3, aux_logits=False),
    "squeezenet1_1": lambda: models.squeezenet1_1(num_classes=3),
    "vit_tiny": lambda: models.vit_tiny(num_classes=3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_follows_from_its_tensors(name, path):
    model = NETWORKS[name]()
    loaded = fastnet.load_pretrained(saved(model, path))
    assert type(loaded) is type(model) and same(loaded, model) and not loaded.training


def test_files_of_fastnet_hold_their_architecture(path):
    model = models.ResNet("basic", (1, 1), num_classes=3, small_images=True)
    model.save(path)
    assert same(fastnet.load_pretrained(path), model)


def test_argument_weights(path):
    model = models.resnet8(num_classes=3)
    loaded = models.resnet8(num_classes=3, weights=saved(model, path))
    assert same(loaded, model) and loaded.training


@pytest.mark.parametrize("dtype, tolerance", [("float16", 1e-3), ("bfloat16", 8e-3)])
def test_half_precision(path, dtype, tolerance):
    model = models.resnet8(num_classes=3)
    model.save(path, dtype=dtype)
    loaded = models.resnet8(num_classes=3, weights=path)
    assert loaded.fc.weight.dtype == fastnet.float32
    np.testing.assert_allclose(loaded.fc.weight.detach().numpy(), model.fc.weight.detach().numpy(), rtol=tolerance,
                               atol=1e-6)
    assert not same(loaded, model)


def test_counters_of_batch_norm_may_be_missing(path):
    model = models.resnet8(num_classes=3)
    counters = [name for name in model.state_dict() if name.endswith("num_batches_tracked")]
    assert same(fastnet.load_pretrained(saved(model, path, without=counters)), model)


def test_a_head_may_be_missing_with_a_warning(path):
    model = models.resnet8(num_classes=3)
    saved(model, path, without=("fc.weight", "fc.bias"))
    with pytest.warns(UserWarning, match="no weights for 'fc', which keeps its random initial weights"):
        loaded = models.resnet8(num_classes=2, weights=path)
    assert loaded.fc.out_features == 2
    assert fastnet.equal(loaded.features[0].weight, model.features[0].weight)


# ---- Hugging Face ---------------------------------------------------------------------------------------------------

BERT = {"model_type": "bert", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 16, "hidden_act": "gelu", "layer_norm_eps": 1e-6}
GPT2 = {"model_type": "gpt2", "vocab_size": 11, "n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 2,
        "activation_function": "gelu_new"}
VIT = {"model_type": "vit", "image_size": 8, "patch_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
       "hidden_size": 8, "intermediate_size": 16}


def folder_of(tmp_path, tensors, config):
    fastnet.save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_bert(tmp_path):
    model = models.BERT(11, 8, 1, 2, 16, 16, layer_norm_eps=1e-6)
    state = {f"bert.{name}": x for name, x in model.state_dict().items()} | {"classifier.weight": fastnet.ones(2, 8)}
    loaded = fastnet.load_pretrained(folder_of(tmp_path, state, BERT))
    assert same(loaded, model) and (loaded.num_attention_heads, loaded.layer_norm_eps) == (2, 1e-6)
    without = {name: x for name, x in model.state_dict().items() if "pooler" not in name}
    with pytest.warns(UserWarning, match="no weights for 'pooler'"):
        fastnet.load_pretrained(folder_of(tmp_path, without, BERT))


def test_masked_bert(tmp_path):
    model = models.BERTForMaskedLM(11, 8, 1, 2, 16, 16, layer_norm_eps=1e-6)
    state = {name: x for name, x in model.state_dict().items() if "pooler" not in name}
    loaded = fastnet.load_pretrained(folder_of(tmp_path, state, BERT))
    assert type(loaded) is models.BERTForMaskedLM
    ids = fastnet.tensor(RNG.integers(0, 11, (2, 5)))
    assert fastnet.equal(loaded(ids), model.eval()(ids))


def test_gpt2(tmp_path):
    model = models.GPT(11, 16, 8, 1, 2).eval()
    state = {name.removeprefix("transformer."): x for name, x in model.state_dict().items()}
    loaded = fastnet.load_pretrained(folder_of(tmp_path, state, GPT2))
    assert same(loaded, model)
    with pytest.raises(ValueError, match=r"lm_head.weight differs from wte.weight"):
        fastnet.load_pretrained(folder_of(tmp_path, state | {"lm_head.weight": fastnet.ones(11, 8)}, GPT2))
    with pytest.raises(ValueError, match=r"expected activation_function to be 'gelu_new' or .*, got 'relu'"):
        fastnet.load_pretrained(folder_of(tmp_path, state, GPT2 | {"activation_function": "relu"}))


def test_heads_of_a_transformer_are_in_its_configuration(tmp_path):
    model = models.BERT(11, 8, 1, 2, 16, 16)
    path = saved(model, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"only config.json tells how many heads"):
        fastnet.load_pretrained(path)
    assert same(fastnet.load_pretrained(path, models.BERT(11, 8, 1, 2, 16, 16)), model)


def test_unknown_configurations(tmp_path):
    folder_of(tmp_path, {"a": fastnet.ones(1)}, {"model_type": "llama"})
    with pytest.raises(ValueError, match="expected a model of the type bert, gpt2, vit, got 'llama'"):
        fastnet.load_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet17"}))
    with pytest.raises(ValueError, match="fastnet does not have timm's 'resnet17'; did you mean 'resnet18'"):
        fastnet.load_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config.json: expected an object, got list"):
        fastnet.load_pretrained(tmp_path)


@pytest.mark.filterwarnings("ignore")         # of the other packages
@pytest.mark.parametrize("name", ["BertModel", "GPT2LMHeadModel", "ViTForImageClassification"])
def test_outputs_are_those_of_transformers(name, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = transformers_package()
    torch.manual_seed(0)
    config = {"B": transformers.BertConfig, "G": transformers.GPT2Config, "V": transformers.ViTConfig}[name[0]]
    chosen = {"B": BERT, "G": GPT2, "V": VIT | {"num_labels": 3}}[name[0]]
    theirs = getattr(transformers, name)(config(**{k: v for k, v in chosen.items() if k != "model_type"})).eval()
    for p in theirs.parameters():
        torch.nn.init.normal_(p, 0.0, 0.3)
    theirs.save_pretrained(tmp_path)
    x = RNG.standard_normal((2, 3, 8, 8), dtype=np.float32) if name[0] == "V" else RNG.integers(0, 11, (2, 9))
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x))[0].numpy()
    ours = fastnet.load_pretrained(tmp_path)
    np.testing.assert_allclose(ours(fastnet.tensor(x)).detach().numpy(), expected, rtol=1e-4, atol=2e-5)


# ---- timm and torchvision -------------------------------------------------------------------------------------------

def test_timms_vit(tmp_path):
    model = models.ViT(8, 4, 1, 2, 128, 16, num_classes=3)
    names = {"class_token": "cls_token", "encoder.pos_embedding": "pos_embed", "conv_proj": "patch_embed.proj",
             "encoder.layers.encoder_layer_0": "blocks.0", "self_attention.in_proj_": "attn.qkv.",
             "self_attention.out_proj": "attn.proj", "ln_": "norm", "mlp.0": "mlp.fc1", "mlp.3": "mlp.fc2",
             "encoder.ln": "norm", "heads.head": "head"}
    state = {}
    for name, x in model.state_dict().items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        state[name] = x
    folder_of(tmp_path, state, {"architecture": "vit_small_patch4_8.augreg", "num_classes": 3})
    assert same(fastnet.load_pretrained(tmp_path), model)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name, ours", [("mobilenetv2_100", "mobilenet_v2"), ("efficientnet_b0", "efficientnet_b0"),
                                        ("resnet18", "resnet18"), ("vit_tiny_patch16_224", None)])
def test_outputs_are_timms(name, ours, tmp_path):
    torch = pytest.importorskip("torch")
    torchvision_models()
    timm = pytest.importorskip("timm")
    theirs = timm.create_model(name, num_classes=5).eval()
    fastnet.save_file({key: x.numpy() for key, x in theirs.state_dict().items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": name}))
    x = RNG.standard_normal((1, 3, 224 if ours is None else 64, 224 if ours is None else 64), dtype=np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x)).numpy()
    found = fastnet.load_pretrained(tmp_path)(fastnet.tensor(x)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_outputs_are_torchvisions(path):
    torch = pytest.importorskip("torch")
    theirs = torchvision_models().resnet18(num_classes=10).eval()
    fastnet.save_file({name: x.numpy() for name, x in theirs.state_dict().items()}, path)
    x = RNG.standard_normal((1, 3, 64, 64), dtype=np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x)).numpy()
    found = models.resnet18(num_classes=10, weights=path).eval()(fastnet.tensor(x)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


# ---- files ----------------------------------------------------------------------------------------------------------

def test_weights_in_several_files(tmp_path):
    model = models.resnet8(num_classes=3)
    names = list(model.state_dict())
    places = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(names)}
    for part in set(places.values()):
        fastnet.save_file({name: model.state_dict()[name] for name in names if places[name] == part}, tmp_path / part)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert same(fastnet.load_pretrained(tmp_path), model)
    index.write_text(json.dumps({"weight_map": {"a": "../secret.safetensors"}}))
    with pytest.raises(ValueError, match=r"expected a weight_map from tensors to files beside it"):
        fastnet.load_pretrained(tmp_path)
    index.write_text(json.dumps({"weight_map": {"a": "other.safetensors"}}))
    with pytest.raises(FileNotFoundError, match=r"names 'other.safetensors', which is missing"):
        fastnet.load_pretrained(tmp_path)


def fake_hub(monkeypatch, folder):
    """A huggingface_hub that takes files from a folder."""
    class EntryNotFoundError(Exception):
        pass

    class LocalEntryNotFoundError(EntryNotFoundError):
        pass

    def hf_hub_download(repository, name, revision=None):
        if revision == "offline":
            raise LocalEntryNotFoundError("no connection")
        if not (folder / repository / name).exists():
            raise EntryNotFoundError(name)
        return str(folder / repository / name)
    hub, errors = types.ModuleType("huggingface_hub"), types.ModuleType("huggingface_hub.errors")
    hub.hf_hub_download = hf_hub_download
    errors.EntryNotFoundError, errors.LocalEntryNotFoundError = EntryNotFoundError, LocalEntryNotFoundError
    hub.errors = errors
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    return LocalEntryNotFoundError


def test_a_repository_is_downloaded(tmp_path, monkeypatch):
    offline = fake_hub(monkeypatch, tmp_path)
    model = models.BERT(11, 8, 1, 2, 16, 16, layer_norm_eps=1e-6)
    (tmp_path / "someone" / "tiny-bert").mkdir(parents=True)
    folder_of(tmp_path / "someone" / "tiny-bert", dict(model.state_dict()), BERT)
    assert same(fastnet.load_pretrained("someone/tiny-bert"), model)
    with pytest.raises(offline):
        fastnet.load_pretrained("someone/tiny-bert", revision="offline")
    with pytest.raises(FileNotFoundError, match=r"pytorch_model.bin, must be converted"):
        fastnet.load_pretrained("someone/other")


def test_huggingface_hub_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="someone/bert needs huggingface_hub: pip install huggingface_hub"):
        fastnet.load_pretrained("someone/bert")


# ---- what is wrong --------------------------------------------------------------------------------------------------

PICKLES = {"new": b"PK\x03\x04\x14\x00\x08\x08", "old": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
           "plain": b"\x80\x04K\x01."}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES)
@pytest.mark.parametrize("load", [fastnet.load_pretrained, fastnet.load, fastnet.load_file, fastnet.load_metadata,
                                  lambda path: models.resnet8(weights=path)])
def test_pickles_are_refused(content, load, tmp_path):
    path = tmp_path / "resnet18.pth"
    path.write_bytes(content + bytes(64))
    with pytest.raises(ValueError, match=r"resnet18.pth: expected a safetensors file, got one of torch.save: a pickle, "
                                         r".*torch.load\(.*safetensors.torch.save_file"):
        load(path)


def test_missing_files():
    with pytest.raises(FileNotFoundError, match=r"no/such/file.safetensors"):
        fastnet.load_pretrained("no/such/file.safetensors")
    with pytest.raises(FileNotFoundError, match=r"weights/resnet18.pth"):
        fastnet.load_pretrained("weights/resnet18.pth")
    with pytest.raises(TypeError, match="expected path_or_repo to be a path, got 3"):
        fastnet.load_pretrained(3)
    with pytest.raises(TypeError, match="expected model to be a Module, got the class ReLU"):
        fastnet.load_pretrained("m.safetensors", nn.ReLU)


def test_a_revision_belongs_to_a_repository(path):
    saved(models.resnet8(), path)
    with pytest.raises(ValueError, match="expected no revision"):
        fastnet.load_pretrained(path, revision="main")


def test_errors_list_ten_names_of_each_kind(path):
    saved(models.resnet8(), path)
    with pytest.raises(RuntimeError) as e:
        models.resnet18(weights=path)
    text = str(e.value)
    missing, unexpected = (line for line in text.splitlines() if "key(s)" in line)
    assert missing.count("'") == unexpected.count("'") == 20
    assert missing.endswith(" and 90 more") and " and " in unexpected
    assert str(path) in text and "ResNet" in text
    fastnet.save_file({f"{i}": fastnet.ones(3) for i in range(13)}, path)
    model = nn.ParameterList([nn.Parameter(fastnet.ones(2)) for _ in range(13)])
    with pytest.raises(RuntimeError) as e:
        fastnet.load_pretrained(path, model)
    assert str(e.value).count("the state_dict has shape (3,), the model (2,)") == 10
    assert str(e.value).endswith("size mismatch and 3 more")


def test_a_head_of_another_size_is_explained(path):
    saved(models.resnet8(num_classes=10), path)
    with pytest.raises(RuntimeError, match=r"the file has a head of 10 outputs: make the model with as many, and then "
                                           r"call fastnet.transfer.replace_head"):
        models.resnet8(num_classes=2, weights=path)


def test_a_file_of_no_known_network(path):
    fastnet.save_file({"a.weight": fastnet.ones(2)}, path)
    with pytest.raises(ValueError, match=r"no network of fastnet.models has .*\. Its first tensors are 'a.weight'"):
        fastnet.load_pretrained(path)


def test_a_file_of_nearly_a_known_network(path):
    state = models.resnet8(num_classes=3).state_dict()
    removed = [name for name in state if "bn2" in name and "num_batches" not in name]
    first = next(iter(state))
    changed = {"more": fastnet.ones(1), first: fastnet.ones(*state[first].shape, 1)}
    fastnet.save_file({name: x for name, x in state.items() if name not in removed} | changed, path)
    with pytest.raises(ValueError, match=rf"The nearest is resnet8: missing tensors '{removed[0]}', .* and \d more; "
                                         rf"unexpected tensors 'more'; other shapes '{first}'\. Make the model"):
        fastnet.load_pretrained(path)


def test_a_file_whose_sizes_contradict_each_other(path):
    fastnet.save_file(models.resnet8(num_classes=3).state_dict() | {"fc.bias": fastnet.ones(4)}, path)
    with pytest.raises(ValueError, match="The nearest is resnet8: sizes of the file contradict each other"):
        fastnet.load_pretrained(path)
