"""Convolution layers."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.errors import check_sizes, one_of
from fastnet._core.tensor import Tensor
from fastnet.functional.conv_arrays import same_padding
from fastnet.functional.convolution import conv_activated, conv_normed
from fastnet.functional.dims import as_tuple
from fastnet.nn import functional as F, init
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike, Shape, Size

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvBase(Module):
    """The parameters and settings of all convolutions.

    Attributes:
        dims: the number of spatial dimensions; each subclass sets it.
    """

    dims: int
    transposed: bool = False
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any                        # one number for each dimension, "valid" or "same"
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    padding_mode: str
    weight: Parameter
    bias: Parameter | Any               # None without a bias

    def _set_up(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size, padding: Any,
                dilation: Size, output_padding: Size, groups: int, bias: bool, padding_mode: str, device: Device,
                dtype: DTypeLike | None) -> None:
        name = type(self).__name__
        check_sizes(name, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"{name}: expected in_channels and out_channels to be multiples of groups, got "
                             f"in_channels={in_channels}, out_channels={out_channels} and groups={groups}")
        if padding_mode not in _PADDING_MODES:
            raise one_of(f"{name}: padding_mode", padding_mode, _PADDING_MODES)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.padding_mode = padding_mode
        for argument, value in (("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation),
                                ("output_padding", output_padding)):
            setattr(self, argument, as_tuple(name, argument, value, self.dims))
        self.padding = self._checked_padding(name, padding)
        channels = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = new_parameter(*channels, *self.kernel_size, device=device, dtype=dtype)
        self.register_parameter("bias", new_parameter(out_channels, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def _checked_padding(self, name: str, padding: Any) -> Any:
        if not isinstance(padding, str):
            return as_tuple(name, "padding", padding, self.dims)
        if self.transposed or padding not in ("valid", "same"):
            raise ValueError(f"{name}: expected padding to be a number, a tuple, 'valid' or 'same', got {padding!r}")
        if padding == "same" and max(self.stride) > 1:
            raise ValueError(f"{name}: expected stride 1 with padding 'same', got {self.stride}")
        return padding

    def reset_parameters(self) -> None:
        """Draw new initial values of the weight and the bias."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight.shape[1] * math.prod(self.kernel_size)
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zeros = (0,) * self.dims
        for argument, default in (("padding", zeros), ("dilation", (1,) * self.dims), ("output_padding", zeros),
                                  ("groups", 1)):
            if getattr(self, argument) != default:
                text += f", {argument}={getattr(self, argument)}"
        text += "" if self.bias is not None else ", bias=False"
        return text if self.padding_mode == "zeros" else text + f", padding_mode={self.padding_mode}"


class _Conv(_ConvBase):
    """A convolution."""

    _function: Callable[..., Tensor]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1,
                 padding: Size | Literal["valid", "same"] = 0, dilation: Size = 1, groups: int = 1, bias: bool = True,
                 padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros", device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
                     device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self.padded_input(input)
        return self._function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def activated(self, input: Tensor, activation: Literal["relu"]) -> Tensor:
        """activation(forward(input)), in one pass and with the same bits.

        Args:
            input: as in `forward`.
            activation: "relu".

        Example:
            >>> import fastnet
            >>> fastnet.nn.Conv2d(3, 8, 3).activated(fastnet.ones(1, 3, 5, 5), "relu").shape
            (1, 8, 3, 3)
        """
        input, padding = self.padded_input(input)
        return conv_activated(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups,
                              activation)

    def normed(self, input: Tensor, norm: Any, activation: str = "none", residual: Tensor | None = None) -> Tensor:
        """activation(norm(forward(input)) + residual) in one pass, with the same bits and without a gradient.

        Args:
            input: as in `forward`.
            norm: a batch norm in evaluation mode, with running statistics, for the channels of the output; None for no
                norm.
            activation: "none", "relu", "relu6", "sigmoid", "tanh", "silu", "hardswish" or "hardsigmoid".
            residual: in the shape of the output, or None.

        Example:
            >>> import fastnet
            >>> conv, norm = fastnet.nn.Conv2d(3, 8, 3), fastnet.nn.BatchNorm2d(8).eval()
            >>> conv.normed(fastnet.ones(1, 3, 5, 5), norm, "relu").shape
            (1, 8, 3, 3)
        """
        input, padding = self.padded_input(input)
        statistics = None if norm is None else (norm.running_mean, norm.running_var, norm.weight, norm.bias,
                                                float(norm.eps))
        return conv_normed(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups, statistics,
                           activation, residual)

    def padded_input(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input, padded if padding_mode is not "zeros", and the padding that remains.

        Args:
            input: as in `forward`.
        """
        if self.padding_mode == "zeros":
            return input, self.padding
        return F.pad(input, self._around(), mode=self.padding_mode), 0

    def _around(self) -> Shape:
        """The padding as F.pad takes it: before and after, the last dimension first."""
        if self.padding == "same":
            before, after = same_padding(self.kernel_size, self.dilation)
        else:
            before = after = (0,) * self.dims if self.padding == "valid" else self.padding
        return tuple(p for pair in zip(before[::-1], after[::-1]) for p in pair)


class Conv1d(_Conv):
    """Convolution over a sequence; `Conv2d` describes it and its arguments.

    Shape:
        (N, in_channels, L) or (in_channels, L) to (N, out_channels, L'). weight is (out_channels, in_channels/groups,
        K).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Conv1d(4, 8, 3, padding="same")(fastnet.ones(2, 4, 10)).shape
        (2, 8, 10)
    """

    dims = 1
    _function = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Convolution over images.

    out[n, o, p] = bias[o] + sum_{c, t} x[n, c, p * stride + t * dilation - padding] * weight[o, c, t], where p and t
    are positions in the output and in the kernel. Weight and bias start uniform in [-1/sqrt(n), 1/sqrt(n)] with n =
    in_channels / groups * kernel size. LeCun et al. 1998, "Gradient-based learning applied to document recognition".

    Args:
        in_channels: channels C of the input.
        out_channels: channels O of the output.
        kernel_size: (KH, KW), or one number for both.
        stride: distance of neighbouring windows.
        padding: zeros before and after each dimension; "valid" is 0, "same" keeps the size of the input (stride 1
            only).
        dilation: distance of neighbouring positions of the kernel.
        groups: the channels are divided into this many groups, which are convolved separately; with groups equal to
            in_channels the convolution is depthwise.
        bias: add a learned bias.
        padding_mode: "zeros", or "reflect", "replicate" or "circular" to pad with elements of the input.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        (N, C, H, W) or (C, H, W) to (N, O, H', W') or (O, H', W') with H' = floor((H + 2 * padding - dilation * (KH -
        1) - 1) / stride) + 1. weight is (O, C/groups, KH, KW), bias (O,).

    Raises:
        ValueError: channels that do not divide into groups, an unknown padding or padding_mode.
        RuntimeError: when called with another number of dimensions or channels, or an input smaller than the kernel.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.Conv2d(3, 16, 3, stride=2, padding=1)
        >>> layer(fastnet.ones(5, 3, 32, 32)).shape
        (5, 16, 16, 16)
    """

    dims = 2
    _function = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Convolution over volumes; `Conv2d` describes it and its arguments.

    Shape:
        (N, in_channels, D, H, W) or (in_channels, D, H, W) to (N, out_channels, D', H', W'). weight is (out_channels,
        in_channels/groups, KD, KH, KW).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Conv3d(1, 2, 3)(fastnet.ones(1, 1, 5, 6, 7)).shape
        (1, 2, 3, 4, 5)
    """

    dims = 3
    _function = staticmethod(F.conv3d)


class _ConvTranspose(_ConvBase):
    """A transposed convolution."""

    transposed = True
    _function: Callable[..., Tensor]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0,
                 output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1,
                 padding_mode: Literal["zeros"] = "zeros", device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        if padding_mode != "zeros":
            raise ValueError(f"{type(self).__name__}: expected padding_mode 'zeros', got {padding_mode!r}")
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
                     padding_mode, device, dtype)

    def forward(self, input: Tensor, output_size: Size | None = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding(input, output_size)
        return self._function(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
                              self.dilation)

    def _output_padding(self, input: Tensor, output_size: Size) -> Shape:
        """The output_padding with which the output has the spatial size `output_size`."""
        name, wanted = type(self).__name__, output_size
        if isinstance(wanted, tuple | list):
            if not self.dims <= len(wanted) <= self.dims + 2:
                raise ValueError(f"{name}: expected an output_size of {self.dims} numbers, or with the batch and the "
                                 f"channels before them, got {wanted}")
            wanted = wanted[-self.dims:]
        sizes = as_tuple(name, "output_size", wanted, self.dims)
        least = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in zip(
            input.shape[-self.dims:], self.stride, self.padding, self.dilation, self.kernel_size))
        most = tuple(n + s - 1 for n, s in zip(least, self.stride))
        if any(not a <= n <= b for a, n, b in zip(least, sizes, most)):
            raise ValueError(f"{name}: expected an output_size from {least} to {most} for an input of shape "
                             f"{input.shape}, got {sizes}")
        return tuple(n - a for n, a in zip(sizes, least))


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over a sequence; `ConvTranspose2d` describes it and its arguments.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ConvTranspose1d(4, 2, 3, stride=2)(fastnet.ones(1, 4, 10)).shape
        (1, 2, 21)
    """

    dims = 1
    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution over images: the gradient of `Conv2d` for its input, which enlarges an image.

    Each element of the input adds weight * element to a window of the output. Zeiler et al. 2010, "Deconvolutional
    networks".

    Args:
        in_channels: channels C of the input.
        out_channels: channels O of the output.
        kernel_size: (KH, KW), or one number for both.
        stride: distance of the windows in the output.
        padding: positions that are left out at each end of the output.
        output_padding: positions added at the end of the output, less than stride or dilation.
        groups: the channels are divided into this many groups, which are convolved separately.
        bias: add a learned bias.
        dilation: distance of neighbouring positions of the kernel.
        padding_mode: "zeros".
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        (N, C, H, W) or (C, H, W) to (N, O, H', W') or (O, H', W') with H' = (H - 1) * stride - 2 * padding + dilation *
        (KH - 1) + output_padding + 1. When called with `output_size`, (H', W'), the output_padding follows from it.
        weight is (C, O/groups, KH, KW), bias (O,).

    Raises:
        ValueError: channels that do not divide into groups, or when called with an output_size that cannot be reached.
        RuntimeError: when called with another number of dimensions or channels.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1)
        >>> layer(fastnet.ones(5, 16, 8, 8)).shape
        (5, 3, 16, 16)
        >>> fastnet.nn.ConvTranspose2d(1, 1, 3, stride=2)(fastnet.ones(1, 1, 4, 4), output_size=(10, 10)).shape
        (1, 1, 10, 10)
    """

    dims = 2
    _function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution over volumes; `ConvTranspose2d` describes it and its arguments.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ConvTranspose3d(1, 2, 2, stride=2)(fastnet.ones(1, 1, 2, 3, 4)).shape
        (1, 2, 4, 6, 8)
    """

    dims = 3
    _function = staticmethod(F.conv_transpose3d)
