"""Weight normalization: a weight as a length and a direction."""
from __future__ import annotations

from typing import TypeVar

from fastnet._core.tensor import Tensor
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter
from fastnet.nn.utils.rescaling import WeightHook, norms_by_dim, remove_hook, weight_hooks

__all__ = ["remove_weight_norm", "weight_norm"]

_M = TypeVar("_M", bound="Module")


class _WeightNormHook(WeightHook):
    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def weight(self, module: Module, training: bool) -> Tensor:
        """g * v / |v|"""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / norms_by_dim(v, self.dim))


def weight_norm(module: _M, name: str = "weight", dim: int | None = 0) -> _M:
    """Replace a weight w of a module by a length and a direction, which are learned: w = g * v / |v|.

    Before each call, the module computes w from its parameters name + "_g" and name + "_v". A compiled call leaves the
    attribute as it was. `nn.utils.parametrizations.weight_norm` does the same without a hook. Salimans and Kingma 2016,
    https://arxiv.org/abs/1602.07868.

    Args:
        module: the module.
        name: the name of the weight.
        dim: the dimension whose entries have a length each; None for one length of all.

    Returns:
        the module.

    Raises:
        RuntimeError: the weight is normalized already.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.utils.weight_norm(fastnet.nn.Linear(4, 3))
        >>> layer.weight_g.shape, layer.weight_v.shape
        ((3, 1), (3, 4))
    """
    if name in weight_hooks(module):
        raise RuntimeError(f"weight_norm: the parameter {name!r} is normalized already")
    hook = _WeightNormHook(name, dim)
    weight = getattr(module, name)
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(norms_by_dim(weight.detach(), dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.weight(module, False))
    hook.attach(module)
    return module


def remove_weight_norm(module: _M, name: str = "weight") -> _M:
    """Make the weight of a module that `weight_norm` replaced a parameter again.

    Args:
        module: the module.
        name: the name of the weight.

    Returns:
        the module.

    Raises:
        ValueError: the weight is not normalized.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.utils.weight_norm(fastnet.nn.Linear(4, 3))
        >>> sorted(name for name, _ in fastnet.nn.utils.remove_weight_norm(layer).named_parameters())
        ['bias', 'weight']
    """
    remove_hook(module, name, _WeightNormHook, ("_g", "_v"))
    return module
