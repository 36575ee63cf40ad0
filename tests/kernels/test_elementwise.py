"""Elementwise kernels where arrays overlap, do not fit, or go to the reference."""
import numpy as np
import pytest

from fastnet.backend import K, use_backend


@pytest.fixture(params=["numpy", "compiled"], autouse=True)
def backend(request):
    try:
        with use_backend(request.param):
            yield
    except ImportError as e:
        pytest.skip(str(e))


@pytest.mark.parametrize("n", [0, 1, 7, 5000])
@pytest.mark.parametrize("shift", [1, 3])
def test_overlapping_copy(n, shift):
    x = np.arange(n + shift, dtype=np.float32)
    before = x.copy()
    K.copy(x[shift:], x[:n])
    np.testing.assert_array_equal(x[shift:], before[:n])


def test_reversal_in_place():
    x = np.arange(1001.0)
    K.copy(x, x[::-1])
    np.testing.assert_array_equal(x, np.arange(1001.0)[::-1])


def test_transposition_in_place():
    x = np.arange(900, dtype=np.int64).reshape(30, 30)
    before = x.copy()
    K.copy(x, x.T)
    np.testing.assert_array_equal(x, before.T)


def test_overlapping_arithmetic():
    x = np.arange(100.0)
    K.add(x[1:], x[:-1], x[:1])
    np.testing.assert_array_equal(x[1:], np.arange(99.0))


def test_first_row_added_to_every_row():
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    expected = x + x[0]
    K.add(x, x, x[0])
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("shapes", [((3,), (4,), (3,)), ((3, 4), (3,), ()), ((3,), (2, 3), (3,)), ((), (2,), ())])
def test_shapes_that_do_not_broadcast(shapes):
    out, a, b = (np.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match="broadcast"):
        K.add(out, a, b)
    with pytest.raises(ValueError, match="broadcast"):
        K.copy(out, a)


def test_more_dimensions_than_a_launch_has_room_for():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1, 2, 1, 2, 1, 2, 1)), rng.standard_normal((1, 2, 1, 2, 1, 2, 1, 2))
    out = np.empty((2,) * 8)
    K.sub(out, a, b)
    np.testing.assert_array_equal(out, a - b)
    K.copy(out, a.T)
    np.testing.assert_array_equal(out, np.broadcast_to(a.T, out.shape))


def test_fill_out_of_range():
    with pytest.raises(OverflowError):
        K.fill(np.zeros(3, np.uint8), 256)
    with pytest.raises(OverflowError):
        K.fill(np.zeros(3, np.int32), 2**31)


def test_mixed_dtypes_are_not_read_as_one():
    out = np.zeros(4)
    K.add(out, np.ones(4, np.float32), np.full(4, 2.5))
    np.testing.assert_array_equal(out, np.full(4, 3.5))
