"""Unpooling: elements at the positions that maximum pooling took them from."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import naming_none
from fastnet.functional.dims import as_tuple
from fastnet.nn import functional as F
from fastnet.nn.module import Module

if TYPE_CHECKING:
    from fastnet._core.annotations import Size
    from fastnet._core.tensor import Tensor

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]


class _MaxUnpool(Module):
    _function: Any
    _spatial: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        name, n = type(self).__name__, self._spatial
        self.kernel_size = as_tuple(name, "kernel_size", kernel_size, n)
        self.stride = self.kernel_size if stride is None else as_tuple(name, "stride", stride, n)
        self.padding = as_tuple(name, "padding", padding, n)

    @naming_none
    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        unpooled: Tensor = self._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)
        return unpooled

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Partial inverse of `MaxPool1d`: elements at the positions that they came from, zeros elsewhere.

    The input is (N, C, L), or (C, L) without a batch. Zeiler and Fergus 2013, https://arxiv.org/abs/1311.2901.

    Args:
        kernel_size: of the pooling: an integer.
        stride: of the pooling; None for the kernel size.
        padding: of the pooling.

    Example:
        >>> import fastnet
        >>> pool, unpool = fastnet.nn.MaxPool1d(2, return_indices=True), fastnet.nn.MaxUnpool1d(2)
        >>> unpool(*pool(fastnet.ones(2, 3, 8))).shape
        (2, 3, 8)
    """

    _function = staticmethod(F.max_unpool1d)
    _spatial = 1


class MaxUnpool2d(_MaxUnpool):
    """Partial inverse of `MaxPool2d`: elements at the positions that they came from, zeros elsewhere.

    The input is (N, C, H, W), or (C, H, W) without a batch. Zeiler and Fergus 2013, https://arxiv.org/abs/1311.2901.

    Args:
        kernel_size: of the pooling: an integer, or a pair for H and W.
        stride: of the pooling; None for the kernel size.
        padding: of the pooling.

    Example:
        >>> import fastnet
        >>> pool, unpool = fastnet.nn.MaxPool2d(2, return_indices=True), fastnet.nn.MaxUnpool2d(2)
        >>> unpool(*pool(fastnet.ones(2, 3, 8, 8))).shape
        (2, 3, 8, 8)
    """

    _function = staticmethod(F.max_unpool2d)
    _spatial = 2


class MaxUnpool3d(_MaxUnpool):
    """Partial inverse of `MaxPool3d`: elements at the positions that they came from, zeros elsewhere.

    The input is (N, C, D, H, W), or (C, D, H, W) without a batch. Zeiler and Fergus 2013, https://arxiv.org/abs/1311.2901.

    Args:
        kernel_size: of the pooling: an integer, or one for each of D, H and W.
        stride: of the pooling; None for the kernel size.
        padding: of the pooling.

    Example:
        >>> import fastnet
        >>> pool, unpool = fastnet.nn.MaxPool3d(2, return_indices=True), fastnet.nn.MaxUnpool3d(2)
        >>> unpool(*pool(fastnet.ones(2, 3, 8, 8, 8))).shape
        (2, 3, 8, 8, 8)
    """

    _function = staticmethod(F.max_unpool3d)
    _spatial = 3
