"""Parametrizations of weights: weight normalization, spectral normalization and orthogonal matrices."""
from __future__ import annotations

from typing import Any, TypeVar

from fastnet._core.tensor import Tensor
from fastnet.functional.dims import as_dim
from fastnet.functional.normalization import normalize
from fastnet.nn.module import Module
from fastnet.nn.utils.orthogonal_maps import Orthogonal
from fastnet.nn.utils.parametrize import is_parametrized, register_parametrization
from fastnet.nn.utils.rescaling import (
    improve,
    norms_by_dim,
    output_dim,
    random_unit_vector,
    spectral_radius,
    weight_matrix,
)

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

_M = TypeVar("_M", bound="Module")


def _tensor_named(name: str, module: Module) -> Tensor:
    found = getattr(module, name, None)
    if not isinstance(found, Tensor):
        raise ValueError(f"{type(module).__name__} has no parameter or buffer {name!r}")
    return found


class _WeightNorm(Module):
    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norms_by_dim(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norms_by_dim(weight, self.dim), weight


class _FormerKeys:
    """Hook that renames the keys "weight_g" and "weight_v" of `nn.utils.weight_norm` in a state_dict."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Module, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        former = [prefix + self.name + part for part in ("_g", "_v")]
        if is_parametrized(module, self.name) and all(key in state_dict for key in former):
            for i, key in enumerate(former):
                state_dict[f"{prefix}parametrizations.{self.name}.original{i}"] = state_dict.pop(key)


def weight_norm(module: _M, name: str = "weight", dim: int | None = 0) -> _M:
    """Compute a weight w of a module from a length and a direction, which are learned: w = g * v / |v|.

    g is `module.parametrizations.weight.original0`, v is `original1`. Keys of a state_dict of `nn.utils.weight_norm`
    are accepted. Salimans and Kingma 2016, https://arxiv.org/abs/1602.07868.

    Args:
        module: the module.
        name: the name of the weight.
        dim: the dimension whose entries have a length each; None for one length of all.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter or buffer.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.utils.parametrizations.weight_norm(fastnet.nn.Linear(4, 3))
        >>> originals = layer.parametrizations.weight
        >>> originals.original0.shape, originals.original1.shape
        ((3, 1), (3, 4))
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module.register_load_state_dict_pre_hook(_FormerKeys(name))
    return module


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim, eps
        if weight.ndim > 1:
            matrix = weight_matrix(weight.detach(), dim)
            u, v = (random_unit_vector(matrix, size, eps) for size in matrix.shape)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Tensor, number: int) -> None:
        for _ in range(number):
            improve(self._u, matrix, self._v, self.eps)
            improve(self._v, matrix.T, self._u, self.eps)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = weight_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        return weight / spectral_radius(matrix, self._u, self._v)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(module: _M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> _M:
    """Divide a weight W of a module by its largest singular value at each access: W / sigma(W).

    sigma(W) = u . (W @ v), with estimates u and v of the singular vectors, which are buffers. Fifteen power iterations
    make the first estimates; in training mode, each access improves them by more: u = W @ v / |W @ v|, then
    v = W.T @ u / |W.T @ u|. A weight of more than two dimensions is taken as a matrix (size of `dim`, product of the
    other sizes); one of one dimension is divided by its norm. Miyato et al. 2018, https://arxiv.org/abs/1802.05957.

    Args:
        module: the module.
        name: the name of the weight.
        n_power_iterations: the number of power iterations of each access in training mode.
        eps: the smallest norm to divide by.
        dim: the dimension of the output channels; by default 1 for transposed convolutions, otherwise 0.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter or buffer, or n_power_iterations is not positive.
        IndexError: the weight does not have dimension `dim`.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.utils.parametrizations.spectral_norm(fastnet.nn.Linear(4, 3), n_power_iterations=50)
        >>> bool((fastnet.linalg.matrix_norm(layer.weight, 2) - 1).abs() < 1e-3)
        True
    """
    weight = _tensor_named(name, module)
    if n_power_iterations <= 0:
        raise ValueError(f"spectral_norm: expected n_power_iterations to be positive, got {n_power_iterations}")
    dim = output_dim(module) if dim is None else as_dim(weight, dim)
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


def orthogonal(module: _M, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> _M:
    """Keep a weight of a module orthogonal: its columns, or the rows of a wide matrix, are orthonormal.

    The maps from the original X, with A = tril(X) - tril(X).T, are "matrix_exp", Q = exp(A); "cayley",
    Q = (I + A/2) (I - A/2)^-1; and "householder", the product of the reflections by the columns of tril(X). The first
    value is the weight, if it is orthogonal, otherwise the Q of its QR decomposition. A tensor of more dimensions is a
    batch of matrices. Lezcano 2019, https://arxiv.org/abs/1909.09501.

    Args:
        module: the module.
        name: the name of the weight.
        orthogonal_map: "matrix_exp", the default for square matrices; "householder", that of others; or "cayley".
        use_trivialization: multiply Q by a constant matrix, the buffer `base`, so that the original starts simple and
            the training converges faster. Without it, "matrix_exp" and "cayley" do not keep the first value, and the
            weight cannot be assigned.

    Returns:
        the module.

    Raises:
        ValueError: no such parameter or buffer, a tensor of one dimension, complex numbers, or another map.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.utils.parametrizations.orthogonal(fastnet.nn.Linear(2, 4))
        >>> fastnet.allclose(layer.weight.T @ layer.weight, fastnet.eye(2), atol=1e-5)
        True
    """
    weight = _tensor_named(name, module)
    return register_parametrization(module, name, Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True)
