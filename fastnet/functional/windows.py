"""Windows that slide over images: shapes of inputs and outputs, and the checks that all kinds of pooling share."""
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.dims import as_tuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastnet._core.annotations import Shape, Size

__all__ = ["Windows", "check_image", "on_batch", "sliding", "volume_lengths"]

_AXES = 3                               # D, H and W
_WHOLE = (1, 1, 0, 1)                   # kernel, stride, padding and dilation along an axis that an image lacks


class Windows(NamedTuple):
    """The windows of a pooling operation over (N, D, H, W, C).

    Attributes:
        axes: (kernel, stride, padding, dilation) for D, H and W; None for adaptive pooling.
        lengths: D, H and W of the output.
        whole: whether `lengths` is rounded down and the padding is the same before and after the input, so that the
            lengths follow from `axes` for an input of any size; False if that is unknown.
    """

    axes: tuple[Shape, ...] | None
    lengths: Shape
    whole: bool = False


def check_image(name: str, input: Tensor, n: int, unbatched: bool = True) -> None:
    """Refuse an input that is not a batch of images, or one image, with n spatial dimensions.

    Raises:
        TypeError: not a tensor.
        RuntimeError: another number of dimensions, or an empty dimension that is not the batch.
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, "input", input)
    spatial = ", ".join(("L",) if n == 1 else "DHW"[-n:])
    if input.ndim != n + 2 and not (unbatched and input.ndim == n + 1):
        one = f", or (C, {spatial}) without a batch" if unbatched else ""
        raise RuntimeError(f"{name}: expected an input of shape (N, C, {spatial}){one}, got {shape_text(input)}")
    if 0 in input.shape[-n - 1:]:
        raise RuntimeError(f"{name}: expected no empty dimension except N in (N, C, {spatial}), got "
                           f"{shape_text(input)}")


def on_batch(input: Tensor, n: int, function: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """The results of a function on a batch of images with n spatial dimensions, also for a single image."""
    if input.ndim == n + 2:
        return function(input)
    return tuple(x.squeeze(0) for x in function(input.unsqueeze(0)))


def sliding(name: str, input: Tensor, n: int, kernel_size: Size, stride: Size | None, padding: Size,
            dilation: Size = 1, ceil_mode: bool = False) -> Windows:
    """Windows of one size at regular distances over the n spatial dimensions of an input.

    Args:
        name: of the operation, for errors.
        input: (N, C, ...) or (C, ...).
        n: the number of spatial dimensions.
        kernel_size, padding, dilation: an integer, or one for each spatial dimension.
        stride: the same; None or () for the kernel size.
        ceil_mode: keep a last window that exceeds the padded input, if it starts before the end of the input.

    Raises:
        RuntimeError: a size out of range, a padding of more than half the kernel, or a kernel larger than the input.
    """
    kernel = as_tuple(name, "kernel_size", kernel_size, n)
    step = kernel if stride is None or stride in ((), []) else as_tuple(name, "stride", stride, n)
    pad, gap = as_tuple(name, "padding", padding, n), as_tuple(name, "dilation", dilation, n)
    for argument, sizes, least in (("kernel_size", kernel, 1), ("stride", step, 1), ("padding", pad, 0),
                                   ("dilation", gap, 1)):
        if min(sizes) < least:
            raise RuntimeError(f"{name}: expected {argument} to be at least {least}, got {sizes}")
    axes = tuple(zip(kernel, step, pad, gap))
    for k, _, p, d in axes:
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(f"{name}: expected a padding of at most half the kernel, got padding {pad} for "
                               f"kernel_size {kernel} and dilation {gap}")
    lengths = tuple(_windows_along(size, *axis, ceil_mode) for size, axis in zip(input.shape[-n:], axes))
    if min(lengths) < 1:
        raise RuntimeError(f"{name}: kernel_size {kernel} with dilation {gap} is larger than the input of shape "
                           f"{shape_text(input)} with padding {pad}")
    return Windows((_WHOLE,) * (_AXES - n) + axes, volume_lengths(lengths), not ceil_mode)


def volume_lengths(lengths: Shape) -> Shape:
    """D, H and W for the lengths of up to three spatial dimensions."""
    return (1,) * (_AXES - len(lengths)) + tuple(lengths)


def _windows_along(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    rest = size + 2 * padding - dilation * (kernel - 1) - 1
    windows = (rest + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (windows - 1) * stride >= size + padding:
        windows -= 1
    return windows
