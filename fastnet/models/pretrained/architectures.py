"""The model that a weight file belongs to: from its config.json, or from the names and shapes of its tensors."""
from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fastnet import models, nn
from fastnet._core.errors import did_you_mean, listed
from fastnet.models.pretrained import timm_names
from fastnet.models.pretrained.renaming import Arrays, without_prefix
from fastnet.nn.parameter import outlines

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.models.pretrained.files import WeightFile

__all__ = ["model_of", "name_of", "network_of"]

# The functions of fastnet.models that make the networks which a file's tensors can tell apart.
_FUNCTIONS = (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2", "resnet8", "mobilenet_v1",
    "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x1_0", "squeezenet1_1", "densenet121",
    "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "googlenet", "inception_v3",
    "alexnet", "vit_b_16", "vit_tiny")
_TIMM = {"mobilenetv2_100": "mobilenet_v2", **{name: name for name in (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2", "efficientnet_b0",
    "densenet121", "inception_v3", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")}}
_TIMM_HEADS = "fc.weight", "classifier.weight", "head.fc.weight"
_TIMM_STEMS = ("conv1.weight", "conv_stem.weight", "features.conv0.weight", "features.0.weight",
               "Conv2d_1a_3x3.conv.weight")
_TIMM_VIT = re.compile(r"(?:vit|deit)_(?:tiny|small|medium|base|large)_patch\d+_\d+")
_TIMM_HEAD = 64                         # features of a head in timm's ViT
_CLASSES, _CHANNELS = 10_007, 10_009    # primes that no layer has: where they stand, the size follows from the file
_BATCH_COUNTER = ".num_batches_tracked"


def model_of(file: WeightFile) -> nn.Module:
    """A new model for the tensors of a file.

    Args:
        file: the weights.

    Raises:
        ValueError: a model that fastnet does not know.
    """
    config, arrays = file.config, without_prefix(file.arrays, "module.", "_orig_mod.", "model.")
    try:
        if "architecture" in config:
            return _of_timm(str(config["architecture"]), arrays)
        if "model_type" in config:
            return _of_hugging_face(config, arrays)
        name, arguments = network_of(arrays)
        return getattr(models, name)(**arguments)
    except (KeyError, TypeError, AttributeError) as e:
        raise ValueError(f"{file.path}: its config.json does not fit its tensors: {type(e).__name__}: {e}") from None
    except ValueError as e:
        raise ValueError(f"{file.path}: {e}") from None


def name_of(file: WeightFile) -> str:
    """The name of the function of `fastnet.models` that makes the network of a file.

    Args:
        file: weights of torchvision, timm or fastnet.

    Raises:
        ValueError: none of them makes it.
    """
    timm = str(file.config.get("architecture", "")).partition(".")[0]
    try:
        return _TIMM[timm] if timm in _TIMM else network_of(without_prefix(file.arrays, "module.", "_orig_mod."))[0]
    except ValueError as e:
        raise ValueError(f"{file.path}: {e}") from None


# ---- from the tensors -----------------------------------------------------------------------------------------------

def network_of(arrays: Mapping[str, Array]) -> tuple[str, dict[str, Any]]:
    """The function of `fastnet.models` that makes the network of a file's tensors, and its arguments.

    Args:
        arrays: the tensors, with the names of torchvision or fastnet.

    Raises:
        ValueError: none of the networks has these tensors.

    Example:
        >>> import fastnet
        >>> from fastnet.models.pretrained.architectures import network_of
        >>> network_of(fastnet.models.resnet8(num_classes=3, in_channels=1).state_dict())
        ('resnet8', {'num_classes': 3, 'in_channels': 1})
    """
    given = {name: tuple(array.shape) for name, array in arrays.items() if not name.endswith(_BATCH_COUNTER)}
    known = []
    for name in _FUNCTIONS:
        for options in _variants(name):
            known.append((name, _shapes_of(name, options)))
            sizes = _prime_sizes(known[-1][1], given)
            if sizes is not None:
                return name, {"num_classes": sizes.get(_CLASSES, 1000), "in_channels": sizes[_CHANNELS], **options}
    if any(name.endswith(("word_embeddings.weight", "wte.weight")) for name in given):
        raise ValueError("only config.json tells how many heads a Transformer has: put it beside the file, or make the "
                         "model and call load_pretrained(path, model=model)")
    name, shapes = min(known, key=lambda entry: len(entry[1].keys() ^ given.keys()))
    raise ValueError("no network of fastnet.models has the tensors of this file. "
                     f"{_nearest_text(name, shapes, given)}. Make the model, and call load_pretrained(path, "
                     "model=model)")


def _nearest_text(network: str, shapes: dict[str, tuple[int, ...]], given: dict[str, tuple[int, ...]]) -> str:
    """How a file differs from the network with the most similar names, unless less than half of these agree."""
    missing, added = [name for name in shapes if name not in given], [name for name in given if name not in shapes]
    if 2 * (len(missing) + len(added)) > len(given):
        return f"Its first tensors are {listed(map(repr, list(given)[:3]))}"
    misshapen = [name for name, shape in shapes.items()
                 if name in given and _prime_sizes({name: shape}, {name: given[name]}) is None]
    found = {"missing tensors": missing, "unexpected tensors": added, "other shapes": misshapen}
    texts = [f"{kind} {listed(map(repr, names))}" for kind, names in found.items() if names]
    return f"The nearest is {network}: " + ("; ".join(texts) or "sizes of the file contradict each other")


def _variants(name: str) -> Iterator[dict[str, Any]]:
    """The arguments besides sizes that change the tensors of a network."""
    known = inspect.signature(getattr(models, name)).parameters
    if "small_images" in known:
        yield from ({}, {"small_images": True})
    elif "aux_logits" in known:
        yield from ({}, {"aux_logits": False})
    else:
        yield {}


def _shapes_of(name: str, options: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    with outlines():
        model = getattr(models, name)(num_classes=_CLASSES, in_channels=_CHANNELS, **options)
    return {key: tuple(x.shape) for key, x in model.state_dict().items() if not key.endswith(_BATCH_COUNTER)}


def _prime_sizes(shapes: dict[str, tuple[int, ...]], given: dict[str, tuple[int, ...]]) -> dict[int, int] | None:
    """The sizes that stand for the primes; None if the shapes do not fit."""
    if shapes.keys() != given.keys():
        return None
    sizes: dict[int, int] = {}
    for name, shape in shapes.items():
        if len(shape) != len(given[name]):
            return None
        for expected, size in zip(shape, given[name]):
            if expected in (_CLASSES, _CHANNELS):
                expected = sizes.setdefault(expected, size)
            if expected != size:
                return None
    return sizes


# ---- timm -----------------------------------------------------------------------------------------------------------

def _of_timm(architecture: str, arrays: Arrays) -> nn.Module:
    name = architecture.partition(".")[0]
    if _TIMM_VIT.fullmatch(name):
        return _vit_of(timm_names.vit(arrays), 0)
    if name not in _TIMM:
        known = f"it has {', '.join(_TIMM)}, and ViT such as vit_small_patch16_224"
        raise ValueError(f"fastnet does not have timm's {name!r}{did_you_mean(name, _TIMM, known)}")
    head = next((arrays[key] for key in _TIMM_HEADS if key in arrays), None)
    stem = next((arrays[key] for key in _TIMM_STEMS if key in arrays), None)
    if stem is None:
        raise ValueError(f"expected the first convolution of timm's {name} as {' or '.join(_TIMM_STEMS)}, got neither")
    arguments = {"num_classes": 1000 if head is None else len(head), "in_channels": stem.shape[1]}
    if name == "inception_v3":
        arguments["aux_logits"] = "AuxLogits.fc.weight" in arrays
    model: nn.Module = getattr(models, _TIMM[name])(**arguments)
    return model


def _vit_of(arrays: Arrays, heads: int, layer_norm_eps: float = 1e-6) -> nn.Module:
    """A ViT of the sizes of its tensors, which have the names of `ViT`; heads=0: one for each 64 features."""
    width, channels, patch, _ = arrays["conv_proj.weight"].shape
    side = math.isqrt(arrays["encoder.pos_embedding"].shape[1] - 1)
    head = arrays.get("heads.head.weight")
    return models.ViT(
        side * patch, patch, sum(name.endswith(".ln_1.weight") for name in arrays), heads or width // _TIMM_HEAD, width,
        len(arrays["encoder.layers.encoder_layer_0.mlp.0.weight"]), num_classes=1000 if head is None else len(head),
        in_channels=channels, layer_norm_eps=layer_norm_eps)


# ---- Hugging Face ---------------------------------------------------------------------------------------------------

def _of_hugging_face(config: dict[str, Any], arrays: Arrays) -> nn.Module:
    makers = {"bert": _bert_of, "gpt2": _gpt2_of, "vit": _hugging_face_vit_of}
    kind = config["model_type"]
    if kind not in makers:
        raise ValueError(f"expected a model of the type {', '.join(makers)}, got {kind!r}")
    return makers[kind](config, arrays)


def _require(config: dict[str, Any], **expected: Any) -> None:
    """Raise if the configuration asks for something that the model does not have; a missing entry has its default."""
    for name, value in expected.items():
        allowed = value if isinstance(value, tuple) else (value,)
        if config.get(name, allowed[0]) not in allowed:
            raise ValueError(f"expected {name} to be {' or '.join(map(repr, allowed))}, got {config[name]!r}")


def _from_config(config: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The arguments that a configuration has, by the names of the model's."""
    return {own: config[name] for name, own in names.items() if config.get(name) is not None}


def _bert_of(config: dict[str, Any], arrays: Arrays) -> nn.Module:
    _require(config, hidden_act="gelu", position_embedding_type=("absolute", None), is_decoder=False)
    same = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps")
    arguments = _from_config(config, {name: name for name in same} | {"hidden_dropout_prob": "dropout"})
    masked = "cls.predictions.transform.dense.weight" in arrays
    return models.BERTForMaskedLM(**arguments) if masked else models.BERT(**arguments)


def _gpt2_of(config: dict[str, Any], arrays: Arrays) -> nn.Module:
    width = config.get("n_embd", 768)
    _require(config, activation_function=("gelu_new", "gelu_pytorch_tanh"), n_inner=(None, 4 * width),
             scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False, reorder_and_upcast_attn=(False, True),
             tie_word_embeddings=True, add_cross_attention=False)
    same = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "layer_norm_epsilon")
    return models.GPT(**_from_config(config, {name: name for name in same} | {"resid_pdrop": "dropout"}))


def _hugging_face_vit_of(config: dict[str, Any], arrays: Arrays) -> nn.Module:
    _require(config, hidden_act="gelu", qkv_bias=True)
    same = ("image_size", "patch_size", "layer_norm_eps")
    arguments = {"layer_norm_eps": 1e-12} | _from_config(config, {name: name for name in same} | {
        "num_hidden_layers": "num_layers", "num_attention_heads": "num_heads", "hidden_size": "hidden_dim",
        "intermediate_size": "mlp_dim", "hidden_dropout_prob": "dropout", "num_channels": "in_channels",
        "attention_probs_dropout_prob": "attention_dropout"})
    head = arrays.get("classifier.weight")
    return models.ViT(**arguments, num_classes=1000 if head is None else len(head))
