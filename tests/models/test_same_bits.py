"""Training steps of models: the same bits recorded, on any number of threads, and in both memory layouts."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn

SIDES = {"lenet5": (1, 28), "resnet8": (3, 16), "mobilenet_v3_small": (3, 32), "efficientnet_b0": (3, 32),
         "shufflenet_v2_x1_0": (3, 32), "googlenet": (3, 32), "mobilenet_v2": (3, 32)}


def trained(name, compiled=False, memory_format="contiguous_format"):
    """The weights, statistics and losses of three training steps."""
    fastnet.manual_seed(1)
    model = getattr(models, name)(num_classes=10)
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        out = model(x)
        outputs = out if isinstance(out, tuple) else (out,)
        loss = sum(nn.functional.cross_entropy(o, y) for o in outputs)
        loss.backward()
        optimizer.step()
        return loss
    run = fastnet.compile(step) if compiled else step
    channels, side = SIDES[name]
    losses = []
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((3, channels, side, side), dtype=np.float32)
        x = fastnet.tensor(x).contiguous(memory_format=getattr(fastnet, memory_format))
        losses.append(run(x, fastnet.tensor([1, 2, 3])).item())
    return losses, {key: x.numpy() for key, x in model.state_dict().items()}


def assert_same(ours, theirs):
    assert ours[0] == theirs[0]
    for key, x in ours[1].items():
        np.testing.assert_array_equal(x, theirs[1][key], err_msg=key)


@pytest.mark.parametrize("name", [name for name in SIDES if name != "mobilenet_v2"])
def test_recorded(name):
    assert_same(trained(name, compiled=True), trained(name))


@pytest.mark.parametrize("name", ["resnet8", "mobilenet_v2"])
def test_channels_last(name):
    assert_same(trained(name, memory_format="channels_last"), trained(name))


@pytest.mark.parametrize("name", ["lenet5", "resnet8"])
def test_the_numpy_backend(name):
    """Its results agree within rounding."""
    compiled = trained(name)
    with fastnet.use_backend("numpy"):
        losses, weights = trained(name)
    np.testing.assert_allclose(losses, compiled[0], rtol=1e-4)
    for key, x in weights.items():
        np.testing.assert_allclose(x, compiled[1][key], rtol=1e-3, atol=1e-4, err_msg=key)


def test_threads(small_work_threaded):
    before = fastnet.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3, 8):
            fastnet.set_num_threads(threads)
            found.append(trained("resnet8"))
    finally:
        fastnet.set_num_threads(before)
    for other in found[1:]:
        assert_same(other, found[0])
