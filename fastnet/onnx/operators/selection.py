"""Operators whose result depends on which elements there are: largest, unique, chosen by a condition."""
from __future__ import annotations

from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.operators.shapes import axis_of
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator


@operator("TopK", known=("k",))
def top_k(node: Node, x: Tensor, k: Any = None) -> tuple[Tensor, Tensor]:
    """The k largest or smallest elements along an axis, and their indices."""
    count = int(node.attribute("k") if k is None else np.ravel(k)[0])
    values, indices = fastnet.topk(x, count, node.attribute("axis", -1), bool(node.attribute("largest", 1)))
    return values, indices


@operator("NonZero", known=("x",))
def non_zero(node: Node, x: Any) -> Any:
    """The indices of elements other than 0, (dimensions, count)."""
    return np.array(np.nonzero(np.atleast_1d(x)), np.int64)


@operator("Compress", known=("condition",))
def compress(node: Node, x: Tensor, condition: Any) -> Tensor:
    """The entries of an axis at which a condition holds."""
    axis = node.attribute("axis")
    if axis is None:
        x, axis = x.reshape(-1), 0
    chosen = np.flatnonzero(condition[:x.shape[axis]])
    return fastnet.index_select(x, axis_of(axis, x.ndim), as_tensor(chosen))


@operator("Unique", known=("x",))
def unique(node: Node, x: Any) -> tuple[Any, ...]:
    """The different elements, or subarrays along an axis, with their first indices, the inverse and their counts."""
    axis = node.attribute("axis")
    values, first, inverse, counts = np.unique(x, True, True, True, axis)
    if not node.attribute("sorted", 1):                 # in the order in which they come
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        values = np.take(values, order, 0 if axis is None else axis)
        first, inverse, counts = first[order], rank[inverse.reshape(-1)], counts[order]
    return values, first, inverse.reshape(-1).astype(np.int64), counts


@operator("ReverseSequence", known=("lengths",))
def reverse_sequence(node: Node, x: Tensor, lengths: Any) -> Tensor:
    """Reverse the first steps of each sequence, as many as its length."""
    batch, time = node.attribute("batch_axis", 1), node.attribute("time_axis", 0)
    steps = np.arange(x.shape[time])
    length = np.asarray(lengths).reshape(-1, 1)
    places = np.where(steps < length, length - 1 - steps, steps)            # (N, T)
    shape = [1] * x.ndim
    shape[batch], shape[time] = places.shape
    if batch > time:
        places = places.T
    index = fastnet.broadcast_to(as_tensor(places.reshape(shape)), tuple(x.shape))
    return fastnet.gather(x, time, index)


# ---- non-maximum suppression -----------------------------------------------------------------------------------------

def corners(boxes: Any, from_centers: bool) -> Any:
    """Boxes (N, 4) as (y1, x1, y2, x2) with y1 <= y2 and x1 <= x2.

    Args:
        boxes: two opposite corners, or (x, y, width, height) of the centre and size.
        from_centers: the latter.
    """
    if from_centers:
        x, y, width, height = boxes.T
        return np.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], 1)
    first, second = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], 1)


def survivors(boxes: Any, scores: Any, most: int, overlap: float) -> list[int]:
    """The indices of boxes that overlap no chosen box with a higher score by more than a limit.

    Args:
        boxes: (N, 4), corners.
        scores: (N,).
        most: the greatest number of indices.
        overlap: the limit of the intersection over the union.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    waiting = np.argsort(-scores, kind="stable")
    chosen: list[int] = []
    while waiting.size and len(chosen) < most:
        best, waiting = int(waiting[0]), waiting[1:]
        chosen.append(best)
        sides = np.minimum(boxes[waiting, 2:], boxes[best, 2:]) - np.maximum(boxes[waiting, :2], boxes[best, :2])
        common = sides.clip(0).prod(1)
        union = areas[waiting] + areas[best] - common
        with np.errstate(all="ignore"):
            waiting = waiting[~((common > 0) & (common / union > overlap))]
    return chosen


@operator("NonMaxSuppression", known=("boxes", "scores", "most", "overlap", "threshold"))
def non_max_suppression(node: Node, boxes: Any, scores: Any, most: Any = None, overlap: Any = None,
                        threshold: Any = None) -> Any:
    """Rows (image, class, box) of the boxes (N, B, 4) that remain of each class, by scores (N, C, B)."""
    limit = 0 if most is None or most.size == 0 else max(int(np.ravel(most)[0]), 0)
    shared = 0.0 if overlap is None or overlap.size == 0 else float(np.ravel(overlap)[0])
    rows: list[tuple[int, int, int]] = []
    for image, in_image in enumerate(scores):
        found = corners(boxes[image], bool(node.attribute("center_point_box", 0)))
        for kind, of_class in enumerate(in_image):
            above = np.arange(len(of_class))
            if threshold is not None and threshold.size:
                above = np.flatnonzero(of_class > np.ravel(threshold)[0])
            rows += [(image, kind, int(above[i])) for i in survivors(found[above], of_class[above], limit, shared)]
    return np.array(rows, np.int64).reshape(-1, 3)
