"""Normalization layers over the last dimensions, groups of channels and neighbouring channels."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import check_sizes
from fastnet._core.tensor import Tensor
from fastnet.nn import init
from fastnet.nn.functional import group_norm, layer_norm, local_response_norm, rms_norm
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike, Shape

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class LayerNorm(Module):
    """Layer normalization over the last dimensions: (x - mean) / sqrt(variance + eps) * weight + bias.

    Ba et al. 2016, https://arxiv.org/abs/1607.06450.

    Args:
        normalized_shape: the length of the last dimension, or the lengths of the last dimensions.
        eps: added to the variance.
        elementwise_affine: learn a weight and a bias of shape normalized_shape.
        bias: learn a bias; ignored without elementwise_affine.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Raises:
        RuntimeError: when called with an input whose last dimensions are not normalized_shape.

    Shape:
        (..., *normalized_shape) to the same.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.LayerNorm(2, eps=0.0)
        >>> layer(fastnet.tensor([[1.0, 3.0], [20.0, 10.0]])).tolist()
        [[-1.0, 1.0], [1.0, -1.0]]
    """

    normalized_shape: tuple[int, ...]
    eps: float
    elementwise_affine: bool
    weight: Parameter | Any             # None without elementwise_affine
    bias: Parameter | Any

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        self.normalized_shape = _checked_shape("LayerNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            self.register_parameter(
                name, new_parameter(*self.normalized_shape, device=device, dtype=dtype) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(Module):
    """Root mean square normalization over the last dimensions: x / sqrt(mean(x^2) + eps) * weight.

    Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467.

    Args:
        normalized_shape: the length of the last dimension, or the lengths of the last dimensions.
        eps: added to the mean; by default the machine epsilon of the input's dtype.
        elementwise_affine: learn a weight of shape normalized_shape.
        device: "cpu".
        dtype: of the parameter, float32 by default.

    Example:
        >>> import fastnet
        >>> fastnet.nn.RMSNorm(2, eps=0.0)(fastnet.tensor([[3.0, -3.0]])).tolist()
        [[1.0, -1.0]]
    """

    normalized_shape: tuple[int, ...]
    eps: float | None
    elementwise_affine: bool
    weight: Parameter | Any             # None without elementwise_affine

    def __init__(self, normalized_shape: int | Sequence[int], eps: float | None = None,
                 elementwise_affine: bool = True, device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        self.normalized_shape = _checked_shape("RMSNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.register_parameter(
            "weight", new_parameter(*self.normalized_shape, device=device, dtype=dtype) if elementwise_affine else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset the weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Group normalization: (x - mean) / sqrt(variance + eps) * weight + bias for each group of channels of a sample.

    Mean and variance are those of num_channels/num_groups adjacent channels, over all positions, in training and in
    evaluation. Wu and He 2018, https://arxiv.org/abs/1803.08494.

    Args:
        num_groups: the number of groups.
        num_channels: the number of channels C, a multiple of num_groups.
        eps: added to the variance.
        affine: learn a weight and a bias for each channel.
        device: "cpu".
        dtype: of the parameters, float32 by default.
        bias: learn a bias; ignored without affine.

    Raises:
        ValueError: channels that do not divide into groups.

    Shape:
        (N, C) or (N, C, ...) to the same, channels-last in memory.

    Example:
        >>> import fastnet
        >>> fastnet.nn.GroupNorm(2, 4, eps=0.0)(fastnet.tensor([[1.0, 3.0, 20.0, 10.0]])).tolist()
        [[-1.0, 1.0, 1.0, -1.0]]
    """

    num_groups: int
    num_channels: int
    eps: float
    affine: bool
    weight: Parameter | Any             # None without affine
    bias: Parameter | Any

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
                 device: Device = None, dtype: DTypeLike | None = None, *, bias: bool = True) -> None:
        super().__init__()
        check_sizes("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: expected num_channels to be a multiple of num_groups, got num_channels="
                             f"{num_channels} and num_groups={num_groups}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, new_parameter(num_channels, device=device, dtype=dtype) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LocalResponseNorm(Module):
    """Local response normalization: x / (k + alpha / size * sum of x^2 over neighbouring channels) ^ beta.

    The sum for channel c is over channels c - size // 2 to c + (size - 1) // 2; those outside of the input count as 0.
    Krizhevsky et al. 2012, https://papers.nips.cc/paper/4824.

    Args:
        size: the number of channels of a window.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: added to the scaled mean square.

    Shape:
        (N, C, ...) with at least one dimension after the channels to the same, channels-last in memory.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LocalResponseNorm(2, alpha=2.0, beta=1.0)(fastnet.ones(1, 2, 1)).flatten()
        tensor([0.5   , 0.3333])
    """

    size: int
    alpha: float
    beta: float
    k: float

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _checked_shape(name: str, normalized_shape: int | Sequence[int]) -> Shape:
    shape = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    check_sizes(name, normalized_shape=shape)
    return tuple(map(int, shape))
