"""Gradients of the parts of a tensor, which are written into one array."""
import numpy as np
import pytest

import fastnet

SHAPE = (2, 6, 4, 5)
PARTS = {
    "split": lambda x: x.split([2, 1, 3], 1),
    "chunk": lambda x: x.chunk(2, 2),
    "unbind": lambda x: x.unbind(3),
    "some": lambda x: (x[:, 1:3], x[:, 4]),
    "overlapping": lambda x: (x[:, :4], x[:, 2:], x[1]),
    "steps": lambda x: (x[:, ::2], x[:, 1::2]),
    "new dimension": lambda x: (x[:, None, :3], x[:, None, 3:]),
    "twice": lambda x: (x[:, :3], x[:, 3:], x),
    "two dimensions": lambda x: (x[:, :3, :2], x[:, 3:, 2:]),
    "one element": lambda x: (x[0, 0, 0, 0], x[1, 5, 3, 4]),
    "empty": lambda x: (x[:, :0], x[:, 0:]),
}


def channels_last(x):
    return x.movedim(1, -1).contiguous().movedim(-1, 1)


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("layout", [lambda x: x * 1, lambda x: channels_last(x * 1)], ids=["contiguous", "last"])
def test_gradient_is_the_sum_of_the_parts(parts, layout):
    x = np.random.default_rng(0).standard_normal(SHAPE)
    # the gradient of sum(part^3) is 3 part^2, in the places of each part
    expected = np.zeros(SHAPE)
    places = fastnet.tensor(np.arange(x.size).reshape(SHAPE))
    for part in parts(places):
        np.add.at(expected.reshape(-1), part.numpy().reshape(-1), 3 * x.reshape(-1)[part.numpy().reshape(-1)] ** 2)

    def gradient(a):
        leaf = a.detach().clone().requires_grad_()
        total = sum((part * part * part).sum() for part in parts(layout(leaf)))
        total.backward()
        return leaf.grad.clone()
    got = gradient(fastnet.tensor(x))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
    replayed = fastnet.compile(gradient)
    for _ in range(3):
        assert replayed(fastnet.tensor(x)).numpy().tobytes() == got.numpy().tobytes()
