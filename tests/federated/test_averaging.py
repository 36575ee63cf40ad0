"""The weighted mean of models: its value, its bits in any order, and what it refuses."""
import itertools

import numpy as np
import pytest

from fastnet.federated import average


def updates(count, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (3, 5), (5,), ()
    return [([rng.standard_normal(shape).astype(np.float32) for shape in shapes], int(rng.integers(1, 50)))
            for _ in range(count)]


def test_the_mean_is_weighted_by_samples():
    some = updates(4)
    total = sum(n for _, n in some)
    for i, mean in enumerate(average(some)):
        assert mean.dtype == np.float32
        np.testing.assert_allclose(mean, sum(a[i].astype(float) * n for a, n in some) / total, rtol=1e-7)


def test_the_order_of_the_clients_changes_no_bit():
    some = updates(4)
    found = {b"".join(a.tobytes() for a in average(order)) for order in itertools.permutations(some)}
    assert len(found) == 1
    naive = {sum(a[0] * np.float32(n) for a, n in order).tobytes() for order in itertools.permutations(some)}
    assert len(naive) > 1                       # the plain sum does depend on it


@pytest.mark.parametrize(("some", "message"), [
    ([], "at least one client with samples, got 0"),
    ([([np.ones(2)], 0)], "got 1 with 0 samples"),
    ([([np.ones(2)], 1), ([np.ones(3)], 1)], r"shapes \((2|3),\) from each client, got \((2|3),\)"),
    ([([np.ones(2)], 1), ([np.array([1.0, np.nan])], 1)], "array 0 of a client has numbers that are not finite"),
    ([([np.ones(2)], -1), ([np.zeros(2)], 3)], "the number of samples of a client to be at least 0, got -1"),
])
def test_wrong_updates(some, message):
    with pytest.raises(ValueError, match=message):
        average(some)


@pytest.mark.parametrize(("some", "message"), [
    ([([np.float32([0.4])], 5), ([np.array([1])], 1)], "array 0 of a client: expected a NumPy array of floating-point "
                                                       "numbers, got one of int64"),
    ([([[1.0, 2.0]], 1)], "array 0 of a client: expected a NumPy array of floating-point numbers, got list"),
    ([([np.array(["a"])], 1)], "floating-point numbers, got one of <U1"),
    ([([np.zeros(2, [("a", np.float32)])], 1)], r"floating-point numbers, got one of \[\('a', '<f4'\)\]"),
    ([([np.ones(2)], 0.5)], "the number of samples of a client to be a whole number, got 0.5"),
])
def test_wrong_types(some, message):
    with pytest.raises(TypeError, match=message):
        average(some)


def test_the_widest_dtype_is_kept_in_any_order():
    some = [([np.float32([0.5])], 5), ([np.float64([0.1])], 1)]
    assert [a.dtype for order in (some, some[::-1]) for a in average(order)] == [np.float64, np.float64]
