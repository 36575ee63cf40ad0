"""Windows of images as columns (unfold), and their sums (fold)."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional.dims import as_tuple
from fastnet.functional.kernel_calls import check_floating, contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size

__all__ = ["fold", "unfold"]

_Steps = tuple[tuple[int, ...], ...]    # stride, padding and dilation, a pair each


def _columns_of(x: Array, windows: Shape, steps: _Steps) -> Array:
    """The columns (N, C*kh*kw, L) of images; `windows` is (kh, kw, rows, columns)."""
    n, c = x.shape[:2]
    columns = empty((n, c, *windows), x.dtype)
    K.unfold(columns, contiguous(x), *steps)
    return columns.reshape(n, c * windows[0] * windows[1], windows[2] * windows[3])


def _images_of(columns: Array, image: Shape, windows: Shape, steps: _Steps) -> Array:
    """The images (N, C, H, W) that columns add up to."""
    n, c = columns.shape[0], columns.shape[1] // (windows[0] * windows[1])
    x = empty((n, c, *image), columns.dtype)
    K.fold(x, contiguous(columns).reshape(n, c, *windows), *steps)
    return x


@op
def _unfold(x: Array, windows: Shape, steps: _Steps) -> Result[Array]:
    return _columns_of(x, windows, steps), (gradient(_images_of, x.shape[2:], windows, steps), None, None)


@op
def _fold(columns: Array, image: Shape, windows: Shape, steps: _Steps) -> Result[Array]:
    return _images_of(columns, image, windows, steps), (
        gradient(_columns_again, image, windows, steps), None, None, None)


def _columns_again(g: Array, image: Shape, windows: Shape, steps: _Steps) -> Array:
    return _columns_of(g, windows, steps)


transposes(_images_of, _columns_again)


def unfold(input: Tensor, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Tensor:
    """Sliding windows of images as columns: (N, C, H, W) to (N, C*kh*kw, L), with L windows from left to right.

    A matrix product with the columns is a convolution. The result is contiguous.

    Args:
        input: floating-point, (N, C, H, W) or (C, H, W).
        kernel_size: the size of a window, a number or (height, width).
        dilation: the distance of neighbours in a window.
        padding: zeros added to each side.
        stride: the distance of neighbouring windows.

    Raises:
        RuntimeError: another number of dimensions, a size that is not positive, or windows larger than the padded
            images; a dtype that is not floating-point.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.unfold(fastnet.arange(6.0).reshape(1, 1, 2, 3), 2)
        tensor([[[0., 1.],
                 [1., 2.],
                 [3., 4.],
                 [4., 5.]]])
    """
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise RuntimeError(f"unfold: expected an input (N, C, H, W) or (C, H, W) of images with elements, got shape "
                           f"{shape_text(input)}")
    check_floating("unfold", input)
    windows, steps = _windows("unfold", input.shape[-2:], kernel_size, dilation, padding, stride)
    if input.ndim == 3:
        return _unfold(input.unsqueeze(0), windows, steps).squeeze(0)
    return _unfold(input, windows, steps)


def fold(input: Tensor, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0,
         stride: Size = 1) -> Tensor:
    """Add up columns of windows to images: (N, C*kh*kw, L) to (N, C, H, W), the transpose of `unfold`.

    Args:
        input: floating-point, (N, C*kh*kw, L) or (C*kh*kw, L).
        output_size: the size of the images, a number or (height, width).
        kernel_size: the size of a window.
        dilation: the distance of neighbours in a window.
        padding: zeros that `unfold` added to each side.
        stride: the distance of neighbouring windows.

    Raises:
        RuntimeError: another number of dimensions, a size that is not positive, channels that the window does not
            divide, or another number of windows than the sizes have; a dtype that is not floating-point.

    Example:
        >>> import fastnet
        >>> columns = fastnet.nn.functional.unfold(fastnet.ones(1, 1, 2, 3), 2)
        >>> fastnet.nn.functional.fold(columns, (2, 3), 2)
        tensor([[[[1., 2., 1.],
                  [1., 2., 1.]]]])
    """
    if input.ndim not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(f"fold: expected an input (N, C*kh*kw, L) or (C*kh*kw, L) of columns with elements, got "
                           f"shape {shape_text(input)}")
    check_floating("fold", input)
    image = as_tuple("fold", "output_size", output_size, 2)
    windows, steps = _windows("fold", image, kernel_size, dilation, padding, stride)
    rows, length = input.shape[-2:]
    if rows % (windows[0] * windows[1]):
        raise RuntimeError(f"fold: expected a multiple of {windows[0]}*{windows[1]} rows, got {rows} in shape "
                           f"{shape_text(input)}")
    if length != windows[2] * windows[3]:
        raise RuntimeError(f"fold: expected {windows[2]}*{windows[3]} windows for images of size {image}, got {length} "
                           f"in shape {shape_text(input)}")
    if input.ndim == 2:
        return _fold(input.unsqueeze(0), image, windows, steps).squeeze(0)
    return _fold(input, image, windows, steps)


def _windows(name: str, image: Shape, kernel_size: Size, dilation: Size, padding: Size,
             stride: Size) -> tuple[Shape, _Steps]:
    """(kernel height, kernel width, windows along the height, along the width), and stride, padding and dilation."""
    kernel = as_tuple(name, "kernel_size", kernel_size, 2)
    dilation = as_tuple(name, "dilation", dilation, 2)
    padding = as_tuple(name, "padding", padding, 2)
    stride = as_tuple(name, "stride", stride, 2)
    for argument, sizes, least in (("kernel_size", kernel, 1), ("dilation", dilation, 1), ("padding", padding, 0),
                                   ("stride", stride, 1), ("output_size", image, 1)):
        if min(sizes) < least:
            raise RuntimeError(f"{name}: expected {argument} to be at least {least}, got {sizes}")
    counts = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1
                   for n, p, d, k, s in zip(image, padding, dilation, kernel, stride))
    if math.prod(counts) == 0 or min(counts) < 1:
        raise RuntimeError(f"{name}: a window of size {kernel} with dilation {dilation} does not fit in images of size "
                           f"{tuple(image)} with padding {padding}")
    return (*kernel, *counts), (stride, padding, dilation)
