"""Splits of datasets: sizes, samples and errors."""
import numpy as np
import pytest

import fastnet
from fastnet.data import Subset, TensorDataset, random_split, stratified_split

N = 23
DATA = TensorDataset(np.arange(N))


@pytest.mark.parametrize("lengths, sizes", [([20, 3], [20, 3]), ([0.5, 0.5], [12, 11]), ([0.9, 0.1], [21, 2]),
                                            ([1.0], [23]), ([23, 0], [23, 0])])
def test_random_split(lengths, sizes):
    parts = random_split(DATA, lengths, fastnet.Generator(3))
    assert [len(p) for p in parts] == sizes
    assert sorted(np.concatenate([p.indices for p in parts])) == list(range(N))
    again = random_split(DATA, lengths, fastnet.Generator(3))
    assert all((p.indices == q.indices).all() for p, q in zip(parts, again, strict=True))
    assert not (np.concatenate([p.indices for p in parts]) == np.arange(N)).all()


@pytest.mark.parametrize("lengths", [[20, 4], [0.5, 0.4], [-1, 24], [1.5, -0.5], []])
def test_random_split_with_wrong_lengths(lengths):
    with pytest.raises(ValueError, match=r"parts"):
        random_split(DATA, lengths)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25, 1 / 3, 0.9])
def test_stratified_split(fraction):
    y = np.array(["a"] * 50 + ["b"] * 31 + ["c"] * 7 + ["d"])
    rows, held = stratified_split(y, fraction, seed=1)
    assert sorted([*rows, *held]) == list(range(len(y)))
    assert (np.diff(rows) > 0).all() and (np.diff(held) > 0).all()
    assert abs(len(held) - fraction * len(y)) < 2           # the only d is never held out
    for label in "abcd":
        share = (y == label).sum() * fraction
        assert abs((y[held] == label).sum() - share) <= 1
        assert (y[rows] == label).any()
    again, other = stratified_split(y, fraction, seed=1)[1], stratified_split(y, fraction, seed=2)[1]
    assert (held == again).all()
    assert not fraction or not np.array_equal(held, other)


@pytest.mark.parametrize("y, fraction", [([0, 0, 1, 1], 0.1), ([0, 0], 0.5), ([0, 1, 1], 0.01), ([0] * 40, 0.01)])
def test_stratified_split_holds_something_out(y, fraction):
    rows, held = stratified_split(y, fraction)
    assert len(held) == 1 and sorted([*rows, *held]) == list(range(len(y)))
    assert set(np.array(y)[rows]) == set(y)


def test_stratified_split_with_one_sample_per_class():
    with pytest.raises(ValueError, match="expected a class with at least two samples"):
        stratified_split([0, 1], 0.5)
    assert len(stratified_split([0, 1], 0.0)[1]) == 0
    with pytest.raises(ValueError, match="each of the 3 samples has a different label"):
        stratified_split(["a", "b", "c"], 0.5)
    with pytest.raises(ValueError, match="expected at least two samples, of which one can be held out, got 1"):
        stratified_split([0], 0.5)


def test_stratified_split_of_a_dataset():
    data = TensorDataset(np.zeros((6, 2)), np.array([0, 0, 0, 1, 1, 1]))
    _, held = stratified_split(data, 1 / 3)
    assert sorted(data.targets[held]) == [0, 1]
    _, held = stratified_split(Subset(data, [0, 1, 3, 4]), 0.5)
    assert len(held) == 2 and held[0] < 2 <= held[1]
    _, held = stratified_split(np.array(["a", None, 1, "a", None, 1], object), 0.5)
    assert len(held) == 3


@pytest.mark.parametrize("y, fraction", [([0, 1], 1.0), ([0, 1], -0.1), ([[0], [1]], 0.5)])
def test_stratified_split_with_invalid_arguments(y, fraction):
    with pytest.raises(ValueError, match="expected"):
        stratified_split(y, fraction)
