"""Weight normalization: a weight as a length and a direction."""
from __future__ import annotations

from typing import Any, TypeVar

from fastnet._core.tensor import Tensor
from fastnet.autograd.hooks import RemovableHandle
from fastnet.functional.dims import as_dim
from fastnet.functional.norms import norm
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter

__all__ = ["remove_weight_norm", "weight_norm"]

_M = TypeVar("_M", bound="Module")


def _norms_by_dim(v: Tensor, dim: int | None) -> Tensor:
    """The norms of the entries of v along a dimension, or of all of v."""
    if dim is None:
        return norm(v)
    axis = as_dim(v, dim)
    return norm(v, 2, tuple(d for d in range(v.ndim) if d != axis), keepdim=True)


class _WeightNorm:
    """The hook that computes a weight before each call of its module."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def weight(self, module: Module) -> Tensor:
        """g * v / |v|"""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / _norms_by_dim(v, self.dim))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.weight(module))


def weight_norm(module: _M, name: str = "weight", dim: int | None = 0) -> _M:
    """Replace a weight w of a module by a length and a direction, which are learned: w = g * v / |v|.

    Before each call, the module computes w from its parameters name + "_g" and name + "_v". Salimans and Kingma 2016,
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
    if name in _weight_norm_hooks(module):
        raise RuntimeError(f"weight_norm: the parameter {name!r} is normalized already")
    hook = _WeightNorm(name, dim)
    weight = getattr(module, name)
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(_norms_by_dim(weight.detach(), dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.weight(module))
    _weight_norm_hooks(module)[name] = hook, module.register_forward_pre_hook(hook)
    return module


def _weight_norm_hooks(module: Module) -> dict[str, tuple[_WeightNorm, RemovableHandle]]:
    """{name: (the hook that computes this weight, its handle)}"""
    return module.__dict__.setdefault("_normalized_weights", {})


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
    if name not in _weight_norm_hooks(module):
        raise ValueError(f"remove_weight_norm: the weight {name!r} of {type(module).__name__} is not normalized")
    hook, handle = _weight_norm_hooks(module).pop(name)
    weight = hook.weight(module).detach()
    handle.remove()
    for part in (name, name + "_g", name + "_v"):
        delattr(module, part)
    module.register_parameter(name, Parameter(weight))
    return module
