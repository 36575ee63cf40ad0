"""Operations that follow a network: on boxes, for detectors, under torchvision's names, and decoding of CTC.

A box is (x1, y1, x2, y2), the coordinates of its left, top, right and bottom edges. `IoUTracker` follows boxes through
the frames of a video. `ctc_greedy_decode` and `ctc_beam_decode` turn class probabilities over time into labels.
"""
from fastnet._core.errors import name_none as _name_none
from fastnet.ops.boxes import box_area, box_convert, box_iou, clip_boxes_to_image
from fastnet.ops.ctc import CTCHypothesis, ctc_beam_decode, ctc_greedy_decode
from fastnet.ops.regions import roi_align
from fastnet.ops.suppression import batched_nms, nms
from fastnet.ops.tracking import IoUTracker

__all__ = [
    "CTCHypothesis", "IoUTracker", "batched_nms", "box_area", "box_convert", "box_iou", "clip_boxes_to_image",
    "ctc_beam_decode", "ctc_greedy_decode", "nms", "roi_align",
]

_name_none(globals())
