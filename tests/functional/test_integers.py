"""Convolution and average pooling of integers: exact sums, quotients rounded toward zero."""
import numpy as np
import pytest

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(("function", "arguments"), [
    (F.conv1d, [(2, 3, 9), (4, 3, 2), (4,)]), (F.conv2d, [(2, 3, 9, 8), (4, 3, 2, 3)]),
    (F.conv_transpose1d, [(2, 3, 9), (3, 4, 2), (4,)]), (lambda x: F.avg_pool2d(x, 3), [(2, 3, 9, 9)])])
def test_as_in_float64(function, arguments, dtype):
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-1000, 1000, shape).astype(dtype) for shape in arguments]
    found = function(*map(fastnet.from_numpy, arrays))
    expected = function(*(fastnet.from_numpy(a.astype(np.float64)) for a in arrays))
    assert found.numpy().dtype == dtype
    np.testing.assert_array_equal(found.numpy(), np.trunc(expected.numpy()))


def test_other_dtypes_are_refused():
    x = fastnet.ones(1, 1, 4, dtype=fastnet.int64)
    with pytest.raises(RuntimeError, match="one dtype"):
        F.conv1d(x, fastnet.ones(1, 1, 2))
    with pytest.raises(RuntimeError, match="floating-point"):
        F.conv1d(x > 0, fastnet.ones(1, 1, 2) > 0)
