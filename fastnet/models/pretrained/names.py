"""The tensors of a weight file by the names of a model."""
from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet.models.heads import head_of
from fastnet.models.pretrained import hugging_face_names, timm_names
from fastnet.models.pretrained.renaming import Arrays, renamed, without_prefix

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["by_own_names", "with_absent"]

_WRAPPERS = ("module.", "_orig_mod.", "model.")     # of data-parallel, compiled and wrapped models
_POOLERS = {"BERT": "pooler", "BERTForMaskedLM": "bert.pooler"}     # the second does not use its pooler
_BATCH_COUNTER = ".num_batches_tracked"                   # files of old versions of PyTorch lack it


def _old_densenet(arrays: Arrays) -> Arrays:
    """torchvision's published weights of DenseNet have names of an old version, such as "norm.1.weight"."""
    return renamed(arrays, ((r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2."),))


# class of the model, a name by which a file of this form is known, the function that renames its tensors
_FILE_FORMS: tuple[tuple[str, str, Callable[[Arrays], Arrays]], ...] = (
    ("ViT", r"blocks\.0\.attn\.qkv\.weight", timm_names.vit),
    ("ViT", r"(vit\.)?embeddings\.cls_token", hugging_face_names.vit),
    ("VGG", r"pre_logits\.fc1\.weight", timm_names.vgg),
    ("EfficientNet", r"conv_stem\.weight", timm_names.efficientnet),
    ("MobileNetV2", r"conv_stem\.weight", timm_names.mobilenet_v2),
    ("DenseNet", r".*denselayer1\.norm\.1\.weight", _old_densenet),
    ("BERT", r"(bert\.)?embeddings\.word_embeddings\.weight", hugging_face_names.bert),
    ("BERTForMaskedLM", r"bert\.embeddings\.word_embeddings\.weight", hugging_face_names.masked_bert),
    ("GPT", r"(transformer\.)?wte\.weight", hugging_face_names.checked_gpt2),
)


def by_own_names(model: nn.Module, arrays: Mapping[str, Array]) -> Arrays:
    """The tensors of a file by the names of a model, if the file has a form that is known; else by those of the file.

    Args:
        model: the model.
        arrays: the tensors of the file.

    Raises:
        ValueError: a file of a known form lacks tensors, or has values that the model cannot hold.

    Example:
        >>> import fastnet, numpy as np
        >>> from fastnet.models.pretrained.names import by_own_names
        >>> file = {"blocks.0.attn.qkv.weight": np.zeros((96, 32)), "norm.bias": np.zeros(32)}
        >>> list(by_own_names(fastnet.models.ViT(8, 4, 1, 2, 32, 64), file))
        ['encoder.layers.encoder_layer_0.self_attention.in_proj_weight', 'encoder.ln.bias']
    """
    own = model.state_dict().keys()
    found = dict(arrays) if not own.isdisjoint(arrays) else without_prefix(arrays, *_WRAPPERS)
    classes = {cls.__name__ for cls in type(model).__mro__}
    for cls, known_by, convert in _FILE_FORMS:
        if cls in classes and any(re.fullmatch(known_by, name) for name in found):
            return convert(found)
    return found


def with_absent(model: nn.Module, arrays: Arrays, path: str) -> Arrays:
    """Add the tensors that a file may lack, with the model's own values.

    These are the counters of batch norm, the pooler of a BERT that was saved without it, and the head of a network that
    was saved without it. A head or pooler with random weights is worth a warning.

    Args:
        model: the model.
        arrays: by the names of the model.
        path: of the file, for warnings.
    """
    own = {name: x.numpy() for name, x in model.state_dict().items() if name not in arrays}
    found = arrays | {name: x for name, x in own.items() if name.endswith(_BATCH_COUNTER)}
    missing = {name: x for name, x in own.items() if name not in found}
    part = _POOLERS.get(type(model).__name__) or head_of(model)
    if not missing or not all(name.startswith(f"{part}.") for name in missing):
        return found                    # complete, or the error of `load_state_dict` lists what is missing
    if type(model).__name__ != "BERTForMaskedLM":
        warnings.warn(f"{path} has no weights for {part!r}, which keeps its random initial weights", stacklevel=4)
    return found | missing
