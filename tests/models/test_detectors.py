"""The detector: anchors, matching, the loss worked by hand, detections, and training."""
import numpy as np
import pytest

import fastnet
from fastnet import models
from fastnet.models.anchors import anchor_grid, box_offsets, match_anchors, offset_boxes

SIZE = (64, 96)


def small(**options):
    fastnet.manual_seed(0)
    return models.ssdlite(3, in_channels=1, width_mult=0.5, **options)


# ---- anchors --------------------------------------------------------------------------------------------------------

def test_anchors():
    corners = anchor_grid((60, 120), [(2, 3)], [0.5, 0.5], [1.0, 4.0])
    assert corners.shape == (2 * 3 * 3, 4)
    np.testing.assert_allclose(corners[0], [20 - 30, 15 - 15, 20 + 30, 15 + 15])                # of the first cell
    np.testing.assert_allclose(corners[1], [20 - 60, 15 - 7.5, 20 + 60, 15 + 7.5])              # four times as wide
    np.testing.assert_allclose(corners[3 * 4], [60 - 30, 45 - 15, 60 + 30, 45 + 15])            # of row 1, column 1


def test_matching():
    overlap = np.array([[0.6, 0.2], [0.55, 0.7], [0.3, 0.1], [0.0, 0.0]])
    assert match_anchors(overlap, 0.5).tolist() == [0, 1, -1, -1]
    assert match_anchors(overlap, 0.65).tolist() == [0, 1, -1, -1]          # each box has an anchor
    assert match_anchors(overlap, 0.3).tolist() == [0, 1, 0, -1]
    assert match_anchors(overlap[:, :0], 0.5).tolist() == [-1] * 4


def test_offsets():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 50, (2, 30, 2))
    boxes, anchors = np.concatenate([low, low + rng.uniform(1, 40, low.shape)], -1)
    np.testing.assert_allclose(offset_boxes(box_offsets(boxes, anchors), anchors), boxes)
    np.testing.assert_allclose(box_offsets(anchors, anchors), 0, atol=1e-12)
    np.testing.assert_allclose(box_offsets(np.array([4, 0, 12, 4.0]), np.array([0, 0, 8, 4.0])),
                               [10 * 4 / 8, 0, 0, 0])


def test_outputs_and_anchors_have_one_order():
    """A gradient of the first, a middle and the last anchor reaches the pixels around it only."""
    model = small().eval()
    x = fastnet.randn(1, 1, *SIZE).requires_grad_()
    corners = model.anchors(SIZE).numpy()
    outputs = model(x)
    assert outputs.logits.shape == (1, len(corners), 3) and outputs.offsets.shape == (1, len(corners), 4)
    for anchor in (0, 4 * (12 * 5 + 7)):                                    # the finest grid has 8 x 12 cells
        x.grad = None
        model(x).logits[0, anchor].sum().backward()
        centre = (corners[anchor, 1::2].mean(), corners[anchor, ::2].mean())
        rows, columns = np.nonzero(x.grad.numpy()[0, 0])
        assert rows.min() <= centre[0] <= rows.max() and columns.min() <= centre[1] <= columns.max()
        assert rows.min() == 0 or rows.max() == SIZE[0] - 1 or np.ptp(rows) < SIZE[0] - 1


# ---- targets and loss -----------------------------------------------------------------------------------------------

def test_encode():
    model = small()
    anchors = model.anchors(SIZE).numpy()
    targets = model.encode([{"boxes": anchors[[5, 200]], "labels": [2, 1]}, {"boxes": [], "labels": []}], SIZE)
    labels, offsets = targets.labels.numpy(), targets.offsets.numpy()
    assert labels[0, 5] == 2 and labels[0, 200] == 1 and not labels[1].any()
    np.testing.assert_allclose(offsets[0, [5, 200]], 0, atol=1e-6)
    assert not offsets[labels == 0].any()
    of_tensors = model.encode([{"boxes": fastnet.tensor(anchors[[5]]), "labels": fastnet.tensor([2])}], SIZE)
    assert of_tensors.labels[0, 5].item() == 2


def test_loss():
    """Two pictures of four anchors: one matched anchor and hard negatives; nothing matched."""
    logits = fastnet.tensor(np.log([[[.5, .5], [.9, .1], [.6, .4], [.2, .8]], [[.1, .9]] * 4]).astype(np.float32))
    offsets = fastnet.zeros(2, 4, 4)
    labels = fastnet.tensor([[1, 0, 0, 0], [0, 0, 0, 0]])
    wanted = fastnet.tensor(np.full((2, 4, 4), 2, np.float32))
    of_box, matched, hard = 4 * 1.5, np.log(2), [-np.log(.2), -np.log(.6), -np.log(.9)]
    for negatives in (0, 1, 2, 3):
        loss = models.detector_loss(models.DetectorOutputs(logits, offsets), models.DetectorTargets(labels, wanted),
                                    negatives)
        assert loss.item() == pytest.approx(of_box + matched + sum(hard[:negatives]), rel=1e-5)
    nothing = models.DetectorTargets(fastnet.zeros(2, 4, dtype=fastnet.int64), wanted)
    assert models.detector_loss(models.DetectorOutputs(logits, offsets), nothing).item() == 0


def squares(rng, n):
    """Pictures with one bright square or one outline of a square, and their boxes."""
    pictures, targets = np.zeros((n, 1, *SIZE), np.float32), []
    for picture in pictures[:, 0]:
        side, kind = int(rng.integers(16, 33)), int(rng.integers(1, 3))
        y, x = int(rng.integers(0, SIZE[0] - side)), int(rng.integers(0, SIZE[1] - side))
        picture[y:y + side, x:x + side] = 1
        if kind == 2:
            picture[y + 4:y + side - 4, x + 4:x + side - 4] = 0
        targets.append({"boxes": np.array([[x, y, x + side, y + side]]), "labels": np.array([kind])})
    return fastnet.from_numpy(pictures), targets


def test_training_in_compiled_steps_as_in_eager_ones():
    pictures, targets = squares(np.random.default_rng(0), 4)
    losses = []
    for compiled in (False, True):
        model = small()
        optimizer = fastnet.optim.Adam(model.parameters(), lr=3e-3)

        def step(x, labels, offsets, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = models.detector_loss(model(x), models.DetectorTargets(labels, offsets))
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = fastnet.compile(step) if compiled else step
        losses.append([run(pictures, *model.encode(targets, SIZE)).item() for _ in range(8)])
    assert losses[0] == losses[1] and losses[0][-1] < 0.9 * losses[0][0]


# ---- detections -----------------------------------------------------------------------------------------------------

def test_detect():
    model = small().eval()
    [found, _] = model.detect(fastnet.randn(2, 1, *SIZE), score_threshold=0.1, iou_threshold=0.3, max_detections=7)
    boxes, scores, labels = (found[key].numpy() for key in ("boxes", "scores", "labels"))
    assert boxes.shape == (7, 4) and (np.diff(scores) <= 0).all() and set(labels) <= {1, 2}
    assert boxes.min() >= 0 and boxes[:, 2].max() <= SIZE[1] and boxes[:, 3].max() <= SIZE[0]
    overlap = fastnet.ops.box_iou(found["boxes"], found["boxes"]).numpy()
    same = (labels[:, None] == labels) & ~np.eye(7, dtype=bool)
    assert (overlap[same] <= 0.3 + 1e-6).all()
    [nothing] = model.detect(fastnet.randn(1, 1, *SIZE), score_threshold=1.0)
    assert nothing["boxes"].shape == (0, 4) and nothing["labels"].shape == (0,)
    assert model.detect(fastnet.zeros(0, 1, *SIZE)) == []


@pytest.mark.parametrize("call, error, message", [
    (lambda m: m(fastnet.zeros(1, 3, 64, 64)), ValueError, r"expected pictures of shape \(N, 1, H, W\), got \(1, 3,"),
    (lambda m: m.encode([{"boxes": [[0, 0, 9, 9]], "labels": [3]}], SIZE), ValueError, "labels from 1 to 2, .* got 3"),
    (lambda m: m.encode([{"boxes": [[0, 0, 9]], "labels": [1]}], SIZE), ValueError, r"got \(1, 3\) and \(1,\)"),
    (lambda m: m.encode([{"boxes": [[5, 0, 5, 9]], "labels": [1]}], SIZE), ValueError, "x1 < x2 and .* in row 0"),
    (lambda m: fastnet.compile(lambda x: m.detect(x))(fastnet.zeros(1, 1, 64, 64)), RuntimeError,
     "detect.. inside a compiled"),
    (lambda m: m.encode([{"boxes": [[0, 0, 9, 9]], "labels": [1.5]}], SIZE), TypeError, "labels to be integers, got f"),
    (lambda m: m.detect(fastnet.zeros(1, 1, *SIZE), max_detections=-3), ValueError, "max_detections to be at least 0"),
    (lambda m: models.detector_loss(m(fastnet.zeros(2, 1, *SIZE)), m.encode([{"boxes": [], "labels": []}], SIZE)),
     ValueError, "targets of 2 pictures with"),
    (lambda m: models.ssdlite(1), ValueError, "num_classes of 2 or more"),
    (lambda m: models.ssdlite(width_mult=-1), ValueError, "SSDLite: expected width_mult to be positive .* got -1"),
    (lambda m: models.mobilenet_v1(width=0), ValueError, "MobileNetV1: expected width to be positive .* got 0"),
    (lambda m: models.mobilenet_v2(width_mult=float("nan")), ValueError, "MobileNetV2: expected width_mult .* got nan"),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(small())
