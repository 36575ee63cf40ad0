"""Pooling of regions of images."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.state import forbid_reading
from fastnet._core.tensor import Tensor
from fastnet.backend import K
from fastnet.functional.creation import arange, full
from fastnet.functional.dims import as_tuple
from fastnet.functional.embedding import embedding
from fastnet.functional.joining import cat, stack
from fastnet.functional.linear import bmm
from fastnet.ops.boxes import check_boxes

if TYPE_CHECKING:
    from fastnet._core.annotations import Size

__all__ = ["roi_align"]


def roi_align(input: Tensor, boxes: Tensor | Sequence[Tensor], output_size: Size, spatial_scale: float = 1.0,
              sampling_ratio: int = -1, aligned: bool = False) -> Tensor:
    """Region of interest align: average each cell of a grid on each box, with bilinear interpolation.

    A box is divided into output_size cells. A cell is the mean of the image at a grid of points within it; points more
    than 1 outside of the image count as 0. He et al., "Mask R-CNN", https://arxiv.org/abs/1703.06870.

    Gradients flow to the input, not to the boxes. It is composed of a lookup of four pixels for each point and a matrix
    product with the weights of the pixels, and takes memory for both.

    Args:
        input: (N, C, H, W), float32 or float64.
        boxes: (K, 5), where each row is the number of the image, x1, y1, x2 and y2; or a list of N tensors (L, 4), the
            boxes of each image.
        output_size: cells of the grid, an integer or (height, width).
        spatial_scale: multiplies the coordinates of boxes, if the input has another size than their image.
        sampling_ratio: points of a cell along each side. If it is 0 or less, ceil(size of the box / cells) of each box;
            this depends on values and cannot be part of a compiled function.
        aligned: shift the coordinates by -0.5, so that a pixel's centre is at its index. Without it, as in the first
            implementations, boxes also have a side of at least 1.

    Returns:
        A tensor (K, C, height, width).

    Raises:
        TypeError: arguments that are not tensors.
        ValueError: other shapes, an output_size below 1, or boxes with NaN or infinity.
        IndexError: the number of an image out of range.
        RuntimeError: inside a compiled function with a sampling_ratio of 0 or less.

    Example:
        >>> import fastnet
        >>> image = fastnet.arange(16.0).reshape(1, 1, 4, 4)
        >>> fastnet.ops.roi_align(image, [fastnet.tensor([[0.0, 0.0, 2.0, 2.0]])], 2, sampling_ratio=1, aligned=True)
        tensor([[[[0., 1.],
                  [4., 5.]]]])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("roi_align", "input", input)
    if input.ndim != 4:
        raise ValueError(f"roi_align: expected input of shape (N, C, H, W), got {shape_text(input)}")
    cells = as_tuple("roi_align", "output_size", output_size, 2)
    if min(cells) < 1:
        raise ValueError(f"roi_align: expected output_size of 1 or more, got {output_size}")
    rois = _as_rows(boxes, len(input)).detach().to(input.dtype)
    K.check_finite(rois._data, what="roi_align: boxes")
    shift = 0.5 if aligned else 0.0
    starts, ends = (rois[:, corner:corner + 2] * spatial_scale - shift for corner in (1, 3))
    sides = ends - starts if aligned else (ends - starts).clamp(min=1)
    down, across = (
        _axis_taps(starts[:, i], sides[:, i], cells[1 - i], input.shape[3 - i], sampling_ratio) for i in (1, 0))
    image = rois[:, 0].long()
    K.check_index(image._data, len(input), what="image")
    return _weighted_pixels(input, image, down, across)


def _as_rows(boxes: Tensor | Sequence[Tensor], images: int) -> Tensor:
    """Boxes as rows (image, x1, y1, x2, y2)."""
    if isinstance(boxes, Tensor):
        if boxes.ndim != 2 or boxes.shape[1] != 5:
            raise ValueError("roi_align: expected boxes of shape (K, 5), with the number of the image in the first "
                             f"column, or a list with a tensor (L, 4) for each image, got {shape_text(boxes)}")
        return boxes
    if not isinstance(boxes, list | tuple):
        raise not_a_tensor("roi_align", "boxes", boxes)
    if len(boxes) != images:
        raise ValueError(f"roi_align: expected boxes of {images} images, one tensor for each, got {len(boxes)}")
    for one in boxes:
        check_boxes("roi_align", one, matrix=True)
    return cat([cat((full((len(one), 1), i, dtype=one.dtype), one), 1) for i, one in enumerate(boxes)], 0)


class _PixelTaps(NamedTuple):
    """Pixels that each cell reads along an axis: their index and weight, both (boxes, cells, taps)."""

    place: Tensor
    weight: Tensor


def _axis_taps(start: Tensor, side: Tensor, cells: int, size: int, sampling_ratio: int) -> _PixelTaps:
    """Two pixels for each point; points that a box with fewer of them does not have weigh 0."""
    side = side / cells
    if sampling_ratio > 0:
        points, most = full(side.shape, sampling_ratio, dtype=side.dtype), sampling_ratio
    else:
        forbid_reading("roi_align() without sampling_ratio")
        points = side.ceil()            # 0 for a box without area: its cells are 0
        most = max(int(points.max()), 1) if len(points) else 1
    start, side, points = (x.reshape(-1, 1, 1) for x in (start, side, points))
    cell = arange(cells, dtype=side.dtype).reshape(1, -1, 1)
    point = arange(most, dtype=side.dtype).reshape(1, 1, -1)
    at = start + cell * side + (point + 0.5) * (side / points.clamp(min=1))
    counted = ((point < points) & (at >= -1) & (at <= size)).to(side.dtype) / points.clamp(min=1)
    at = at.clamp(0, size - 1)
    low = at.floor()
    high_weight = at - low
    place = stack((low, (low + 1).clamp(max=size - 1)), -1).to(dtypes.int64)
    weight = stack((counted * (1 - high_weight), counted * high_weight), -1)
    shape = (len(start), cells, 2 * most)
    return _PixelTaps(place.reshape(shape), weight.reshape(shape))


def _weighted_pixels(input: Tensor, image: Tensor, down: _PixelTaps, across: _PixelTaps) -> Tensor:
    """The sum of the pixels at all pairs of taps, (boxes, C, cells down, cells across)."""
    n, c, height, width = input.shape
    k, rows, columns = len(image), down.place.shape[1], across.place.shape[1]
    line = image.reshape(-1, 1, 1) * height + down.place
    index = line[:, :, None, :, None] * width + across.place[:, None, :, None, :]
    weight = down.weight[:, :, None, :, None] * across.weight[:, None, :, None, :]
    taps = down.place.shape[2] * across.place.shape[2]
    table = input.permute(0, 2, 3, 1).reshape(n * height * width, c)
    pixels = embedding(index.reshape(k * rows * columns, taps), table)
    pooled = bmm(weight.reshape(k * rows * columns, 1, taps), pixels)
    return pooled.reshape(k, rows, columns, c).permute(0, 3, 1, 2)
