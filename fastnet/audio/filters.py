"""Mel filter banks and the cosine transform of mel cepstra."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.errors import one_of
from fastnet._core.tensor import Tensor

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["MelScaleName", "create_dct", "kaldi_fbanks", "melscale_fbanks", "triangles"]

MelScaleName = Literal["htk", "slaney"]
_SLANEY_STEP = 200 / 3                  # Hz of a mel below 1000 Hz
_SLANEY_LOG = np.log(6.4) / 27          # of the ratio of frequencies of adjacent mels, above 1000 Hz
_SLANEY_BREAK = 1000.0


def _hz_to_mel(frequency: Array, mel_scale: str) -> Array:
    if mel_scale == "htk":
        return 2595 * np.log10(1 + frequency / 700)
    above = _SLANEY_BREAK / _SLANEY_STEP + np.log(np.maximum(frequency, 1e-10) / _SLANEY_BREAK) / _SLANEY_LOG
    return np.where(frequency < _SLANEY_BREAK, frequency / _SLANEY_STEP, above)


def _mel_to_hz(mel: Array, mel_scale: str) -> Array:
    if mel_scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    start = _SLANEY_BREAK / _SLANEY_STEP
    above = _SLANEY_BREAK * np.exp(_SLANEY_LOG * (mel - start))
    return np.where(mel < start, mel * _SLANEY_STEP, above).astype(mel.dtype)


def triangles(frequencies: Array, f_min: float, f_max: float, n_mels: int, norm: str | None,
              mel_scale: str) -> Array:
    """Triangular filters between frequencies that are evenly spaced in mel, (len(frequencies), n_mels).

    Args:
        frequencies: of the bins, in the dtype to compute in.
        f_min, f_max: the ends of the first and of the last filter.
        n_mels: the number of filters.
        norm: "slaney": divide each filter by half its width in Hz; None: their peaks are 1.
        mel_scale: "htk" or "slaney".

    Raises:
        ValueError: an unknown scale or norm, no filters, or f_max not above f_min.

    Example:
        >>> import numpy as np
        >>> from fastnet.audio.filters import triangles
        >>> triangles(np.array([0.0, 500.0, 1000.0]), 0.0, 1000.0, 1, None, "slaney").shape
        (3, 1)
    """
    if mel_scale not in ("htk", "slaney"):
        raise one_of("mel_scale", mel_scale, ("htk", "slaney"))
    if norm not in (None, "slaney"):
        raise one_of("norm", norm, (None, "slaney"))
    if n_mels < 1 or not 0 <= f_min < f_max:
        raise ValueError(f"expected at least 1 mel filter and 0 <= f_min < f_max, got n_mels={n_mels}, f_min={f_min:g} "
                         f"and f_max={f_max:g}")
    ends = _hz_to_mel(np.array([f_min, f_max], np.float64), mel_scale)
    points = _mel_to_hz(np.linspace(ends[0], ends[1], n_mels + 2).astype(frequencies.dtype), mel_scale)
    widths = np.diff(points)
    apart = points - frequencies[:, None]
    filters = np.maximum(0, np.minimum(-apart[:, :-2] / widths[:-1], apart[:, 2:] / widths[1:]))
    return filters * (2 / (points[2:] - points[:-2])) if norm == "slaney" else filters


def melscale_fbanks(n_freqs: int, f_min: float, f_max: float, n_mels: int, sample_rate: int,
                    norm: Literal["slaney"] | None = None, mel_scale: MelScaleName = "htk") -> Tensor:
    """Mel filter bank, float32 (n_freqs, n_mels), as torchaudio's function of this name.

    Filter m rises from 0 at point m to 1 at point m + 1 and falls to 0 at point m + 2, of n_mels + 2 points that are
    evenly spaced in mel between f_min and f_max.

    Args:
        n_freqs: the number of bins of a spectrum, n_fft//2 + 1.
        f_min, f_max: the lowest and the highest frequency, in Hz.
        n_mels: the number of filters.
        sample_rate: in Hz.
        norm: "slaney": divide each filter by half its width in Hz.
        mel_scale: "htk", 2595*log10(1 + f/700), or "slaney", linear below 1000 Hz and logarithmic above.

    Raises:
        ValueError: an unknown scale or norm, no filters, or f_max not above f_min.

    Example:
        >>> import fastnet
        >>> fastnet.audio.functional.melscale_fbanks(201, 0.0, 8000.0, 80, 16000).shape
        (201, 80)
    """
    frequencies = np.linspace(0, sample_rate // 2, n_freqs, dtype=dtypes.float32)       # as torchaudio computes
    return from_numpy(triangles(frequencies, f_min, f_max, n_mels, norm, mel_scale))


def kaldi_fbanks(n_fft: int, f_min: float, f_max: float, n_mels: int, sample_rate: int) -> Tensor:
    """Kaldi's mel filter bank, float32 (n_fft//2 + 1, n_mels): triangles in mel, 1127*ln(1 + f/700); not the last bin.

    Args:
        n_fft: the length of the transform.
        f_min, f_max: the lowest and the highest frequency, in Hz.
        n_mels: the number of filters.
        sample_rate: in Hz.

    Raises:
        ValueError: no filters, or f_max not above f_min.

    Example:
        >>> from fastnet.audio.filters import kaldi_fbanks
        >>> kaldi_fbanks(512, 20.0, 8000.0, 23, 16000).shape
        (257, 23)
    """
    if n_mels < 1 or not 0 <= f_min < f_max:
        raise ValueError(f"expected at least 1 mel filter and 0 <= f_min < f_max, got n_mels={n_mels}, f_min={f_min:g} "
                         f"and f_max={f_max:g}")
    low, high = 1127 * np.log1p(np.array([f_min, f_max]) / 700)
    points = np.linspace(low, high, n_mels + 2)
    mel = 1127 * np.log1p(np.arange(n_fft // 2 + 1) * (sample_rate / n_fft) / 700)[:, None]
    left, centre, right = points[:-2], points[1:-1], points[2:]
    filters = np.maximum(0, np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre)))
    filters[-1] = 0
    return from_numpy(filters.astype(dtypes.float32))


def create_dct(n_mfcc: int, n_mels: int, norm: Literal["ortho"] | None) -> Tensor:
    """The cosine transform DCT-II from n_mels to n_mfcc numbers, float32 (n_mels, n_mfcc), as torchaudio's function.

    Args:
        n_mfcc: the number of results.
        n_mels: the number of inputs.
        norm: "ortho": orthonormal columns; None: 2*cos(pi*k*(j + 0.5)/n_mels).

    Raises:
        ValueError: an unknown norm.

    Example:
        >>> import fastnet
        >>> fastnet.audio.functional.create_dct(2, 2, "ortho")
        tensor([[ 0.7071,  0.7071],
                [ 0.7071, -0.7071]])
    """
    if norm not in (None, "ortho"):
        raise one_of("norm", norm, (None, "ortho"))
    dct = np.cos(np.pi / n_mels * np.multiply.outer(np.arange(n_mels) + 0.5, np.arange(n_mfcc)))
    if norm is None:
        dct *= 2
    else:
        dct *= np.sqrt(2 / n_mels)
        dct[:, :1] *= np.sqrt(0.5)
    return from_numpy(dct.astype(dtypes.float32))
