"""roi_align: compared with a loop in Python and with torchvision; gradients with differences; recorded."""
import math

import numpy as np
import pytest
from boxes_tools import torchvision_ops
from gradcheck import gradcheck

import fastnet
from fastnet import ops

pytestmark = pytest.mark.usefixtures("backend")

# image, x1, y1, x2, y2: inside, over the edges, outside, empty, thin
ROIS = np.array([[0, 1, 2, 9, 11], [1, -6.3, -5.2, 4, 3], [1, 10, 8, 40, 30], [0, 30, 30, 40, 40], [0, 5, 5, 5, 5],
                 [1, 2, 3, 2.5, 13]], np.float64)
INSIDE = np.array([[0, 1, 2, 9, 11], [1, 0, 0, 11.5, 13.5], [1, 3.2, 1.1, 7.9, 12], [0, 5, 6, 6, 8]], np.float64)
OPTIONS = [(size, scale, ratio, aligned) for size in (1, (3, 2)) for scale in (1.0, 0.6) for ratio in (-1, 1, 3)
           for aligned in (False, True)]


def image(dtype=np.float64):
    return np.random.default_rng(0).standard_normal((2, 3, 14, 12)).astype(dtype)


def bilinear(plane, y, x):
    h, w = plane.shape
    if y < -1 or y > h or x < -1 or x > w:
        return 0.0
    y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
    fy, fx = y - y0, x - x0
    return ((1 - fy) * (1 - fx) * plane[y0, x0] + (1 - fy) * fx * plane[y0, x1] + fy * (1 - fx) * plane[y1, x0]
            + fy * fx * plane[y1, x1])


def by_hand(x, rois, size, scale, ratio, aligned):
    ph, pw = size if isinstance(size, tuple) else (size, size)
    out = np.zeros((len(rois), x.shape[1], ph, pw))
    for k, (n, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (c * scale - 0.5 * aligned for c in corners)
        w, h = (x2 - x1, y2 - y1) if aligned else (max(x2 - x1, 1), max(y2 - y1, 1))
        ny, nx = (ratio, ratio) if ratio > 0 else (max(math.ceil(h / ph), 0), max(math.ceil(w / pw), 0))
        for c, i, j in np.ndindex(*out.shape[1:]):
            points = [bilinear(x[int(n), c], y1 + (i + (a + 0.5) / ny) * h / ph, x1 + (j + (b + 0.5) / nx) * w / pw)
                      for a in range(ny) for b in range(nx)]
            out[k, c, i, j] = sum(points) / max(len(points), 1)
    return out


@pytest.mark.parametrize("options", OPTIONS)
def test_values(options):
    got = ops.roi_align(fastnet.from_numpy(image()), fastnet.from_numpy(ROIS), *options)
    np.testing.assert_allclose(got.numpy(), by_hand(image(), ROIS, *options), rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-9), (np.float32, 1e-4)])
@pytest.mark.parametrize("options", OPTIONS)
def test_like_torchvision(options, dtype, tolerance):
    """On boxes inside: torchvision's function in Python counts points outside, its compiled one does not."""
    torch, _ = torchvision_ops()
    size, scale, ratio, aligned = options
    from torchvision.ops.roi_align import _roi_align
    x, rois = image(dtype), INSIDE.astype(dtype)
    ours, theirs = fastnet.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    got = ops.roi_align(ours, fastnet.from_numpy(rois), *options)
    expected = _roi_align.__wrapped__(theirs, torch.from_numpy(rois), scale,
                                      *(size if isinstance(size, tuple) else (size, size)), ratio, aligned)
    (got ** 2).sum().backward()
    (expected ** 2).sum().backward()
    for a, b in ((got, expected), (ours.grad, theirs.grad)):
        b = b.detach().numpy()
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=0, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("ratio", [-1, 2])
def test_gradient(ratio):
    rois = fastnet.from_numpy(ROIS[:3])
    gradcheck(lambda x: ops.roi_align(x, rois, (2, 3), 0.7, ratio, True), fastnet.from_numpy(image()))


def test_boxes_of_each_image():
    x, boxes = fastnet.from_numpy(image()), [fastnet.from_numpy(ROIS[ROIS[:, 0] == n][:, 1:]) for n in (0, 1)]
    rows = fastnet.from_numpy(np.concatenate([ROIS[ROIS[:, 0] == n] for n in (0, 1)]))
    assert (ops.roi_align(x, boxes, 2) == ops.roi_align(x, rows, 2)).all()
    assert ops.roi_align(x, [b[:0] for b in boxes], 2).shape == (0, 3, 2, 2)


def test_recorded():
    x, rois = fastnet.from_numpy(image()), fastnet.from_numpy(ROIS)
    pooled = fastnet.compile(lambda x, rois: ops.roi_align(x, rois, 3, sampling_ratio=2))
    for shift in (0.0, 0.0, 1.5):
        moved = rois + fastnet.tensor([0, shift, shift, shift, shift], dtype=fastnet.float64)
        assert (pooled(x, moved) == ops.roi_align(x, moved, 3, sampling_ratio=2)).all()


@pytest.mark.parametrize("call, error, message", [
    (lambda x: ops.roi_align(x[0], fastnet.zeros(1, 5), 2), ValueError,
     r"expected input of shape \(N, C, H, W\), got \(3,"),
    (lambda x: ops.roi_align(x, fastnet.zeros(1, 4), 2), ValueError, r"expected boxes of shape \(K, 5\).*got \(1, 4\)"),
    (lambda x: ops.roi_align(x, [fastnet.zeros(1, 4)], 2), ValueError, "expected boxes of 2 images, .* got 1"),
    (lambda x: ops.roi_align(x, [fastnet.zeros(1, 5)] * 2, 2), ValueError, r"expected boxes of shape \(N, 4\)"),
    (lambda x: ops.roi_align(x, 3, 2), TypeError, "roi_align: expected boxes to be a tensor"),
    (lambda x: ops.roi_align(x, fastnet.zeros(1, 5), (1, 2, 3)), RuntimeError, "expected output_size"),
    (lambda x: ops.roi_align(x, fastnet.zeros(1, 5), 0), ValueError, "output_size of 1 or more, got 0"),
    (lambda x: ops.roi_align(x, fastnet.tensor([[0, math.nan, 0, 3, 3]]), 2), ValueError, "boxes is nan .* finite"),
    (lambda x: fastnet.compile(ops.roi_align)(x, fastnet.tensor([[0, math.nan, 0, 3, 3]]), 2, sampling_ratio=1),
     ValueError, "boxes is nan .*: expected finite"),
    (lambda x: ops.roi_align(x, fastnet.tensor([[2, 0, 0, 3, 3.0]]), 2), IndexError, "image 2 .*out of range"),
    (lambda x: fastnet.compile(ops.roi_align)(x, fastnet.zeros(1, 5), 2), RuntimeError,
     "roi_align.. without sampling_ratio"),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(fastnet.from_numpy(image()))
