"""The windows of ONNX's convolutions and pooling operators, and padding at both ends of dimensions."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from fastnet.nn import functional as F

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape
    from fastnet._core.tensor import Tensor
    from fastnet.onnx.registry import Node

__all__ = ["WindowSettings", "crop_or_pad", "kernel_of", "window_settings"]


class WindowSettings(NamedTuple):
    """Sizes along each spatial dimension.

    Attributes:
        kernel: elements of a window.
        strides: the distance between windows.
        dilations: the distance between the elements of a window.
        before, after: the padding at both ends.
    """

    kernel: Shape
    strides: Shape
    dilations: Shape
    before: Shape
    after: Shape

    def counts(self, sizes: Sequence[int], ceil: bool = False) -> Shape:
        """The number of windows along each dimension.

        Args:
            sizes: of the input.
            ceil: count a last window that exceeds the padded input, if it starts before the end of the input.
        """
        return tuple(_windows_that_fit(size, *axis, ceil) for size, axis in zip(sizes, zip(*self)))


def kernel_of(node: Node, weight: Tensor) -> Shape:
    """The sizes of the windows of a convolution: those of its weight.

    Args:
        node: of the convolution.
        weight: (O, I, *kernel), or (I, O, *kernel) of a transposed one.

    Raises:
        RuntimeError: the attribute kernel_shape differs.
    """
    kernel = tuple(weight.shape[2:])
    stated = tuple(node.attribute("kernel_shape", kernel))
    if stated != kernel:
        raise RuntimeError(f"expected a weight of kernel_shape {stated}, got shape {tuple(weight.shape)}")
    return kernel


def _windows_that_fit(size: int, kernel: int, stride: int, dilation: int, before: int, after: int, ceil: bool) -> int:
    rest = size + before + after - dilation * (kernel - 1) - 1
    count = (rest + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (count - 1) * stride >= size + before:
        count -= 1
    return count


def window_settings(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> WindowSettings:
    """The windows that the attributes of a node describe.

    Args:
        node: with `strides`, `dilations`, `pads` and `auto_pad`.
        sizes: of the input's spatial dimensions.
        kernel: the elements of a window along each.
    """
    n = len(sizes)
    strides, dilations = (tuple(node.attribute(name, (1,) * n)) for name in ("strides", "dilations"))
    automatic = node.attribute("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        totals = [max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
                  for size, k, s, d in zip(sizes, kernel, strides, dilations)]
        small, large = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
        before, after = (small, large) if automatic == "SAME_UPPER" else (large, small)
        return WindowSettings(tuple(kernel), strides, dilations, before, after)
    pads = node.attribute("pads", (0,) * 2 * n) if automatic in ("NOTSET", "") else (0,) * 2 * n
    return WindowSettings(tuple(kernel), strides, dilations, tuple(pads[:n]), tuple(pads[n:]))


def crop_or_pad(x: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Tensor:
    """Add elements at both ends of the last dimensions, or leave them out if a number is negative.

    Args:
        x: the input.
        before, after: for each of the last dimensions.
        value: of the new elements.
    """
    amounts = [p for pair in zip(reversed(before), reversed(after)) for p in pair]
    return F.pad(x, amounts, value=value) if any(amounts) else x
