"""Pruning of weights by masks, with PyTorch's names: `weight` becomes `weight_orig` and `weight_mask`.

The learned parameter is `weight_orig`. Reading `weight` computes weight_orig * weight_mask, where the buffer
`weight_mask` is 0 for each pruned element; the gradient of a pruned element is 0. `remove` makes the product
a parameter again. Zeros save neither time nor memory: `fastnet.prune.compact` removes channels that are 0.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet.autograd import no_grad
from fastnet.nn.module import Module
from fastnet.nn.utils.pruning import BasePruningMethod, PruningContainer, pruned_parameters, pruning_hook
from fastnet.nn.utils.pruning_methods import (
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    RandomStructured,
    RandomUnstructured,
)

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor
    from fastnet.random import Generator

__all__ = ["BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
           "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
           "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove"]

_M = TypeVar("_M", bound="Module")


def identity(module: _M, name: str) -> _M:
    """Give a parameter the form of a pruned one, with a mask of ones.

    Args:
        module: the module.
        name: of the parameter.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> list(prune.identity(fastnet.nn.Linear(2, 3), "weight").state_dict())
        ['bias', 'weight_orig', 'weight_mask']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: _M, name: str, amount: float, generator: Generator | None = None) -> _M:
    """Prune elements of a parameter at random, among those that are left.

    Args:
        module: the module.
        name: of the parameter.
        amount: a fraction of the elements that are left, or their number as an integer.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter, or an amount out of range.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> layer = prune.random_unstructured(fastnet.nn.Linear(4, 2), "weight", amount=0.25)
        >>> int(layer.weight_mask.sum())
        6
    """
    RandomUnstructured.apply(module, name, amount, generator)
    return module


def l1_unstructured(module: _M, name: str, amount: float, importance_scores: Tensor | None = None) -> _M:
    """Prune the elements of a parameter that have the least magnitude, among those that are left.

    Han et al. 2015, https://arxiv.org/abs/1506.02626.

    Args:
        module: the module.
        name: of the parameter.
        amount: a fraction of the elements that are left, or their number as an integer.
        importance_scores: compared in place of the elements, in the shape of the parameter.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter, an amount out of range, or scores of another shape.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> layer = prune.l1_unstructured(fastnet.nn.Linear(4, 2), "weight", amount=3)
        >>> int((layer.weight == 0).sum())
        3
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: _M, name: str, amount: float, dim: int, generator: Generator | None = None) -> _M:
    """Prune whole entries of a parameter along a dimension at random, such as output channels.

    Args:
        module: the module.
        name: of the parameter; it has at least two dimensions.
        amount: a fraction of the entries that are left, or their number as an integer.
        dim: the dimension; 0 for the output channels of Linear and of convolutions.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter, a parameter of one dimension, or an amount out of range.
        IndexError: a dimension out of range.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> layer = prune.random_structured(fastnet.nn.Linear(4, 3), "weight", amount=1, dim=0)
        >>> int((layer.weight_mask.sum(1) == 0).sum())
        1
    """
    RandomStructured.apply(module, name, amount, dim, generator)
    return module


def ln_structured(module: _M, name: str, amount: float, n: Any, dim: int,
                  importance_scores: Tensor | None = None) -> _M:
    """Prune the entries of a parameter along a dimension that have the least p-norm, such as output channels.

    Li et al. 2017, https://arxiv.org/abs/1608.08710.

    Args:
        module: the module.
        name: of the parameter; it has at least two dimensions.
        amount: a fraction of the entries that are left, or their number as an integer.
        n: the p of the norm, as in `fastnet.norm`.
        dim: the dimension; 0 for the output channels of Linear and of convolutions.
        importance_scores: whose norms are compared in place of the parameter's, in its shape.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter, a parameter of one dimension, an amount out of range, or scores of
            another shape.
        IndexError: a dimension out of range.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> layer = prune.ln_structured(fastnet.nn.Conv2d(3, 8, 3), "weight", amount=0.5, n=2, dim=0)
        >>> int((layer.weight_mask.sum((1, 2, 3)) == 0).sum())
        4
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(parameters: Iterable[tuple[Module, str]], pruning_method: type[BasePruningMethod],
                        importance_scores: Mapping[tuple[Module, str], Tensor] | None = None, **kwargs: Any) -> None:
    """Prune elements of several parameters, compared with each other, as if they were one.

    Args:
        parameters: pairs (module, name).
        pruning_method: a class with PRUNING_TYPE "unstructured", such as `L1Unstructured`.
        importance_scores: {(module, name): scores in the shape of the parameter}; others have their elements as scores.
        kwargs: of the constructor of the class, such as amount.

    Raises:
        TypeError: parameters that are not pairs, or a method of another type.
        ValueError: no parameters, one that its module does not have, or scores of another shape.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> a, b = fastnet.nn.Linear(4, 2), fastnet.nn.Linear(2, 1)
        >>> prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=5)
        >>> int(a.weight_mask.sum() + b.weight_mask.sum())
        5
    """
    pairs = _checked_pairs(parameters)
    if not isinstance(pruning_method, type) or not issubclass(pruning_method, BasePruningMethod) or (
            pruning_method.PRUNING_TYPE != "unstructured"):
        raise TypeError("global_unstructured: expected a class with PRUNING_TYPE 'unstructured', such as "
                        f"L1Unstructured, got {getattr(pruning_method, '__name__', pruning_method)!r}")
    weights = [getattr(module, name).detach() for module, name in pairs]
    scores = [(importance_scores or {}).get(pair, weight) for pair, weight in zip(pairs, weights)]
    for (module, name), weight, score in zip(pairs, weights, scores):
        if score.shape != weight.shape:
            raise ValueError(f"global_unstructured: expected importance_scores of shape {weight.shape} for {name!r} of "
                             f"{type(module).__name__}, got {score.shape}")
    masks = [getattr(module, f"{name}_mask", None) for module, name in pairs]
    so_far = np.concatenate([np.ones(weight.numel(), np.float32) if mask is None else mask.numpy().reshape(-1)
                             for weight, mask in zip(weights, masks)])
    method = PruningContainer(pruning_method(**kwargs))
    with no_grad():
        joined = from_numpy(np.concatenate([score.detach().numpy().reshape(-1) for score in scores]))
        found = method.compute_mask(joined, from_numpy(so_far)).numpy()
    start = 0
    for (module, name), weight in zip(pairs, weights):
        part = found[start:start + weight.numel()].reshape(weight.shape)
        custom_from_mask(module, name, from_numpy(part.copy()))
        start += weight.numel()


def _checked_pairs(parameters: Any) -> list[tuple[Module, str]]:
    try:
        pairs = [(module, name) for module, name in parameters]
    except (TypeError, ValueError):
        raise TypeError("global_unstructured: expected parameters to be pairs (module, name)") from None
    if not pairs:
        raise ValueError("global_unstructured: expected one parameter or more")
    for module, name in pairs:
        if not isinstance(module, Module) or not isinstance(name, str):
            raise TypeError(f"global_unstructured: expected pairs (module, name), got ({type(module).__name__}, "
                            f"{type(name).__name__})")
        if module._parameters.get(name) is None and pruning_hook(module, name) is None:
            raise ValueError(f"global_unstructured: {type(module).__name__} has no parameter {name!r}")
    return pairs


def custom_from_mask(module: _M, name: str, mask: Tensor) -> _M:
    """Prune a parameter by a given mask, in addition to the mask that it has.

    Args:
        module: the module.
        name: of the parameter.
        mask: in its shape: 1 for elements to keep, 0 for others.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter, or a mask of another shape.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> layer = prune.custom_from_mask(fastnet.nn.Linear(2, 2), "bias", fastnet.tensor([1, 0]))
        >>> layer.bias.ne(0).tolist()
        [True, False]
    """
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: _M, name: str) -> _M:
    """Make a pruned parameter a parameter again, with zeros where it is pruned.

    It is the object that it was before, so that an optimizer continues with it.

    Args:
        module: the module.
        name: of the parameter.

    Returns:
        the module.

    Raises:
        ValueError: the parameter is not pruned.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> layer = prune.l1_unstructured(fastnet.nn.Linear(4, 2), "weight", amount=0.5)
        >>> sorted(prune.remove(layer, "weight").state_dict())
        ['bias', 'weight']
    """
    method = pruning_hook(module, name)
    if method is None:
        raise ValueError(f"remove: the parameter {name!r} of {type(module).__name__} is not pruned")
    method.remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Whether a parameter of a module or of one of its submodules is pruned.

    Args:
        module: the module.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> model = fastnet.nn.Sequential(fastnet.nn.Linear(4, 2))
        >>> before = prune.is_pruned(model)
        >>> _ = prune.l1_unstructured(model[0], "weight", amount=0.5)
        >>> before, prune.is_pruned(model)
        (False, True)
    """
    return any(True for _ in pruned_parameters(module))
