"""Tracking of detections by their overlap."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.ops.boxes import box_iou, check_boxes

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["IoUTracker"]


class IoUTracker:
    """Number the objects of a video: detections of successive frames that overlap are the same object.

    For each frame, the pairs of a track and a detection are taken by falling intersection over union, as long as it is
    at least the threshold; each track and each detection is part of one pair. A detection without a track starts a new
    one, and a track that has had no detection for more than `max_age` frames ends. Bochinski et al. 2017, "High-Speed
    Tracking-by-Detection Without Using Image Information".

    Args:
        iou_threshold: the least overlap of a detection with the last detection of its track.
        max_age: frames without a detection that a track survives.

    Raises:
        ValueError: a threshold that is not in (0, 1], or a negative age.

    Example:
        >>> import fastnet
        >>> tracker = fastnet.ops.IoUTracker()
        >>> tracker.update(fastnet.tensor([[0.0, 0.0, 10.0, 10.0], [50.0, 0.0, 60.0, 10.0]]))
        tensor([0, 1])
        >>> tracker.update(fastnet.tensor([[49.0, 0.0, 59.0, 10.0], [1.0, 1.0, 11.0, 11.0], [80.0, 0.0, 90.0, 10.0]]))
        tensor([1, 0, 2])
    """

    def __init__(self, iou_threshold: float = 0.3, max_age: int = 2) -> None:
        if not 0 < iou_threshold <= 1:
            raise ValueError(f"IoUTracker: expected iou_threshold above 0 and up to 1, got {iou_threshold}")
        if max_age < 0:
            raise ValueError(f"IoUTracker: expected max_age of 0 or more, got {max_age}")
        self.iou_threshold, self.max_age = iou_threshold, max_age
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; numbers start at 0 again."""
        self._started = 0
        self._numbers, self._ages, self._labels = (np.zeros(0, np.int64) for _ in range(3))
        self._boxes: Array = np.zeros((0, 4), np.float32)

    def update(self, boxes: Tensor, labels: Tensor | None = None) -> Tensor:
        """Number the detections of the next frame.

        Args:
            boxes: corners, (n, 4).
            labels: the class of each box (n,); a track keeps the class of its first detection. None: one class.

        Returns:
            The number of each box's track, int64 (n,). Numbers are given out from 0 on, in the order of the boxes.

        Raises:
            TypeError: arguments that are not tensors.
            ValueError: other shapes.
            RuntimeError: inside a compiled function.
        """
        forbid_in_recording("IoUTracker.update()", "the tracks depend on values. Call it outside.")
        found, classes = self._checked(boxes, labels)
        numbers = np.full(len(found), -1)
        self._ages += 1
        for track, box in self._pairs(found, classes):
            numbers[box] = self._numbers[track]
            self._boxes[track], self._ages[track] = found[box], 0
        new = np.flatnonzero(numbers < 0)
        numbers[new] = self._started + np.arange(len(new))
        self._started += len(new)
        alive = self._ages <= self.max_age
        self._numbers = np.concatenate([self._numbers[alive], numbers[new]])
        self._boxes = np.concatenate([self._boxes[alive], found[new]])
        self._labels = np.concatenate([self._labels[alive], classes[new]])
        self._ages = np.concatenate([self._ages[alive], np.zeros(len(new), np.int64)])
        return from_numpy(numbers)

    def _pairs(self, boxes: Array, labels: Array) -> list[tuple[int, int]]:
        """Pairs of a track and a box, each part of one pair, by falling overlap."""
        overlap = box_iou(from_numpy(self._boxes), from_numpy(boxes)).numpy()
        possible = (overlap >= self.iou_threshold) & (self._labels[:, None] == labels)
        tracks, found = np.nonzero(possible)
        pairs, used = [], (set[int](), set[int]())
        for k in np.argsort(-overlap[tracks, found], kind="stable"):
            track, box = int(tracks[k]), int(found[k])
            if track not in used[0] and box not in used[1]:
                used[0].add(track)
                used[1].add(box)
                pairs.append((track, box))
        return pairs

    @staticmethod
    def _checked(boxes: Any, labels: Any) -> tuple[Array, Array]:
        check_boxes("IoUTracker.update", boxes, matrix=True)
        found = boxes.detach().numpy().astype(np.float32)
        if labels is None:
            return found, np.zeros(len(found), np.int64)
        if not isinstance(labels, Tensor):
            raise not_a_tensor("IoUTracker.update", "labels", labels)
        if labels.shape != (len(found),):
            raise ValueError(f"IoUTracker.update: expected labels of shape ({len(found)},), got {shape_text(labels)}")
        return found, labels.detach().numpy().astype(np.int64)

    def __repr__(self) -> str:
        return f"IoUTracker(iou_threshold={self.iou_threshold}, max_age={self.max_age})"
