"""Normalisation over channels: batch, group and instance norm, and local response norm.

Outputs lie in channels-last memory: their kernels see rows of channels.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty, empty_like
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, on_tensors, op, transposes
from fastnet.backend import K
from fastnet.functional.kernel_calls import check_floating, contiguous, full
from fastnet.functional.layout import channels_first, channels_last
from fastnet.functional.norm_slopes import of_batch_norm, of_group_norm, of_local_response_norm
from fastnet.functional.normalization import check_parameters, checked_eps, needed_arrays

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet.functional.normalization import Gradients

__all__ = ["batch_norm", "batch_norm_activated", "group_norm", "group_norm_gradients", "instance_norm",
           "local_response_norm"]


def _by_channels(x: Array) -> Array:
    """An array (N, C, *spatial) as contiguous rows of channels, (R, C)."""
    if x.ndim > 2:
        x = channels_last(x)
        return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    return contiguous(x)


def _by_images(rows: Array, shape: Shape) -> Array:
    """Rows of channels as an array (N, C, *spatial) in channels-last memory."""
    if len(shape) == 2:
        return rows.reshape(shape)
    return channels_first(rows.reshape(shape[0], *shape[2:], shape[1]))


def _by_samples(x: Array) -> Array:
    """An array (N, C, *spatial) as contiguous rows of channels of each sample, (N, R, C)."""
    y = channels_last(x)
    return y.reshape(x.shape[0], math.prod(x.shape[2:]), x.shape[1])


def _rows_as_images(v: Array, shape: Shape) -> Array:
    return _by_images(v, shape)


def _images_as_rows(x: Array, shape: Shape) -> Array:
    return _by_channels(x)


def _samples_of_images(x: Array, shape: Shape) -> Array:
    return _by_samples(x)


def _images_of_samples(v: Array, shape: Shape) -> Array:
    return _by_images(v, shape)


transposes(_rows_as_images, _images_as_rows)
transposes(_images_of_samples, _samples_of_images)


# ---- over batches ---------------------------------------------------------------------------------------------------

@op
def _batch_norm(x: Array, weight: Array | None, bias: Array | None, running_mean: Array | None,
                running_var: Array | None, tracked: Array | None, residual: Array | None, training: bool,
                momentum: float | None, eps: float, activation: str) -> Result[Array]:
    rows = _by_channels(x)
    mean, var = running_mean, running_var
    if training:
        mean, var = empty(rows.shape[1:], dtypes.float64), empty(rows.shape[1:], x.dtype)
        K.channel_norm_stats(mean, var, rows)
        if running_mean is not None:
            K.batch_norm_update_(running_mean, running_var, tracked, mean, var, rows.shape[0], momentum)
    out = empty_like(rows)
    other = None if residual is None else _by_channels(residual)
    K.channel_norm(out, rows, mean, var, weight, bias, other, eps, activation)
    output = out if activation != "none" and residual is not None else None     # its sign, unless x and bias tell it
    return _by_images(out, x.shape), gradient(
        _batch_norm_gradients, rows, output, mean, var, weight, bias if activation != "none" else None, eps, training,
        activation)


@on_tensors(of_batch_norm, (0, lambda rows, shape: gradient(_rows_as_images, shape)), None, None, None, 1, None)
def _batch_norm_gradients(g: Array, needs: Sequence[bool], rows: Array, out: Array | None, mean: Array, var: Array,
                          weight: Array | None, bias: Array | None, eps: float, training: bool,
                          activation: str) -> Gradients:
    shape, channels = rows.shape, rows.shape[1:]
    dx, dweight, dbias = needed_arrays(needs, g.dtype, shape, channels, channels)
    dresidual, = needed_arrays(needs[6:], g.dtype, shape) if activation != "none" else (None,)
    K.channel_norm_backward(dx, dresidual, dweight, dbias, rows, out, mean, var, weight, bias, _by_channels(g), eps,
                            training, activation)
    dx, dresidual = (None if d is None else _by_images(d, g.shape) for d in (dx, dresidual))
    return dx, dweight, dbias, None, None, None, g if activation == "none" else dresidual


def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Batch normalisation: (x - mean) / sqrt(variance + eps) * weight + bias for each channel.

    In training, mean and biased variance are those of the batch, over all dimensions but the channels. The running
    statistics, if given, are updated: running = (1 - momentum) * running + momentum * statistic, with the unbiased
    variance; an empty batch does not change them. In evaluation the running statistics are used. Ioffe and Szegedy
    2015, https://arxiv.org/abs/1502.03167.

    Args:
        input: (N, C) or (N, C, ...).
        running_mean, running_var: (C,), updated in training; both or neither None.
        weight, bias: (C,), or None for 1 and 0.
        training: use the statistics of the batch.
        momentum: the weight of the new statistics.
        eps: added to the variance.

    Raises:
        RuntimeError: shapes or dtypes that don't fit (both are named), or no running statistics in evaluation.
        ValueError: a single value in each channel in training, which has no variance; a negative eps.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.batch_norm(fastnet.tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0)
        tensor([[-1.],
                [ 1.]])
    """
    return batch_norm_activated(input, running_mean, running_var, None, weight, bias, training, float(momentum), eps)


def batch_norm_activated(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, tracked: Tensor | None,
                         weight: Tensor | None, bias: Tensor | None, training: bool, momentum: float | None,
                         eps: float, activation: str = "none", residual: Tensor | None = None) -> Tensor:
    """activation(batch_norm(input) + residual), computed in one pass after the statistics.

    Args:
        input, running_mean, running_var, weight, bias, training, eps: as in `batch_norm`.
        tracked: int64 (), the number of batches, which is increased by 1; None does not count.
        momentum: as in `batch_norm`, or None for running statistics that are the averages of all batches.
        activation: "none" or "relu".
        residual: in the input's shape and dtype, or None for 0.
    """
    if input.ndim < 2:
        raise RuntimeError(f"batch_norm: expected an input of shape (N, C) or (N, C, ...), got {shape_text(input)}")
    check_parameters("batch_norm", input, input.shape[1:2], running_mean=running_mean, running_var=running_var,
                      weight=weight, bias=bias)
    if (running_mean is None) != (running_var is None) or (running_mean is None and not training):
        raise RuntimeError("batch_norm: expected running_mean and running_var; only in training may both be None")
    if training and math.prod(input.shape[:1] + input.shape[2:]) == 1:
        raise ValueError(f"batch_norm: expected more than one value in each channel in training, got an input of shape "
                         f"{shape_text(input)}")
    if residual is not None:
        check_parameters("batch_norm", input, input.shape, residual=residual)
    updates = training and running_mean is not None
    count = full((), 0, dtypes.int64) if updates and tracked is None else tracked
    out = _batch_norm(input, weight, bias, running_mean, running_var, count, residual, bool(training), momentum,
                      checked_eps("batch_norm", eps), activation)
    if updates:
        _note_update(running_mean, running_var, tracked)
    return out


def _note_update(*statistics: Tensor | None) -> None:
    """Count a change in place of each tensor."""
    for x in statistics:
        if x is not None:
            x._storage.version += 1


# ---- over samples ---------------------------------------------------------------------------------------------------

@op
def _group_norm(x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float,
                running_mean: Array | None = None, running_var: Array | None = None, tracked: Array | None = None,
                momentum: float = 0.0) -> Result[Array]:
    samples = _by_samples(x)
    statistics = x.shape[0], groups
    mean, var = empty(statistics, dtypes.float64), empty(statistics, x.dtype)
    out = empty_like(samples)
    K.group_norm(out, mean, var, samples, weight, bias, eps)
    if running_mean is not None:
        K.batch_norm_update_(running_mean, running_var, tracked, mean, var, samples.shape[1], momentum)
    return _by_images(out, x.shape), gradient(group_norm_gradients, samples, mean, var, weight, eps)


@on_tensors(of_group_norm, (0, lambda samples, shape: gradient(_images_of_samples, shape)), None, None, 1)
def group_norm_gradients(g: Array, needs: Sequence[bool], samples: Array, mean: Array, var: Array,
                         weight: Array | None, eps: float) -> Gradients:
    """The gradients of the arguments of `group_norm`."""
    shape = samples.shape
    dx, dweight, dbias = needed_arrays(needs, g.dtype, shape, shape[2:], shape[2:])
    K.channel_norm_backward(dx, None, dweight, dbias, samples, None, mean, var, weight, None, _by_samples(g), eps, True,
                            "none")
    return (None if dx is None else _by_images(dx, g.shape)), dweight, dbias


def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Group normalisation: (x - mean) / sqrt(variance + eps) * weight + bias for each group of channels of a sample.

    Mean and biased variance are those of a group of C/num_groups adjacent channels and all positions of one sample. Wu
    and He 2018, https://arxiv.org/abs/1803.08494.

    Args:
        input: (N, C) or (N, C, ...).
        num_groups: the number of groups, which divides C.
        weight, bias: (C,), or None for 1 and 0.
        eps: added to the variance.

    Raises:
        RuntimeError: channels that do not divide into groups; shapes or dtypes that don't fit, both named.
        ValueError: a single value in each group and only one sample; a negative eps.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.group_norm(fastnet.tensor([[1.0, 3.0, 20.0, 10.0]]), 2, eps=0.0)
        tensor([[-1.,  1.,  1., -1.]])
    """
    if input.ndim < 2:
        raise RuntimeError(f"group_norm: expected an input of shape (N, C) or (N, C, ...), got {shape_text(input)}")
    n, c = input.shape[:2]
    if num_groups < 1 or c % num_groups:
        raise RuntimeError(f"group_norm: expected num_groups that divides the {c} channels of an input of shape "
                           f"{shape_text(input)}, got {num_groups}")
    check_parameters("group_norm", input, input.shape[1:2], weight=weight, bias=bias)
    if n * (c // num_groups) * math.prod(input.shape[2:]) == 1:
        raise ValueError(f"group_norm: expected more than one value in each group, got an input of shape "
                         f"{shape_text(input)} and {num_groups} groups")
    return _group_norm(input, weight, bias, num_groups, checked_eps("group_norm", eps))


def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Instance normalisation: (x - mean) / sqrt(variance + eps) * weight + bias for each channel of each sample.

    With use_input_stats, mean and biased variance are those of a channel of a sample. The running statistics, if given,
    are updated: running = (1 - momentum) * running + momentum * statistic, with the average of all samples and the
    unbiased variance. Otherwise the running statistics are used. Ulyanov et al. 2016,
    https://arxiv.org/abs/1607.08022.

    Args:
        input: (N, C, ...) with at least one dimension after the channels.
        running_mean, running_var: (C,), updated with use_input_stats; both or neither None.
        weight, bias: (C,), or None for 1 and 0.
        use_input_stats: use the statistics of the input.
        momentum: the weight of the new statistics.
        eps: added to the variance.

    Raises:
        RuntimeError: shapes or dtypes that don't fit (both are named), or no statistics to use.
        ValueError: a single value in each channel of a sample, which has no variance; a negative eps.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.instance_norm(fastnet.tensor([[[1.0, 3.0], [20.0, 10.0]]]), eps=0.0)
        tensor([[[-1.,  1.],
                 [ 1., -1.]]])
    """
    if input.ndim < 3:
        raise RuntimeError(f"instance_norm: expected an input of shape (N, C, L), (N, C, H, W) or (N, C, D, H, W), got "
                           f"{shape_text(input)}")
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("instance_norm: expected running_mean and running_var without use_input_stats")
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    check_parameters("instance_norm", input, input.shape[1:2], running_mean=running_mean, running_var=running_var,
                     weight=weight, bias=bias)
    if (running_mean is None) != (running_var is None):
        raise RuntimeError("instance_norm: expected both running_mean and running_var, or neither")
    if math.prod(input.shape[2:]) == 1:
        raise ValueError(f"instance_norm: expected more than one value in each channel of a sample, got an input of "
                         f"shape {shape_text(input)}")
    eps = checked_eps("instance_norm", eps)
    if running_mean is None:
        return _group_norm(input, weight, bias, input.shape[1], eps)
    count = full((), 0, dtypes.int64)
    out = _group_norm(input, weight, bias, input.shape[1], eps, running_mean, running_var, count, float(momentum))
    _note_update(running_mean, running_var)
    return out


# ---- over neighbouring channels -------------------------------------------------------------------------------------

@op
def _local_response_norm(x: Array, size: int, alpha: float, beta: float, k: float) -> Result[Array]:
    rows = _by_channels(x)
    out, scale = empty_like(rows), empty_like(rows)
    K.local_response_norm(out, scale, rows, size, alpha, beta, k)
    slope = gradient(_local_response_norm_gradient, rows, scale, size, alpha, beta, k)
    return _by_images(out, x.shape), (slope,)


@on_tensors(of_local_response_norm, (0, lambda rows, shape: gradient(_rows_as_images, shape)), None)
def _local_response_norm_gradient(g: Array, rows: Array, scale: Array, size: int, alpha: float, beta: float,
                                  k: float) -> Array:
    dx = empty_like(rows)
    K.local_response_norm_backward(dx, rows, scale, _by_channels(g), size, alpha, beta)
    return _by_images(dx, g.shape)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Local response normalisation: x / (k + alpha / size * sum of x^2 over neighbouring channels) ^ beta.

    The sum for channel c is over the `size` channels c - size // 2 to c + (size - 1) // 2; those outside of the input
    count as 0. Krizhevsky et al. 2012, https://papers.nips.cc/paper/4824.

    Args:
        input: (N, C, ...) with at least one dimension after the channels.
        size: the number of channels of a window.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: added to the scaled mean square.

    Raises:
        ValueError: fewer than three dimensions, or a size below 1.
        RuntimeError: integers.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.local_response_norm(fastnet.ones(1, 2, 1), 2, alpha=2.0, beta=1.0).flatten()
        tensor([0.5   , 0.3333])
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: expected an input of shape (N, C, L), (N, C, H, W) or more, got "
                         f"{shape_text(input)}")
    check_floating("local_response_norm", input)
    if size < 1:
        raise ValueError(f"local_response_norm: expected a size of 1 or more, got {size}")
    return _local_response_norm(input, int(size), float(alpha), float(beta), float(k))
