"""Pruning of whole channels, those that are tied together across layers."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import check_number, did_you_mean, listed, one_of
from fastnet.autograd import no_grad
from fastnet.nn.module import Module
from fastnet.nn.utils.prune import custom_from_mask
from fastnet.nn.utils.pruning import pruning_hook
from fastnet.prune.analysis import Analysis
from fastnet.prune.groups import ChannelGroup, described, groups_of
from fastnet.prune.tracing import Analysed, analysed, places_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["ln_channels", "prunable_parameters", "restrict"]

_M = TypeVar("_M", bound="Module")
_SCOPES = "group", "global"


def ln_channels(model: _M, example: Any, amount: float, n: float = 1, *, scope: Literal["group", "global"] = "group",
                layers: Sequence[str] | None = None) -> _M:
    """Prune channels of a model by masks, tied ones together, so that `compact` can remove them.

    The importance of a set of tied channels (see `channel_groups`) is the n-norm of all weights of the filters that
    make them. The least important sets are pruned: weights and biases of their filters, and scales and shifts of their
    batch norms, get masks, so that they are 0 wherever they are read. Li et al. 2017, https://arxiv.org/abs/1608.08710;
    Fang et al. 2023 for tied channels, https://arxiv.org/abs/2301.12900.

    Args:
        model: the model, which is changed; see `fastnet.nn.utils.prune` for the form of its parameters then.
        example: a tensor, or a tuple of the arguments of its `forward`.
        amount: the fraction of channels to prune, from 0 to 1, with those pruned before; each group keeps at least one.
        n: the p of the norm, above 0; may be inf.
        scope: "group": the fraction of each group; "global": of all, by importance relative to the group's mean.
        layers: the paths of convolutions and linear layers whose channels to prune; by default all that can be.

    Returns:
        the model.

    Raises:
        TypeError: model is not a Module, or the example has no tensor.
        ValueError: an amount out of range, an unknown scope or layer, or a layer whose channels cannot be pruned; the
            message says why.
        RuntimeError: the model cannot be traced.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.resnet8()
        >>> model = fastnet.prune.ln_channels(model, fastnet.ones(1, 3, 32, 32), amount=0.5)
        >>> small, report = fastnet.prune.compact(model, fastnet.ones(1, 3, 32, 32))
        >>> report.before["parameters"] > 3 * report.after["parameters"]
        True
    """
    check_number("amount", amount)
    if not 0 <= amount <= 1:
        raise ValueError(f"ln_channels: expected amount to be a fraction from 0 to 1, got {amount}")
    check_number("n", n)
    if not n > 0:
        raise ValueError(f"ln_channels: expected a norm with n above 0, got {n}")
    if scope not in _SCOPES:
        raise one_of("scope of ln_channels", scope, _SCOPES)
    found = analysed("ln_channels", model, example)
    chosen = [layers] if isinstance(layers, str) else layers
    groups = _prunable(model, groups_of(found.analysis), chosen)
    scores = _importance(found, n)
    dropped = _least(groups, scores, amount) if scope == "group" else _least_of_all(groups, scores, amount)
    _mask(model, found.analysis, dropped)
    return model


def _prunable(model: Module, groups: list[ChannelGroup], layers: Sequence[str] | None) -> list[ChannelGroup]:
    """The groups to prune: those of the given layers, or all that can be pruned."""
    free = [group for group in groups if not group.reason]
    if layers is None:
        if not free:
            reason = described(groups) or ("it has no convolution or linear layer; adapters of fastnet.lora are merged "
                                           "first, with merge_and_unload")
            raise ValueError(f"ln_channels: no channels of the model can be pruned; {reason}")
        return free
    known = {path for group in groups for path in group.layers}
    for path in layers:
        if path not in known:
            raise _not_a_layer(model, path, sorted(known))
        if not any(path in group.layers for group in free):
            raise ValueError("ln_channels: the channels of a layer cannot be pruned: "
                             f"{described(group for group in groups if path in group.layers)}")
    return [group for group in free if set(layers) & set(group.layers)]


def _not_a_layer(model: Module, path: str, known: Sequence[str]) -> ValueError:
    """The error for a path that is not that of a layer with channels."""
    others = {name: type(module).__name__ for name, module in model.named_modules()}
    given = f"{path!r}, a {others[path]}" if path in others else f"{path!r}"
    shown = listed(map(repr, known))
    return ValueError("ln_channels: expected paths of convolutions and linear layers, got "
                      f"{given}{did_you_mean(path, known, f'layers are {shown}')}")


def _importance(found: Analysed, n: float) -> Array:
    """The n-norm of the weights that make each set of tied channels, by root."""
    analysis = found.analysis
    total = np.zeros(len(analysis.ties))
    add = np.maximum if math.isinf(n) else np.add
    layers = {(layer.weight, layer.axis) for layer in analysis.layers}
    for name, axis in sorted(layers & analysis.made):           # the rounding of the sums depends on the order
        values: Any = found.graph.parameters[name].data
        each = [_filter_importance(filter, n) for filter in values.swapaxes(0, axis)]
        add.at(total, analysis.roots[analysis.axes[name, axis]], each)
    return total if math.isinf(n) else total ** (1 / n)


def _filter_importance(filter: Array, n: float) -> float:
    """The n-norm of a filter to the power n, in float64; the norm itself for infinity."""
    sizes = np.abs(filter.astype(np.float64))
    return float(sizes.max() if math.isinf(n) else (sizes if n == 1 else sizes**n).sum())


def _least(groups: list[ChannelGroup], scores: Array, amount: float) -> Array:
    """The roots of the least important sets of each group."""
    parts = [np.zeros(0, np.int64)]
    for group in groups:
        order = group.roots[np.argsort(scores[group.roots], kind="stable")]
        parts.append(order[:min(round(amount * group.size), group.size - 1)])
    return np.concatenate(parts)


def _least_of_all(groups: list[ChannelGroup], scores: Array, amount: float) -> Array:
    """The roots of the sets that are least important, relative to their groups; one of each group stays."""
    relative = [scores[group.roots] / max(float(scores[group.roots].mean()), 1e-30) for group in groups]
    best = [int(np.argmax(each)) for each in relative]
    roots = np.concatenate([np.delete(group.roots, i) for group, i in zip(groups, best)])
    order = np.argsort(np.concatenate([np.delete(each, i) for each, i in zip(relative, best)]), kind="stable")
    return roots[order[:round(amount * sum(group.size for group in groups))]]


def prunable_parameters(model: Module, example: Any) -> list[tuple[Module, str]]:
    """(module, name) of the parameters that `ln_channels` may give masks.

    Args:
        model: the model.
        example: a tensor, or a tuple of the arguments of its `forward`.
    """
    analysis = analysed("ln_channels", model, example).analysis
    fixed = np.zeros(len(analysis.roots), bool)
    fixed[list(analysis.fixed)] = True
    free = [name for name, axis in sorted(analysis.made) if not fixed[analysis.roots[analysis.axes[name, axis]]].all()]
    return [place for places in places_of(model, free) for place in places]


def _mask(model: Module, analysis: Analysis, dropped: Array) -> None:
    """Prune the entries of parameters that make channels."""
    pruned = np.zeros(len(analysis.roots), bool)
    pruned[dropped] = True
    made = sorted(analysis.made)
    for (name, axis), places in zip(made, places_of(model, (name for name, _ in made))):
        gone = pruned[analysis.roots[analysis.axes[name, axis]]]
        if gone.any():
            for module, own in places:                  # a mask of one of them would not be that of the others
                shape = getattr(module, own).shape
                kept = from_numpy((~gone).astype(np.float32)).reshape(-1, *(1,) * (len(shape) - axis - 1))
                restrict(module, own, kept.expand(shape))


def restrict(module: Module, name: str, mask: Tensor) -> None:
    """Prune a parameter by a mask as `custom_from_mask` does, but write into the mask that it has.

    A recording of `fastnet.compile` that uses the pruned parameter remains valid, and the list of the parameter's
    methods does not grow.

    Args:
        module: the module.
        name: of the parameter.
        mask: in its shape: 1 for elements to keep, 0 for others.
    """
    method = pruning_hook(module, name)
    if method is None:
        custom_from_mask(module, name, mask)
        return
    with no_grad():
        own: Tensor = getattr(module, f"{name}_mask")
        own.copy_(own * mask.to(own.dtype))
