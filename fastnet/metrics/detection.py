"""Mean average precision of detectors."""
from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from fastnet._core.errors import given_text, shape_text
from fastnet._core.tensor import Tensor
from fastnet.metrics.matching import average_precision, joined_by_score, match_image
from fastnet.metrics.metric import Metric

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["MeanAveragePrecision"]

# columns of a detection and of a target
_IMAGE, _LABEL, _SCORE, _BOX = 0, 1, 2, slice(3, 7)
_COLUMN_COUNT = 7

# name -> smallest and largest area of the targets that count
_AREAS = {"all": (0.0, math.inf), "small": (0.0, 32.0 ** 2), "medium": (32.0 ** 2, 96.0 ** 2),
          "large": (96.0 ** 2, math.inf)}


class MeanAveragePrecision(Metric):
    """Mean average precision of a detector, as COCO defines it: over classes and thresholds of the overlap.

    Within a class, the detections of all images are taken by falling score. A detection is right if its overlap
    (intersection over union) with a target of its image and class is at least the threshold; it takes the target with
    the largest overlap among those that no better detection took. With precision p = right / taken and recall r = right
    / targets after each detection, the average precision of a class is

        AP = mean over r0 in (0, 0.01, ..., 1) of max p where r >= r0 (0 if the recall r0 is not reached)

    and the result is its mean over the thresholds and the classes that have targets. Lin et al., "Microsoft COCO:
    Common Objects in Context", https://arxiv.org/abs/1405.0312. It equals pycocotools' result for targets that are not
    crowds. The result is NaN, with a warning, if there are no targets.

    It takes lists of boxes, so it cannot be one of a Trainer's metrics: call `update` in a loop over the images.

    Args:
        iou_thresholds: thresholds of the overlap; by default 0.5, 0.55, ..., 0.95.
        max_detections: the number of detections of an image and a class that count, those of the highest scores.
        name: the key in logs; "mean_average_precision" by default.

    Raises:
        ValueError: thresholds outside of (0, 1], or a number of detections that is not positive.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.MeanAveragePrecision()
        >>> found = {"boxes": fastnet.tensor([[10.0, 10.0, 50.0, 50.0]]), "scores": [0.9], "labels": [3]}
        >>> metric.update([found], [{"boxes": [[10, 10, 50, 60]], "labels": [3]}])
        >>> round(metric.compute(), 4)
        0.7
        >>> metric.summary()["map_50"]
        1.0
    """

    name = "mean_average_precision"
    totals: tuple[str, ...] = ("images", "detections", "targets")

    iou_thresholds: tuple[float, ...]
    max_detections: int
    images: int
    detections: Array
    targets: Array

    def __init__(self, iou_thresholds: Sequence[float] | None = None, max_detections: int = 100,
                 name: str | None = None) -> None:
        given = [0.5 + 0.05 * i for i in range(10)] if iou_thresholds is None else iou_thresholds
        self.iou_thresholds = tuple(round(float(t), 10) for t in given)
        if not self.iou_thresholds or not all(0 < t <= 1 for t in self.iou_thresholds):
            raise ValueError("MeanAveragePrecision: expected iou_thresholds above 0 and up to 1, got "
                             f"{tuple(given)}")
        if max_detections < 1:
            raise ValueError(f"MeanAveragePrecision: expected max_detections of 1 or more, got {max_detections}")
        self.max_detections = max_detections
        super().__init__(name)

    def reset(self) -> None:
        self.images = 0
        self.detections = self.targets = np.zeros((0, _COLUMN_COUNT))

    def measure(self, output: Any, target: Any) -> NoReturn:
        raise TypeError(f"{self.name}: a detector's boxes are lists of other lengths for each image, which no compiled "
                        "step can take; call update(output, target) in a loop instead of giving it to a Trainer")

    def update(self, output: Any, target: Any) -> None:
        """Add images.

        Args:
            output: for each image a dictionary of its detections: "boxes", corners (n, 4); "scores" (n,); "labels"
                (n,), the class numbers. Tensors, arrays or lists.
            target: for each image a dictionary of its targets: "boxes" (m, 4) and "labels" (m,).

        Raises:
            TypeError: not lists of dictionaries.
            ValueError: numbers of images that differ, an entry that is missing, shapes that do not match, or values
                that are not finite.
        """
        for what, images in (("output", output), ("target", target)):
            if isinstance(images, Mapping) or not isinstance(images, Sequence):
                raise TypeError(f"{self.name}: expected {what} to be a list with a dictionary for each image, got "
                                f"{given_text(images)}")
        if len(output) != len(target):
            raise ValueError(f"{self.name}: expected as many images in output as in target, got {len(output)} and "
                             f"{len(target)}")
        detections = [self._rows(i, found, "output", True) for i, found in enumerate(output)]
        targets = [self._rows(i, true, "target", False) for i, true in enumerate(target)]
        self.detections = np.concatenate([self.detections, *detections])
        self.targets = np.concatenate([self.targets, *targets])
        self.images += len(output)

    def compute(self) -> float:
        return float(self.summary()["map"])

    def summary(self) -> dict[str, Any]:
        """All results, under torchmetrics' names.

        Returns:
            "map": the result of `compute`. "map_50", "map_75": at one threshold, if it is among the thresholds.
            "map_small", "map_medium", "map_large": for targets with an area up to 32**2, between, and from 96**2 on.
            "mar": the recall that all detections reach, averaged in the same way. "classes": the classes that have
            targets. "map_per_class", "mar_per_class": arrays with an element for each of them. NaN stands for results
            without targets.

        Raises:
            RuntimeError: there was no image.
        """
        self._expect_some(self.images)
        if not len(self.targets):
            warnings.warn(f"{self.name}: there are no targets, so the result is NaN", UserWarning, stacklevel=2)
        classes = np.unique(self.targets[:, _LABEL]).astype(np.int64)
        results = [self._class_results(label) for label in classes]
        shape = (len(classes), len(_AREAS), len(self.iou_thresholds))
        precision = np.array([result.precision for result in results]).reshape(shape)
        recall = np.array([result.recall for result in results]).reshape(shape)
        found: dict[str, Any] = {"map": _known_mean(precision[:, 0])}
        for percent in (50, 75):
            if percent / 100 in self.iou_thresholds:
                found[f"map_{percent}"] = _known_mean(precision[:, 0, self.iou_thresholds.index(percent / 100)])
        found |= {f"map_{area}": _known_mean(precision[:, i]) for i, area in enumerate(_AREAS) if i}
        return {**found, "mar": _known_mean(recall[:, 0]), "classes": classes,
                "map_per_class": precision[:, 0].mean(1), "mar_per_class": recall[:, 0].mean(1)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.detections, self.targets = (x.reshape(-1, _COLUMN_COUNT) for x in (self.detections, self.targets))

    def _rows(self, number: int, image: object, what: str, scored: bool) -> Array:
        """The boxes of an image as rows of columns."""
        where = f"{self.name}: image {number} of {what}"
        wanted = ("boxes", "scores", "labels") if scored else ("boxes", "labels")
        if not isinstance(image, Mapping):
            raise TypeError(f"{where}: expected a dictionary with {', '.join(wanted)}, got {given_text(image)}")
        if missing := [key for key in wanted if key not in image]:
            raise ValueError(f"{where}: expected the entries {', '.join(wanted)}, but {missing[0]} is missing")
        entries = {key: _as_array(image[key]) for key in wanted}
        boxes = entries["boxes"].reshape(0, 4) if entries["boxes"].size == 0 else entries["boxes"]
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"{where}: expected boxes of shape (n, 4), got {shape_text(boxes)}")
        rows = np.zeros((len(boxes), _COLUMN_COUNT))
        rows[:, _IMAGE], rows[:, _BOX] = self.images + number, boxes
        for key, column in (("labels", _LABEL), ("scores", _SCORE))[:len(wanted) - 1]:
            if entries[key].shape != (len(boxes),):
                raise ValueError(f"{where}: expected {key} of shape ({len(boxes)},), one for each box, got "
                                 f"{shape_text(entries[key])}")
            rows[:, column] = entries[key]
        if not np.isfinite(rows).all():
            raise ValueError(f"{where}: expected finite numbers, got NaN or infinity")
        return rows

    def _class_results(self, label: int) -> _ClassResults:
        """Average precision and recall for each range of areas and each threshold, of one class."""
        detections = self.detections[self.detections[:, _LABEL] == label]
        targets = self.targets[self.targets[:, _LABEL] == label]
        ranges = np.array(list(_AREAS.values()))
        matches, counted = [], np.zeros(len(ranges), np.int64)
        for image in np.unique(np.concatenate([detections[:, _IMAGE], targets[:, _IMAGE]])):
            there, found = targets[targets[:, _IMAGE] == image], detections[detections[:, _IMAGE] == image]
            found = found[np.argsort(-found[:, _SCORE], kind="stable")[:self.max_detections]]
            match = match_image(found[:, _BOX], found[:, _SCORE], there[:, _BOX], self.iou_thresholds, ranges)
            matches.append(match)
            counted += match.targets
        joined = joined_by_score(matches)
        return _ClassResults(*average_precision(joined.right, joined.wrong, counted))


class _ClassResults(NamedTuple):
    precision: Array
    recall: Array


def _known_mean(values: Array) -> float:
    """The mean of the values that are not NaN; NaN if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


def _as_array(values: Any) -> Array:
    return np.asarray(values.detach().numpy() if isinstance(values, Tensor) else values, np.float64)
