"""The names of the state_dicts of torchvision's, timm's and Hugging Face's models, kept as data in tests/models.

`python tests/tools/state_dict_names.py torchvision` (or timm, hugging_face) writes the list of an installed library. A
line is the path of a module and the names of its tensors; "batch_norm" stands for the five of a batch norm.
"""
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import pytest
from torchvision_tools import torchvision_models

FOLDER = Path(__file__).parents[1] / "models" / "state_dict_names"
BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

TORCHVISION = (
    "alexnet", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_small",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_1",
    "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "vit_b_16", "wide_resnet50_2")
TIMM = {"resnet18": "resnet18", "resnet50": "resnet50", "densenet121": "densenet121", "inception_v3": "inception_v3",
        "vgg11_bn": "vgg11_bn", "mobilenetv2_100": "mobilenet_v2", "efficientnet_b0": "efficientnet_b0",
        "vit_tiny_patch16_224": "vit"}


def packed(names):
    """The names of a state_dict as lines."""
    owners = {}
    for name in names:
        path, _, last = name.rpartition(".")
        owners.setdefault(path, []).append(last)
    return [f"{path or '.'} {'batch_norm' if tuple(own) == BATCH_NORM else ' '.join(own)}"
            for path, own in owners.items()]


def unpacked(lines):
    """The names in lines that `packed` made."""
    names = []
    for line in lines:
        path, *own = line.split()
        names += [last if path == "." else f"{path}.{last}" for last in (BATCH_NORM if own == ["batch_norm"] else own)]
    return names


def names_of(library):
    """{model: the names of its state_dict} of a library, from the list."""
    found = {}
    for part in (FOLDER / f"{library}.txt").read_text(encoding="utf-8").split("\n\n"):
        title, *lines = part.strip().splitlines()
        same = title.partition(" = ")
        found[same[0]] = found[same[2]] if same[2] else unpacked(lines)
    return found


def write(library, models):
    """Write the list of a library; a model with the names of an earlier one refers to it."""
    parts, earlier = [], {}
    for model, names in models.items():
        lines = tuple(packed(names))
        assert sorted(unpacked(lines)) == sorted(names), model
        parts.append(f"{model} = {earlier[lines]}" if lines in earlier else "\n".join((model, *lines)))
        earlier.setdefault(lines, model)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{library}.txt").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def torchvision_names():
    drawn = {"googlenet": {"init_weights": False}, "inception_v3": {"init_weights": False}}
    return {name: list(getattr(torchvision_models(), name)(**drawn.get(name, {})).state_dict()) for name in TORCHVISION}


def timm_names():
    torchvision_models()                # defines operators without which the import fails
    import timm
    return {name: list(timm.create_model(name).state_dict()) for name in TIMM}


def transformers_package():
    """The package transformers, which needs neither torchaudio nor an operator of torchvision for these models."""
    if importlib.util.find_spec("torchvision") is not None:
        torchvision_models()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")        # peft asks the Hub for the configuration of a base model
    sys.modules.setdefault("torchaudio", None)          # it can be there and not load
    return pytest.importorskip("transformers")


def peft_package():
    """The package peft, which needs transformers."""
    transformers_package()
    return pytest.importorskip("peft")


def hugging_face_names():
    """Small models, as they are saved to files; their names differ from large ones' only in the number of layers."""
    transformers = transformers_package()
    from safetensors import safe_open
    bert = transformers.BertConfig(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
                                   vocab_size=11, max_position_embeddings=16)
    gpt2 = transformers.GPT2Config(n_embd=8, n_layer=2, n_head=2, vocab_size=11, n_positions=16)
    vit = transformers.ViTConfig(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
                                 image_size=8, patch_size=4, num_labels=3)
    found = {}
    for name, config in (("BertModel", bert), ("BertForMaskedLM", bert), ("GPT2Model", gpt2), ("GPT2LMHeadModel", gpt2),
                         ("ViTModel", vit), ("ViTForImageClassification", vit)):
        with tempfile.TemporaryDirectory() as folder:
            getattr(transformers, name)(config).save_pretrained(folder)
            with safe_open(f"{folder}/model.safetensors", "np") as file:
                found[name] = sorted(file.keys())
    return found


if __name__ == "__main__":
    write(sys.argv[1], globals()[f"{sys.argv[1]}_names"]())
