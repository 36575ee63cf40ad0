"""Suppression of boxes that overlap others."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def nms(keep, boxes, iou_threshold):
    """keep[i] = 0 if the intersection over union of box i and an earlier kept box is above the threshold, else 1.

    keep (N,); boxes (4, N) has the rows x1, y1, x2 and y2, and the boxes in order of falling score. An intersection
    over union that is not a number suppresses nothing.
    """
    x1, y1, x2, y2 = boxes
    area = (x2 - x1) * (y2 - y1)
    keep[...] = 1
    for i in range(len(keep)):
        if keep[i]:
            rest = slice(i + 1, None)
            width = np.maximum(np.minimum(x2[rest], x2[i]) - np.maximum(x1[rest], x1[i]), 0)
            height = np.maximum(np.minimum(y2[rest], y2[i]) - np.maximum(y1[rest], y1[i]), 0)
            shared = width * height
            keep[rest][shared / (area[rest] + area[i] - shared) > iou_threshold] = 0
