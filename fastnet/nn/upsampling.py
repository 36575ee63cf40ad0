"""Upsampling layers, and layers that rearrange pixels and channels."""
from __future__ import annotations

from collections.abc import Sequence

from fastnet._core.errors import naming_none
from fastnet._core.tensor import Tensor
from fastnet.nn import functional as F
from fastnet.nn.module import Module

__all__ = [
    "ChannelShuffle", "PixelShuffle", "PixelUnshuffle", "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d",
]


class Upsample(Module):
    """Resample images to another size by `fastnet.nn.functional.interpolate`.

    Args:
        size: the new spatial size, one number for all dimensions or one for each.
        scale_factor: the ratio of new to old size, in place of `size`.
        mode: "nearest", "linear", "bilinear", "bicubic" or "trilinear".
        align_corners: let the centres of corner pixels coincide.
        recompute_scale_factor: compute positions from the rounded sizes, not from scale_factor.

    Shape:
        (N, C, L), (N, C, H, W) or (N, C, D, H, W) to the same with the new spatial size.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Upsample(scale_factor=2)(fastnet.tensor([[[1.0, 2.0]]]))
        tensor([[[1., 1., 2., 2.]]])
    """

    name: str
    size: int | tuple[int, ...] | None
    scale_factor: float | tuple[float, ...] | None
    mode: str
    align_corners: bool | None
    recompute_scale_factor: bool | None

    def __init__(self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
                 mode: str = "nearest", align_corners: bool | None = None,
                 recompute_scale_factor: bool | None = None) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = tuple(size) if isinstance(size, Sequence) else size
        self.scale_factor = (tuple(map(float, scale_factor)) if isinstance(scale_factor, Sequence)
                             else float(scale_factor) if scale_factor else None)
        self.mode, self.align_corners, self.recompute_scale_factor = mode, align_corners, recompute_scale_factor

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                             self.recompute_scale_factor)

    def extra_repr(self) -> str:
        how = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{how}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Repeat the pixels of images to another size.

    Args:
        size: the new height and width, or one number for both.
        scale_factor: the ratio of new to old size, in place of `size`.

    Shape:
        (N, C, H, W) to the same with the new height and width.

    Example:
        >>> import fastnet
        >>> fastnet.nn.UpsamplingNearest2d(scale_factor=2)(fastnet.ones(1, 1, 2, 3)).shape
        (1, 1, 4, 6)
    """

    def __init__(self, size: int | Sequence[int] | None = None,
                 scale_factor: float | Sequence[float] | None = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Bilinear interpolation of images to another size; the centres of corner pixels coincide.

    Args:
        size: the new height and width, or one number for both.
        scale_factor: the ratio of new to old size, in place of `size`.

    Shape:
        (N, C, H, W) to the same with the new height and width.

    Example:
        >>> import fastnet
        >>> fastnet.nn.UpsamplingBilinear2d(size=(1, 3))(fastnet.tensor([[[[1.0, 2.0]]]]))
        tensor([[[[1. , 1.5, 2. ]]]])
    """

    def __init__(self, size: int | Sequence[int] | None = None,
                 scale_factor: float | Sequence[float] | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(Module):
    """Rearrange channels into pixels: (..., C*r*r, H, W) to (..., C, H*r, W*r).

    Shi et al. 2016, https://arxiv.org/abs/1609.05158.

    Args:
        upscale_factor: r.

    Example:
        >>> import fastnet
        >>> fastnet.nn.PixelShuffle(2)(fastnet.ones(1, 8, 3, 3)).shape
        (1, 2, 6, 6)
    """

    upscale_factor: int

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Rearrange pixels into channels: (..., C, H*r, W*r) to (..., C*r*r, H, W).

    Args:
        downscale_factor: r.

    Example:
        >>> import fastnet
        >>> fastnet.nn.PixelUnshuffle(2)(fastnet.ones(1, 2, 6, 6)).shape
        (1, 8, 3, 3)
    """

    downscale_factor: int

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Interleave groups of channels: out[:, i*groups + g] = input[:, g*(C/groups) + i].

    Zhang et al. 2017, ShuffleNet, https://arxiv.org/abs/1707.01083.

    Args:
        groups: the number of groups, which divides C.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ChannelShuffle(2)(fastnet.arange(4).reshape(1, 4, 1)).reshape(-1)
        tensor([0, 2, 1, 3])
    """

    groups: int

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
