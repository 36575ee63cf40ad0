"""Interpolation of images and volumes to another size."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import one_of, shape_text
from fastnet._core.memory import empty
from fastnet._core.shapes import collapse_shape
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.axis_tables import Lists, WeightTable, cached_table, constant, inverse_lists, weight_table
from fastnet.functional.axis_weights import WEIGHTS, AxisSizes, nearest_index
from fastnet.functional.casting import to
from fastnet.functional.compare import clamp
from fastnet.functional.dims import as_tuple
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.layout import as_volume, from_volume
from fastnet.functional.pointwise import floor

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, Size

__all__ = ["interpolate", "weighted_sums"]

_INTERPOLATIONS = {                     # mode -> (its weights along an axis, the dimensions of its input)
    "nearest": ("nearest", (3, 4, 5)), "nearest-exact": ("nearest-exact", (3, 4, 5)), "linear": ("linear", (3,)),
    "bilinear": ("linear", (4,)), "bicubic": ("cubic", (4,)), "trilinear": ("linear", (5,)),
    "area": ("area", (3, 4, 5)),
}
_ALIGNED = ("linear", "bilinear", "bicubic", "trilinear")       # the modes that take align_corners
_Axes = tuple[AxisSizes, ...]           # of the three axes of a volume


# ---- nearest neighbours ---------------------------------------------------------------------------------------------

@cached_table
def _nearest_table(sizes: AxisSizes, exact: bool, dtype: DType) -> Array:
    return constant(nearest_index(sizes, exact, dtype))


@cached_table
def _nearest_lists(sizes: AxisSizes, exact: bool, dtype: DType) -> Lists:
    return inverse_lists(_nearest_table(sizes, exact, dtype), sizes[0])


@op
def _interpolate_nearest(x: Array, axes: _Axes, exact: bool) -> Result[Array]:
    return _nearest_pixels(x, axes, exact), (gradient(_nearest_gradient, axes, exact), None, None)


def _nearest_pixels(x: Array, axes: _Axes, exact: bool) -> Array:
    volume, dtype = as_volume(x), x.dtype if dtypes.is_floating(x.dtype) else dtypes.float32
    out = empty((volume.shape[0], *(m for _, m, _ in axes), volume.shape[-1]), x.dtype)
    K.take_volume(out, volume, *(_nearest_table(sizes, exact, dtype) for sizes in axes), 0.0)
    return from_volume(out, x.ndim)


def _nearest_gradient(g: Array, axes: _Axes, exact: bool) -> Array:
    dy = as_volume(g)
    dx = empty((dy.shape[0], *(n for n, _, _ in axes), dy.shape[-1]), g.dtype)
    K.take_volume_backward(dx, dy, *(array for sizes in axes for array in _nearest_lists(sizes, exact, g.dtype)))
    return from_volume(dx, g.ndim)


transposes(_nearest_gradient, _nearest_pixels)


# ---- weighted sums, one axis after another --------------------------------------------------------------------------

@cached_table
def _interpolation_table(weights: str, sizes: AxisSizes, align_corners: bool, dtype: DType,
                         transposed: bool) -> WeightTable:
    rows, index, values = WEIGHTS[weights](sizes, align_corners)
    if transposed:
        return weight_table(index, rows, values, sizes[0], dtype)
    return weight_table(rows, index, values, sizes[1], dtype)


def _sum_along(volume: Array, axis: int, length: int, table: WeightTable) -> Array:
    shape = volume.shape
    outer, n, inner = collapse_shape(shape, axis, axis + 1)
    out = empty((outer, length, inner), volume.dtype)
    K.resample(out, volume.reshape(outer, n, inner), *table)
    return out.reshape(*shape[:axis], length, *shape[axis + 1:])


def _resized_axes(axes: _Axes, weights: str) -> list[int]:
    """The axes that change, in the order that needs the fewest additions: those that shrink most first."""
    # a scale factor near 1 may keep the number of pixels, and then only bicubic interpolation moves them, as in PyTorch
    changed = [i for i, (n, m, scale) in enumerate(axes) if n != m or (weights == "cubic" and scale not in (None, 1.0))]
    return sorted(changed, key=lambda i: (axes[i][1] / axes[i][0], -i))


@op
def _interpolate_weighted(x: Array, axes: _Axes, weights: str, align_corners: bool) -> Result[Array]:
    slope = gradient(_interpolation_gradient, axes, weights, align_corners)
    return _resampled(x, axes, weights, align_corners), (slope, None, None, None)


def _resampled(x: Array, axes: _Axes, weights: str, align_corners: bool) -> Array:
    volume, order = as_volume(x), _resized_axes(axes, weights)
    for i in order:
        table = _interpolation_table(weights, axes[i], align_corners, x.dtype, False)
        volume = _sum_along(volume, 1 + i, axes[i][1], table)
    if not order:
        volume = kernels.copy(volume)
    return from_volume(volume, x.ndim)


def _interpolation_gradient(g: Array, axes: _Axes, weights: str, align_corners: bool) -> Array:
    volume = as_volume(g)
    for i in reversed(_resized_axes(axes, weights)):
        table = _interpolation_table(weights, axes[i], align_corners, g.dtype, True)
        volume = _sum_along(volume, 1 + i, axes[i][0], table)
    return from_volume(volume, g.ndim)


transposes(_interpolation_gradient, _resampled)


@op
def weighted_sums(x: Array, axis: int, table: WeightTable, transposed: WeightTable) -> Result[Array]:
    """Sums of entries of an axis: out[i] along the axis is the sum of weights * entries that row i of a table lists.

    Args:
        x: floating-point.
        axis: not negative.
        table: of the sums.
        transposed: the table of the gradient, from sums to entries.
    """
    return _sums_along(x, axis, *table), (gradient(_sums_along, axis, *transposed), None, None, None)


def _sums_along(x: Array, axis: int, *lists: Array) -> Array:
    table = WeightTable(*lists)
    length = table.starts.size - 1
    if axis > 1 and x.ndim <= 5:                        # images keep their layout
        return from_volume(_sum_along(as_volume(x), axis + 4 - x.ndim, length, table), x.ndim)
    return _sum_along(kernels.contiguous(x), axis, length, table)


# ---- interpolate ----------------------------------------------------------------------------------------------------

def interpolate(input: Tensor, size: Size | None = None, scale_factor: float | Sequence[float] | None = None,
                mode: str = "nearest", align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """Resample images to another size.

    Args:
        input: floating-point, (N, C, L), (N, C, H, W) or (N, C, D, H, W). "nearest" and "nearest-exact" take any dtype,
            "bilinear" and "bicubic" take uint8, too: the results along each axis are rounded, halves upwards. Since
            PyTorch also rounds the weights, a level may differ from PyTorch's by 1, in rare cases by 2.
        size: the new spatial size, one number for all dimensions or one for each.
        scale_factor: the ratio of new to old size, in place of `size`; the product is rounded down.
        mode: "nearest", "nearest-exact" (the value at the centre of a new pixel, as in Pillow), "linear" (for (N, C,
            L)), "bilinear" and "bicubic" (for (N, C, H, W)), "trilinear" (for (N, C, D, H, W)), or "area" (means, as
            adaptive average pooling).
        align_corners: let the centres of corner pixels coincide, instead of the corners of the images; only for
            "linear", "bilinear", "bicubic" and "trilinear".
        recompute_scale_factor: compute positions from the rounded sizes, not from scale_factor.
        antialias: smooth while shrinking; only for "bilinear" and "bicubic".

    Raises:
        ValueError: both or neither of size and scale_factor, another number of sizes than spatial dimensions, or
            options that do not fit the mode.
        NotImplementedError: an unknown mode, or one for another number of dimensions.
        RuntimeError: an empty image or result, a scale factor that is not positive and finite, or a dtype that the mode
            does not take.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[[1.0, 2.0]]])
        >>> fastnet.nn.functional.interpolate(x, scale_factor=2)
        tensor([[[1., 1., 2., 2.]]])
        >>> fastnet.nn.functional.interpolate(x, 4, mode="linear")
        tensor([[[1.  , 1.25, 1.75, 2.  ]]])
    """
    weights = _checked_mode(input, mode, align_corners, antialias)
    axes = _new_sizes(input, size, scale_factor, bool(recompute_scale_factor))
    if any(n < 1 or m < 1 for n, m, _ in axes) or not input.shape[1]:
        raise RuntimeError(f"interpolate: expected images and a result with elements, got shape {shape_text(input)} "
                           f"and size {tuple(m for _, m, _ in axes)}")
    axes = ((1, 1, None),) * (3 - len(axes)) + axes
    if mode == "nearest" and input.ndim == 4:
        # As in PyTorch, positions follow from the lengths where these stay or double. The factors 1 and 2 give the same
        # positions and stay: the export of open sizes to ONNX needs them.
        axes = tuple((n, m, None if m in (n, 2 * n) and scale not in (1, 2) else scale) for n, m, scale in axes)
    if weights.startswith("nearest"):
        return _interpolate_nearest(input, axes, weights != "nearest")
    if input.dtype == dtypes.uint8:
        return _interpolate_pixels(input, axes, weights, bool(align_corners))
    return _interpolate_weighted(input, axes, weights, bool(align_corners))


def _interpolate_pixels(input: Tensor, axes: _Axes, weights: str, align_corners: bool) -> Tensor:
    """Weighted sums of uint8: along the width, then the height, each rounded and clamped, as in PyTorch."""
    x = to(input, dtypes.float32)
    for axis in (2, 1):
        others = tuple((x.shape[1 + i], x.shape[1 + i], None) for i in (1, 2))
        one = ((1, 1, None), axes[1] if axis == 1 else others[0], axes[2] if axis == 2 else others[1])
        x = clamp(floor(_interpolate_weighted(x, one, weights, align_corners) + 0.5), 0, 255)
    return to(x, dtypes.uint8)


def _checked_mode(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> str:
    """The kind of weights that a mode uses along each axis."""
    if mode not in _INTERPOLATIONS:
        raise NotImplementedError(f"interpolate: {one_of('mode', mode, _INTERPOLATIONS)}")
    weights, dims = _INTERPOLATIONS[mode]
    if input.ndim not in dims:
        raise NotImplementedError(f"interpolate: mode {mode!r} expects an input of "
                                  f"{' or '.join(map(str, dims))} dimensions, (N, C, ...), got shape "
                                  f"{shape_text(input)}; unsqueeze an input without N")
    if mode not in _ALIGNED and align_corners is not None:
        raise ValueError(f"interpolate: align_corners is for the modes {', '.join(_ALIGNED)}, got mode {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias is for the modes bilinear and bicubic, got mode {mode!r}")
    pixels = input.dtype == dtypes.uint8 and mode in ("bilinear", "bicubic")
    if not (weights.startswith("nearest") or pixels):
        check_floating("interpolate", input)
    return weights + " antialias" * antialias


def _new_sizes(input: Tensor, size: Any, scale_factor: Any, recompute: bool) -> _Axes:
    """(old length, new length, scale factor if it determines positions) of each spatial dimension."""
    spatial = input.shape[2:]
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: expected either size or scale_factor, got "
                         f"{'neither' if size is None else 'both'}")
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor is for scale_factor, got size")
        if isinstance(size, Sequence) and len(size) != len(spatial):
            raise ValueError(f"interpolate: expected {len(spatial)} sizes for shape {shape_text(input)}, got {size}")
        return tuple((n, m, None) for n, m in zip(spatial, as_tuple("interpolate", "size", size, len(spatial))))
    factors = scale_factor if isinstance(scale_factor, Sequence) else (scale_factor,) * len(spatial)
    if len(factors) != len(spatial):
        raise ValueError(f"interpolate: expected {len(spatial)} scale factors for shape {shape_text(input)}, got "
                         f"{scale_factor}")
    try:
        factors = tuple(map(float, factors))
    except (TypeError, ValueError):
        raise TypeError(f"interpolate: expected scale_factor to be a number or a sequence of numbers, got "
                        f"{scale_factor!r}") from None
    if not all(0 < f < math.inf for f in factors):
        raise RuntimeError(f"interpolate: expected positive, finite scale factors, got {scale_factor}")
    return tuple((n, math.floor(n * f), None if recompute else f) for n, f in zip(spatial, factors))
