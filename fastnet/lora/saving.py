"""Adapters in model files: their description, and a loaded model's adapters from it."""
from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fastnet import nn
from fastnet._core.errors import shape_text
from fastnet.lora.config import LoRAConfig
from fastnet.lora.layers import AdaptedLayer
from fastnet.lora.model import active_names, add_with, configs, unload
from fastnet.lora.selection import adapted_layers
from fastnet.nn.parameter import store
from fastnet.nn.state_dict import join

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["attach_adapters", "detach_adapters", "pop_arrays"]


def detach_adapters(model: nn.Module) -> dict[str, Any]:
    """Remove the adapters of a model, and return their description as JSON data.

    Args:
        model: with adapters that are not merged.

    Returns:
        {path of a module that `apply` adapted: {"active": names, "trained": names, "adapters": {name: {"layers": paths
        in this module, "config": settings}}}}
    """
    owners = [(path, part) for path, part in model.named_modules() if configs(part)]
    found = {path: _described_adapters(part) for path, part in owners}
    for _, part in owners:
        unload(part)
    return found


def _described_adapters(model: nn.Module) -> dict[str, Any]:
    layers = {path: part for path, part in model.named_modules(remove_duplicate=False)
              if isinstance(part, AdaptedLayer)}
    adapters = {name: {"layers": [path for path, layer in layers.items() if name in layer.adapters],
                       "config": asdict(config)} for name, config in configs(model).items()}
    trained = {name for layer in layers.values() for name, adapter in layer.adapters.items()
               if adapter.lora_A.requires_grad}
    return {"active": list(active_names(model)), "trained": sorted(trained), "adapters": adapters}


def pop_arrays(described: Any, arrays: dict[str, Array]) -> dict[str, Array]:
    """Remove the arrays of adapters from those of a model, and return them.

    Args:
        described: as `detach_adapters` returns it; from a file, so that it may be damaged.
        arrays: by the keys of the model's `state_dict`.

    Raises:
        ValueError: the description is damaged.
    """
    try:
        prefixes = tuple(_key_prefix(owner, path, name) for owner, entry in described.items()
                         for name, adapter in entry["adapters"].items() for path in adapter["layers"])
    except (AttributeError, KeyError, TypeError) as e:
        raise _damaged_adapters(e) from None
    return {key: arrays.pop(key) for key in list(arrays) if key.startswith(prefixes)}


def _key_prefix(owner: str, path: str, name: str) -> str:
    """The beginning of the keys of an adapter's parameters in a layer."""
    return join(join(owner, path), f"adapters.{name}.")


def _damaged_adapters(error: Exception) -> ValueError:
    return ValueError(f"the description of the adapters is damaged: {type(error).__name__}: {error}")


def attach_adapters(model: nn.Module, described: Any, arrays: dict[str, Array]) -> None:
    """Add the described adapters to a model.

    Args:
        model: the model without adapters.
        described: as `detach_adapters` returns it; from a file, so that it may be damaged.
        arrays: of the adapters, by the keys of the model's `state_dict`.

    Raises:
        ValueError: the description is damaged, or the arrays do not fit it.
    """
    try:
        for owner, entry in described.items():
            _add_adapters(model.get_submodule(owner), owner, entry, arrays)
    except (AttributeError, KeyError, TypeError) as e:
        raise _damaged_adapters(e) from None
    if arrays:
        raise ValueError(f"the adapters have no tensors {', '.join(map(repr, arrays))}")


def _add_adapters(model: nn.Module, owner: str, entry: dict[str, Any], arrays: dict[str, Array]) -> None:
    learning = [(p, p.requires_grad) for p in model.parameters()]
    for name, adapter in entry["adapters"].items():
        config, paths = LoRAConfig(**adapter["config"]), adapter["layers"]
        for path in paths:              # the arrays bound the memory that the adapter gets
            given = arrays.get(_key_prefix(owner, path, name) + "lora_A")
            if given is None or given.shape[:1] != (config.r,):
                raise ValueError(f"expected lora_A of the adapter {name!r} of {path!r} to have {config.r} rows, got "
                                 f"{'none' if given is None else shape_text(given)}")
        add_with(model, name, config, 0, {id(model.get_submodule(path)): path for path in paths}.values())
        for path in paths:
            _fill_adapter(model.get_submodule(path), name, _key_prefix(owner, path, name), arrays)
    for p, requires_grad in learning:
        p.requires_grad_(requires_grad)
    _set_adapters(model, entry["active"], entry["trained"], entry["adapters"])


def _fill_adapter(layer: Any, name: str, prefix: str, arrays: dict[str, Array]) -> None:
    for part, tensor in layer.adapters[name].named_parameters():
        values = arrays.pop(prefix + part, None)
        if values is None or values.shape != tensor.shape or values.dtype != tensor.dtype:
            given = "none" if values is None else f"{values.dtype} {shape_text(values)}"
            raise ValueError(f"expected the tensor {prefix + part!r} to be {tensor.dtype} {shape_text(tensor)}, got "
                             f"{given}")
        store(tensor, values, tensor.dtype)


def _set_adapters(model: nn.Module, active: list[str], trained: list[str], known: dict[str, Any]) -> None:
    if not {*active, *trained} <= set(known):
        raise KeyError(f"no adapters {active}, {trained}")
    for layer in adapted_layers(model).values():
        layer.active = tuple(active)
        for name, adapter in layer.adapters.items():
            adapter.requires_grad_(name in trained)
