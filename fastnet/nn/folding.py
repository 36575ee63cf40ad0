"""Layers between images and columns of their windows."""
from __future__ import annotations

from collections.abc import Sequence

from fastnet._core.errors import naming_none
from fastnet._core.tensor import Tensor
from fastnet.nn import functional as F
from fastnet.nn.module import Module

__all__ = ["Fold", "Unfold"]


def _tuple_or_number(size: int | Sequence[int]) -> int | tuple[int, ...]:
    return tuple(size) if isinstance(size, Sequence) else size


class _Windows(Module):
    """The sizes of windows, shared by both directions."""

    kernel_size: int | tuple[int, ...]
    dilation: int | tuple[int, ...]
    padding: int | tuple[int, ...]
    stride: int | tuple[int, ...]

    def __init__(self, kernel_size: int | Sequence[int], dilation: int | Sequence[int] = 1,
                 padding: int | Sequence[int] = 0, stride: int | Sequence[int] = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation = _tuple_or_number(kernel_size), _tuple_or_number(dilation)
        self.padding, self.stride = _tuple_or_number(padding), _tuple_or_number(stride)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")


class Unfold(_Windows):
    """Sliding windows of images as columns: (N, C, H, W) to (N, C*kh*kw, L).

    Args:
        kernel_size: the size of a window, a number or (height, width).
        dilation: the distance of neighbours in a window.
        padding: zeros added to each side.
        stride: the distance of neighbouring windows.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Unfold(2)(fastnet.ones(1, 3, 4, 5)).shape
        (1, 12, 12)
    """

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(_Windows):
    """Add up columns of windows to images: (N, C*kh*kw, L) to (N, C, H, W).

    Args:
        output_size: the size of the images, a number or (height, width).
        kernel_size: the size of a window.
        dilation: the distance of neighbours in a window.
        padding: zeros that `Unfold` added to each side.
        stride: the distance of neighbouring windows.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Fold((4, 5), 2)(fastnet.ones(1, 12, 12)).shape
        (1, 3, 4, 5)
    """

    output_size: int | tuple[int, ...]

    def __init__(self, output_size: int | Sequence[int], kernel_size: int | Sequence[int],
                 dilation: int | Sequence[int] = 1, padding: int | Sequence[int] = 0,
                 stride: int | Sequence[int] = 1) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = _tuple_or_number(output_size)

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
