"""Names of Hugging Face's BERT, GPT-2 and ViT, as those of fastnet's models.

`BERT` and `GPT` have Hugging Face's names, apart from prefixes, old names of layer norms, and tensors that other tasks
use. `ViT` has torchvision's. Wolf et al. 2020, https://arxiv.org/abs/1910.03771.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnet.models.pretrained.renaming import Arrays, Rules, renamed

__all__ = ["bert", "checked_gpt2", "gpt2", "masked_bert", "vit"]

_LAYER_PATH = r"(?:encoder\.layer|layers)\.(\d+)\."
_VIT_OF_HUGGING_FACE: Rules = (
    (r"embeddings\.cls_token$", "class_token"), (r"embeddings\.position_embeddings$", "encoder.pos_embedding"),
    (r"embeddings\.patch_embeddings\.projection\.", "conv_proj."),
    (_LAYER_PATH + r"layernorm_before\.", r"encoder.layers.encoder_layer_\1.ln_1."),
    (_LAYER_PATH + r"layernorm_after\.", r"encoder.layers.encoder_layer_\1.ln_2."),
    (_LAYER_PATH + r"attention\.(?:output\.dense|o_proj)\.",
     r"encoder.layers.encoder_layer_\1.self_attention.out_proj."),
    (_LAYER_PATH + r"(?:intermediate\.dense|mlp\.fc1)\.", r"encoder.layers.encoder_layer_\1.mlp.0."),
    (_LAYER_PATH + r"(?:output\.dense|mlp\.fc2)\.", r"encoder.layers.encoder_layer_\1.mlp.3."),
    (r"layernorm\.", "encoder.ln."), (r"classifier\.", "heads.head."),
)
_PROJECTION = re.compile(_LAYER_PATH + r"attention\.(?:attention\.)?(query|key|value|[qkv]_proj)\.(weight|bias)$")
_POOLER = "pooler."                     # of a ViT, which its classifier does not read
_NOT_READ = ("cls.predictions.decoder.", "cls.seq_relationship.", "bert.embeddings.position_ids")
_LAYER_NORM: Rules = ((r"(.*LayerNorm)\.gamma$", r"\1.weight"), (r"(.*LayerNorm)\.beta$", r"\1.bias"))


def bert(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of BertModel, or of a model that contains one under "bert.", by the names of `BERT`.

    Layer norms of files from TensorFlow have "gamma" and "beta".

    Example:
        >>> from fastnet.models.pretrained.hugging_face_names import bert
        >>> bert({"bert.embeddings.LayerNorm.gamma": 1, "classifier.weight": 2})
        {'embeddings.LayerNorm.weight': 1}
    """
    found = renamed(state, _LAYER_NORM)
    if any(name.startswith("bert.") for name in found):
        found = {name[5:]: value for name, value in found.items() if name.startswith("bert.")}
    return {name: value for name, value in found.items() if name != "embeddings.position_ids"}


def masked_bert(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of BertForMaskedLM or BertForPreTraining by the names of `BERTForMaskedLM`.

    The output layer shares the weights of the embedding, and the prediction of the next sentence is left out.
    """
    return {name: value for name, value in renamed(state, _LAYER_NORM).items() if not name.startswith(_NOT_READ)}


def gpt2(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of GPT2Model or GPT2LMHeadModel by the names of `GPT`, without the masks that old files hold.

    Example:
        >>> from fastnet.models.pretrained.hugging_face_names import gpt2
        >>> gpt2({"h.0.attn.bias": 1, "wte.weight": 2})
        {'transformer.wte.weight': 2}
    """
    return {name if name.startswith("transformer.") else f"transformer.{name}": value for name, value in state.items()
            if name != "lm_head.weight" and not name.endswith((".attn.bias", ".attn.masked_bias"))}


def checked_gpt2(arrays: Arrays) -> Arrays:
    """The arrays of a file as `gpt2` gives them.

    Raises:
        ValueError: the output layer has other weights than the embedding of the tokens.
    """
    found = gpt2(arrays)
    output, words = arrays.get("lm_head.weight"), found.get("transformer.wte.weight")
    if output is not None and words is not None and not np.array_equal(output, words):
        raise ValueError("expected an output layer that shares the weights of the token embedding, as GPT-2's does; "
                         "lm_head.weight differs from wte.weight")
    return found


def vit(arrays: Arrays) -> Arrays:
    """Arrays of ViTModel or ViTForImageClassification by the names of `ViT`, whose projections are one matrix."""
    without = {name.removeprefix("vit."): array for name, array in arrays.items()}
    found, projections = {}, dict[tuple[str, str], Arrays]()
    for name, array in without.items():
        part = _PROJECTION.match(name)
        if part is not None:
            projections.setdefault((part[1], part[3]), {})[part[2][0]] = array
        elif not name.startswith(_POOLER):
            found[name] = array
    for (block, kind), parts in projections.items():
        if set(parts) != set("qkv"):
            raise ValueError(f"expected query, key and value of block {block}, got only {', '.join(sorted(parts))}")
        found[f"encoder.layers.encoder_layer_{block}.self_attention.in_proj_{kind}"] = np.concatenate(
            [parts[letter] for letter in "qkv"])
    return renamed(found, _VIT_OF_HUGGING_FACE)
