"""Boxes for tests, and suppression in plain Python."""
import numpy as np
from torchvision_tools import torchvision_models


def some_boxes(n, seed=0, dtype=np.float32):
    """Corners (n, 4), many of which overlap."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(-5, 60, (n, 2))
    return np.concatenate([low, low + rng.uniform(1, 30, (n, 2))], 1).astype(dtype)


def overlap(a, b):
    """Intersection over union, rounded as in the dtype of the boxes."""
    width, height = max(min(a[2], b[2]) - max(a[0], b[0]), 0), max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    shared = width * height
    return shared / ((b[2] - b[0]) * (b[3] - b[1]) + (a[2] - a[0]) * (a[3] - a[1]) - shared)


def nms_by_hand(boxes, scores, threshold):
    """The boxes that are kept, by falling score."""
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if all(overlap(boxes[k], boxes[i]) <= threshold for k in kept):
            kept.append(int(i))
    return np.array(kept, np.int64)


def torchvision_ops():
    """torch and torchvision.ops, whose compiled operators may be missing; skips where they are not installed."""
    torchvision_models()
    import torch
    import torchvision.ops
    return torch, torchvision.ops
