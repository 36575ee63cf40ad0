"""Copies of models without masks, and the analysis of their channels."""
from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from fastnet._core.tensor import Tensor
from fastnet.functional.compare import equal
from fastnet.graph import Graph, trace
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter
from fastnet.nn.utils.pruning import detach_masks, pruned_parameters, pruning_hook
from fastnet.prune.analysis import Analysis
from fastnet.prune.rules import RULES

__all__ = ["Analysed", "analysed", "inputs_of", "owner_of", "places_of"]

_M = TypeVar("_M", bound="Module")


class Analysed(NamedTuple):
    """A model, prepared for pruning.

    Attributes:
        model: a copy whose masks are applied, with plain parameters; those without a mask are the model's own.
        graph: of it.
        analysis: of the channels of the graph.
        unread: the parameters that the graph does not read.
    """

    model: Any
    graph: Graph
    analysis: Analysis
    unread: tuple[str, ...]


def inputs_of(example: Any) -> tuple[Any, ...]:
    """The positional arguments of a model's `forward`.

    Args:
        example: a tensor, or a tuple or list of the arguments.
    """
    return tuple(example) if isinstance(example, tuple | list) else (example,)


def analysed(name: str, model: Module, example: Any) -> Analysed:
    """Trace a copy of a model without masks, and find the channels that are tied.

    The model is traced in evaluation mode. If it then leaves out some of its parameters, as those of auxiliary
    classifiers, it is traced in training mode.

    Args:
        name: of the function, for errors.
        model: the model; it is unchanged.
        example: a tensor, or a tuple of the arguments of its `forward`.

    Raises:
        TypeError: model is not a Module, or the example has no tensor.
        RuntimeError: the model cannot be traced.
    """
    if not isinstance(model, Module):
        raise TypeError(f"{name}: expected a Module, got {type(model).__name__}")
    inputs = inputs_of(example)
    if not any(isinstance(x, Tensor) for x in inputs):
        raise TypeError(f"{name}: expected example to be a tensor, or a tuple of the arguments of the model, got "
                        f"{type(example).__name__}")
    plain = _without_masks(model)
    graph = trace(plain, *inputs)
    unread = _unread_parameters(plain, graph)
    if unread:
        try:
            trained = trace(plain, *inputs, training=True)
        except (RuntimeError, ValueError) as e:
            raise RuntimeError(f"{name}: {type(model).__name__} reads {unread[0]!r} and {len(unread) - 1} other "
                               "parameters at most in training mode, in which the example cannot be traced; give an "
                               f"example that it can train on, or remove these modules first: {e}") from e
        if len(_unread_parameters(plain, trained)) < len(unread):
            graph, unread = trained, _unread_parameters(plain, trained)
    return Analysed(plain, graph, Analysis(graph, RULES), tuple(unread))


def _unread_parameters(model: Module, graph: Graph) -> Sequence[str]:
    return [name for name, _ in model.named_parameters() if name not in graph.parameters]


def _without_masks(model: _M) -> _M:
    """A copy of a model whose pruned parameters are plain ones, with zeros.

    A parameter that several modules read with different masks becomes one for each.
    """
    shared: dict[int, Any] = {id(p): p for p in model.parameters()}         # nothing writes into them
    shared |= {id(x): x for x in (getattr(module, f"{name}_mask") for module, name in pruned_parameters(model))}
    made = copy.deepcopy(model, shared)
    for places in _shared_places(made):
        plain = [getattr(module, name) for module, name in places if pruning_hook(module, name) is None][:1]
        for module, name in places:
            if pruning_hook(module, name) is not None:
                own = Parameter(getattr(module, name).detach(), getattr(module, f"{name}_orig").requires_grad)
                plain.append(next((other for other in plain if equal(other, own)), own))
                setattr(module, f"{name}_orig", plain[-1])
    detach_masks(made)
    return made


def _shared_places(model: Module) -> list[list[tuple[Module, str]]]:
    """(module, name) of each use of a parameter, together those of the same parameter; masks do not change the name."""
    found: dict[int, list[tuple[Module, str]]] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            plain = name.removesuffix("_orig")
            if parameter is not None:
                place = module, name if pruning_hook(module, plain) is None else plain
                found.setdefault(id(parameter), []).append(place)
    return list(found.values())


def places_of(model: Module, keys: Iterable[str]) -> list[list[tuple[Module, str]]]:
    """The modules that hold a parameter, and its name there: several if they share it.

    Args:
        model: the model.
        keys: of parameters, as in the `state_dict` of a model without masks.

    Returns:
        a list of (module, name) for each key.
    """
    shared = {(id(module), name): places for places in _shared_places(model) for module, name in places}
    owners = (owner_of(model, key) for key in keys)
    return [shared[id(module), name] for module, name in owners]


def owner_of(model: Module, key: str) -> tuple[Module, str]:
    """The module that holds a parameter or a buffer, and its name there.

    Args:
        model: the model.
        key: as in its `state_dict`.
    """
    path, _, name = key.rpartition(".")
    return model.get_submodule(path), name
