"""Detections matched with targets, and the precision that follows."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet.ops.boxes import box_iou

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Matches", "average_precision", "joined_by_score", "match_image"]

_RECALLS = np.linspace(0, 1, 101)


class Matches(NamedTuple):
    """Detections by falling score, of A ranges of areas and T thresholds. Some are neither right nor wrong.

    Attributes:
        scores: (D,).
        right: bool (A, T, D), whether it has a target that counts.
        wrong: bool (A, T, D), whether it has no target, and an area in the range.
        targets: the number of targets that count, (A,).

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.matching import Matches
        >>> Matches(np.ones(1), np.ones((1, 1, 1), bool), np.zeros((1, 1, 1), bool), np.ones(1)).right.shape
        (1, 1, 1)
    """

    scores: Array
    right: Array
    wrong: Array
    targets: Array


def match_image(boxes: Array, scores: Array, targets: Array, thresholds: Sequence[float], areas: Array) -> Matches:
    """Match the detections of an image with its targets, all of one class.

    A target outside of a range of areas does not count; a detection takes it only if there is no other, and is then
    neither right nor wrong.

    Args:
        boxes: corners of the detections by falling score, (D, 4).
        scores: (D,).
        targets: corners, (M, 4).
        thresholds: the least overlaps, T of them.
        areas: the smallest and the largest area of each range, (A, 2).

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.matching import match_image
        >>> box = np.array([[0.0, 0.0, 2.0, 2.0]])
        >>> match_image(box, np.ones(1), box + 0.1, [0.5, 0.95], np.array([[0, 100]])).right
        array([[[ True],
                [False]]])
    """
    overlap = box_iou(from_numpy(np.ascontiguousarray(boxes)), from_numpy(np.ascontiguousarray(targets))).numpy()
    close = overlap >= np.minimum(thresholds, 1 - 1e-10)[:, None, None]                 # (T, D, M)
    ignored = _outside_range(targets, areas)                                            # (A, M)
    free = np.ones((len(areas), len(thresholds), len(targets)), bool)
    right = np.zeros((*free.shape[:2], len(boxes)), bool)
    wrong = np.broadcast_to(~_outside_range(boxes, areas)[:, None], right.shape).copy()
    for d in range(len(boxes) if len(targets) else 0):
        possible = free & close[:, d]
        counting = possible & ~ignored[:, None]
        possible = np.where(counting.any(-1, keepdims=True), counting, possible)
        # of equal overlaps the last target, as in COCO's program
        chosen = len(targets) - 1 - np.where(possible, overlap[d], -1)[..., ::-1].argmax(-1)
        a, t = np.nonzero(possible.any(-1))
        chosen = chosen[a, t]
        free[a, t, chosen] = False
        right[a, t, d] = ~ignored[a, chosen]
        wrong[a, t, d] = False
    return Matches(scores, right, wrong, (~ignored).sum(1))


def _outside_range(boxes: Array, areas: Array) -> Array:
    """Whether the area of each box is outside of each range, (A, boxes)."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return (area < areas[:, :1]) | (area > areas[:, 1:])


def joined_by_score(matches: Sequence[Matches]) -> Matches:
    """The matches of all images, one or more, by falling score; equal scores keep the order of the images.

    Args:
        matches: those of each image.

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.matching import joined_by_score, match_image
        >>> box, areas = np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0, 100]])
        >>> one, other = (match_image(box, np.array([score]), box, [0.5], areas) for score in (0.2, 0.9))
        >>> joined_by_score([one, other]).scores
        array([0.9, 0.2])
    """
    scores = np.concatenate([match.scores for match in matches])
    order = np.argsort(-scores, kind="stable")
    right, wrong = (np.concatenate(parts, -1)[..., order] for parts in zip(*((m.right, m.wrong) for m in matches)))
    return Matches(scores[order], right, wrong, np.sum([match.targets for match in matches], 0))


def average_precision(right: Array, wrong: Array, targets: Array) -> tuple[Array, Array]:
    """Average precision over 101 recalls, and the recall of all detections; NaN without targets.

    Args:
        right, wrong: bool (A, T, D), detections by falling score.
        targets: numbers of targets, (A,).

    Returns:
        Two arrays (A, T).

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.matching import average_precision
        >>> right = np.array([[[True, False, True]]])
        >>> [array.round(4).tolist() for array in average_precision(right, ~right, np.array([4]))]
        [[[0.4224]], [[0.5]]]
    """
    precision, reached = np.full((2, *right.shape[:2]), np.nan)
    true, false = right.cumsum(-1), wrong.cumsum(-1)
    for a, t in np.ndindex(*right.shape[:2]):
        if targets[a]:
            precise = true[a, t] / np.maximum(true[a, t] + false[a, t], 1)
            best = np.maximum.accumulate(precise[::-1])[::-1]                   # at this recall or a higher one
            recall = true[a, t] / targets[a]
            places = np.searchsorted(recall, _RECALLS)
            precision[a, t] = best[places[places < len(best)]].sum() / len(_RECALLS)
            reached[a, t] = recall[-1] if len(recall) else 0
    return precision, reached
