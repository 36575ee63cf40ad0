"""MeanAveragePrecision: examples worked by hand, and pycocotools' results on random boxes."""
import contextlib
import io
import json
import math

import numpy as np
import pytest

import fastnet
from fastnet.metrics import MeanAveragePrecision

pytestmark = pytest.mark.usefixtures("backend")


def found(boxes, scores, labels):
    return {"boxes": np.array(boxes, np.float64), "scores": np.array(scores), "labels": np.array(labels)}


def true(boxes, labels):
    return {"boxes": np.array(boxes, np.float64), "labels": np.array(labels)}


def updated(metric, output, target):
    metric.update(output, target)
    return metric


FAR = [100, 100, 140, 140]
BOX = [0, 0, 40, 40]


# ---- worked by hand -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("output, target, expected", [
    ([BOX], [BOX], 1.0),
    ([FAR], [BOX], 0.0),
    ([FAR, BOX], [BOX], 0.5),                           # precision 1/2 at every recall
    ([BOX, FAR], [BOX], 1.0),                           # what follows the last target does not matter
    ([BOX], [BOX, FAR], 51 / 101),                      # precision 1 at the recalls 0, 0.01, ..., 0.5
    ([BOX, BOX], [BOX, FAR], 51 / 101),                 # a second detection of the same target is wrong
    ([BOX, [200, 0, 240, 40], FAR], [BOX, FAR], (51 + 50 * 2 / 3) / 101),
    ([[0, 0, 40, 30]], [BOX], 1.0),                     # overlap 0.75
    ([[0, 0, 40, 19]], [BOX], 0.0),                     # overlap 0.475
    ([[0, 0, 40, 20]], [BOX], 1.0),                     # overlap of exactly the threshold
])
def test_by_hand(output, target, expected):
    """One class at the threshold 0.5; the detections by falling score."""
    scores = np.linspace(0.9, 0.1, len(output))
    metric = updated(MeanAveragePrecision([0.5]), [found(output, scores, [1] * len(output))],
                     [true(target, [1] * len(target))])
    assert metric.compute() == pytest.approx(expected)


def test_thresholds_and_classes():
    """Class 1 has the overlap 0.75, right at 6 of 10 thresholds; class 7 is not found; class 3 has no targets."""
    metric = updated(MeanAveragePrecision(), [found([[0, 0, 40, 30], FAR], [0.9, 0.8], [1, 3])],
                     [true([BOX, FAR], [1, 7])])
    results = metric.summary()
    assert results["classes"].tolist() == [1, 7]
    np.testing.assert_allclose(results["map_per_class"], [0.6, 0])
    np.testing.assert_allclose(results["mar_per_class"], [0.6, 0])
    assert (results["map"], results["map_50"], results["map_75"]) == pytest.approx((0.3, 0.5, 0.5))
    assert results["map_medium"] == pytest.approx(0.3) and math.isnan(results["map_small"])


def test_images_do_not_mix():
    metric = updated(MeanAveragePrecision([0.5]), [found([BOX], [0.9], [0]), found([FAR], [0.8], [0])],
                     [true([FAR], [0]), true([BOX], [0])])
    assert metric.compute() == 0


def test_most_detections():
    output, target = [found([FAR, BOX], [0.9, 0.8], [0, 0])], [true([BOX], [0])]
    assert updated(MeanAveragePrecision([0.5], max_detections=1), output, target).compute() == 0
    assert updated(MeanAveragePrecision([0.5], max_detections=2), output, target).compute() == 0.5


# ---- pycocotools ----------------------------------------------------------------------------------------------------

def random_images(n, seed):
    """Detections and targets of n images, some of them empty; scores with ties."""
    rng = np.random.default_rng(seed)
    output, target = [], []
    for _ in range(n):
        m, extra = rng.integers(0, 7), rng.integers(0, 4)
        low, size = rng.uniform(0, 300, (m + extra, 2)), rng.choice([20, 50, 150], (m + extra, 1)) * rng.uniform(
            0.6, 1.4, (m + extra, 2))
        boxes, labels = np.concatenate([low, low + size], 1), rng.integers(1, 4, m + extra)
        moved = boxes + rng.normal(0, 0.07, boxes.shape) * size.repeat(2, 1)
        seen = rng.random(m + extra) < 0.8
        twice = np.concatenate([np.flatnonzero(seen), rng.integers(0, m + extra, 2 if m else 0)])
        output.append(found(moved[twice], rng.integers(1, 20, len(twice)) / 20, labels[twice]))
        target.append(true(boxes[:m], labels[:m]))
    return output, target


def of_coco(output, target, max_detections=100):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    annotations, results = [], []
    for image, (one, other) in enumerate(zip(output, target), 1):
        for box, score, label in zip(one["boxes"], one["scores"], one["labels"]):
            results.append({"image_id": image, "category_id": int(label), "score": float(score),
                            "bbox": [*box[:2], *(box[2:] - box[:2])]})
        for box, label in zip(other["boxes"], other["labels"]):
            size = box[2:] - box[:2]
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": int(label),
                                "bbox": [*box[:2], *size], "area": float(size.prod()), "iscrowd": 0})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {"info": {}, "images": [{"id": i} for i in range(1, len(output) + 1)],
                         "annotations": annotations, "categories": [{"id": i} for i in range(1, 4)]}
        truth.createIndex()
        judge = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        judge.params.maxDets = [1, 10, max_detections]
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


@pytest.mark.parametrize("seed", range(6))
def test_like_pycocotools(seed):
    output, target = random_images(25, seed)
    judge = of_coco(output, target)
    metric = MeanAveragePrecision()
    for i in range(0, 25, 7):
        metric.update(output[i:i + 7], target[i:i + 7])
    results = metric.summary()
    names = ["map", "map_50", "map_75", "map_small", "map_medium", "map_large"]
    np.testing.assert_allclose([results[name] for name in names], judge.stats[:6], rtol=0, atol=1e-12)
    assert results["mar"] == pytest.approx(judge.stats[8], abs=1e-12)
    np.testing.assert_allclose(results["map_per_class"], judge.eval["precision"][..., 0, 2].mean((0, 1)), atol=1e-12)


# ---- states and errors ----------------------------------------------------------------------------------------------

def test_state_round_trip():
    output, target = random_images(12, 0)
    whole = updated(MeanAveragePrecision(), output, target).compute()
    for some in (0, 5):
        first = updated(MeanAveragePrecision(), output[:some], target[:some]).state_dict()
        plain = json.loads(json.dumps({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in first.items()}))
        for state in (first, plain):
            resumed = MeanAveragePrecision()
            resumed.load_state_dict(state)
            assert updated(resumed, output[some:], target[some:]).compute() == whole


def test_nothing():
    metric = MeanAveragePrecision()
    with pytest.raises(RuntimeError, match="expected at least one sample before compute"):
        metric.compute()
    metric.update([found(np.zeros((0, 4)), [], [])], [true([], [])])
    with pytest.warns(UserWarning, match="there are no targets"):
        assert math.isnan(metric.compute())
    metric.update([found(np.zeros((0, 4)), [], [])], [true([BOX], [0])])
    assert metric.compute() == 0
    assert repr(fastnet.metrics.get(metric)).startswith("MeanAveragePrecision(")


ONE = found([BOX], [0.5], [1])


@pytest.mark.parametrize("output, target, error, message", [
    (ONE, [true([BOX], [1])], TypeError, "expected output to be a list with a dictionary for each image, got dict"),
    ([ONE, ONE], [true([BOX], [1])], ValueError, "as many images in output as in target, got 2 and 1"),
    ([true([BOX], [1])], [true([BOX], [1])], ValueError, "output: expected the entries .* scores is missing"),
    ([3], [true([BOX], [1])], TypeError, "image 0 of output: expected a dictionary with boxes, scores, labels, got 3"),
    ([found([[1, 2, 3]], [0.5], [1])], [true([BOX], [1])], ValueError, r"boxes of shape \(n, 4\), got \(1, 3\)"),
    ([found([BOX], [0.5, 0.4], [1])], [true([BOX], [1])], ValueError, r"scores of shape \(1,\), .* got \(2,\)"),
    ([ONE], [true([BOX], [1, 2])], ValueError, r"image 0 of target: expected labels of shape \(1,\), .* got \(2,\)"),
    ([found([BOX], [math.nan], [1])], [true([BOX], [1])], ValueError, "expected finite numbers"),
])
def test_errors(output, target, error, message):
    metric = MeanAveragePrecision()
    with pytest.raises(error, match=message):
        metric.update(output, target)
    assert metric.images == 0 and not len(metric.detections)


@pytest.mark.parametrize("options", [{"iou_thresholds": [0.5, 1.5]}, {"iou_thresholds": []}, {"max_detections": 0}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match=f"expected {next(iter(options))}"):
        MeanAveragePrecision(**options)
