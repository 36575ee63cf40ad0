"""Adaptive pooling: windows of about equal size that divide an image into a given number of outputs."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet.functional.average_pooling import avg_pool
from fastnet.functional.dims import as_tuple
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.max_pooling import max_over
from fastnet.functional.windows import Windows, check_image, on_batch, volume_lengths

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape
    from fastnet._core.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]


def _lengths(name: str, input: Tensor, n: int, output_size: int | Sequence[int | None] | None) -> Shape:
    """The spatial lengths of the output; None stands for the input's."""
    given = output_size if isinstance(output_size, tuple | list) else (output_size,)
    if len(given) not in (1, n) or (n > 1 and output_size is None):
        raise RuntimeError(f"{name}: expected output_size to be an integer or {n} integers, got {output_size!r}")
    given = tuple(given) * (n // len(given))
    wanted = tuple(size if g is None else g for g, size in zip(given, input.shape[-n:]))
    lengths = as_tuple(name, "output_size", wanted, n)
    if min(lengths) < 0:
        raise RuntimeError(f"{name}: expected output_size to be at least 0, got {output_size!r}")
    return lengths


def _adaptive_avg_pool_nd(name: str, n: int, input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    check_image(name, input, n)
    check_floating(name, input)
    windows = Windows(None, volume_lengths(_lengths(name, input, n, output_size)))
    return on_batch(input, n, lambda x: (avg_pool(x, windows),))[0]


def _adaptive_max_pool_nd(name: str, n: int, input: Tensor, output_size: int | Sequence[int | None],
                          return_indices: bool) -> Any:
    check_image(name, input, n)
    check_floating(name, input)
    lengths = _lengths(name, input, n, output_size)
    taps = math.prod(size // max(out, 1) + 2 for size, out in zip(input.shape[-n:], lengths))
    return max_over(name, input, n, Windows(None, volume_lengths(lengths)), taps, return_indices)


def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Average of each window, with windows chosen so that the output has a given size.

    Output o of O covers the positions from floor(o*I/O) to ceil((o + 1)*I/O) - 1 of I. With output_size 1 it is the
    global average of Lin et al. 2013, https://arxiv.org/abs/1312.4400.

    Args:
        input: (N, C, L), or (C, L) without a batch; floating-point.
        output_size: an integer.

    Raises:
        RuntimeError: a wrong number of dimensions, or a negative output_size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.adaptive_avg_pool1d(fastnet.arange(6.0).reshape(1, 6), 3)
        tensor([[0.5, 2.5, 4.5]])
    """
    return _adaptive_avg_pool_nd("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Average of each window, with windows chosen so that the output has a given size.

    Output o of O covers the positions from floor(o*I/O) to ceil((o + 1)*I/O) - 1 of I. With output_size 1 it is the
    global average of Lin et al. 2013, https://arxiv.org/abs/1312.4400.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch; floating-point.
        output_size: an integer, or 2 of them for H and W; None keeps a length.

    Raises:
        RuntimeError: a wrong number of dimensions, or a negative output_size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.adaptive_avg_pool2d(fastnet.arange(8.0).reshape(1, 2, 4), (1, 2))
        tensor([[[2.5, 4.5]]])
    """
    return _adaptive_avg_pool_nd("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Average of each window, with windows chosen so that the output has a given size.

    Output o of O covers the positions from floor(o*I/O) to ceil((o + 1)*I/O) - 1 of I. With output_size 1 it is the
    global average of Lin et al. 2013, https://arxiv.org/abs/1312.4400.

    Args:
        input: (N, C, D, H, W), or (C, D, H, W) without a batch; floating-point.
        output_size: an integer, or 3 of them for D, H and W; None keeps a length.

    Raises:
        RuntimeError: a wrong number of dimensions, or a negative output_size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.adaptive_avg_pool3d(fastnet.arange(8.0).reshape(1, 2, 2, 2), 1)
        tensor([[[[3.5]]]])
    """
    return _adaptive_avg_pool_nd("adaptive_avg_pool3d", 3, input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False) -> Any:
    """Largest element of each window, with windows chosen so that the output has a given size.

    Output o of O covers the positions from floor(o*I/O) to ceil((o + 1)*I/O) - 1 of I. He et al. 2014, https://arxiv.org/abs/1406.4729.

    Args:
        input: (N, C, L), or (C, L) without a batch; floating-point.
        output_size: an integer.
        return_indices: return (output, indices) with the positions of the largest elements, int64.

    Raises:
        RuntimeError: a wrong number of dimensions, or a negative output_size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.adaptive_max_pool1d(fastnet.arange(6.0).reshape(1, 6), 3)
        tensor([[1., 3., 5.]])
    """
    return _adaptive_max_pool_nd("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False) -> Any:
    """Largest element of each window, with windows chosen so that the output has a given size.

    Output o of O covers the positions from floor(o*I/O) to ceil((o + 1)*I/O) - 1 of I. He et al. 2014, https://arxiv.org/abs/1406.4729.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch; floating-point.
        output_size: an integer, or 2 of them for H and W; None keeps a length.
        return_indices: return (output, indices) with the positions of the largest elements, int64.

    Raises:
        RuntimeError: a wrong number of dimensions, or a negative output_size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.adaptive_max_pool2d(fastnet.arange(8.0).reshape(1, 2, 4), (1, 2))
        tensor([[[5., 7.]]])
    """
    return _adaptive_max_pool_nd("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False) -> Any:
    """Largest element of each window, with windows chosen so that the output has a given size.

    Output o of O covers the positions from floor(o*I/O) to ceil((o + 1)*I/O) - 1 of I. He et al. 2014, https://arxiv.org/abs/1406.4729.

    Args:
        input: (N, C, D, H, W), or (C, D, H, W) without a batch; floating-point.
        output_size: an integer, or 3 of them for D, H and W; None keeps a length.
        return_indices: return (output, indices) with the positions of the largest elements, int64.

    Raises:
        RuntimeError: a wrong number of dimensions, or a negative output_size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.adaptive_max_pool3d(fastnet.arange(8.0).reshape(1, 2, 2, 2), 1)
        tensor([[[[7.]]]])
    """
    return _adaptive_max_pool_nd("adaptive_max_pool3d", 3, input, output_size, return_indices)
