"""Names of timm's models, as those of torchvision's.

timm's ResNet, ResNeXt, DenseNet and Inception V3 have torchvision's names. Wightman 2019,
https://github.com/huggingface/pytorch-image-models.
"""
from __future__ import annotations

import re

from fastnet.models.pretrained.renaming import Arrays, Rules, renamed

__all__ = ["efficientnet", "mobilenet_v2", "vgg", "vit"]

_VIT_OF_TIMM: Rules = (
    (r"cls_token$", "class_token"), (r"pos_embed$", "encoder.pos_embedding"), (r"patch_embed\.proj\.", "conv_proj."),
    (r"blocks\.(\d+)\.norm([12])\.", r"encoder.layers.encoder_layer_\1.ln_\2."),
    (r"blocks\.(\d+)\.attn\.qkv\.(weight|bias)$", r"encoder.layers.encoder_layer_\1.self_attention.in_proj_\2"),
    (r"blocks\.(\d+)\.attn\.proj\.", r"encoder.layers.encoder_layer_\1.self_attention.out_proj."),
    (r"blocks\.(\d+)\.mlp\.fc1\.", r"encoder.layers.encoder_layer_\1.mlp.0."),
    (r"blocks\.(\d+)\.mlp\.fc2\.", r"encoder.layers.encoder_layer_\1.mlp.3."),
    (r"norm\.", "encoder.ln."), (r"head\.", "heads.head."),
)
_VGG: Rules = ((r"pre_logits\.fc1\.", "classifier.0."), (r"pre_logits\.fc2\.", "classifier.3."),
               (r"head\.fc\.", "classifier.6."))
# the layers of a block of EfficientNet: timm's name, and the place among torchvision's layers
_EXPANDED = {"conv_pw": "0.0", "bn1": "0.1", "conv_dw": "1.0", "bn2": "1.1", "se": "2", "conv_pwl": "3.0", "bn3": "3.1"}
_UNEXPANDED = {
    "conv_dw": "0.0", "bn1": "0.1", "se": "1", "conv_pw": "2.0", "bn2": "2.1"}     # a block without expansion
# the same of MobileNetV2, where the last convolution and its norm are not in a Sequential
_MOBILE_EXPANDED = {"conv_pw": "0.0", "bn1": "0.1", "conv_dw": "1.0", "bn2": "1.1", "conv_pwl": "2", "bn3": "3"}
_MOBILE_PLAIN = {"conv_dw": "0.0", "bn1": "0.1", "conv_pw": "1", "bn2": "2"}
_SQUEEZE = {"conv_reduce": "fc1", "conv_expand": "fc2"}
_BLOCK_PLACE = re.compile(r"blocks\.(\d+)\.(\d+)\.")


def vit(arrays: Arrays) -> Arrays:
    """Arrays of timm's VisionTransformer by the names of `ViT`."""
    return renamed(arrays, _VIT_OF_TIMM)


def vgg(arrays: Arrays) -> Arrays:
    """Arrays of timm's VGG by the names of `VGG`. Its classifier begins with convolutions, as large as their input."""
    found = renamed(arrays, _VGG)
    return {name: array.reshape(len(array), -1) if name.startswith("classifier") and array.ndim == 4 else array
            for name, array in found.items()}


def efficientnet(arrays: Arrays) -> Arrays:
    """Arrays of timm's EfficientNet by the names of `EfficientNet`."""
    blocks = _blocks(arrays)
    last = max((stage for stage, _ in blocks), default=0) + 2

    def block(found: re.Match[str]) -> str:
        stage, number, layer = int(found[1]), found[2], found[3]
        place = (_EXPANDED if blocks[stage, int(number)] else _UNEXPANDED)[layer]
        inner = f".{_SQUEEZE[found[4]]}" if found[4] else ""
        return f"features.{stage + 1}.{number}.block.{place}{inner}."
    layers = "|".join(_EXPANDED)
    return renamed(arrays, (
        (rf"blocks\.(\d+)\.(\d+)\.({layers})\.(?:({'|'.join(_SQUEEZE)})\.)?", block),
        *_stem_and_head(last)))


def mobilenet_v2(arrays: Arrays) -> Arrays:
    """Arrays of timm's MobileNetV2 by the names of `MobileNetV2`, which counts all blocks in one row."""
    blocks = _blocks(arrays)
    numbers = {place: i + 1 for i, place in enumerate(sorted(blocks))}

    def block(found: re.Match[str]) -> str:
        place = int(found[1]), int(found[2])
        layers = _MOBILE_EXPANDED if blocks[place] else _MOBILE_PLAIN
        return f"features.{numbers[place]}.conv.{layers[found[3]]}."
    return renamed(arrays, ((rf"blocks\.(\d+)\.(\d+)\.({'|'.join(_MOBILE_EXPANDED)})\.", block),
                            *_stem_and_head(len(blocks) + 1)))


def _blocks(arrays: Arrays) -> dict[tuple[int, int], bool]:
    """{(stage, number in it): whether a convolution expands the channels} of each block."""
    places = {(int(found[1]), int(found[2])) for name in arrays if (found := _BLOCK_PLACE.match(name)) is not None}
    return {(i, j): f"blocks.{i}.{j}.conv_pwl.weight" in arrays for i, j in places}


def _stem_and_head(last: int) -> Rules:
    """The rules for the first and the last convolution and the classifier."""
    return ((r"conv_stem\.", "features.0.0."), (r"bn1\.", "features.0.1."), (r"conv_head\.", f"features.{last}.0."),
            (r"bn2\.", f"features.{last}.1."), (r"classifier\.", "classifier.1."))
