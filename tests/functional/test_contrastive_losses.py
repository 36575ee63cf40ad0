"""ClipLoss and SigLipLoss: open_clip's formulas in PyTorch, values worked by hand, recordings and errors."""
import math

import numpy as np
import pytest
from gradcheck import gradcheck

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def features(count, width, seed, dtype):
    x = np.random.default_rng(seed).standard_normal((count, width))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(dtype)


def clip_in_torch(torch, images, texts, scale, bias):
    """open_clip's ClipLoss of one process: get_logits, get_ground_truth and forward."""
    per_image = scale * images @ texts.T
    per_text = scale * texts @ images.T
    if bias is not None:
        per_image = per_image + bias
        per_text = per_text + bias
    labels = torch.arange(len(images))
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(per_image, labels) + cross_entropy(per_text, labels)) / 2


def siglip_in_torch(torch, images, texts, scale, bias):
    """open_clip's SigLipLoss of one process: get_logits, get_ground_truth and _loss."""
    logits = scale * images @ texts.T
    if bias is not None:
        logits = logits + bias
    labels = 2 * torch.eye(len(images), dtype=images.dtype) - torch.ones(len(images), len(images), dtype=images.dtype)
    return -torch.nn.functional.logsigmoid(labels * logits).sum() / len(images)


LOSSES = {"clip": (nn.ClipLoss, clip_in_torch), "siglip": (nn.SigLipLoss, siglip_in_torch)}


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("float64", 1e-9)])
@pytest.mark.parametrize("count, scale, bias", [
    (1, 10.0, None), (5, 1 / 0.07, None), (64, 100.0, None), (64, 10.0, -10.0)])
@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients_are_those_of_open_clip(name, count, scale, bias, dtype, tolerance):
    torch = pytest.importorskip("torch")
    cls, reference = LOSSES[name]
    given = [features(count, 16, 0, dtype), features(count, 16, 1, dtype),
             *(np.array(x, dtype) for x in (scale, bias) if x is not None)]
    ours = [fastnet.tensor(x, requires_grad=True) for x in given]
    theirs = [torch.tensor(x, requires_grad=True) for x in given]
    loss = cls()(*ours, *([] if bias is not None else [None]))
    expected = reference(torch, *theirs, *([] if bias is not None else [None]))
    np.testing.assert_allclose(loss.item(), expected.item(), tolerance, tolerance)
    loss.backward()
    expected.backward()
    for ours_, theirs_ in zip(ours, theirs):
        np.testing.assert_allclose(ours_.grad.numpy(), theirs_.grad.numpy(), 20 * tolerance, 20 * tolerance)


@pytest.mark.parametrize("function", [F.clip_loss, F.siglip_loss])
def test_gradients_are_the_derivatives(function):
    given = features(4, 3, 0, "float64"), features(4, 3, 1, "float64"), np.array(3.0), np.array(-0.5)
    gradcheck(lambda a, b, scale, bias: function(a, b, scale, bias), *map(fastnet.tensor, given))


def test_by_hand():
    x = fastnet.eye(2)
    assert F.clip_loss(x, x, 3.0).item() == pytest.approx(math.log(1 + math.exp(-3)))
    same, other = math.log(1 + math.exp(-3 + 1)), math.log(1 + math.exp(-1))
    assert F.siglip_loss(x, x, 3.0, -1.0).item() == pytest.approx(same + other)
    assert F.clip_loss(x, x, 3.0, -1.0).item() == pytest.approx(F.clip_loss(x, x, 3.0).item())


@pytest.mark.parametrize("cls", [nn.ClipLoss, nn.SigLipLoss])
def test_a_dictionary_as_open_clip_returns_it(cls):
    x = fastnet.eye(3)
    assert cls()(x, x, 2.0, 0.5, output_dict=True)["contrastive_loss"].item() == cls()(x, x, 2.0, 0.5).item()


@pytest.mark.parametrize("cls", [nn.ClipLoss, nn.SigLipLoss])
def test_a_recording_has_the_same_bits(cls):
    criterion, found = cls(), []
    leaves = [fastnet.tensor(features(9, 4, seed, "float32"), requires_grad=True) for seed in (2, 3)]

    def step(scale):
        for leaf in leaves:
            leaf.grad = None
        loss = criterion(*leaves, scale, -1.0)
        loss.backward()
        return loss.detach()

    recorded = fastnet.compile(step)
    for run in (step, recorded, recorded):
        found.append((run(fastnet.tensor(7.0)).item(), *(leaf.grad.numpy().tobytes() for leaf in leaves)))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("function", [F.clip_loss, F.siglip_loss])
def test_errors(function):
    x = fastnet.eye(3)
    with pytest.raises(TypeError, match="expected text_features to be a tensor, got ndarray"):
        function(x, np.eye(3), 1.0)
    for other in (x[:2], fastnet.ones(3, 2), fastnet.ones(3)):
        with pytest.raises(ValueError, match=r"expected features \(N, E\) of N pairs, got \(3, 3\) of the images"):
            function(x, other, 1.0)
    with pytest.raises(ValueError, match=r"got \(0, 3\)"):
        function(x[:0], x[:0], 1.0)


@pytest.mark.parametrize("cls", [nn.ClipLoss, nn.SigLipLoss])
def test_several_processes_are_refused(cls):
    with pytest.raises(ValueError, match=r"expected rank=0 and world_size=1.*got rank=1 and world_size=2"):
        cls(rank=1, world_size=2)
