"""The layers that an adapter is added to, selected by name as in peft."""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fastnet import nn
from fastnet._core.errors import did_you_mean, listed
from fastnet.lora.config import LoRAConfig
from fastnet.lora.layers import LAYERS, AdaptedLayer
from fastnet.models.gpt import Projection

__all__ = ["adaptable", "adapted_layers", "base_class", "is_named", "module_paths", "peft_targets",
           "saved_modules", "selected_layers"]

_DEFAULT_LAYERS = nn.Linear, nn.MultiheadAttention, Projection


def base_class(layer: nn.Module) -> type[nn.Module]:
    """The class of a layer without adapters."""
    return next((base for base, adapted in LAYERS.items() if type(layer) is adapted), type(layer))


def module_paths(model: nn.Module) -> list[str]:
    """The paths of the modules of a model, without those of adapters."""
    inner = [f"{path}.adapters" if path else "adapters" for path in adapted_layers(model)]
    return [path for path, _ in model.named_modules() if not _is_inside(path, inner)]


def adaptable(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(path, layer) of each layer that adapters can be added to, in the order of `named_modules`."""
    for path, layer in model.named_modules():
        if base_class(layer) in LAYERS:
            yield path, layer


def is_named(path: str, target: str) -> bool:
    """Whether a path is a name or ends with it, after a dot."""
    return path == target or path.endswith("." + target)


def selected_layers(model: nn.Module, config: LoRAConfig) -> list[tuple[str, nn.Module]]:
    """(path, layer) of the layers that an adapter with these settings is added to.

    Attention modules bring their `out_proj` with them.

    Raises:
        ValueError: a name or an expression that fits no layer, or a layer that cannot have an adapter; both are named.
    """
    layers = dict(adaptable(model))
    outputs = {f"{path}.out_proj" for path, layer in layers.items() if base_class(layer) is nn.MultiheadAttention}
    whole = saved_modules(model, config)
    targets, advice = config.target_modules, ""
    if targets is None or targets == "all-linear":
        found = [path for path, layer in model.named_modules() if isinstance(layer, _DEFAULT_LAYERS)
                 and path not in outputs and not _is_inside(path, whole)]
        advice = "; name the layers to adapt in target_modules"
    elif isinstance(targets, str):
        found = _paths_by_expression(model, targets)
    else:
        found = _paths_by_name(model, targets)
    found += [path for path in outputs if path.removesuffix(".out_proj") in found and path not in found]
    others = [path for path in found if path not in layers]
    if others:
        kinds = ", ".join(kind.__name__ for kind in LAYERS)
        raise ValueError(f"lora: expected target_modules to select {kinds} layers, got {listed(others)}, of which "
                         f"{others[0]!r} is a {type(model.get_submodule(others[0])).__name__}{advice}")
    if not found:
        raise ValueError(f"lora: {type(model).__name__} has no linear layer to adapt")
    twice = sorted(path for path in found if _is_inside(path, whole))
    if twice:
        raise ValueError(f"lora: {listed(twice)}: expected either an adapter or a module in modules_to_save, not "
                         "both")
    return [(path, layer) for path, layer in layers.items() if path in set(found)]


def _is_inside(path: str, modules: Iterable[str]) -> bool:
    """Whether a path is one of these modules or leads into it."""
    return any(path == module or path.startswith(module + ".") for module in modules)


def saved_modules(model: nn.Module, config: LoRAConfig) -> list[str]:
    """The paths of the modules that are trained as a whole.

    Raises:
        ValueError: a name of `modules_to_save` fits no module.
    """
    paths = module_paths(model)
    for name in config.modules_to_save:
        if not any(is_named(path, name) for path in paths):
            raise ValueError(f"lora: modules_to_save names {name!r}, which {type(model).__name__} does not have"
                             f"{did_you_mean(name, paths)}")
    return [path for path in paths if any(is_named(path, name) for name in config.modules_to_save)]


def _paths_by_expression(model: nn.Module, expression: str) -> list[str]:
    try:
        pattern = re.compile(expression)
    except re.error as e:
        raise ValueError(f"lora: target_modules={expression!r} is not a regular expression: {e}") from None
    found = list(filter(pattern.fullmatch, module_paths(model)))
    if not found:
        raise ValueError(f"lora: the expression target_modules={expression!r} fits the name of no layer; layers are "
                         f"{listed(path for path, _ in adaptable(model))}")
    return found


def _paths_by_name(model: nn.Module, targets: Sequence[str]) -> list[str]:
    paths = module_paths(model)
    for target in targets:
        if not any(is_named(path, target) for path in paths):
            known = dict.fromkeys(path.rpartition(".")[2] for path, _ in adaptable(model))
            raise ValueError(f"lora: no layer is called {target!r}{did_you_mean(target, known)}; layers are "
                             f"{listed(known)}")
    return [path for path in paths if any(is_named(path, target) for target in targets)]


def peft_targets(model: nn.Module, config: LoRAConfig, paths: Sequence[str]) -> str | list[str]:
    """`target_modules` with which peft selects the layers of an adapter, and no others.

    Args:
        model: with the adapter.
        config: its settings.
        paths: of its layers, without the outputs of attention modules.
    """
    if isinstance(config.target_modules, str) and config.target_modules != "all-linear":
        return config.target_modules
    names = list(config.target_modules or paths)
    if {path for path in module_paths(model) if any(is_named(path, name) for name in names)} == set(paths):
        return names
    return "|".join(map(re.escape, paths))


def adapted_layers(model: nn.Module) -> dict[str, AdaptedLayer]:
    """The layers of a model that are prepared for adapters, by path."""
    return {path: layer for path, layer in model.named_modules() if isinstance(layer, AdaptedLayer)}
