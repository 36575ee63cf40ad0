"""A small single-shot detector. Liu et al. 2016, https://arxiv.org/abs/1512.02325; SSDLite: Sandler et al. 2018,
https://arxiv.org/abs/1801.04381.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from fastnet import nn
from fastnet._core.annotations import Array, StrPath
from fastnet._core.construction import from_numpy
from fastnet._core.errors import shape_text, whole_number
from fastnet._core.state import forbid_reading
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional import cat
from fastnet.models.anchors import anchor_grid, box_offsets, match_anchors, offset_boxes
from fastnet.models.blocks import check_factor, conv_norm, initialize, kaiming_fan_out, round_channels
from fastnet.models.mobilenet_v2 import InvertedResidual
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn import functional as F
from fastnet.ops import batched_nms, box_iou, clip_boxes_to_image

__all__ = ["DetectorOutputs", "DetectorTargets", "SSDLite", "detector_loss", "ssdlite"]

_ASPECT_RATIOS = (1.0, 2.0, 0.5)
_STRIDES = (8, 16, 32)                  # pixels of a cell of each grid
_CANDIDATES = 20                        # boxes that suppression sees, for each one that may remain


class DetectorOutputs(NamedTuple):
    """Outputs of a detector for each anchor.

    Attributes:
        logits: (N, A, classes), of which class 0 is the background.
        offsets: of the box from the anchor, (N, A, 4).

    Example:
        >>> import fastnet
        >>> model = fastnet.models.SSDLite(3)
        >>> outputs = model(fastnet.zeros(1, 3, 64, 64))
        >>> outputs.logits.shape, outputs.offsets.shape
        ((1, 336, 3), (1, 336, 4))
    """

    logits: Tensor
    offsets: Tensor


class DetectorTargets(NamedTuple):
    """Targets of a detector for each anchor, as `SSDLite.encode` makes them.

    Attributes:
        labels: int64 (N, A), 0 for the background.
        offsets: of the box from the anchor, (N, A, 4).

    Example:
        >>> import fastnet
        >>> model = fastnet.models.SSDLite(3)
        >>> targets = model.encode([{"boxes": [[8.0, 8.0, 40.0, 40.0]], "labels": [2]}], (64, 64))
        >>> sorted(set(targets.labels.flatten().tolist()))
        [0, 2]
    """

    labels: Tensor
    offsets: Tensor


class SSDLite(nn.Module):
    """A small single-shot detector: classes and boxes for a grid of anchors at three sizes, from inverted residuals.

    Training: `detector_loss(model(images), model.encode(targets, (height, width)))`. The model and the loss can be part
    of a compiled step; `encode` matches boxes with anchors, which depends on values, and stays outside. Prediction:
    `model.detect(images)`.

    It differs from torchvision's `ssdlite320_mobilenet_v3_large`, whose weights do not fit: the backbone is three
    ordinary convolutions and a short MobileNet V2; there are three grids, with cells of 8, 16 and 32 pixels, instead of
    six, and four anchors in each cell instead of six; pictures of any size are neither resized nor normalized; the loss
    and the detections are separate functions and do not depend on the mode of the model.

    Args:
        num_classes: classes, of which class 0 is the background, as in torchvision.
        in_channels: channels of the picture.
        width_mult: factor on the numbers of channels; they are rounded to multiples of 8.
        scales: the sides of the smallest and of the largest grid's anchors, as fractions of the picture's.

    Shape:
        (N, in_channels, H, W) to `DetectorOutputs`.

    Raises:
        ValueError: fewer than two classes, or a width_mult that is not positive and finite; when called: images of
            another shape.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.SSDLite(3, width_mult=0.5).eval()
        >>> [found] = model.detect(fastnet.zeros(1, 3, 64, 64), score_threshold=0.0, max_detections=5)
        >>> found["boxes"].shape, found["scores"].shape, found["labels"].shape
        ((5, 4), (5,), (5,))
    """

    def __init__(self, num_classes: int = 91, in_channels: int = 3, width_mult: float = 1.0,
                 scales: Sequence[float] = (0.2, 0.7)) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"SSDLite: expected num_classes of 2 or more, with the background, got {num_classes}")
        check_factor("SSDLite", "width_mult", width_mult)
        self.num_classes, self.in_channels, self.width_mult = num_classes, in_channels, width_mult
        self.scales = tuple(scales)
        stem, *widths = (round_channels(c * width_mult) for c in (16, 24, 48, 96, 128))
        self.stem = nn.Sequential(
            conv_norm(in_channels, stem, 3, 2, activation=nn.ReLU6),
            conv_norm(stem, widths[0], 3, 2, activation=nn.ReLU6), conv_norm(widths[0], widths[0], activation=nn.ReLU6))
        self.stages = nn.ModuleList([
            nn.Sequential(InvertedResidual(inputs, outputs, 2, 3), InvertedResidual(outputs, outputs, 1, 3))
            for inputs, outputs in pairwise(widths)])
        anchors = len(_ASPECT_RATIOS) + 1
        self.classifiers = nn.ModuleList([_prediction(c, anchors * num_classes) for c in widths[1:]])
        self.regressors = nn.ModuleList([_prediction(c, anchors * 4) for c in widths[1:]])
        initialize(self, kaiming_fan_out)
        for head in [*self.classifiers, *self.regressors]:
            nn.init.normal_(head[-1].weight, 0.0, 0.03)

    def forward(self, input: Tensor) -> DetectorOutputs:
        if input.ndim != 4 or input.shape[1] != self.in_channels:
            raise ValueError(f"SSDLite: expected pictures of shape (N, {self.in_channels}, H, W), got "
                             f"{shape_text(input)}")
        x, logits, offsets = self.stem(input), [], []
        for stage, classifier, regressor in zip(self.stages, self.classifiers, self.regressors):
            x = stage(x)
            logits.append(_of_anchors(classifier(x), self.num_classes))
            offsets.append(_of_anchors(regressor(x), 4))
        return DetectorOutputs(cat(logits, 1), cat(offsets, 1))

    def anchors(self, size: tuple[int, int]) -> Tensor:
        """Corners of the anchors of a picture, (A, 4), in the order of the outputs.

        Args:
            size: height and width of the picture.
        """
        return from_numpy(self._anchors(size))

    def _anchors(self, size: tuple[int, int]) -> Array:
        height, width = size
        low, high = self.scales
        scales = [low + (high - low) * i / (len(_STRIDES) - 1) for i in range(len(_STRIDES))]
        grids = [(-(-height // stride), -(-width // stride)) for stride in _STRIDES]
        return anchor_grid((height, width), grids, [*scales, 1.0], _ASPECT_RATIOS)

    def encode(self, targets: Sequence[Mapping[str, Any]], size: tuple[int, int],
               iou_threshold: float = 0.5) -> DetectorTargets:
        """Match the boxes of pictures with anchors.

        An anchor is responsible for the box that it overlaps most, if the intersection over union is at least the
        threshold, and for each box the anchor that overlaps it most.

        Args:
            targets: for each picture a dictionary of "boxes", corners (n, 4), and "labels" (n,), the classes from 1 on.
            size: height and width of the pictures.
            iou_threshold: the least overlap.

        Raises:
            TypeError: labels that are not integers.
            ValueError: boxes or labels of other shapes, boxes without area, or labels out of range.
            RuntimeError: inside a compiled function.
        """
        forbid_reading("encode()", "the anchors of a box depend on values. Call it outside, and pass its result.")
        anchors = self._anchors(size)
        labels = np.zeros((len(targets), len(anchors)), np.int64)
        offsets = np.zeros((len(targets), len(anchors), 4), np.float32)
        for i, target in enumerate(targets):
            boxes, classes = self._checked(i, target)
            matched = match_anchors(box_iou(from_numpy(anchors), from_numpy(boxes)).numpy(), iou_threshold)
            some = matched >= 0
            labels[i, some] = classes[matched[some]]
            offsets[i, some] = box_offsets(boxes[matched[some]], anchors[some])
        return DetectorTargets(from_numpy(labels), from_numpy(offsets))

    def _checked(self, number: int, target: Mapping[str, Any]) -> tuple[Array, Array]:
        boxes, labels = np.asarray(target["boxes"], np.float32), np.asarray(target["labels"])
        boxes = boxes.reshape(0, 4) if not boxes.size else boxes
        where = f"encode: target {number}"
        if labels.size and not np.issubdtype(labels.dtype, np.integer):
            raise TypeError(f"{where}: expected labels to be integers, got {labels.dtype}")
        if boxes.ndim != 2 or boxes.shape[1] != 4 or labels.shape != boxes.shape[:1]:
            raise ValueError(f"{where}: expected boxes of shape (n, 4) and labels of shape (n,), got "
                             f"{shape_text(boxes)} and {shape_text(labels)}")
        solid = (boxes[:, 2:] > boxes[:, :2]).all(1)
        if not solid.all():
            row = int(solid.argmin())
            raise ValueError(f"{where}: expected boxes with x1 < x2 and y1 < y2, got {boxes[row].tolist()} in row "
                             f"{row}")
        if len(labels) and not 1 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(f"{where}: expected labels from 1 to {self.num_classes - 1}, since 0 is the background, "
                             f"got {labels.min()} to {labels.max()}")
        return boxes, labels.astype(np.int64)

    @no_grad()
    def detect(self, input: Tensor, score_threshold: float = 0.01, iou_threshold: float = 0.5,
               max_detections: int = 100) -> list[dict[str, Tensor]]:
        """Find objects: the boxes of all anchors and classes with a high score, without those that overlap better ones.

        It uses the mode of the model: call `eval()` first.

        Args:
            input: (N, in_channels, H, W).
            score_threshold: the least probability of a class.
            iou_threshold: the largest overlap of two boxes of a class that are both kept.
            max_detections: the largest number of boxes of a picture, 0 or more. Suppression sees the 20 times as many
                boxes that have the highest scores.

        Returns:
            For each picture "boxes", corners (n, 4) within the picture; "scores" (n,), falling; "labels" (n,).

        Raises:
            ValueError: a negative max_detections.
            RuntimeError: inside a compiled function.
        """
        forbid_reading("detect()", "the number of boxes depends on values. Call it outside.")
        max_detections = whole_number("max_detections", max_detections, 0)
        logits, offsets = self(input)
        size = (input.shape[2], input.shape[3])
        boxes = offset_boxes(offsets.numpy(), self._anchors(size)).astype(np.float32)
        scores = F.softmax(logits, -1).numpy()
        return [_best(one, of_classes, size, score_threshold, iou_threshold, max_detections)
                for one, of_classes in zip(boxes, scores)]


def _prediction(inputs: int, outputs: int) -> nn.Sequential:
    depthwise = conv_norm(inputs, inputs, 3, groups=inputs, activation=nn.ReLU6)
    return nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1))


def _of_anchors(x: Tensor, width: int) -> Tensor:
    """(N, anchors * width, H, W) to (N, H * W * anchors, width)."""
    n, channels, height, columns = x.shape
    return x.permute(0, 2, 3, 1).reshape(n, height * columns * channels // width, width)


def _best(boxes: Array, scores: Array, size: tuple[int, int], score_threshold: float, iou_threshold: float,
          max_detections: int) -> dict[str, Tensor]:
    """The detections of a picture, given boxes (A, 4) and probabilities (A, classes)."""
    anchor, label = np.nonzero(scores[:, 1:] >= score_threshold)
    label += 1
    score = scores[anchor, label]
    best = np.argsort(-score, kind="stable")[:_CANDIDATES * max_detections]
    found = clip_boxes_to_image(from_numpy(boxes[anchor[best]]), size)
    kept = batched_nms(found, from_numpy(score[best]), from_numpy(label[best]), iou_threshold)[:max_detections]
    return {"boxes": found[kept], "scores": from_numpy(score[best])[kept], "labels": from_numpy(label[best])[kept]}


def detector_loss(outputs: DetectorOutputs, targets: DetectorTargets, negatives: float = 3.0) -> Tensor:
    """The loss of a single-shot detector: cross-entropy of classes plus smooth L1 of offsets, per matched anchor.

    With P the anchors that are matched with a box, and H the anchors of the background with the largest cross-entropy,
    `negatives` times as many as matched ones in each picture (hard negative mining):

        loss = (sum over P and H of cross-entropy + sum over P of smooth L1) / max(|P|, 1)

    Liu et al. 2016, https://arxiv.org/abs/1512.02325.

    Args:
        outputs: of the model.
        targets: of its method `encode`.
        negatives: anchors of the background for each matched anchor.

    Raises:
        ValueError: targets for another number of pictures or of anchors.

    Example:
        >>> import fastnet
        >>> from fastnet.models import SSDLite, detector_loss
        >>> model = SSDLite(3)
        >>> targets = model.encode([{"boxes": [[8.0, 8.0, 40.0, 40.0]], "labels": [2]}], (64, 64))
        >>> detector_loss(model(fastnet.zeros(1, 3, 64, 64)), targets).shape
        ()
    """
    n, anchors, classes = outputs.logits.shape
    if targets.labels.shape != (n, anchors):
        raise ValueError(f"detector_loss: expected targets of {n} pictures with {anchors} anchors, got "
                         f"{shape_text(targets.labels)}")
    matched = targets.labels > 0
    of_classes = F.cross_entropy(outputs.logits.reshape(n * anchors, classes), targets.labels.reshape(-1),
                                 reduction="none").reshape(n, anchors)
    of_boxes = F.smooth_l1_loss(outputs.offsets, targets.offsets, reduction="none").sum(-1)
    hardness = of_classes.detach().masked_fill(matched, -np.inf)
    rank = hardness.argsort(1, descending=True).argsort(1)
    counted = matched | (rank < negatives * matched.sum(1, keepdim=True))
    total = of_classes.masked_fill(~counted, 0.0).sum() + of_boxes.masked_fill(~matched, 0.0).sum()
    return total / matched.sum().clamp(min=1)


def ssdlite(num_classes: int = 91, in_channels: int = 3, width_mult: float = 1.0, scales: Sequence[float] = (0.2, 0.7),
            weights: StrPath | None = None) -> SSDLite:
    """A small single-shot detector, 395,788 parameters. Arguments as in `SSDLite`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.ssdlite().parameters())
        395788
    """
    return with_weights(SSDLite(num_classes, in_channels, width_mult, scales), weights)
