"""What the tests by random examples share: sizes of a search, and strategies for arrays."""
import numpy as np
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.extra import numpy as hnp

searched = settings(deadline=None, derandomize=True, max_examples=50,
                    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
REAL = st.sampled_from([np.float32, np.float64])
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def layouts(draw, array):
    """The same values in another layout: transposed in memory, reversed, every second, or as they are."""
    kind = draw(st.sampled_from(["plain", "transposed", "reversed", "strided"]))
    if kind == "transposed":
        return array.copy(order="F")
    if array.ndim == 0 or kind == "plain":
        return array
    if kind == "reversed":
        return array[::-1].copy()[::-1]
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., 1::2] = array
    return wide[..., 1::2]


@st.composite
def numbers(draw, shape, dtype):
    """Normal numbers of this shape in any layout; integers where the dtype is one."""
    rng = np.random.default_rng(draw(SEEDS))
    kind = np.dtype(dtype).kind
    array = rng.standard_normal(shape) if kind == "f" else rng.integers(0, 2 if kind == "b" else 9, shape)
    return draw(layouts(np.asarray(array, dtype)))


def shapes(min_dims=0, max_dims=4, min_side=1, max_side=6):
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def equal(tensor, array):
    """Shape, dtype and values, NaNs included."""
    got = tensor.detach().numpy()
    assert got.shape == array.shape
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)
