"""Elementwise kernels on arrays of random strides: transposed, sliced, channels-last, broadcast, overlapping."""
import numpy as np
import pytest
from layout_tools import in_channels_last

from fastnet.backend import K

pytestmark = pytest.mark.usefixtures("backend")


def strided(rng, shape):
    """Random numbers in memory of a random order, with gaps; at times contiguous or channels-last."""
    order, steps = rng.permutation(len(shape)), rng.integers(1, 3, len(shape))
    memory = rng.standard_normal([shape[i] * steps[i] for i in order]).astype(np.float32)
    x = memory[tuple(slice(None, None, steps[i]) for i in order)].transpose(np.argsort(order))
    kind = rng.integers(4)
    if kind == 0:
        return np.ascontiguousarray(x)
    if kind == 1 and len(shape) > 2:
        return in_channels_last(x)
    return x


def operand(rng, shape):
    """As `strided`, for an operand that broadcasts to a shape."""
    lengths = [1 if rng.random() < 0.25 else n for n in shape]
    return strided(rng, lengths[rng.integers(len(shape)) if rng.random() < 0.2 else 0:])


@pytest.mark.parametrize("seed", range(4))
def test_any_layout(seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        shape = list(rng.integers(1, 6, rng.integers(1, 6)))
        a, b = operand(rng, shape), operand(rng, shape)
        out, x, y = (strided(rng, shape) for _ in range(3))
        K.add(out, a, b)
        np.testing.assert_array_equal(out, np.broadcast_to(a + b, shape))
        K.where(out, a > b, a, b)
        np.testing.assert_array_equal(out, np.broadcast_to(np.maximum(a, b), shape))
        K.relu(out, x)
        np.testing.assert_array_equal(out, np.maximum(x, 0))
        K.relu_backward(out, x, y)
        np.testing.assert_array_equal(out, np.where(x > 0, y, 0))
        K.add(out, out, x)
        np.testing.assert_array_equal(out, np.where(x > 0, y, 0) + x)
        K.copy(out, a)
        np.testing.assert_array_equal(out, np.broadcast_to(a, shape))
        K.fill(out, 3.0)
        assert (out == 3).all()
        whole = strided(rng, [n + 1 for n in shape])
        inner, shifted = whole[tuple(slice(1, None) for _ in shape)], whole[tuple(slice(-1) for _ in shape)]
        expected = inner + shifted
        K.add(inner, inner, shifted)
        np.testing.assert_array_equal(inner, expected)
