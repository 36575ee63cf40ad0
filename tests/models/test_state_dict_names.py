"""The names in state_dicts are those of torchvision and Hugging Face, of which lists are kept, so no peer is needed."""
import numpy as np
import pytest
from state_dict_names import names_of

import fastnet
from fastnet import models
from fastnet.models.pretrained import hugging_face_names, timm_names
from fastnet.models.pretrained.names import by_own_names
from fastnet.nn.parameter import outlines

TORCHVISION, TIMM, HUGGING_FACE = map(names_of, ("torchvision", "timm", "hugging_face"))


def outline(make, **arguments):
    """A model without memory."""
    with outlines():
        return make(**arguments)


@pytest.mark.parametrize("name", TORCHVISION)
def test_names_are_torchvisions(name):
    assert list(outline(getattr(models, name)).state_dict()) == TORCHVISION[name]


def small_bert(make):
    return outline(make, vocab_size=11, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
                   intermediate_size=16, max_position_embeddings=16)


def test_names_are_those_of_hugging_face():
    bert, masked = small_bert(models.BERT), small_bert(models.BERTForMaskedLM)
    assert sorted(bert.state_dict()) == HUGGING_FACE["BertModel"]
    own = [name for name in masked.state_dict() if not name.startswith("bert.pooler.")]      # which it does not use
    kept = hugging_face_names.masked_bert(dict.fromkeys(HUGGING_FACE["BertForMaskedLM"]))
    assert sorted(own) == sorted(kept)
    gpt = outline(models.GPT, vocab_size=11, n_positions=16, n_embd=8, n_layer=2, n_head=2)
    for name in ("GPT2Model", "GPT2LMHeadModel"):
        assert sorted(hugging_face_names.gpt2(dict.fromkeys(HUGGING_FACE[name]))) == sorted(gpt.state_dict())


@pytest.mark.parametrize("name", ["ViTModel", "ViTForImageClassification"])
def test_names_of_hugging_faces_vit_become_own_names(name):
    model = outline(models.ViT, image_size=8, patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16)
    found = by_own_names(model, {key: np.zeros((8, 8) if "weight" in key else 8) for key in HUGGING_FACE[name]})
    head = {"heads.head.weight", "heads.head.bias"} if name == "ViTModel" else set()
    assert set(found) == set(model.state_dict()) - head
    assert found["encoder.layers.encoder_layer_1.self_attention.in_proj_weight"].shape == (24, 8)


TIMM_MODELS = {"mobilenetv2_100": models.mobilenet_v2, "vit_tiny_patch16_224": lambda: models.ViT(hidden_dim=192)}


@pytest.mark.parametrize("name", TIMM)
def test_names_of_timm_become_own_names(name):
    make = TIMM_MODELS.get(name) or getattr(models, name)
    model = outline(make, **({"aux_logits": False} if name == "inception_v3" else {}))
    given = {key: np.zeros(1) for key in TIMM[name] if not key.startswith("AuxLogits.")}
    assert set(by_own_names(model, given)) == set(model.state_dict())


def test_classifier_of_timms_vgg_begins_with_convolutions():
    found = timm_names.vgg({"pre_logits.fc1.weight": np.zeros((4, 2, 7, 7)),
                            "features.0.weight": np.zeros((2, 3, 3, 3))})
    assert {name: array.shape for name, array in found.items()} == {
        "classifier.0.weight": (4, 98), "features.0.weight": (2, 3, 3, 3)}


def test_old_and_wrapped_names():
    model = outline(models.densenet121)
    key = "features.denseblock1.denselayer1."
    found = by_own_names(model, {f"module.{key}norm.1.weight": 1, f"module.{key}conv.2.weight": 2})
    assert found == {f"{key}norm1.weight": 1, f"{key}conv2.weight": 2}
    bert = small_bert(models.BERT)
    found = by_own_names(bert, {"bert.embeddings.word_embeddings.weight": 1, "bert.embeddings.LayerNorm.beta": 2,
                                "bert.embeddings.position_ids": 3, "cls.seq_relationship.bias": 4})
    assert found == {"embeddings.word_embeddings.weight": 1, "embeddings.LayerNorm.bias": 2}
    assert fastnet.models.pretrained.renaming.without_prefix({}, "module.") == {}
