"""Max pooling over windows at random places."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastnet.functional.dims import kept_size
from fastnet.nn import functional as F
from fastnet.nn.module import Module

if TYPE_CHECKING:
    from fastnet._core.annotations import Size
    from fastnet._core.tensor import Tensor

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]


class _FractionalMaxPool(Module):
    _function: Callable[..., Any]

    def __init__(self, kernel_size: Size, output_size: Size | None = None,
                 output_ratio: float | Sequence[float] | None = None, return_indices: bool = False,
                 _random_samples: Tensor | None = None) -> None:
        super().__init__()
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{type(self).__name__}: expected either output_size or output_ratio, got "
                             f"{'neither' if output_size is None else 'both'}")
        ratios = output_ratio if isinstance(output_ratio, Sequence) else (output_ratio,)
        if not all(ratio is None or 0 < ratio < 1 for ratio in ratios):
            raise ValueError(f"{type(self).__name__}: expected output_ratio to be between 0 and 1, got {output_ratio}")
        self.kernel_size, self.output_size = kept_size(kernel_size), kept_size(output_size)
        self.output_ratio = kept_size(output_ratio)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self._function(input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
                              self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """Largest element of each of windows at random places, whose number is the size of the output.

    The input is (N, C, H, W), or (C, H, W) without a batch. Graham 2014, https://arxiv.org/abs/1412.6071.

    Args:
        kernel_size: size of a window: an integer, or a pair for H and W.
        output_size: size of the output: an integer, or a pair.
        output_ratio: size of the output relative to that of the input, in place of `output_size`.
        return_indices: return (output, indices) with the positions of the largest elements.
        _random_samples: the random numbers, (N, C, 2); by default new ones in each call.

    Raises:
        ValueError: both or neither of output_size and output_ratio, or a ratio that is not between 0 and 1.

    Example:
        >>> import fastnet
        >>> fastnet.nn.FractionalMaxPool2d(2, output_ratio=0.7)(fastnet.ones(2, 3, 10, 10)).shape
        (2, 3, 7, 7)
    """

    _function = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """`FractionalMaxPool2d` of inputs (N, C, D, H, W), or (C, D, H, W) without a batch.

    Args:
        kernel_size: size of a window: an integer, or one for each of D, H and W.
        output_size: size of the output: an integer, or one for each dimension.
        output_ratio: size of the output relative to that of the input, in place of `output_size`.
        return_indices: return (output, indices) with the positions of the largest elements.
        _random_samples: the random numbers, (N, C, 3); by default new ones in each call.

    Raises:
        ValueError: both or neither of output_size and output_ratio, or a ratio that is not between 0 and 1.

    Example:
        >>> import fastnet
        >>> fastnet.nn.FractionalMaxPool3d(2, output_size=3)(fastnet.ones(2, 6, 6, 6)).shape
        (2, 3, 3, 3)
    """

    _function = staticmethod(F.fractional_max_pool3d)
