"""Suppression of detections that overlap better ones."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import check_number, not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import forbid_reading
from fastnet._core.tensor import Tensor
from fastnet.backend import K
from fastnet.functional.kernel_calls import contiguous_copy
from fastnet.functional.sorting import argsort
from fastnet.ops.boxes import check_boxes

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["batched_nms", "nms"]


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: drop each box that overlaps a better one that is kept.

    The box with the highest score is kept, and boxes whose intersection over union with it is above the threshold are
    dropped; the same repeats with the boxes that remain. Of equal scores the first comes first.

    The number of results depends on values, so it cannot be part of a compiled function.

    Args:
        boxes: corners (x1, y1, x2, y2), float32 or float64, (N, 4).
        scores: (N,).
        iou_threshold: the largest overlap of two boxes that are both kept.

    Returns:
        The indices of the boxes that are kept, int64, by falling score.

    Raises:
        TypeError: arguments that are not tensors, boxes that are not floating-point, a threshold that is not a number.
        ValueError: shapes that do not match.
        RuntimeError: inside a compiled function.

    Example:
        >>> import fastnet
        >>> boxes = fastnet.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [9.0, 9.0, 12.0, 12.0]])
        >>> fastnet.ops.nms(boxes, fastnet.tensor([0.7, 0.9, 0.5]), 0.5)
        tensor([1, 2])
    """
    _check_detections("nms", boxes, scores, iou_threshold)
    return from_numpy(_survivors(boxes.detach().numpy(), _by_score(scores), iou_threshold))


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression of each class or image apart from the others.

    Each class is one call of the kernel. torchvision shifts boxes of different classes apart instead if there are few
    boxes, which rounds their coordinates.

    Args:
        boxes: corners (x1, y1, x2, y2), float32 or float64, (N, 4).
        scores: (N,).
        idxs: the class of each box; only boxes of the same class suppress each other, (N,).
        iou_threshold: the largest overlap of two boxes of a class that are both kept.

    Returns:
        The indices of the boxes that are kept, int64, by falling score.

    Raises:
        TypeError: arguments that are not tensors, boxes that are not floating-point, a threshold that is not a number.
        ValueError: shapes that do not match.
        RuntimeError: inside a compiled function.

    Example:
        >>> import fastnet
        >>> boxes = fastnet.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [0.0, 0.0, 4.0, 4.5]])
        >>> fastnet.ops.batched_nms(boxes, fastnet.tensor([0.7, 0.9, 0.5]), fastnet.tensor([0, 1, 1]), 0.5)
        tensor([1, 0])
    """
    _check_detections("batched_nms", boxes, scores, iou_threshold)
    _check_each_box("batched_nms", "idxs", idxs, boxes)
    corners, order, classes = boxes.detach().numpy(), _by_score(scores), idxs.detach().numpy()
    keep = np.zeros(len(corners), bool)
    for one in np.unique(classes):
        keep[_survivors(corners, order[classes[order] == one], iou_threshold)] = True
    return from_numpy(order[keep[order]])


def _by_score(scores: Tensor) -> Array:
    return argsort(scores.detach(), descending=True).numpy()


def _survivors(corners: Array, order: Array, iou_threshold: float) -> Array:
    """The boxes of `order`, indices by falling score, that no better one suppresses."""
    columns = contiguous_copy(corners[order].T)
    keep = empty((len(order),), corners.dtype)
    K.nms(keep, columns, _rounded_down(iou_threshold, corners.dtype.type))
    return order[keep != 0]


def _rounded_down(threshold: float, kind: type[np.floating]) -> float:
    """The largest number of the kernel's dtype up to the threshold: `iou > threshold` means the same with it."""
    nearest = kind(threshold)
    return float(nearest if float(nearest) <= threshold else np.nextafter(nearest, kind(-np.inf)))


def _check_detections(name: str, boxes: Tensor, scores: Tensor, iou_threshold: float) -> None:
    forbid_reading(f"{name}()", "the number of boxes that are kept depends on values. Return the boxes and scores "
                                     "and call it outside.")
    check_boxes(name, boxes, matrix=True)
    if boxes.dtype.kind != "f":
        raise TypeError(f"{name}: expected boxes of float32 or float64, got {boxes.dtype}; convert them with .float()")
    _check_each_box(name, "scores", scores, boxes)
    check_number("iou_threshold", iou_threshold)


def _check_each_box(name: str, argument: str, values: object, boxes: Tensor) -> None:
    if not isinstance(values, Tensor):
        raise not_a_tensor(name, argument, values)
    if values.shape != boxes.shape[:1]:
        raise ValueError(f"{name}: expected {argument} of shape ({len(boxes)},), one for each of {len(boxes)} boxes, "
                         f"got {shape_text(values)}")
