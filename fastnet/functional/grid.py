"""Sampling of images at given points (grid_sample), and the points of an affine map (affine_grid)."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import one_of, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional.axis_tables import cached_table, constant
from fastnet.functional.dims import as_shape
from fastnet.functional.kernel_calls import check_floating, contiguous
from fastnet.functional.layout import as_volume, channels_first, channels_last, from_volume

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, Shape

__all__ = ["affine_grid", "grid_sample"]

_SAMPLING_MODES = ("bilinear", "nearest", "bicubic")
_BORDERS = ("zeros", "border", "reflection")


# ---- grid_sample ----------------------------------------------------------------------------------------------------

@op
def _grid_sample(x: Array, grid: Array, mode: str, padding: str, align_corners: bool) -> Result[Array]:
    volume, dims = as_volume(x), grid.shape[-1]
    points = contiguous(grid).reshape(grid.shape[0], math.prod(grid.shape[1:-1]), dims)
    out = empty((points.shape[0], points.shape[1], volume.shape[-1]), x.dtype)
    K.grid_sample(out, volume, points, mode, padding, align_corners)
    images = channels_first(out.reshape(*grid.shape[:-1], volume.shape[-1]))
    return images, gradient(_grid_gradients, volume, points, mode, padding, align_corners)


def _grid_gradients(g: Array, needs: Sequence[bool], volume: Array, points: Array, mode: str, padding: str,
                    align_corners: bool) -> tuple[Array | None, ...]:
    dx = empty(volume.shape, g.dtype) if needs[0] else None
    dgrid = empty(points.shape, g.dtype) if len(needs) > 1 else None    # the last of `needs` is that of a gradient
    dy = channels_last(g).reshape(points.shape[0], points.shape[1], volume.shape[-1])
    K.grid_sample_backward(dx, dgrid, volume, points, dy, mode, padding, align_corners)
    if dgrid is not None:
        dgrid = dgrid.reshape(g.shape[0], *g.shape[2:], points.shape[2])
    return (None if dx is None else from_volume(dx, g.ndim)), dgrid, None, None, None


def grid_sample(input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Tensor:
    """Sample images at given points: out[n, :, i, j] is input[n] at the point grid[n, i, j].

    Jaderberg et al. 2015, https://arxiv.org/abs/1506.02025.

    Args:
        input: floating-point, (N, C, H, W) or (N, C, D, H, W).
        grid: points (N, H', W', 2) as (x, y), or (N, D', H', W', 3) as (x, y, z); -1 and 1 are the sides of an image.
        mode: "bilinear" (trilinear for volumes), "nearest", or "bicubic" (only for images).
        padding_mode: the value of points outside: "zeros", "border" (that of the nearest border), or "reflection".
        align_corners: let -1 and 1 be the centres of the outermost pixels, not their outer edges; False by default.

    Raises:
        ValueError: an unknown mode or padding_mode.
        RuntimeError: shapes or dtypes that do not fit (both are named), images without pixels, or bicubic for volumes.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[[[1.0, 2.0]]]])
        >>> fastnet.nn.functional.grid_sample(x, fastnet.tensor([[[[-0.5, 0.0], [0.0, 0.0]]]]))
        tensor([[[[1. , 1.5]]]])
    """
    if mode not in _SAMPLING_MODES:
        raise ValueError(f"grid_sample: {one_of('mode', mode, _SAMPLING_MODES)}")
    if padding_mode not in _BORDERS:
        raise ValueError(f"grid_sample: {one_of('padding_mode', padding_mode, _BORDERS)}")
    check_floating("grid_sample", input)
    if input.dtype != grid.dtype:
        raise RuntimeError(f"grid_sample: expected a grid of the input's dtype, got input {input.dtype} and grid "
                           f"{grid.dtype}")
    fits = input.ndim in (4, 5) and grid.ndim == input.ndim and grid.shape[0] == input.shape[0]
    if not fits or grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(f"grid_sample: expected an input (N, C, H, W) and a grid (N, H', W', 2), or an input "
                           f"(N, C, D, H, W) and a grid (N, D', H', W', 3), got shapes {shape_text(input)} and "
                           f"{shape_text(grid)}")
    if 0 in input.shape[2:]:
        raise RuntimeError(f"grid_sample: expected images with pixels, got shape {shape_text(input)}")
    if mode == "bicubic" and input.ndim == 5:
        raise RuntimeError(f"grid_sample: mode 'bicubic' is for inputs (N, C, H, W), got shape {shape_text(input)}")
    return _grid_sample(input, grid, mode, padding_mode, bool(align_corners))


# ---- affine_grid ----------------------------------------------------------------------------------------------------

@cached_table
def _homogeneous_points(spatial: Shape, align_corners: bool, dtype: DType) -> Array:
    """The centres of all pixels as rows (x, y, 1) or (x, y, z, 1), -1 and 1 being the sides."""
    axes = []
    for n in spatial:
        side = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        axes.append(side if align_corners else side * (n - 1) / n)
    points = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(spatial)], -1)
    return constant(points.reshape(-1, len(spatial) + 1).astype(dtype))


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points of an affine map of images, for `grid_sample`: grid[n, i, j] = theta[n] @ (x, y, 1).

    (x, y) is the centre of pixel (i, j), -1 and 1 being the sides of the image. Jaderberg et al. 2015,
    https://arxiv.org/abs/1506.02025.

    Args:
        theta: floating-point matrices, (N, 2, 3) for images or (N, 3, 4) for volumes.
        size: the shape of the images, (N, C, H, W) or (N, C, D, H, W).
        align_corners: let -1 and 1 be the centres of the outermost pixels, not their outer edges; False by default.

    Returns:
        Points (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError: matrices that do not fit the size, an empty size, or a theta that is not floating-point.
        NotImplementedError: a size of another number of dimensions.

    Example:
        >>> import fastnet
        >>> theta = fastnet.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> fastnet.nn.functional.affine_grid(theta, (1, 1, 1, 2))
        tensor([[[[-0.5,  0. ],
                  [ 0.5,  0. ]]]])
    """
    shape = as_shape((size,))
    if not dtypes.is_floating(theta.dtype):
        raise ValueError(f"affine_grid: expected a floating-point theta, got {theta.dtype}")
    if len(shape) not in (4, 5):
        raise NotImplementedError(f"affine_grid: expected a size (N, C, H, W) or (N, C, D, H, W), got {shape}")
    dims = len(shape) - 2
    if theta.shape != (shape[0], dims, dims + 1):
        raise ValueError(f"affine_grid: expected a theta of shape {(shape[0], dims, dims + 1)} for the size {shape}, "
                         f"got {shape_text(theta)}")
    if min(shape) < 1:
        raise ValueError(f"affine_grid: expected positive sizes, got {shape}")
    points = Tensor._wrap(_homogeneous_points(shape[2:], bool(align_corners), theta.dtype))
    return (points @ theta.transpose(1, 2)).reshape(shape[0], *shape[2:], dims)
