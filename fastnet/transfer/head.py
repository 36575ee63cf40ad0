"""A new head for a trained model."""
from __future__ import annotations

from typing import Any

from fastnet import nn
from fastnet._core.errors import whole_number
from fastnet._core.state import forbid_in_recording
from fastnet.autograd import no_grad
from fastnet.models.heads import AUXILIARY_HEADS, head_of, with_outputs
from fastnet.nn.evaluation import evaluating
from fastnet.transfer.extraction import calls_noted
from fastnet.transfer.patterns import require_module

__all__ = ["replace_head"]


def replace_head(model: nn.Module, num_classes: int, path: str | None = None, *, example: Any = None) -> nn.Module:
    """Replace the last layer of a model by a new one with other outputs and random weights.

    The new layer records gradients, whether or not the old one was frozen. Auxiliary heads of GoogLeNet and Inception
    V3 are replaced, too.

    Args:
        model: a Module, changed in place.
        num_classes: number of outputs of the new layer.
        path: of the layer; by default the last Linear or Conv2d, in the order in which the model has its modules. That
            is the last one called in all models of `fastnet.models`.
        example: an input of the model, or a tuple of several: replace the last Linear or Conv2d that it calls instead.

    Returns:
        The new layer.

    Raises:
        ValueError: the model has no such layer or is the layer itself, num_classes is less than 1, or both a path and
            an example are given.
        AttributeError: there is no module at the path.
        TypeError: the model is not a Module, or the layer not a Linear or a Conv2d.

    Example:
        >>> import fastnet
        >>> from fastnet.transfer import replace_head
        >>> model = fastnet.models.resnet18()
        >>> replace_head(model, 2)
        Linear(in_features=512, out_features=2, bias=True)  # weight (2, 512), bias (2,); 1,026 parameters
        >>> model(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 2)
    """
    forbid_in_recording("replace_head()")
    require_module("replace_head", model)
    whole_number("num_classes", num_classes, 1)
    if path is not None and example is not None:
        raise ValueError("replace_head: expected path= or example=, got both")
    head = _last_called(model, example) if example is not None else head_of(model) if path is None else path
    if head is None:
        raise ValueError(f"replace_head: {type(model).__name__} has no Linear and no Conv2d; name the layer with path=")
    if not head:
        raise ValueError(f"replace_head: the {type(model).__name__} has no layer to replace: it is the layer itself")
    auxiliary = AUXILIARY_HEADS.get(type(model).__name__, ()) if path is None else ()
    for place in (*auxiliary, head):
        parent, _, name = place.rpartition(".")
        owner = model.get_submodule(parent) if _has(model, parent) else None
        if owner is not None:           # a network without auxiliary classifiers has None there
            setattr(owner, name, _new_layer(model.get_submodule(place), num_classes, place))
    if path is None and isinstance(getattr(model, "num_classes", None), int):
        model.num_classes = num_classes         # as of a network that was made with so many: files describe it so
    return model.get_submodule(head)


def _last_called(model: nn.Module, example: Any) -> str | None:
    with calls_noted(model) as calls, no_grad(), evaluating(model):
        model(*(example if isinstance(example, tuple | list) else (example,)))
    return head_of(model, calls)


def _has(model: nn.Module, path: str) -> bool:
    try:
        model.get_submodule(path)
    except AttributeError:
        return False
    return True


def _new_layer(layer: nn.Module, outputs: int, path: str) -> nn.Module:
    try:
        return with_outputs(layer, outputs).train(layer.training)
    except TypeError as e:
        raise TypeError(f"replace_head: {path}: {e}; set another layer yourself") from None
