"""Convolutions of ONNX models."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text
from fastnet.functional.conv_arrays import Paddings
from fastnet.functional.conv_windows import Padding
from fastnet.nn import functional as F
from fastnet.onnx.registry import Node, operator
from fastnet.onnx.windows import WindowSettings, crop_or_pad, kernel_of, window_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.tensor import Tensor

__all__ = ["conv", "conv_transpose", "convolved"]

_CONV = (F.conv1d, F.conv2d, F.conv3d)
_TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)


@operator("Conv")
def conv(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The convolution of x with the weight."""
    settings = window_settings(node, x.shape[2:], kernel_of(node, weight))
    return convolved(node, x, weight, bias, settings)


def convolved(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None, settings: WindowSettings) -> Tensor:
    """A convolution with windows of any padding.

    Args:
        node: for the groups, and for errors.
        x: (N, C, ...).
        weight: (O, C/groups, ...).
        bias: (O,) or None.
        settings: the windows.
    """
    n = _spatial_count(node, x)
    if min(settings.before + settings.after) < 0:
        x = crop_or_pad(x, settings.before, settings.after)
        settings = settings._replace(before=(0,) * n, after=(0,) * n)
    padding: Padding = (settings.before if settings.before == settings.after
                        else Paddings(settings.before, settings.after))
    return _CONV[n - 1](x, weight, bias, settings.strides, padding, settings.dilations, node.attribute("group", 1))


def _spatial_count(node: Node, x: Tensor) -> int:
    n = x.ndim - 2
    if not 1 <= n <= 3:
        raise node.refuse(f"an input of shape {shape_text(x)}, only 1 to 3 spatial dimensions")
    return n


@operator("ConvTranspose")
def conv_transpose(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The transposed convolution of x with the weight."""
    n = _spatial_count(node, x)
    strides, dilations = (tuple(node.attribute(name, (1,) * n)) for name in ("strides", "dilations"))
    extra = tuple(node.attribute("output_padding", (0,) * n))
    whole = [(size - 1) * s + d * (k - 1) + 1 for size, s, d, k in zip(x.shape[2:], strides, dilations,
                                                                      kernel_of(node, weight))]
    before, after = _transposed_pads(node, x.shape[2:], [w + e for w, e in zip(whole, extra)], strides)
    groups = node.attribute("group", 1)
    function = _TRANSPOSED[n - 1]
    if before == after and min(before) >= 0 and all(e < max(s, d) for e, s, d in zip(extra, strides, dilations)):
        return function(x, weight, bias, strides, before, extra, groups, dilations)
    out = function(x, weight, None, strides, 0, 0, groups, dilations)
    out = crop_or_pad(out, [-p for p in before], [e - p for e, p in zip(extra, after)])
    return out if bias is None else out + bias.reshape(1, -1, *(1,) * n)


def _transposed_pads(node: Node, sizes: Sequence[int], whole: Sequence[int],
                     strides: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The positions that are left out before and after each dimension of the whole output."""
    n = len(sizes)
    automatic = node.attribute("auto_pad", "NOTSET")
    wanted = node.attribute("output_shape")
    if wanted is None and automatic in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * s for size, s in zip(sizes, strides)]
    if wanted is None:
        pads = node.attribute("pads", (0,) * 2 * n) if automatic == "NOTSET" else (0,) * 2 * n
        return tuple(pads[:n]), tuple(pads[n:])
    totals = [size - target for size, target in zip(whole, wanted[-n:])]
    if automatic != "SAME_UPPER":
        before = tuple(math.ceil(total / 2) for total in totals)
    else:
        before = tuple(total // 2 for total in totals)
    return before, tuple(total - b for total, b in zip(totals, before))
