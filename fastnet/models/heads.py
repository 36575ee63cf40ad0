"""The head of a network: the layer that gives the scores of the classes."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastnet import nn

__all__ = ["AUXILIARY_HEADS", "head_of", "with_outputs"]

# the heads beside the last layer, which a network has only in training, by the name of its class
AUXILIARY_HEADS: dict[str, tuple[str, ...]] = {
    "GoogLeNet": ("aux1.fc2", "aux2.fc2"), "InceptionV3": ("AuxLogits.fc",)}


def head_of(model: nn.Module, paths: Iterable[str] | None = None) -> str | None:
    """The path of the last Linear or Conv2d of a model; None if it has neither.

    Args:
        model: a Module.
        paths: of its modules in the order of their calls; by default in the order in which the model has them.

    Example:
        >>> import fastnet
        >>> from fastnet.models.heads import head_of
        >>> head_of(fastnet.models.resnet8()), head_of(fastnet.models.squeezenet1_1())
        ('fc', 'classifier.1')
    """
    order = [path for path, _ in model.named_modules()] if paths is None else paths
    found = [path for path in order if type(model.get_submodule(path)) in (nn.Linear, nn.Conv2d)]
    return found[-1] if found else None


def with_outputs(layer: nn.Module, outputs: int) -> nn.Module:
    """A new layer like another, with other outputs and new initial weights.

    Args:
        layer: a Linear or a Conv2d.
        outputs: number of features or channels.

    Raises:
        TypeError: a layer of another class.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.models.heads import with_outputs
        >>> with_outputs(nn.Linear(8, 1000), 2)
        Linear(in_features=8, out_features=2, bias=True)  # weight (2, 8), bias (2,); 18 parameters
    """
    if type(layer) is nn.Linear:
        return nn.Linear(layer.in_features, outputs, layer.bias is not None, dtype=layer.weight.dtype)
    if type(layer) is nn.Conv2d:
        mode: Any = layer.padding_mode
        return nn.Conv2d(layer.in_channels, outputs, layer.kernel_size, layer.stride, layer.padding, layer.dilation,
                         layer.groups, layer.bias is not None, mode, dtype=layer.weight.dtype)
    raise TypeError(f"expected a Linear or a Conv2d, got a {type(layer).__name__}")
