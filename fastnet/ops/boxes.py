"""Boxes: their formats, areas and overlaps."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnet._core.errors import not_a_tensor, one_of, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.dims import as_tuple
from fastnet.functional.joining import stack
from fastnet.functional.splitting import unbind

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["box_area", "box_convert", "box_iou", "check_boxes", "clip_boxes_to_image"]



def check_boxes(name: str, boxes: object, argument: str = "boxes", matrix: bool = False) -> None:
    """Refuse values that are not boxes.

    Args:
        name: the function that was called, for the error.
        boxes: should be a tensor whose last dimension has length 4.
        argument: the name of the argument, for the error.
        matrix: it should have two dimensions.

    Raises:
        TypeError: not a tensor.
        ValueError: another shape.

    Example:
        >>> import fastnet
        >>> from fastnet.ops.boxes import check_boxes
        >>> check_boxes("nms", fastnet.zeros(3, 5))
        Traceback (most recent call last):
            ...
        ValueError: nms: expected boxes of shape (..., 4), got (3, 5)
    """
    if not isinstance(boxes, Tensor):
        raise not_a_tensor(name, argument, boxes)
    if boxes.shape[-1:] != (4,) or (matrix and boxes.ndim != 2):
        raise ValueError(f"{name}: expected {argument} of shape ({'N' if matrix else '...'}, 4), "
                         f"got {shape_text(boxes)}")


# ---- formats --------------------------------------------------------------------------------------------------------

_BoxColumns = tuple[Tensor, Tensor, Tensor, Tensor]


def _same_corners(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> _BoxColumns:
    return x1, y1, x2, y2


def _from_sizes(x1: Tensor, y1: Tensor, w: Tensor, h: Tensor) -> _BoxColumns:
    return x1, y1, x1 + w, y1 + h


def _to_sizes(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> _BoxColumns:
    return x1, y1, x2 - x1, y2 - y1


def _from_centres(cx: Tensor, cy: Tensor, w: Tensor, h: Tensor) -> _BoxColumns:
    half_w, half_h = 0.5 * w, 0.5 * h
    return cx - half_w, cy - half_h, cx + half_w, cy + half_h


def _to_centres(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> _BoxColumns:
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


# format -> (columns to corners, corners to columns)
_BOX_FORMATS: dict[str, tuple[Callable[..., _BoxColumns], Callable[..., _BoxColumns]]] = {
    "xyxy": (_same_corners, _same_corners), "xywh": (_from_sizes, _to_sizes), "cxcywh": (_from_centres, _to_centres)}


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Convert boxes from one format to another.

    Args:
        boxes: (..., 4).
        in_fmt, out_fmt: "xyxy" for the left, top, right and bottom edges; "xywh" for the left and top edges, width and
            height; "cxcywh" for the centre, width and height.

    Returns:
        A tensor of the same shape. Integers become float32 by way of centres.

    Raises:
        TypeError: not a tensor.
        ValueError: another shape, or an unknown format; the error lists the formats.

    Example:
        >>> import fastnet
        >>> fastnet.ops.box_convert(fastnet.tensor([[1.0, 2.0, 5.0, 4.0]]), "xyxy", "cxcywh")
        tensor([[3., 3., 4., 2.]])
    """
    check_boxes("box_convert", boxes)
    for argument, given in (("in_fmt", in_fmt), ("out_fmt", out_fmt)):
        if given not in _BOX_FORMATS:
            raise one_of(argument, given, _BOX_FORMATS)
    if in_fmt == out_fmt:
        return boxes.clone()
    to_corners, from_corners = _BOX_FORMATS[in_fmt][0], _BOX_FORMATS[out_fmt][1]
    return stack(from_corners(*to_corners(*unbind(boxes, -1))), -1)


def clip_boxes_to_image(boxes: Tensor, size: Sequence[int]) -> Tensor:
    """Clip boxes to an image: x to [0, width], y to [0, height].

    Args:
        boxes: corners, (..., 4).
        size: (height, width).

    Raises:
        TypeError: not a tensor, or sizes that are not integers.
        ValueError: another shape.

    Example:
        >>> import fastnet
        >>> fastnet.ops.clip_boxes_to_image(fastnet.tensor([[-3.0, 2.0, 50.0, 70.0]]), (64, 48))
        tensor([[ 0.,  2., 48., 64.]])
    """
    check_boxes("clip_boxes_to_image", boxes)
    height, width = as_tuple("clip_boxes_to_image", "size", tuple(size), 2)
    x1, y1, x2, y2 = unbind(boxes, -1)
    return stack((x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)), -1)


# ---- areas and overlaps ---------------------------------------------------------------------------------------------

def box_area(boxes: Tensor) -> Tensor:
    """Areas of boxes, (x2 - x1) (y2 - y1).

    Args:
        boxes: corners, (..., 4).

    Returns:
        A tensor of shape (...).

    Raises:
        TypeError: not a tensor.
        ValueError: another shape.

    Example:
        >>> import fastnet
        >>> fastnet.ops.box_area(fastnet.tensor([[0.0, 0.0, 2.0, 3.0], [1.0, 1.0, 1.0, 9.0]]))
        tensor([6., 0.])
    """
    check_boxes("box_area", boxes)
    x1, y1, x2, y2 = unbind(boxes, -1)
    return (x2 - x1) * (y2 - y1)


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of all pairs of boxes: area(a & b) / (area(a) + area(b) - area(a & b)).

    Two boxes without area give NaN.

    Args:
        boxes1: corners, (..., N, 4).
        boxes2: corners, (..., M, 4).

    Returns:
        A tensor (..., N, M).

    Raises:
        TypeError: not tensors.
        ValueError: another shape.

    Example:
        >>> import fastnet
        >>> boxes = fastnet.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0]])
        >>> fastnet.ops.box_iou(boxes, boxes)
        tensor([[1.    , 0.3333],
                [0.3333, 1.    ]])
    """
    for argument, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        check_boxes("box_iou", boxes, argument)
        if boxes.ndim < 2:
            raise ValueError(f"box_iou: expected {argument} of shape (..., N, 4), got {shape_text(boxes)}")
    rows, columns = boxes1.unsqueeze(-2), boxes2.unsqueeze(-3)
    sides = (rows[..., 2:].minimum(columns[..., 2:]) - rows[..., :2].maximum(columns[..., :2])).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    return shared / (box_area(rows) + box_area(columns) - shared)
