"""Convolutions of arrays (N, D, H, W, C): the choice between the kernels of convolutions and matrix products."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from fastnet.backend import K
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["Geometry", "Paddings", "as_filters", "is_pointwise", "pixel_rows", "run_conv", "run_conv_input",
           "run_conv_weight", "same_padding"]


class Geometry(NamedTuple):
    """The windows of a convolution, over (D, H, W)."""

    stride: Shape
    padding: Shape                      # zeros before the first element
    dilation: Shape
    groups: int

    def windows(self) -> tuple[Shape, Shape, Shape]:
        """The arguments of the kernels, which know the groups by the shapes."""
        return self[:3]


class Paddings(NamedTuple):
    """Zeros before and after each spatial dimension."""

    before: Shape
    after: Shape


def same_padding(kernel: Shape, dilation: Shape) -> Paddings:
    """The zeros before and after each dimension with which a convolution of stride 1 keeps the input's size.

    Example:
        >>> from fastnet.functional.conv_arrays import same_padding
        >>> same_padding((3, 4), (1, 1))
        Paddings(before=(1, 1), after=(1, 2))
    """
    totals = [d * (k - 1) for k, d in zip(kernel, dilation)]
    before = tuple(total // 2 for total in totals)
    return Paddings(before, tuple(total - b for total, b in zip(totals, before)))


# what makes (O, C, *kernel) of so many dimensions (O, C, KD, KH, KW): an index takes a third of reshape's time
_WITH_ALL_SIZES = {n: (slice(None), slice(None), *[None] * (5 - n)) for n in (3, 4, 5)}


def as_filters(weight: Array) -> Array:
    """A weight (O, C/groups, *kernel) as (O, C/groups, KD, KH, KW)."""
    w = contiguous(weight)
    return w[_WITH_ALL_SIZES[w.ndim]]


def is_pointwise(w: Array, v: Array, out: Array, geometry: Geometry) -> bool:
    """Whether a convolution is a matrix product over pixels; `output_padding` makes images of different sizes."""
    return (w.shape[2:] == (1, 1, 1) and max(geometry.stride) == 1 and not any(geometry.padding)
            and geometry.groups == 1 and v.shape[:4] == out.shape[:4])


def pixel_rows(v: Array) -> Array:
    """(N, D, H, W, C) as (N*D*H*W, C)."""
    return v.reshape(math.prod(v.shape[:-1]), v.shape[-1])


def run_conv(out: Array, v: Array, w: Array, bias: Array | None, geometry: Geometry, activation: str = "none",
             affine: Array | None = None, residual: Array | None = None) -> None:
    """The convolution of v with w, with the end that the kernel `conv` describes."""
    if is_pointwise(w, v, out, geometry):
        K.matmul(pixel_rows(out), pixel_rows(v), w.reshape(w.shape[:2]).T, bias, activation, affine=affine,
                 residual=None if residual is None else pixel_rows(residual))
    else:
        K.conv(out, v, w, bias, residual, *geometry.windows(), activation, affine)


def run_conv_input(dx: Array, g: Array, w: Array, bias: Array | None, geometry: Geometry) -> None:
    """The gradient of the input, which is the transposed convolution."""
    if is_pointwise(w, dx, g, geometry):
        K.matmul(pixel_rows(dx), pixel_rows(g), w.reshape(w.shape[:2]), bias)
    else:
        K.conv_input(dx, g, w, bias, *geometry.windows())


def run_conv_weight(dw: Array, v: Array, g: Array, geometry: Geometry) -> None:
    """The gradient of the filters."""
    if is_pointwise(dw, v, g, geometry):
        K.matmul(dw.reshape(dw.shape[:2]), pixel_rows(g).T, pixel_rows(v))
    else:
        K.conv_weight(dw, v, g, *geometry.windows())
