"""The tracker: numbers, births, deaths, classes, greedy pairs, and errors."""
import numpy as np
import pytest

import fastnet
from fastnet.ops import IoUTracker


def boxes(*lefts, size=10):
    return fastnet.tensor(np.array([[x, 0, x + size, size] for x in lefts], np.float32).reshape(-1, 4))


def test_numbers_births_and_deaths():
    tracker = IoUTracker(iou_threshold=0.5, max_age=1)
    assert tracker.update(boxes(0, 50)).tolist() == [0, 1]
    assert tracker.update(boxes(52, 2)).tolist() == [1, 0]
    assert tracker.update(boxes(4, 90)).tolist() == [0, 2]              # 1 is missed once
    assert tracker.update(boxes(52, 90)).tolist() == [1, 2]             # and found again; 0 is missed
    assert tracker.update(boxes()).tolist() == []
    assert tracker.update(boxes(4, 52)).tolist() == [3, 1]              # 0 was missed twice
    tracker.reset()
    assert tracker.update(boxes(4)).tolist() == [0]


def test_the_best_pairs_first():
    tracker = IoUTracker(iou_threshold=0.1)
    tracker.update(boxes(0, 6))
    assert tracker.update(boxes(5, 1)).tolist() == [1, 0]
    assert tracker.update(boxes(4)).tolist() == [1]                     # 5 overlaps it more than 1
    assert tracker.update(boxes(4, 4.5)).tolist() == [1, 0]             # one box for each track


def test_threshold_and_classes():
    tracker = IoUTracker(iou_threshold=0.4)
    tracker.update(boxes(0, 30), fastnet.tensor([1, 2]))
    assert tracker.update(boxes(5, 31), fastnet.tensor([1, 2])).tolist() == [2, 1]      # 5 / 15 is below 0.4
    assert tracker.update(boxes(31), fastnet.tensor([3])).tolist() == [3]


@pytest.mark.parametrize("call, error, message", [
    (lambda: IoUTracker(0), ValueError, "iou_threshold above 0 and up to 1, got 0"),
    (lambda: IoUTracker(max_age=-1), ValueError, "max_age of 0 or more, got -1"),
    (lambda: IoUTracker().update(fastnet.zeros(4)), ValueError, r"expected boxes of shape \(N, 4\), got \(4,\)"),
    (lambda: IoUTracker().update(boxes(1, 2), fastnet.zeros(3)), ValueError, r"labels of shape \(2,\), got \(3,\)"),
    (lambda: IoUTracker().update([[0, 0, 1, 1]]), TypeError, "expected boxes to be a tensor, got list"),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_repr():
    assert repr(IoUTracker(0.5)) == "IoUTracker(iou_threshold=0.5, max_age=2)"
