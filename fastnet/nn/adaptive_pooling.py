"""Adaptive pooling layers, whose output has a given size."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import naming_none
from fastnet.nn import functional as F
from fastnet.nn.module import Module

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]


class _AdaptivePool(Module):
    _function: Any
    output_size: Any

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        self.output_size = tuple(output_size) if isinstance(output_size, list) else output_size

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        pooled: Tensor = self._function(input, self.output_size)
        return pooled

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """Average of each window, with windows that divide the input into `output_size` outputs.

    The input is (N, C, L), or (C, L) without a batch. Lin et al. 2013, https://arxiv.org/abs/1312.4400.

    Args:
        output_size: an integer.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AdaptiveAvgPool1d(4)(fastnet.ones(2, 3, 8)).shape
        (2, 3, 4)
    """

    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """Average of each window, with windows that divide the input into `output_size` outputs.

    The input is (N, C, H, W), or (C, H, W) without a batch. Lin et al. 2013, https://arxiv.org/abs/1312.4400.

    Args:
        output_size: an integer, or 2 of them; None keeps a length.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AdaptiveAvgPool2d(4)(fastnet.ones(2, 3, 8, 8)).shape
        (2, 3, 4, 4)
    """

    _function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptivePool):
    """Average of each window, with windows that divide the input into `output_size` outputs.

    The input is (N, C, D, H, W), or (C, D, H, W) without a batch. Lin et al. 2013, https://arxiv.org/abs/1312.4400.

    Args:
        output_size: an integer, or 3 of them; None keeps a length.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AdaptiveAvgPool3d(4)(fastnet.ones(2, 3, 8, 8, 8)).shape
        (2, 3, 4, 4, 4)
    """

    _function = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(_AdaptivePool):
    return_indices: bool

    def __init__(self, output_size: int | Sequence[int | None] | None, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    @naming_none
    def forward(self, input: Tensor) -> Any:
        return self._function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Largest element of each window, with windows that divide the input into `output_size` outputs.

    The input is (N, C, L), or (C, L) without a batch. He et al. 2014, https://arxiv.org/abs/1406.4729.

    Args:
        output_size: an integer.
        return_indices: return (output, indices) with the positions of the largest elements.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AdaptiveMaxPool1d(4)(fastnet.ones(2, 3, 8)).shape
        (2, 3, 4)
    """

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Largest element of each window, with windows that divide the input into `output_size` outputs.

    The input is (N, C, H, W), or (C, H, W) without a batch. He et al. 2014, https://arxiv.org/abs/1406.4729.

    Args:
        output_size: an integer, or 2 of them; None keeps a length.
        return_indices: return (output, indices) with the positions of the largest elements.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AdaptiveMaxPool2d(4)(fastnet.ones(2, 3, 8, 8)).shape
        (2, 3, 4, 4)
    """

    _function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Largest element of each window, with windows that divide the input into `output_size` outputs.

    The input is (N, C, D, H, W), or (C, D, H, W) without a batch. He et al. 2014, https://arxiv.org/abs/1406.4729.

    Args:
        output_size: an integer, or 3 of them; None keeps a length.
        return_indices: return (output, indices) with the positions of the largest elements.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AdaptiveMaxPool3d(4)(fastnet.ones(2, 3, 8, 8, 8)).shape
        (2, 3, 4, 4, 4)
    """

    _function = staticmethod(F.adaptive_max_pool3d)
