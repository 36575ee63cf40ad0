"""Max pooling over windows at random places."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.dtypes import int64
from fastnet.functional.creation import arange, full
from fastnet.functional.dims import as_tuple
from fastnet.functional.indexing import gather
from fastnet.functional.joining import cat
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.random import rand

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape, Size

__all__ = ["fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
           "fractional_max_pool3d_with_indices"]

_SAMPLES = {2: (1, 0), 3: (0, 1, 2)}    # the position of each dimension's random number, as in PyTorch


def fractional_max_pool2d(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                          output_ratio: float | Sequence[float] | None = None, return_indices: bool = False,
                          _random_samples: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Maxima of windows at random places, whose number is the size of the output.

    The windows of a dimension of length n begin at floor((i + u) * a) - floor(u * a), where u is a random number of
    each channel and a = (n - kernel) / (output - 1); the last one ends at the end. Graham 2014,
    https://arxiv.org/abs/1412.6071.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size: of the windows, a number or a pair.
        output_size: a number or a pair.
        output_ratio: the size of the output relative to that of the input, in place of `output_size`.
        return_indices: return the positions of the maxima in the flattened images, too.
        _random_samples: the random numbers, (N, C, 2).

    Raises:
        RuntimeError: both or neither of output_size and output_ratio, another number of dimensions, or windows that do
            not fit.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(16.0).reshape(1, 1, 4, 4)
        >>> fastnet.nn.functional.fractional_max_pool2d(x, 2, output_size=3)
        tensor([[[[ 5.,  6.,  7.],
                  [ 9., 10., 11.],
                  [13., 14., 15.]]]])
    """
    values, indices = _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, indices) if return_indices else values


def fractional_max_pool3d(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                          output_ratio: float | Sequence[float] | None = None, return_indices: bool = False,
                          _random_samples: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """`fractional_max_pool2d` of inputs (N, C, D, H, W) or (C, D, H, W), with random numbers (N, C, 3).

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(1, 2, 6, 6, 6)
        >>> fastnet.nn.functional.fractional_max_pool3d(x, 2, output_ratio=0.5).shape
        (1, 2, 3, 3, 3)
    """
    values, indices = _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, indices) if return_indices else values


def fractional_max_pool2d_with_indices(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                                       output_ratio: float | Sequence[float] | None = None,
                                       return_indices: bool = False,
                                       _random_samples: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`fractional_max_pool2d` with return_indices: (output, indices).

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(4.0).reshape(1, 2, 2)
        >>> fastnet.nn.functional.fractional_max_pool2d_with_indices(x, 2, output_size=1)
        (tensor([[[3.]]]), tensor([[[3]]]))
    """
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                                       output_ratio: float | Sequence[float] | None = None,
                                       return_indices: bool = False,
                                       _random_samples: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`fractional_max_pool3d` with return_indices: (output, indices).

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(8.0).reshape(1, 2, 2, 2)
        >>> fastnet.nn.functional.fractional_max_pool3d_with_indices(x, 2, output_size=1)
        (tensor([[[[7.]]]]), tensor([[[[7]]]]))
    """
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


def _fractional_max_pool(n: int, input: Tensor, kernel_size: Size, output_size: Size | None,
                         output_ratio: float | Sequence[float] | None,
                         samples: Tensor | None) -> tuple[Tensor, Tensor]:
    name = f"fractional_max_pool{n}d"
    check_floating(name, input)
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}: expected an input with {n + 2} dimensions, or {n + 1} without a batch, got shape "
                           f"{shape_text(input)}")
    x = input if input.ndim == n + 2 else input.unsqueeze(0)
    kernel, sizes = as_tuple(name, "kernel_size", kernel_size, n), x.shape[2:]
    outputs = _output_sizes(name, n, sizes, output_size, output_ratio)
    if any(k + o - 1 > size or min(k, o) < 1 for k, o, size in zip(kernel, outputs, sizes)):
        raise RuntimeError(f"{name}: expected windows and outputs of 1 or more that fit an input of shape "
                           f"{shape_text(input)}, got kernel_size {kernel} and output_size {outputs}")
    if samples is None:
        samples = rand(*x.shape[:2], n, dtype=x.dtype)
    elif samples.dtype != x.dtype:
        raise RuntimeError(f"{name}: expected random samples of the input's dtype {x.dtype}, got {samples.dtype}")
    places = _random_window_places(samples, sizes, kernel, outputs)
    found = gather(x.flatten(2), 2, places.flatten(2)).reshape(places.shape)
    values, best = found.max(-1)
    indices = gather(places, -1, best.unsqueeze(-1)).squeeze(-1)
    shape = (*input.shape[:-n], *outputs)
    return values.reshape(shape), indices.reshape(shape)


def _output_sizes(name: str, n: int, sizes: Shape, output_size: Size | None,
                  output_ratio: float | Sequence[float] | None) -> Shape:
    if (output_size is None) == (output_ratio is None):
        raise RuntimeError(f"{name}: expected either output_size or output_ratio, got "
                           f"{'neither' if output_size is None else 'both'}")
    if output_size is not None:
        return as_tuple(name, "output_size", output_size, n)
    ratios = output_ratio if isinstance(output_ratio, Sequence) else (output_ratio,) * n
    return tuple(int(size * ratio) for size, ratio in zip(sizes, ratios))       # type: ignore[operator]   # not None


def _random_window_places(samples: Tensor, sizes: Shape, kernel: Shape, outputs: Shape) -> Tensor:
    """The positions of the elements of all windows in the flattened images, (N, C, windows, elements)."""
    n, lead = len(sizes), samples.shape[:2]
    places = full((1,), 0, dtype=int64)
    for d, (size, k, count) in enumerate(zip(sizes, kernel, outputs)):
        u, last = samples[:, :, _SAMPLES[n][d]].unsqueeze(-1), full((*lead, 1), size - k, dtype=int64)
        if count > 1:
            step = (size - k) / (count - 1)
            starts = ((arange(count - 1, dtype=u.dtype) + u) * step).long() - (u * step).long()
            last = cat([starts, last], -1)
        along = last.unsqueeze(-1) + arange(k)
        shape = [1] * (2 * n)
        shape[d], shape[n + d] = count, k
        places = places * size + along.reshape(*lead, *shape)
    return places.reshape(*lead, math.prod(outputs), math.prod(kernel))
