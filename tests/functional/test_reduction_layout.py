"""Reductions give the same bits for channels-last tensors, which they walk in the order of their memory."""
import numpy as np
import pytest

import fastnet
from fastnet._core.memory import is_channels_last

SHAPES = [(2, 3, 4, 5), (2, 16, 7, 9), (3, 17, 5, 5), (2, 40, 48, 48), (1, 300, 3, 5), (4, 2, 3, 3), (2, 21, 70),
          (2, 5, 3, 4, 6)]


def channels_last(x):
    """The same tensor in channels-last memory."""
    y = x.movedim(1, -1).contiguous().movedim(-1, 1)
    assert is_channels_last(y._data, True)
    return y


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "argmax", "argmin", "norm"])
@pytest.mark.parametrize("keepdim", [False, True])
def test_channels_last(shape, name, keepdim):
    x = fastnet.tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    spatial = tuple(range(2, len(shape)))
    for dim in (1,) if name.startswith("arg") else (1, spatial, (0, *spatial)):
        expected, got = (getattr(fastnet, name)(a, dim=dim, keepdim=keepdim).numpy() for a in (x, channels_last(x)))
        assert got.shape == expected.shape and got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("other", [(2, 5, 1, 1), (5, 1, 1), (2, 1, 6, 7), (1, 5, 1, 7), (1,)], ids=str)
def test_gradient_of_a_broadcast_argument(other):
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((2, 5, 6, 7), other))

    def gradient(layout):
        b = fastnet.tensor(y, requires_grad=True)
        a = layout(fastnet.tensor(x))
        (a * b).backward(a)
        return b.grad.numpy()
    expected, got = gradient(lambda a: a), gradient(channels_last)
    assert got.tobytes() == expected.tobytes()
    total = (x * x).astype(np.float64)
    axes = tuple(range(4 - len(other))) + tuple(4 - len(other) + i for i, n in enumerate(other) if n == 1)
    np.testing.assert_allclose(got, total.sum(axes, keepdims=True).reshape(other), rtol=1e-5)
