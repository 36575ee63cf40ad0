"""Augmentation of signals and spectrograms, a whole batch at a time, as the transforms of `fastnet.data`.

Signals are (N, ..., samples), spectrograms (N, ..., bins, frames). A transform changes the first array of a batch,
returns the others unchanged, and draws from `rng`, a `numpy.random.Generator`.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data.transforms.base import BatchTransform, in_dtype, with_others

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["AddNoise", "FrequencyMasking", "SpecAugment", "TimeMasking", "TimeShift"]


def _batch_of(x: Any, name: str, ndim: int) -> Array:
    x = np.asarray(x)
    if x.ndim < ndim:
        form = "signals (N, ..., samples)" if ndim == 2 else "spectrograms (N, ..., bins, frames)"
        raise ValueError(f"{name}: expected {form}, got the shape {x.shape}")
    return x


def _mask_run(x: Array, axis: int, widest: int, fill: float, rng: np.random.Generator) -> Array:
    """Fill a random run of up to `widest` positions of an axis of each sample."""
    length = x.shape[axis]
    width = rng.integers(0, min(widest, length), len(x), endpoint=True)
    start = rng.integers(0, length - width, endpoint=True)
    place = np.arange(length)
    mask = (place >= start[:, None]) & (place < (start + width)[:, None])
    shape = [len(x), *(1,) * (x.ndim - 1)]
    shape[axis] = length
    return np.where(mask.reshape(shape), np.asarray(fill, x.dtype), x)


class _Masking(BatchTransform):
    """Fill one run of positions of an axis of each spectrogram."""

    _axis: int
    _param: str                         # the name of the attribute with the widest mask
    fill: float

    def __init__(self, widest: int, fill: float) -> None:
        _check_widths(type(self).__name__, widest)
        setattr(self, self._param, widest)
        self.fill = fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = _batch_of(x, type(self).__name__, 3)
        return with_others(_mask_run(x, self._axis, getattr(self, self._param), self.fill, rng), others)


class FrequencyMasking(_Masking):
    """Fill up to freq_mask_param adjacent bins of each spectrogram.

    Args:
        freq_mask_param: the widest mask; its width is uniform from 0.
        fill: the value.

    Raises:
        ValueError: a negative width; when called: other shapes.

    Example:
        >>> import numpy as np, fastnet
        >>> mask = fastnet.audio.FrequencyMasking(8)
        >>> mask(np.ones((2, 40, 50), np.float32), rng=np.random.default_rng(0)).shape
        (2, 40, 50)
    """

    freq_mask_param: int
    _axis, _param = -2, "freq_mask_param"

    def __init__(self, freq_mask_param: int, fill: float = 0.0) -> None:
        super().__init__(freq_mask_param, fill)


class TimeMasking(_Masking):
    """Fill up to time_mask_param adjacent frames of each spectrogram.

    Args:
        time_mask_param: the widest mask; its width is uniform from 0.
        fill: the value.

    Raises:
        ValueError: a negative width; when called: other shapes.

    Example:
        >>> import numpy as np, fastnet
        >>> mask = fastnet.audio.TimeMasking(10)
        >>> mask(np.ones((2, 40, 50), np.float32), rng=np.random.default_rng(0)).shape
        (2, 40, 50)
    """

    time_mask_param: int
    _axis, _param = -1, "time_mask_param"

    def __init__(self, time_mask_param: int, fill: float = 0.0) -> None:
        super().__init__(time_mask_param, fill)


def _check_widths(name: str, *widths: int) -> None:
    if min(widths) < 0:
        raise ValueError(f"{name}: expected widths and numbers of masks of at least 0, got {widths}")


class SpecAugment(BatchTransform):
    """Fill random bins and frames of each spectrogram. Park et al. 2019, https://arxiv.org/abs/1904.08779.

    Args:
        n_time_masks, time_mask_param: the number of masks over frames and the widest of them.
        n_freq_masks, freq_mask_param: the number of masks over bins and the widest of them.
        fill: the value; 0 is the mean of standardised spectrograms.

    Raises:
        ValueError: a negative number; when called: other shapes.

    Example:
        >>> import numpy as np, fastnet
        >>> augment = fastnet.audio.SpecAugment(2, 10, 2, 8)
        >>> augment(np.ones((2, 40, 50), np.float32), rng=np.random.default_rng(0)).shape
        (2, 40, 50)
    """

    def __init__(self, n_time_masks: int, time_mask_param: int, n_freq_masks: int, freq_mask_param: int,
                 fill: float = 0.0) -> None:
        _check_widths("SpecAugment", n_time_masks, time_mask_param, n_freq_masks, freq_mask_param)
        self.n_time_masks, self.time_mask_param = n_time_masks, time_mask_param
        self.n_freq_masks, self.freq_mask_param, self.fill = n_freq_masks, freq_mask_param, fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = _batch_of(x, "SpecAugment", 3)
        for _ in range(self.n_time_masks):
            x = _mask_run(x, -1, self.time_mask_param, self.fill, rng)
        for _ in range(self.n_freq_masks):
            x = _mask_run(x, -2, self.freq_mask_param, self.fill, rng)
        return with_others(x, others)


class TimeShift(BatchTransform):
    """Shift each signal by a random number of samples in either direction; zeros enter.

    Args:
        samples: the largest shift.

    Raises:
        ValueError: a negative shift; when called: other shapes.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.audio.TimeShift(2)(np.array([[1, 2, 3, 4]]), rng=np.random.default_rng(0))
        array([[3, 4, 0, 0]])
    """

    samples: int

    def __init__(self, samples: int) -> None:
        _check_widths("TimeShift", samples)
        self.samples = samples

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = _batch_of(x, "TimeShift", 2)
        moved, length = np.zeros_like(x), x.shape[-1]
        most = min(self.samples, length)
        for row, shift in enumerate(rng.integers(-most, most, len(x), endpoint=True)):
            if shift >= 0:
                moved[row, ..., :length - shift] = x[row, ..., shift:]
            else:
                moved[row, ..., -shift:] = x[row, ..., :shift]
        return with_others(moved, others)


class AddNoise(BatchTransform):
    """Add normally distributed noise to each signal, at a random signal-to-noise ratio.

    Integers are rounded and clipped to their range. A silent signal is not changed.

    Args:
        low, high: the least and the largest ratio of the powers, in decibels.
        p: the share of the signals that get noise.

    Raises:
        ValueError: low above high, or p outside of 0 to 1; when called: other shapes.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.audio.AddNoise(10, 30)(np.ones((2, 800), np.float32), rng=np.random.default_rng(0)).shape
        (2, 800)
    """

    low: float
    high: float
    p: float

    def __init__(self, low: float = 10.0, high: float = 40.0, p: float = 1.0) -> None:
        if low > high or not 0 <= p <= 1:
            raise ValueError(f"AddNoise: expected low <= high and 0 <= p <= 1, got {low}, {high} and {p}")
        self.low, self.high, self.p = low, high, p

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = _batch_of(x, "AddNoise", 2)
        shape = (len(x), *(1,) * (x.ndim - 1))
        wide = x.astype(np.float32)
        size = np.sqrt(np.square(wide).mean(tuple(range(1, x.ndim)), keepdims=True))
        size = size * 10 ** (-rng.uniform(self.low, self.high, shape) / 20) * (rng.random(shape) < self.p)
        noise = rng.standard_normal(x.shape, np.float32)
        return with_others(in_dtype(wide + size.astype(np.float32) * noise, x.dtype), others)
