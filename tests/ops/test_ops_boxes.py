"""Boxes and suppression: compared with loops in Python and, where it is installed, with torchvision."""
import numpy as np
import pytest
from boxes_tools import nms_by_hand, some_boxes, torchvision_ops
from gradcheck import gradcheck

import fastnet
from fastnet import ops

pytestmark = pytest.mark.usefixtures("backend")


def tensors(*arrays):
    return tuple(fastnet.from_numpy(np.ascontiguousarray(a)) for a in arrays)


# ---- formats, areas, overlaps ---------------------------------------------------------------------------------------

CORNERS = np.array([[0, 0, 4, 2], [1, -2, 3, 6]], np.float32)
FORMATS = {"xyxy": CORNERS, "xywh": np.array([[0, 0, 4, 2], [1, -2, 2, 8]], np.float32),
           "cxcywh": np.array([[2, 1, 4, 2], [2, 2, 2, 8]], np.float32)}


@pytest.mark.parametrize("given", FORMATS)
@pytest.mark.parametrize("wanted", FORMATS)
def test_formats(given, wanted):
    [boxes] = tensors(FORMATS[given])
    np.testing.assert_array_equal(ops.box_convert(boxes, given, wanted).numpy(), FORMATS[wanted])


def test_area_and_overlap():
    [boxes] = tensors(CORNERS)
    np.testing.assert_array_equal(ops.box_area(boxes).numpy(), [8, 16])
    np.testing.assert_allclose(ops.box_iou(boxes, boxes).numpy(), [[1, 4 / 20], [4 / 20, 1]])
    apart = ops.box_iou(boxes[:1], boxes + 10)
    assert apart.shape == (1, 2) and not apart.any()
    assert ops.box_iou(boxes, boxes[:0]).shape == (2, 0)


def test_clipping():
    boxes = fastnet.tensor([[-5, -5, 9, 90], [3, 4, 5, 6]])
    assert ops.clip_boxes_to_image(boxes, (20, 8)).tolist() == [[0, 0, 8, 20], [3, 4, 5, 6]]
    assert ops.clip_boxes_to_image(fastnet.zeros(2, 3, 4), (1, 1)).shape == (2, 3, 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_like_torchvision(dtype):
    torch, theirs = torchvision_ops()
    one, other = some_boxes(20, dtype=dtype), some_boxes(15, seed=1, dtype=dtype)
    ours, twins = tensors(one, other), (torch.from_numpy(one), torch.from_numpy(other))
    np.testing.assert_array_equal(ops.box_iou(*ours).numpy(), theirs.box_iou(*twins).numpy())
    np.testing.assert_array_equal(ops.box_area(ours[0]).numpy(), theirs.box_area(twins[0]).numpy())
    np.testing.assert_array_equal(ops.clip_boxes_to_image(ours[0], (50, 40)).numpy(),
                                  theirs.clip_boxes_to_image(twins[0], (50, 40)).numpy())
    for given in FORMATS:
        for wanted in FORMATS:
            np.testing.assert_array_equal(ops.box_convert(ours[0], given, wanted).numpy(),
                                          theirs.box_convert(twins[0], given, wanted).numpy())


# ---- suppression ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("n", [0, 1, 2, 17, 120])
def test_nms(n, threshold, dtype):
    boxes, scores = some_boxes(n, dtype=dtype), np.random.default_rng(n).integers(0, 9, n).astype(dtype)
    kept = ops.nms(*tensors(boxes, scores), threshold)
    assert kept.dtype == fastnet.int64
    np.testing.assert_array_equal(kept.numpy(), nms_by_hand(boxes, scores, threshold))


def test_nms_at_the_threshold():
    """An overlap of exactly the threshold is kept, also if float32 cannot hold the threshold."""
    boxes, scores = tensors(np.array([[0, 0, 10, 1], [0, 0, 1, 1], [0, 0, 7, 1]], np.float32), np.ones(3, np.float32))
    assert ops.nms(boxes, scores, float(np.float32(0.7))).tolist() == [0, 1, 2]
    assert ops.nms(boxes, scores, 0.6999).tolist() == [0, 1]
    assert ops.nms(boxes, scores, 0.1).tolist() == [0]          # float32(1 / 10) is above 0.1


def test_batched_nms():
    boxes, rng = some_boxes(200), np.random.default_rng(0)
    scores, classes = rng.random(200).astype(np.float32), rng.integers(0, 5, 200)
    got = ops.batched_nms(*tensors(boxes, scores, classes), 0.3).numpy()
    kept = [np.flatnonzero(classes == k)[nms_by_hand(boxes[classes == k], scores[classes == k], 0.3)] for k in range(5)]
    kept = np.concatenate(kept)
    np.testing.assert_array_equal(got, kept[np.argsort(-scores[kept], kind="stable")])
    assert ops.batched_nms(*tensors(boxes[:0], scores[:0], classes[:0]), 0.3).shape == (0,)


# ---- errors ---------------------------------------------------------------------------------------------------------

BOXES, SCORES = fastnet.zeros(3, 4), fastnet.zeros(3)


@pytest.mark.parametrize("call, error, message", [
    (lambda: ops.nms(fastnet.zeros(3, 5), SCORES, 0.5), ValueError,
     r"nms: expected boxes of shape \(N, 4\), got \(3, 5\)"),
    (lambda: ops.nms(fastnet.zeros(4), SCORES, 0.5), ValueError, r"nms: expected boxes of shape \(N, 4\), got \(4,\)"),
    (lambda: ops.nms(BOXES, fastnet.zeros(2), 0.5), ValueError,
     r"nms: expected scores of shape \(3,\), one for each of 3 boxes, got \(2,\)"),
    (lambda: ops.nms(BOXES.long(), SCORES, 0.5), TypeError, "expected boxes of float32 or float64, got int64"),
    (lambda: ops.nms(BOXES, SCORES, "0.5"), TypeError, "expected iou_threshold to be a number, got '0.5'"),
    (lambda: ops.nms(np.zeros((3, 4)), SCORES, 0.5), TypeError, "nms: expected boxes to be a tensor, got ndarray"),
    (lambda: ops.batched_nms(BOXES, SCORES, fastnet.zeros(2), 0.5), ValueError, r"expected idxs of shape \(3,\)"),
    (lambda: ops.box_convert(BOXES, "xyxy", "xyhw"), ValueError, "unknown out_fmt 'xyhw'; did you mean 'xywh'"),
    (lambda: ops.box_convert(BOXES, "yolo", "xywh"), ValueError, "unknown in_fmt 'yolo'"),
    (lambda: ops.box_convert(fastnet.zeros(3), "xyxy", "xywh"), ValueError, r"expected boxes of shape \(\.\.\., 4\)"),
    (lambda: ops.box_iou(BOXES, fastnet.zeros(4)), ValueError,
     r"expected boxes2 of shape \(\.\.\., N, 4\), got \(4,\)"),
    (lambda: ops.box_area([[0, 0, 1, 1]]), TypeError, "box_area: expected boxes to be a tensor, got list"),
    (lambda: ops.clip_boxes_to_image(BOXES, (3,) * 3), RuntimeError, "clip_boxes_to_image: expected size"),
    (lambda: fastnet.compile(ops.nms)(BOXES, SCORES, 0.5), RuntimeError,
     r"nms\(\) inside a compiled function .* call it outside"),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- gradients and recordings ---------------------------------------------------------------------------------------

DIFFERENTIABLE = {
    "box_iou": lambda a, b: ops.box_iou(a, b),
    "box_area": lambda a, b: ops.box_area(a),
    "clip_boxes_to_image": lambda a, b: ops.clip_boxes_to_image(a, (40, 30)),
    **{f"{given}-{wanted}": (lambda a, b, given=given, wanted=wanted: ops.box_convert(a, given, wanted))
       for given in FORMATS for wanted in FORMATS},
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(name):
    one, other = tensors(some_boxes(5, dtype=np.float64), some_boxes(3, seed=1, dtype=np.float64))
    call = DIFFERENTIABLE[name]
    gradcheck(lambda a: call(a, other), one)
    if name == "box_iou":
        gradcheck(lambda b: call(one, b), other)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_recorded(name):
    run = fastnet.compile(DIFFERENTIABLE[name])
    for seed in range(3):
        inputs = tensors(some_boxes(6, seed), some_boxes(4, seed + 5))
        assert (run(*inputs) == DIFFERENTIABLE[name](*inputs)).all()
