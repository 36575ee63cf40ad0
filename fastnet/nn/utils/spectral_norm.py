"""Spectral normalization by a hook: a weight divided by its largest singular value."""
from __future__ import annotations

from typing import TypeVar

from fastnet._core.tensor import Tensor
from fastnet.functional.dims import as_dim
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter
from fastnet.nn.utils.rescaling import (
    WeightHook,
    improve,
    output_dim,
    random_unit_vector,
    remove_hook,
    spectral_radius,
    weight_hooks,
    weight_matrix,
)

__all__ = ["remove_spectral_norm", "spectral_norm"]

_M = TypeVar("_M", bound="Module")


class _SpectralNormHook(WeightHook):
    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        super().__init__(name)
        self.n_power_iterations, self.eps, self.dim = n_power_iterations, eps, dim

    def weight(self, module: Module, training: bool) -> Tensor:
        """W / (u . (W @ v)), in training after some power iterations"""
        original, u, v = (getattr(module, self.name + part) for part in ("_orig", "_u", "_v"))
        matrix = weight_matrix(original, self.dim)
        for _ in range(self.n_power_iterations if training else 0):
            improve(v, matrix.T, u, self.eps)
            improve(u, matrix, v, self.eps)
        return original / spectral_radius(matrix, u, v)


def spectral_norm(module: _M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> _M:
    """Divide a weight W of a module by its largest singular value before each call: W / sigma(W).

    sigma(W) = u . (W @ v), with estimates u and v of the singular vectors that the module keeps as buffers, name + "_u"
    and name + "_v". In training mode, each call improves them by power iterations: v = W.T @ u / |W.T @ u|, then
    u = W @ v / |W @ v|. The learned parameter is name + "_orig". A weight of more than two dimensions is taken as a
    matrix (size of `dim`, product of the other sizes). `nn.utils.parametrizations.spectral_norm` does the same without
    a hook. Miyato et al. 2018, https://arxiv.org/abs/1802.05957.

    Args:
        module: the module.
        name: the name of the weight.
        n_power_iterations: the number of power iterations of each call in training mode.
        eps: the smallest norm to divide by.
        dim: the dimension of the output channels; by default 1 for transposed convolutions, otherwise 0.

    Returns:
        the module.

    Raises:
        RuntimeError: the weight is normalized already.
        ValueError: the module has no such parameter, or n_power_iterations is not positive.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.utils.spectral_norm(fastnet.nn.Linear(4, 3))
        >>> layer.weight_orig.shape, layer.weight_u.shape, layer.weight_v.shape
        ((3, 4), (3,), (4,))
    """
    if name in weight_hooks(module):
        raise RuntimeError(f"spectral_norm: the parameter {name!r} is normalized already")
    if n_power_iterations <= 0:
        raise ValueError(f"spectral_norm: expected n_power_iterations to be positive, got {n_power_iterations}")
    weight = getattr(module, name, None)
    if not isinstance(weight, Parameter):
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter {name!r}")
    hook = _SpectralNormHook(name, n_power_iterations, eps, output_dim(module) if dim is None else as_dim(weight, dim))
    rows, columns = weight_matrix(weight.detach(), hook.dim).shape
    u, v = random_unit_vector(weight, rows, eps), random_unit_vector(weight, columns, eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    hook.attach(module)
    return module


def remove_spectral_norm(module: _M, name: str = "weight") -> _M:
    """Make the weight of a module that `spectral_norm` replaced a parameter again, with the normalized value.

    Args:
        module: the module.
        name: the name of the weight.

    Returns:
        the module.

    Raises:
        ValueError: the weight is not normalized.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.utils.spectral_norm(fastnet.nn.Linear(4, 3))
        >>> sorted(fastnet.nn.utils.remove_spectral_norm(layer).state_dict())
        ['bias', 'weight']
    """
    remove_hook(module, name, _SpectralNormHook, ("_orig", "_u", "_v"))
    return module
