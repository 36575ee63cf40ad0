"""Anchors of a detector, and boxes as offsets from them."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnet._core.annotations import Array

__all__ = ["anchor_grid", "box_offsets", "match_anchors", "offset_boxes"]

_CENTRE_SCALE, _SIZE_SCALE = 10.0, 5.0  # the weights of Liu et al., which make all four offsets vary about as much


def anchor_grid(image: tuple[int, int], grids: Sequence[tuple[int, int]], scales: Sequence[float],
                aspect_ratios: Sequence[float]) -> Array:
    """Corners of the anchors of an image, (A, 4): in each cell of each grid one of each aspect ratio, and a larger one.

    Args:
        image: height and width.
        grids: rows and columns of each grid, from the finest.
        scales: the side of the anchors of each grid, as a fraction of the image's, and one more. The larger anchor of a
            grid has the geometric mean of its scale and the next.
        aspect_ratios: width / height.

    Example:
        >>> from fastnet.models.anchors import anchor_grid
        >>> anchor_grid((64, 64), [(1, 2)], [0.5, 0.5], [1.0]).tolist()[0]
        [0.0, 16.0, 32.0, 48.0]
    """
    height, width = image
    corners = []
    for (rows, columns), scale, following in zip(grids, scales, scales[1:]):
        larger = np.sqrt(scale * following)
        sizes = [(scale * np.sqrt(r) * width, scale / np.sqrt(r) * height) for r in aspect_ratios]
        half = np.array([*sizes, (larger * width, larger * height)]) / 2
        y, x = np.meshgrid((np.arange(rows) + 0.5) * height / rows, (np.arange(columns) + 0.5) * width / columns,
                           indexing="ij")
        centres = np.stack([x, y], -1)[:, :, None]
        corners.append(np.concatenate([centres - half, centres + half], -1).reshape(-1, 4))
    return np.concatenate(corners).astype(np.float32)


def match_anchors(overlap: Array, threshold: float) -> Array:
    """The box that each anchor is responsible for, or -1: its best, if they overlap enough; each box has an anchor.

    Args:
        overlap: intersection over union, (A, boxes).
        threshold: the least overlap.

    Example:
        >>> import numpy as np
        >>> from fastnet.models.anchors import match_anchors
        >>> match_anchors(np.array([[0.6, 0.1], [0.2, 0.3], [0.1, 0.0]]), 0.5)
        array([ 0,  1, -1])
    """
    if not overlap.shape[1]:
        return np.full(len(overlap), -1)
    best = overlap.argmax(1)
    matched = np.where(overlap.max(1) >= threshold, best, -1)
    matched[overlap.argmax(0)] = np.arange(overlap.shape[1])
    return matched


def box_offsets(boxes: Array, anchors: Array) -> Array:
    """Boxes as offsets from anchors: differences of the centres over the anchor's size, and logarithms of the sizes.

    Args:
        boxes, anchors: corners, (..., 4).

    Example:
        >>> import numpy as np
        >>> from fastnet.models.anchors import box_offsets
        >>> box_offsets(np.array([2.0, 0.0, 6.0, 4.0]), np.array([0.0, 0.0, 4.0, 4.0]))
        array([5., 0., 0., 0.])
    """
    centre, size = _centre_and_size(boxes)
    anchor_centre, anchor_size = _centre_and_size(anchors)
    tiny = np.finfo(np.float32).tiny
    return np.concatenate([_CENTRE_SCALE * (centre - anchor_centre) / anchor_size,
                           _SIZE_SCALE * np.log(np.maximum(size / anchor_size, tiny))], -1)


def offset_boxes(offsets: Array, anchors: Array) -> Array:
    """Corners of the boxes with these offsets from anchors: the inverse of `box_offsets`.

    Args:
        offsets: (..., 4). Sizes are bounded by 1000/16 times the anchor's, as in torchvision.
        anchors: corners, (..., 4).

    Example:
        >>> import numpy as np
        >>> from fastnet.models.anchors import offset_boxes
        >>> offset_boxes(np.array([5.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 4.0, 4.0]))
        array([2., 0., 6., 4.])
    """
    anchor_centre, anchor_size = _centre_and_size(anchors)
    centre = anchor_centre + offsets[..., :2] / _CENTRE_SCALE * anchor_size
    half = np.exp(np.minimum(offsets[..., 2:] / _SIZE_SCALE, np.log(1000 / 16))) * anchor_size / 2
    return np.concatenate([centre - half, centre + half], -1)


def _centre_and_size(corners: Array) -> tuple[Array, Array]:
    return (corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]
