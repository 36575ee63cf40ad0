"""Sampling of images at points, and the assembly of images from patches."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnet
import fastnet.nn.functional as F
from fastnet import Tensor
from fastnet.onnx.operators.limits import checked_sizes
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator
from fastnet.ops import roi_align

_SAMPLING = {"linear": "bilinear", "cubic": "bicubic"}


@operator("GridSample")
def grid_sample(node: Node, x: Tensor, grid: Tensor) -> Tensor:
    """An image at the points of a grid."""
    mode = node.attribute("mode", "linear")
    return F.grid_sample(x, grid, _SAMPLING.get(mode, mode), node.attribute("padding_mode", "zeros"),
                         bool(node.attribute("align_corners", 0)))


@operator("AffineGrid", known=("size",))
def affine_grid(node: Node, theta: Tensor, size: Any) -> Tensor:
    """The grid of points that an affine map gives."""
    shape = checked_sizes(size, theta.dtype)
    return F.affine_grid(theta, shape, bool(node.attribute("align_corners", 0)))


@operator("RoiAlign")
def roi_align_(node: Node, x: Tensor, rois: Tensor, images: Tensor) -> Tensor:
    """The mean of each cell of a grid on each region."""
    shifted = node.attribute("coordinate_transformation_mode", "half_pixel") == "half_pixel" and node.opset >= 16
    if node.attribute("mode", "avg") != "avg":
        raise node.refuse(f"the mode {node.attribute('mode')!r}")
    boxes = fastnet.cat([images.to(rois.dtype).reshape(-1, 1), rois], 1)
    size = node.attribute("output_height", 1), node.attribute("output_width", 1)
    checked_sizes([rois.shape[0], x.shape[1], *size], x.dtype)
    return roi_align(x, boxes, size, node.attribute("spatial_scale", 1.0), node.attribute("sampling_ratio", 0), shifted)


@operator("Col2Im", known=("image", "block"))
def col2im(node: Node, x: Tensor, image: Any, block: Any) -> Tensor:
    """Images (N, C, *image) as the sum of blocks at all positions, from columns (N, C * block, positions)."""
    image, block = [int(n) for n in image], [int(n) for n in block]
    ndim = len(image)
    strides = node.attribute("strides") or (1,) * ndim
    dilations = node.attribute("dilations") or (1,) * ndim
    pads = node.attribute("pads") or (0,) * (2 * ndim)
    sizes = [n + pads[i] + pads[ndim + i] for i, n in enumerate(image)]     # of the padded image
    checked_sizes([*x.shape[:2], *sizes], x.dtype)
    places = np.zeros((1, 1), np.int64)
    for n, k, stride, dilation in zip(sizes, block, strides, dilations):
        steps = np.arange(0, n - dilation * (k - 1), stride)
        along = dilation * np.arange(k)[:, None] + steps                    # (in the block, position)
        places = (places[:, None, :, None] * n + along[None, :, None, :]).reshape(
            places.shape[0] * k, places.shape[1] * len(steps))
    n, channels = x.shape[0], x.shape[1] // math.prod(block)
    columns = x.reshape(n * channels, places.size)
    index = fastnet.broadcast_to(as_tensor(places.reshape(1, -1)), tuple(columns.shape))
    whole = fastnet.scatter_add(fastnet.zeros(n * channels, math.prod(sizes), dtype=x.dtype), 1, index, columns)
    inner = tuple(slice(pads[i], pads[i] + n) for i, n in enumerate(image))
    return whole.reshape((n, channels, *sizes))[(slice(None), slice(None), *inner)]
