"""Adapters of a model: adding, choosing, merging and removing them."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from fastnet import nn
from fastnet._core.errors import given_text, listed
from fastnet._core.state import forbid_in_recording
from fastnet.lora.config import LoRAConfig
from fastnet.lora.layers import LAYERS, AdaptedLayer
from fastnet.lora.selection import adapted_layers, base_class, saved_modules, selected_layers
from fastnet.random import Generator

__all__ = ["active_names", "add", "add_with", "apply", "check_known", "configs", "delete_adapter", "merge",
           "merge_and_unload", "set_adapter", "unload", "unmerge"]

_Model = TypeVar("_Model", bound="nn.Module")


def apply(model: _Model, r: int = 8, alpha: float = 8, target_modules: str | Sequence[str] | None = None,
          dropout: float = 0.0, rslora: bool = False, dora: bool = False, *, modules_to_save: Sequence[str] = (),
          name: str = "default", seed: int | None = None) -> _Model:
    """Freeze a model and add a low-rank adapter to its layers, in place.

    A layer with weight W then computes x @ (W + scale * lora_B @ lora_A).T + bias, with scale = alpha / r. Only lora_A
    and lora_B are trained. lora_B starts with zeros, so that the output does not change at first. The layers keep their
    parameters and names: `state_dict()` gets the entries `<layer>.adapters.<name>.lora_A` and `lora_B` in addition.

    Hu et al. 2021, LoRA, https://arxiv.org/abs/2106.09685; Kalajdzievski 2023, rsLoRA,
    https://arxiv.org/abs/2312.03732; Liu et al. 2024, DoRA, https://arxiv.org/abs/2402.09353.

    Args:
        model: with Linear, Embedding, Conv1d, Conv2d, Conv3d or MultiheadAttention layers, or those of
            `fastnet.models.GPT`, whose weights are (inputs, outputs).
        r: rank of the update.
        alpha: divided by r, the factor of the update.
        target_modules: the layers, as in peft: names, each of which fits a path that is equal to it or ends with it
            after a dot; or a regular expression for whole paths; None or "all-linear": all Linear and
            MultiheadAttention layers and those of GPT outside of `modules_to_save`. An attention module brings its
            `out_proj` with it. A layer with a parametrization, or of a subclass, cannot have an adapter.
        dropout: the probability with which an element of the update's input is zeroed in training. Embedding layers
            have no dropout.
        rslora: scale = alpha / sqrt(r).
        dora: learn the length of each row of W + scale * lora_B @ lora_A as well, with the lengths of W at first. Not
            for MultiheadAttention.
        modules_to_save: names of modules that are trained as a whole and saved with the adapter, such as a new head.
        name: of the adapter.
        seed: of the initial values; None: the generator that `manual_seed` seeds.

    Returns:
        the model.

    Raises:
        ValueError: a name or an expression that fits no layer, a layer that cannot have an adapter (with the reason),
            or a model that has adapters already.
        TypeError: not a Module, or a setting of the wrong type.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(20, 10), nn.ReLU(), nn.Linear(10, 2))
        >>> _ = fastnet.lora.apply(model, r=2, target_modules=["0"], seed=0)
        >>> [name for name, p in model.named_parameters() if p.requires_grad]
        ['0.adapters.default.lora_A', '0.adapters.default.lora_B']
    """
    _check_module(model)
    if adapted_layers(model):
        raise ValueError("lora.apply: the model has adapters already; add another one with fastnet.lora.add, or remove "
                         "them with fastnet.lora.unload")
    config = LoRAConfig(r, alpha, target_modules, dropout, rslora, dora, modules_to_save)
    add_with(model, name, config, seed)
    return model


def add(model: nn.Module, name: str, r: int = 8, alpha: float = 8,
        target_modules: str | Sequence[str] | None = None, dropout: float = 0.0, rslora: bool = False,
        dora: bool = False, *, modules_to_save: Sequence[str] = (), seed: int | None = None) -> None:
    """Add another adapter to a model with adapters. `set_adapter` chooses it.

    Args:
        model: after `apply` or `load_adapter`.
        name: of the new adapter.
        r, alpha, target_modules, dropout, rslora, dora, modules_to_save, seed: see `apply`. Two adapters cannot train
            the same module as a whole.

    Raises:
        ValueError, TypeError: as `apply`; an adapter has this name; adapters are merged.

    Example:
        >>> import fastnet
        >>> model = fastnet.lora.apply(fastnet.nn.Sequential(fastnet.nn.Linear(20, 10)), r=2)
        >>> fastnet.lora.add(model, "other", r=4)
        >>> list(model[0].adapters)
        ['default', 'other']
    """
    if not _adapted("add", model):
        raise ValueError("lora.add: the model has no adapter; make it one with fastnet.lora.apply")
    config = LoRAConfig(r, alpha, target_modules, dropout, rslora, dora, modules_to_save)
    active = active_names(model)
    add_with(model, name, config, seed)
    _set(model, active, True)


def add_with(model: nn.Module, name: str, config: LoRAConfig, seed: int | None = None,
             paths: Iterable[str] | None = None) -> None:
    """Add an adapter and make it the active one. After an error the model is unchanged.

    Args:
        model: with adapters or without; all its other parameters are frozen.
        name: of the adapter.
        config: its settings.
        seed: of the initial values.
        paths: of the layers; None: those that `config` selects.
    """
    forbid_in_recording("adding an adapter")
    layers: list[tuple[str, Any]] = (selected_layers(model, config) if paths is None
                                     else [(path, model.get_submodule(path)) for path in paths])
    _check_new(model, name, config, layers)
    model.requires_grad_(False)
    generator = None if seed is None else Generator(seed)
    for _, layer in layers:
        if not isinstance(layer, AdaptedLayer):
            layer.__class__ = LAYERS[type(layer)]           # in place: other modules may hold the layer, too
            layer.prepare()
        layer.add_adapter(name, config, generator)
    model.__dict__["lora_configs"] = {**configs(model), name: config}
    _set(model, (name,), True)


def configs(model: nn.Module) -> dict[str, LoRAConfig]:
    """The settings of the adapters of a model, by name."""
    found: dict[str, LoRAConfig] = model.__dict__.get("lora_configs", {})
    return found


def _check_module(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"lora: expected a model that is a Module, got {given_text(model)}")


def _check_new(model: nn.Module, name: str, config: LoRAConfig, layers: Sequence[tuple[str, nn.Module]]) -> None:
    if not isinstance(name, str) or not name or "." in name:
        raise ValueError(f"lora: expected the name of an adapter to be a text without dots, got {name!r}")
    if name in configs(model):
        raise ValueError(f"lora: the model has an adapter {name!r} already")
    _unmerged("add", model)
    for path, layer in layers:
        reason = LAYERS[base_class(layer)].refusal(layer, config)       # type: ignore[arg-type]    # of its class
        if reason is not None:
            raise ValueError(f"lora: {path or 'the model'}, a {base_class(layer).__name__}, cannot have this adapter: "
                             f"{reason}")
    whole = set(saved_modules(model, config))
    for other, known in configs(model).items():
        shared = sorted(whole & set(saved_modules(model, known)))
        if shared:
            raise ValueError(f"lora: the adapter {other!r} trains {listed(shared)} as a whole; expected another "
                             "module in modules_to_save")


def _adapted(function: str, model: nn.Module) -> dict[str, AdaptedLayer]:
    _check_module(model)
    forbid_in_recording(f"lora.{function}()")
    return adapted_layers(model)


def _unmerged(function: str, model: nn.Module) -> dict[str, AdaptedLayer]:
    """The layers that are prepared for adapters, after a check that no adapters are merged."""
    layers = _adapted(function, model)
    if any(layer.merged for layer in layers.values()):
        raise ValueError(f"lora.{function}: adapters are merged into the weights; call fastnet.lora.unmerge first")
    return layers


def active_names(model: nn.Module) -> tuple[str, ...]:
    """The names of the adapters that a model applies."""
    return next((layer.active for layer in adapted_layers(model).values()), ())


def set_adapter(model: nn.Module, names: str | Sequence[str], trainable: bool = True) -> None:
    """Choose the adapters that the model applies; the updates of several are added.

    Args:
        model: with adapters.
        names: one name or several; an empty sequence gives the model without adapters.
        trainable: let these adapters be trained, and freeze all others; False freezes all.

    Raises:
        ValueError: an unknown name, an adapter with DoRA together with others, or adapters are merged.

    Example:
        >>> import fastnet
        >>> model = fastnet.lora.apply(fastnet.nn.Sequential(fastnet.nn.Linear(20, 10)), r=2)
        >>> fastnet.lora.add(model, "other")
        >>> fastnet.lora.set_adapter(model, "other")
        >>> model[0].active
        ('other',)
    """
    _unmerged("set_adapter", model)
    chosen = (names,) if isinstance(names, str) or not isinstance(names, Iterable) else tuple(names)
    check_known("set_adapter", model, chosen)
    if len(chosen) > 1 and any(configs(model)[name].dora for name in chosen):
        raise ValueError(f"lora.set_adapter: an adapter with DoRA cannot be added to others, got {chosen}")
    _set(model, chosen, trainable)


def check_known(function: str, model: nn.Module, names: Iterable[str]) -> None:
    """Refuse names of adapters that a model does not have.

    Args:
        function: that was called, for errors.
        model: the model.
        names: of adapters.

    Raises:
        ValueError: an unknown name.
    """
    known = configs(model)
    for name in names:
        if name not in known:
            raise ValueError(f"lora.{function}: the model has no adapter {name!r}; it has "
                             f"{listed(known) or 'none'}")


def _set(model: nn.Module, names: tuple[str, ...], trainable: bool) -> None:
    for layer in adapted_layers(model).values():
        layer.active = names
        for name, adapter in layer.adapters.items():
            adapter.requires_grad_(trainable and name in names)
    for name, config in configs(model).items():
        for path in saved_modules(model, config):
            for key, p in model.get_submodule(path).named_parameters():
                if ".adapters." not in f".{key}":
                    p.requires_grad_(trainable and name in names)


def delete_adapter(model: nn.Module, name: str) -> None:
    """Remove an adapter. Without any, the layers are ordinary ones again.

    Args:
        model: with adapters.
        name: of the adapter.

    Raises:
        ValueError: an unknown name, or adapters are merged.
    """
    layers = _unmerged("delete_adapter", model)
    check_known("delete_adapter", model, (name,))
    model.__dict__["lora_configs"] = {other: config for other, config in configs(model).items() if other != name}
    for layer in layers.values():
        layer.active = tuple(other for other in layer.active if other != name)
        if name in layer.adapters:
            del layer.adapters[name]
    if not configs(model):
        _unloaded(model)


def merge(model: nn.Module) -> None:
    """Add the updates of the active adapters to the weights, so that the model costs what it did without them.

    `unmerge` restores the bits of the weights, of which each layer keeps a copy. Merged adapters are not trained.
    `state_dict` and `load_state_dict` of a merged model raise: with them, updates would be applied twice or be lost.

    Args:
        model: with adapters.

    Raises:
        ValueError: the model has no adapters, they are merged already, or a weight is computed (pruned, for example) or
            tied to another one.

    Example:
        >>> import fastnet
        >>> model = fastnet.lora.apply(fastnet.nn.Sequential(fastnet.nn.Linear(3, 2)), r=1)
        >>> fastnet.lora.merge(model)
        >>> model[0].merged
        ('default',)
        >>> fastnet.lora.unmerge(model)
    """
    layers = _unmerged("merge", model)
    if not layers:
        raise ValueError("lora.merge: the model has no adapters")
    computed = [path for path, layer in layers.items() if layer.adapted_name not in layer._parameters]
    if computed:
        raise ValueError(f"lora.merge: the weights of {listed(computed)} are computed, by masks of pruning or by a "
                         "norm, and cannot hold an update; make them parameters first, with fastnet.prune.remove or "
                         "nn.utils.remove_weight_norm")
    changing = {path: own for path, layer in layers.items()
                if (own := tuple(name for name in layer.active if name in layer.adapters))}
    _refuse_tied(model, {path: layers[path] for path in changing})
    for path, own in changing.items():
        layers[path].merge(own)


def _refuse_tied(model: nn.Module, layers: dict[str, AdaptedLayer]) -> None:
    """Refuse layers whose weight another module has, too: an adapter updates it in one place, a merge in both."""
    names: dict[int, list[str]] = {}
    for path, module in model.named_modules():
        for name, p in module.named_parameters(path, recurse=False):
            names.setdefault(id(p), []).append(name)
    for layer in layers.values():
        tied = names[id(layer.adapted_weight)]
        if len(tied) > 1:
            raise ValueError(f"lora.merge: {listed(tied)} are one parameter, and its adapter updates it in one of "
                             "these places: a merge would change the others, too; give the layer a separate weight, "
                             "or keep the adapter")


def unmerge(model: nn.Module) -> None:
    """Restore the weights as they were before `merge`, bit by bit.

    Args:
        model: with adapters; without merged ones nothing happens.
    """
    for layer in _adapted("unmerge", model).values():
        layer.unmerge()


def merge_and_unload(model: _Model) -> _Model:
    """Add the updates of the active adapters to the weights, and make the layers ordinary ones again.

    The parameters stay frozen; `model.requires_grad_()` lets them be trained.

    Args:
        model: with adapters.

    Returns:
        the model.

    Raises:
        ValueError: as `merge`, unless adapters are merged already.

    Example:
        >>> import fastnet
        >>> model = fastnet.lora.apply(fastnet.nn.Sequential(fastnet.nn.Linear(3, 2)), r=1)
        >>> fastnet.lora.merge_and_unload(model)
        Sequential(
          (0): Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,)
        )  # 8 parameters, 0 of them trainable
    """
    if not any(layer.merged for layer in _adapted("merge_and_unload", model).values()):
        merge(model)
    return _unloaded(model)


def unload(model: _Model) -> _Model:
    """Remove all adapters, and make the layers ordinary ones again, with their first weights.

    Args:
        model: with adapters.

    Returns:
        the model.
    """
    unmerge(model)
    return _unloaded(model)


def _unloaded(model: _Model) -> _Model:
    for layer in adapted_layers(model).values():
        kind: Any = base_class(layer)
        layer.allow_state_dict()
        del layer.adapters
        for name in ("active", "merged", "before_merge", "merge_hooks"):
            layer.__dict__.pop(name)
        layer.__class__ = kind
    model.__dict__.pop("lora_configs", None)
    return model
