"""Batch norm and instance norm: layers that normalize each channel."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.errors import check_sizes, naming_none, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.channel_normalization import batch_norm_activated
from fastnet.functional.creation import ones, zeros
from fastnet.nn import init
from fastnet.nn.functional import instance_norm
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, floating, new_buffer, new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]

_ADD_BATCH = "; add the batch dimension with unsqueeze(0)"
_SPATIAL = "", "L", "HW", "DHW"         # names of the dimensions after (N, C)


def _expected_shapes(channels: str, *dims: int, unbatched: int = 0) -> str:
    """The shapes of inputs with these numbers of dimensions, of which `unbatched` is that of one without N."""
    return " or ".join(f"({', '.join([channels, *_SPATIAL[n - 1]])})" if n == unbatched else
                       f"({', '.join(['N', channels, *_SPATIAL[n - 2]])})" for n in dims)


class _ChannelNorm(Module):
    """The parameters, statistics and settings of batch norm and instance norm.

    Attributes:
        dims: the numbers of dimensions that an input may have; each subclass sets it.
    """

    dims: tuple[int, ...]
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    weight: Parameter | Any             # None without affine
    bias: Parameter | Any
    running_mean: Tensor | Any          # None without track_running_stats
    running_var: Tensor | Any
    num_batches_tracked: Tensor | Any

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Device = None, dtype: DTypeLike | None = None, *,
                 bias: bool = True) -> None:
        super().__init__()
        check_sizes(type(self).__name__, num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, new_parameter(num_features, device=device, dtype=dtype) if wanted else None)
        tracks, dtype = track_running_stats, floating(dtype)
        self.register_buffer("running_mean", new_buffer(zeros, num_features, dtype=dtype) if tracks else None)
        self.register_buffer("running_var", new_buffer(ones, num_features, dtype=dtype) if tracks else None)
        self.register_buffer("num_batches_tracked", new_buffer(zeros, dtype=int) if tracks else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Reset the running statistics: mean 0, variance 1, no batches."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Reset the running statistics, the weight to 1 and the bias to 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class _BatchNorm(_ChannelNorm):
    """Batch norm over channels."""

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return self.activated(input)

    def activated(self, input: Tensor, activation: str = "none", residual: Tensor | None = None) -> Tensor:
        """activation(self(input) + residual) in one pass, with the same bits as step by step, and without the hooks.

        Args:
            input: a tensor that the layer takes.
            activation: "none" or "relu".
            residual: in the input's shape, or None for 0.

        Raises:
            ValueError: another shape, or in training mode a single value in each channel.

        Example:
            >>> import fastnet
            >>> norm = fastnet.nn.BatchNorm1d(1, eps=0.0)
            >>> norm.activated(fastnet.tensor([[1.0], [3.0]]), "relu", fastnet.tensor([[0.5], [0.5]])).tolist()
            [[0.0], [1.5]]
        """
        if input.ndim not in self.dims or input.shape[1] != self.num_features:
            channels = str(self.num_features)
            unbatched = input.ndim == self.dims[0] - 1 > 1 and input.shape[0] == self.num_features
            raise ValueError(f"{type(self).__name__}({channels}): expected an input of shape "
                             f"{_expected_shapes(channels, *self.dims)}, got "
                             f"{shape_text(input)}{_ADD_BATCH if unbatched else ''}")
        training = self.training
        mean = self.running_mean if not training or self.track_running_stats else None
        var = self.running_var if not training or self.track_running_stats else None
        return batch_norm_activated(input, mean, var, self.num_batches_tracked, self.weight, self.bias,
                                    training or mean is None, self.momentum, self.eps, activation, residual)


class BatchNorm1d(_BatchNorm):
    """Batch normalization of each feature: (x - mean) / sqrt(variance + eps) * weight + bias.

    In training mode, mean and variance are those of the batch (and the length), and the running statistics are updated
    with them. In evaluation mode the running statistics are used. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.

    Args:
        num_features: the number of features C.
        eps: added to the variance.
        momentum: the weight of each new batch in the running statistics; None averages all batches.
        affine: learn a weight and a bias.
        track_running_stats: keep running statistics; False always uses those of the batch.
        device: "cpu".
        dtype: of the parameters and the statistics, float32 by default.
        bias: learn a bias; ignored without affine.

    Raises:
        ValueError: when called with another shape, or in training mode with only one value per feature.

    Shape:
        (N, C) or (N, C, L) to the same. weight, bias, running_mean and running_var are (C,), num_batches_tracked is ().

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.BatchNorm1d(1, eps=0.0)
        >>> layer(fastnet.tensor([[1.0], [3.0]])).tolist()
        [[-1.0], [1.0]]
        >>> layer.running_mean, int(layer.num_batches_tracked)
        (tensor([0.2]), 1)
    """

    dims: tuple[int, ...] = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalization of each channel of images: (x - mean) / sqrt(variance + eps) * weight + bias.

    In training mode, mean and variance are those of the batch, over N, H and W, and the running statistics are updated
    with them. In evaluation mode the running statistics are used. In a Sequential, a following ReLU is computed in the
    same pass. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.

    Args:
        num_features: the number of channels C.
        eps: added to the variance.
        momentum: the weight of each new batch in the running statistics; None averages all batches.
        affine: learn a weight and a bias.
        track_running_stats: keep running statistics; False always uses those of the batch.
        device: "cpu".
        dtype: of the parameters and the statistics, float32 by default.
        bias: learn a bias; ignored without affine.

    Raises:
        ValueError: when called with another shape, or in training mode with only one value per channel. An image
            without a batch dimension needs `unsqueeze(0)`.

    Shape:
        (N, C, H, W) to the same, channels-last in memory. weight, bias, running_mean and running_var are (C,),
        num_batches_tracked is ().

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.BatchNorm2d(1, eps=0.0)
        >>> layer(fastnet.tensor([[[[1.0, 3.0]]]])).tolist()
        [[[[-1.0, 1.0]]]]
    """

    dims: tuple[int, ...] = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of each channel of volumes: (x - mean) / sqrt(variance + eps) * weight + bias.

    As `BatchNorm2d`, over N, D, H and W. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.

    Args:
        num_features: the number of channels C.
        eps: added to the variance.
        momentum: the weight of each new batch in the running statistics; None averages all batches.
        affine: learn a weight and a bias.
        track_running_stats: keep running statistics; False always uses those of the batch.
        device: "cpu".
        dtype: of the parameters and the statistics, float32 by default.
        bias: learn a bias; ignored without affine.

    Raises:
        ValueError: when called with another shape, or in training mode with only one value per channel. A volume
            without a batch dimension needs `unsqueeze(0)`.

    Shape:
        (N, C, D, H, W) to the same, channels-last in memory.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.BatchNorm3d(1, eps=0.0)
        >>> layer(fastnet.tensor([[[[[1.0, 3.0]]]]])).tolist()
        [[[[[-1.0, 1.0]]]]]
    """

    dims: tuple[int, ...] = (5,)


class _InstanceNorm(_ChannelNorm):
    """Instance norm over channels; dims are the numbers of dimensions without and with a batch."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Device = None, dtype: DTypeLike | None = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self.dims:
            shapes = _expected_shapes("C", *self.dims[::-1], unbatched=self.dims[0])
            raise ValueError(f"{type(self).__name__}: expected an input of shape {shapes}, got {shape_text(input)}")
        batched = input if input.ndim == self.dims[1] else input.unsqueeze(0)
        if batched.shape[1] != self.num_features and (self.affine or self.track_running_stats):
            raise ValueError(f"{type(self).__name__}({self.num_features}): expected {self.num_features} channels, got "
                             f"an input of shape {shape_text(input)}")
        out = instance_norm(batched, self.running_mean, self.running_var, self.weight, self.bias,
                            self.training or not self.track_running_stats,
                            0.0 if self.momentum is None else self.momentum, self.eps)
        return out if batched is input else out.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalization of each channel of sequences: (x - mean) / sqrt(variance + eps) * weight + bias.

    Mean and variance are those of a channel of one sample, in training and, without running statistics, in evaluation.
    Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022.

    Args:
        num_features: the number of channels C.
        eps: added to the variance.
        momentum: the weight of each new batch in the running statistics.
        affine: learn a weight and a bias; False by default.
        track_running_stats: keep running statistics and use them in evaluation; False by default.
        device: "cpu".
        dtype: of the parameters and the statistics, float32 by default.
        bias: learn a bias; ignored without affine.

    Raises:
        ValueError: when called with another shape, or with a single value in each channel of a sample.

    Shape:
        (N, C, L) or, without a batch, (C, L) to the same, channels-last in memory.

    Example:
        >>> import fastnet
        >>> fastnet.nn.InstanceNorm1d(1, eps=0.0)(fastnet.tensor([[[1.0, 3.0]]])).tolist()
        [[[-1.0, 1.0]]]
    """

    dims: tuple[int, ...] = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization of each channel of images: (x - mean) / sqrt(variance + eps) * weight + bias.

    Mean and variance are those of a channel of one sample, in training and, without running statistics, in evaluation.
    Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022.

    Args:
        num_features: the number of channels C.
        eps: added to the variance.
        momentum: the weight of each new batch in the running statistics.
        affine: learn a weight and a bias; False by default.
        track_running_stats: keep running statistics and use them in evaluation; False by default.
        device: "cpu".
        dtype: of the parameters and the statistics, float32 by default.
        bias: learn a bias; ignored without affine.

    Raises:
        ValueError: when called with another shape, or with a single value in each channel of a sample.

    Shape:
        (N, C, H, W) or, without a batch, (C, H, W) to the same, channels-last in memory.

    Example:
        >>> import fastnet
        >>> fastnet.nn.InstanceNorm2d(1, eps=0.0)(fastnet.tensor([[[[1.0, 3.0]]]])).tolist()
        [[[[-1.0, 1.0]]]]
    """

    dims: tuple[int, ...] = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of each channel of volumes: (x - mean) / sqrt(variance + eps) * weight + bias.

    Mean and variance are those of a channel of one sample, in training and, without running statistics, in evaluation.
    Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022.

    Args:
        num_features: the number of channels C.
        eps: added to the variance.
        momentum: the weight of each new batch in the running statistics.
        affine: learn a weight and a bias; False by default.
        track_running_stats: keep running statistics and use them in evaluation; False by default.
        device: "cpu".
        dtype: of the parameters and the statistics, float32 by default.
        bias: learn a bias; ignored without affine.

    Raises:
        ValueError: when called with another shape, or with a single value in each channel of a sample.

    Shape:
        (N, C, D, H, W) or, without a batch, (C, D, H, W) to the same, channels-last in memory.

    Example:
        >>> import fastnet
        >>> fastnet.nn.InstanceNorm3d(1, eps=0.0)(fastnet.tensor([[[[[1.0, 3.0]]]]])).tolist()
        [[[[[-1.0, 1.0]]]]]
    """

    dims: tuple[int, ...] = (4, 5)
