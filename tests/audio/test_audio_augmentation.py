"""Augmentation of signals and spectrograms."""
import numpy as np
import pytest

from fastnet import audio


def rng(seed=0):
    return np.random.default_rng(seed)


def test_masks_fill_one_run():
    x = np.ones((200, 3, 12, 20), np.float32)
    for mask, axis, widest in ((audio.FrequencyMasking(5, fill=-1.0), 2, 5), (audio.TimeMasking(7, fill=-1.0), 3, 7)):
        y, label = mask(x, "label", rng=rng())
        assert label == "label" and (x == 1).all()
        hidden = (y == -1).all(axis=tuple(set(range(1, 4)) - {axis}))
        assert (hidden.sum(1) == (y == -1).sum((1, 2, 3)) * x.shape[axis] // (3 * 12 * 20)).all()
        assert hidden.sum(1).max() == widest and hidden.sum(1).min() == 0
        assert (np.abs(np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int), axis=1)).sum(1) <= 2).all()


def test_spec_augment():
    x = np.ones((50, 40, 60), np.float32)
    y = audio.SpecAugment(2, 10, 2, 8)(x, rng=rng())
    assert 0 < (y == 0).mean() < 0.7
    assert (audio.SpecAugment(0, 10, 0, 8)(x, rng=rng()) == x).all()


def test_time_shift():
    x = np.arange(1, 11, dtype=np.int16)[None].repeat(100, 0)
    y = audio.TimeShift(3)(x, rng=rng())
    shifts = {tuple(row) for row in y.tolist()}
    assert len(shifts) == 7 and y.dtype == np.int16
    assert (1, 2, 3, 4, 5, 6, 7, 8, 9, 10) in shifts and (0, 0, 0, 1, 2, 3, 4, 5, 6, 7) in shifts
    assert audio.TimeShift(50)(x, rng=rng()).shape == x.shape


def test_noise_has_the_ratio():
    x = np.sin(np.arange(40000) / 5).astype(np.float32)[None].repeat(3, 0)
    y = audio.AddNoise(20, 20)(x, rng=rng())
    np.testing.assert_allclose(10 * np.log10(np.square(x).mean(1) / np.square(y - x).mean(1)), 20, atol=0.2)
    assert (audio.AddNoise(p=0.0)(x, rng=rng()) == x).all()
    whole = (x * 32767).astype(np.int16)
    loud = audio.AddNoise(0, 0)(whole, rng=rng())
    assert loud.dtype == np.int16 and loud.max() == 32767
    assert not audio.AddNoise()(np.zeros((2, 9), np.int16), rng=rng()).any()


@pytest.mark.parametrize("make", [
    lambda: audio.TimeMasking(-1), lambda: audio.SpecAugment(1, -1, 1, 1), lambda: audio.TimeShift(-1),
    lambda: audio.AddNoise(5, 1), lambda: audio.AddNoise(p=2)])
def test_arguments(make):
    with pytest.raises(ValueError, match="expected"):
        make()


def test_shapes():
    with pytest.raises(ValueError, match=r"spectrograms \(N, ..., bins, frames\), got the shape \(2, 3\)"):
        audio.TimeMasking(1)(np.ones((2, 3)), rng=rng())
    with pytest.raises(ValueError, match="signals"):
        audio.TimeShift(1)(np.ones(3), rng=rng())
