"""Pooling over windows that slide over images: maximum, average and power average."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.errors import naming_none
from fastnet.functional.dims import as_tuple, kept_size
from fastnet.nn import functional as F
from fastnet.nn.module import Module

if TYPE_CHECKING:
    from fastnet._core.annotations import Size
    from fastnet._core.tensor import Tensor

__all__ = [
    "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d",
]


# ---- maximum --------------------------------------------------------------------------------------------------------

class _MaxPool(Module):
    _function: Any
    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any
    return_indices: bool
    ceil_mode: bool

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
                 return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = kept_size(kernel_size)
        self.stride = self.kernel_size if stride is None else kept_size(stride)
        self.padding, self.dilation = kept_size(padding), kept_size(dilation)
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    @naming_none
    def forward(self, input: Tensor) -> Any:
        return self._function(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                              self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(_MaxPool):
    """Largest element of each window.

    The input is (N, C, L), or (C, L) without a batch. Ranzato et al. 2007, https://doi.org/10.1109/CVPR.2007.383157.
    An output has the length (size + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.

    Args:
        kernel_size: size of a window: an integer.
        stride: distance between windows; None for the kernel size.
        padding: elements of -inf added at both ends of a dimension, at most half the kernel.
        dilation: distance between the elements of a window.
        return_indices: return (output, indices) with the positions of the largest elements.
        ceil_mode: also pool a last window that is only partly inside the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.MaxPool1d(2)(fastnet.ones(2, 3, 8)).shape
        (2, 3, 4)
    """

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """Largest element of each window.

    The input is (N, C, H, W), or (C, H, W) without a batch. Ranzato et al. 2007, https://doi.org/10.1109/CVPR.2007.383157.
    An output has the length (size + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.

    Args:
        kernel_size: size of a window: an integer, or a pair for H and W.
        stride: distance between windows; None for the kernel size.
        padding: elements of -inf added at both ends of a dimension, at most half the kernel.
        dilation: distance between the elements of a window.
        return_indices: return (output, indices) with the positions of the largest elements.
        ceil_mode: also pool a last window that is only partly inside the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.MaxPool2d(2)(fastnet.ones(2, 3, 8, 8)).shape
        (2, 3, 4, 4)
    """

    _function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """Largest element of each window.

    The input is (N, C, D, H, W), or (C, D, H, W) without a batch. Ranzato et al. 2007, https://doi.org/10.1109/CVPR.2007.383157.
    An output has the length (size + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.

    Args:
        kernel_size: size of a window: an integer, or one for each of D, H and W.
        stride: distance between windows; None for the kernel size.
        padding: elements of -inf added at both ends of a dimension, at most half the kernel.
        dilation: distance between the elements of a window.
        return_indices: return (output, indices) with the positions of the largest elements.
        ceil_mode: also pool a last window that is only partly inside the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.MaxPool3d(2)(fastnet.ones(2, 3, 8, 8, 8)).shape
        (2, 3, 4, 4, 4)
    """

    _function = staticmethod(F.max_pool3d)


# ---- average --------------------------------------------------------------------------------------------------------

class _AvgPool(Module):
    _function: Any
    kernel_size: Any
    stride: Any
    padding: Any
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kept_size(kernel_size)
        self.stride = self.kernel_size if stride is None else kept_size(stride)
        self.padding = kept_size(padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        pooled: Tensor = self._function(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                                        self.count_include_pad, self.divisor_override)
        return pooled

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(Module):
    """Average of each window.

    The input is (N, C, L), or (C, L) without a batch. LeCun et al. 1998, https://doi.org/10.1109/5.726791.
    An output has the length (size + 2*padding - kernel_size) // stride + 1.

    Args:
        kernel_size: size of a window: an integer.
        stride: distance between windows; None for the kernel size.
        padding: zeros added at both ends of a dimension, at most half the kernel.
        ceil_mode: also pool a last window that is only partly inside the padded input.
        count_include_pad: count the zeros of the padding.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AvgPool1d(2)(fastnet.ones(2, 3, 8)).shape
        (2, 3, 4)
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    ceil_mode: bool
    count_include_pad: bool

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        super().__init__()
        self.kernel_size = as_tuple("AvgPool1d", "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else as_tuple("AvgPool1d", "stride", stride, 1)
        self.padding = as_tuple("AvgPool1d", "padding", padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """Average of each window.

    The input is (N, C, H, W), or (C, H, W) without a batch. LeCun et al. 1998, https://doi.org/10.1109/5.726791.
    An output has the length (size + 2*padding - kernel_size) // stride + 1.

    Args:
        kernel_size: size of a window: an integer, or a pair for H and W.
        stride: distance between windows; None for the kernel size.
        padding: zeros added at both ends of a dimension, at most half the kernel.
        ceil_mode: also pool a last window that is only partly inside the padded input.
        count_include_pad: count the zeros of the padding.
        divisor_override: divide by this number instead of the number of elements.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AvgPool2d(2)(fastnet.ones(2, 3, 8, 8)).shape
        (2, 3, 4, 4)
    """

    _function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """Average of each window.

    The input is (N, C, D, H, W), or (C, D, H, W) without a batch. LeCun et al. 1998, https://doi.org/10.1109/5.726791.
    An output has the length (size + 2*padding - kernel_size) // stride + 1.

    Args:
        kernel_size: size of a window: an integer, or one for each of D, H and W.
        stride: distance between windows; None for the kernel size.
        padding: zeros added at both ends of a dimension, at most half the kernel.
        ceil_mode: also pool a last window that is only partly inside the padded input.
        count_include_pad: count the zeros of the padding.
        divisor_override: divide by this number instead of the number of elements.

    Example:
        >>> import fastnet
        >>> fastnet.nn.AvgPool3d(2)(fastnet.ones(2, 3, 8, 8, 8)).shape
        (2, 3, 4, 4, 4)
    """

    _function = staticmethod(F.avg_pool3d)


# ---- power average --------------------------------------------------------------------------------------------------

class _LPPool(Module):
    _function: Any
    norm_type: float
    kernel_size: Any
    stride: Any
    ceil_mode: bool

    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None,
                 ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.ceil_mode = norm_type, ceil_mode
        self.kernel_size, self.stride = kept_size(kernel_size), kept_size(stride)

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        pooled: Tensor = self._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)
        return pooled

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPool):
    """Power average of each window: (sum of x^p)^(1/p).

    The input is (N, C, L), or (C, L) without a batch. Sermanet et al. 2012, https://arxiv.org/abs/1204.3968.
    An output has the length (size - kernel_size) // stride + 1.

    Args:
        norm_type: the power p.
        kernel_size: size of a window: an integer.
        stride: distance between windows; None for the kernel size.
        ceil_mode: also pool a last window that is only partly inside the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LPPool1d(2, 2)(fastnet.ones(2, 3, 8)).shape
        (2, 3, 4)
    """

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """Power average of each window: (sum of x^p)^(1/p).

    The input is (N, C, H, W), or (C, H, W) without a batch. Sermanet et al. 2012, https://arxiv.org/abs/1204.3968.
    An output has the length (size - kernel_size) // stride + 1.

    Args:
        norm_type: the power p.
        kernel_size: size of a window: an integer, or a pair for H and W.
        stride: distance between windows; None for the kernel size.
        ceil_mode: also pool a last window that is only partly inside the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LPPool2d(2, 2)(fastnet.ones(2, 3, 8, 8)).shape
        (2, 3, 4, 4)
    """

    _function = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """Power average of each window: (sum of x^p)^(1/p).

    The input is (N, C, D, H, W), or (C, D, H, W) without a batch. Sermanet et al. 2012, https://arxiv.org/abs/1204.3968.
    An output has the length (size - kernel_size) // stride + 1.

    Args:
        norm_type: the power p.
        kernel_size: size of a window: an integer, or one for each of D, H and W.
        stride: distance between windows; None for the kernel size.
        ceil_mode: also pool a last window that is only partly inside the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LPPool3d(2, 2)(fastnet.ones(2, 3, 8, 8, 8)).shape
        (2, 3, 4, 4, 4)
    """

    _function = staticmethod(F.lp_pool3d)
