"""Pooling operators of ONNX models."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet.functional.average_pooling import avg_pool
from fastnet.functional.creation import arange
from fastnet.functional.integers import are_integers, computed_in_float64
from fastnet.functional.max_pooling import max_over
from fastnet.functional.windows import Windows, volume_lengths
from fastnet.onnx.registry import Node, operator
from fastnet.onnx.windows import WindowSettings, crop_or_pad, window_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.tensor import Tensor

__all__: list[str] = []

_WHOLE = (1, 1, 0, 1)                   # kernel, stride, padding and dilation of a dimension that x lacks


def _kernel_windows(node: Node, x: Tensor, settings: WindowSettings) -> Windows:
    """The windows as the kernels take them. A negative padding is refused."""
    n = x.ndim - 2
    if not 1 <= n <= 3:
        raise node.refuse(f"an input of shape {shape_text(x)}, only 1 to 3 spatial dimensions")
    if min(settings.before + settings.after) < 0:
        raise node.refuse("a negative padding")
    lengths = settings.counts(x.shape[2:], bool(node.attribute("ceil_mode", 0)))
    if min(lengths) < 1:
        raise ValueError(f"windows {settings.kernel} with dilations {settings.dilations} are larger than the padded "
                         f"input of shape {shape_text(x)}")
    axes = zip(settings.kernel, settings.strides, settings.before, settings.dilations)
    whole = (settings.before == settings.after and not node.attribute("ceil_mode", 0)
             and node.attribute("auto_pad", "NOTSET") in ("NOTSET", "VALID"))
    return Windows((_WHOLE,) * (3 - n) + tuple(axes), volume_lengths(lengths), whole)


@operator("MaxPool")
def max_pool(node: Node, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """The largest element of each window, and its position in x if it is wanted."""
    settings = window_settings(node, x.shape[2:], node.attribute("kernel_shape"))
    windows = _kernel_windows(node, x, settings)
    result = max_over("MaxPool", x, x.ndim - 2, windows, math.prod(settings.kernel), node.wants(1))
    return (result[0], _places_in_all(node, x, result[1])) if node.wants(1) else result


def _places_in_all(node: Node, x: Tensor, places: Tensor) -> Tensor:
    """Positions in all of x from positions in the spatial dimensions."""
    sizes = x.shape[2:]
    if node.attribute("storage_order", 0):
        places = _column_major(places, sizes)
    planes = arange(x.shape[0] * x.shape[1], dtype=dtypes.int64) * math.prod(sizes)
    return places + planes.reshape(*x.shape[:2], *(1,) * len(sizes))


def _column_major(places: Tensor, sizes: Sequence[int]) -> Tensor:
    """Positions in which the first spatial dimension varies fastest."""
    step = math.prod(sizes)
    total = None
    for size in reversed(sizes):
        step //= size
        part = (places % size) * step
        total, places = part if total is None else total + part, places // size
    assert total is not None
    return total


@operator("AveragePool")
def average_pool(node: Node, x: Tensor) -> Tensor:
    """The average of each window."""
    settings = window_settings(node, x.shape[2:], node.attribute("kernel_shape"))
    return _window_averages(node, x, settings, bool(node.attribute("count_include_pad", 0)), None)


def _window_averages(node: Node, x: Tensor, settings: WindowSettings, with_padding: bool,
                     divisor: float | None) -> Tensor:
    if are_integers(x):
        return computed_in_float64(lambda x: _window_averages(node, x, settings, with_padding, divisor), x)
    if with_padding and settings.before != settings.after:
        x = crop_or_pad(x, settings.before, settings.after)
        settings = settings._replace(before=(0,) * len(settings.before), after=(0,) * len(settings.before))
    return avg_pool(x, _kernel_windows(node, x, settings), with_padding, divisor)


@operator("LpPool")
def lp_pool(node: Node, x: Tensor) -> Tensor:
    """The p-norm of each window."""
    p = node.attribute("p", 2)
    settings = window_settings(node, x.shape[2:], node.attribute("kernel_shape"))
    return _window_averages(node, x.abs() ** p, settings, False, 1.0) ** (1 / p)


@operator("GlobalAveragePool")
def global_average_pool(node: Node, x: Tensor) -> Tensor:
    """The average over all spatial dimensions."""
    return x.mean(_spatial(x), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(node: Node, x: Tensor) -> Tensor:
    """The maximum over all spatial dimensions."""
    return x.amax(_spatial(x), keepdim=True)


@operator("GlobalLpPool")
def global_lp_pool(node: Node, x: Tensor) -> Tensor:
    """The p-norm over all spatial dimensions."""
    p = node.attribute("p", 2)
    return (x.abs() ** p).sum(_spatial(x), keepdim=True) ** (1 / p)


def _spatial(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


@operator("MaxUnpool", known=("output_shape",))
def max_unpool(node: Node, x: Tensor, indices: Tensor, output_shape: Sequence[int] | None = None) -> Tensor:
    """An output of zeros with the elements of x at these positions."""
    n = x.ndim - 2
    settings = window_settings(node, x.shape[2:], node.attribute("kernel_shape"))
    natural = tuple((size - 1) * s - b - a + k for size, k, s, _, b, a in zip(x.shape[2:], *settings))
    shape = (*x.shape[:2], *natural)
    flat = x.new_zeros((math.prod(shape),)).scatter(0, indices.reshape(-1), x.reshape(-1)).reshape(*shape)
    if output_shape is None:
        return flat
    wanted = [int(size) for size in output_shape]
    return crop_or_pad(flat, (0,) * n, [w - size for w, size in zip(wanted[2:], natural)])
