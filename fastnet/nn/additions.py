"""Masks of pruning and adapters of LoRA, which files describe apart from the modules that have them."""
from __future__ import annotations

import copy
import importlib
from typing import TYPE_CHECKING, Any

from fastnet._core.construction import from_numpy
from fastnet.nn.architecture import build, describe
from fastnet.nn.module import Module
from fastnet.nn.parameter import store
from fastnet.nn.schema import value_text
from fastnet.nn.utils.prune import custom_from_mask
from fastnet.nn.utils.pruning import detach_masks, pruned_parameters, pruning_hook

if TYPE_CHECKING:
    from types import ModuleType

    from fastnet._core.annotations import Array

__all__ = ["build_with_additions", "describe_with_additions"]


def describe_with_additions(model: Module) -> dict[str, Any]:
    """The architecture of a model as JSON data, under "model", and its "masks" and "adapters" if it has any.

    Args:
        model: the model; it is unchanged.

    Raises:
        ValueError: a module cannot be described; the message says which one and why.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.nn.additions import describe_with_additions
        >>> model = nn.Sequential(nn.utils.prune.l1_unstructured(nn.PReLU(4), "weight", amount=2))
        >>> describe_with_additions(model)["masks"]
        ['0.weight']
    """
    adapted = any("lora_configs" in part.__dict__ for part in model.modules())
    if not adapted and next(pruned_parameters(model), None) is None:
        return {"model": describe(model)}
    shared: dict[int, Any] = {id(x): x for x in (*model.parameters(), *model.buffers())}
    try:
        plain = copy.deepcopy(model, shared)            # of the modules, with the same tensors
    except TypeError as e:
        raise ValueError(f"the {type(model).__name__} cannot be copied: {e}") from None
    found: dict[str, Any] = {"adapters": _lora().detach_adapters(plain)} if adapted else {}
    return {**found, "masks": detach_masks(plain), "model": describe(plain)}


def build_with_additions(about: dict[str, Any], arrays: dict[str, Array]) -> Module:
    """Build the described model with its masks, adapters and weights, in evaluation mode.

    Args:
        about: from a file, as `describe_with_additions` returns it; it may be damaged.
        arrays: NumPy arrays by the keys of the model's `state_dict`; they are removed from the dictionary.

    Raises:
        ValueError: the description is damaged, or the arrays do not fit it.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.nn.additions import build_with_additions, describe_with_additions
        >>> model = nn.utils.prune.l1_unstructured(nn.PReLU(4), "weight", amount=2)
        >>> arrays = {key: x.detach().numpy() for key, x in model.state_dict().items()}
        >>> list(build_with_additions(describe_with_additions(model), arrays).state_dict())
        ['weight_orig', 'weight_mask']
    """
    keys, adapters = about.get("masks", []), about.get("adapters")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"the list of masks is damaged: {value_text(keys)}")
    masks = {key: _pop_mask(key, arrays) for key in keys}
    taken = {} if adapters is None else _lora().pop_arrays(adapters, arrays)
    model = build(about["model"], arrays)
    for key, mask in masks.items():
        path, _, name = key.rpartition(".")
        try:
            module = model.get_submodule(path)
        except AttributeError:
            raise ValueError(f"there is no module {path!r} for the mask of {key!r}") from None
        if pruning_hook(module, name) is None:          # else a module that appears twice
            custom_from_mask(module, name, from_numpy(mask))
            stored = getattr(module, name + "_mask")
            store(stored, mask, stored.dtype)           # a product of masks, as above, flushes subnormal numbers
    if adapters is not None:
        _lora().attach_adapters(model, adapters, taken)
    return model


def _pop_mask(key: str, arrays: dict[str, Array]) -> Array:
    """Remove the mask of a weight from the arrays, in which the weight gets its own key."""
    if key + "_orig" not in arrays or key + "_mask" not in arrays:
        raise ValueError(f"there is no tensor {key + '_orig'!r} or no tensor {key + '_mask'!r}")
    arrays[key] = arrays.pop(key + "_orig")
    return arrays.pop(key + "_mask")


def _lora() -> ModuleType:
    """The module that describes adapters: `fastnet.lora` is above this package."""
    return importlib.import_module("fastnet.lora.saving")
