"""Fourier transforms of real signals and of their frames, spectrograms and mel spectrograms, with gradients.

The public functions are in `fastnet.audio.functional`. `framing` and `log` are those of the kernels
(_kernels/reference/spectrum.py).
"""
from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fastnet import dtypes
from fastnet._core.memory import empty
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result

__all__ = ["Framing", "Log", "frame_count", "irfft", "mel_spectrogram", "rfft", "spectrogram", "stft"]

Framing: TypeAlias = tuple[int, int, bool, float]       # n, hop, remove_mean, preemphasis
Log: TypeAlias = tuple[float, float, float]             # floor, offset, scale


def frame_count(length: int, width: int, hop: int) -> int:
    """The number of frames of a signal.

    Args:
        length: of the signal.
        width: samples of a frame.
        hop: from the start of a frame to the next.

    Example:
        >>> from fastnet.functional.spectrum import frame_count
        >>> frame_count(16000, 400, 160)
        98
    """
    return 1 + (length - width) // hop if length >= width else 0


# ---- transforms of rows ---------------------------------------------------------------------------------------------

def _transformed(x: Array, inner: float, outer: float) -> Array:
    rows = contiguous(x).reshape(-1, x.shape[-1])
    out = empty((rows.shape[0], x.shape[-1] // 2 + 1, 2), x.dtype)
    K.rfft(out, rows, inner, outer)
    return out.reshape(*x.shape[:-1], *out.shape[1:])


def _transformed_back(y: Array, n: int, inner: float, outer: float) -> Array:
    rows = contiguous(y).reshape(-1, *y.shape[-2:])
    out = empty((rows.shape[0], n), y.dtype)
    K.irfft(out, rows, inner, outer)
    return out.reshape(*y.shape[:-2], n)


@op
def rfft(x: Array, inner: float, outer: float) -> Result[Array]:
    """The spectra (..., n//2 + 1, 2) of signals (..., n), times `outer` at both ends, else times `inner`."""
    return _transformed(x, inner, outer), (gradient(_transformed_back, x.shape[-1], inner, outer), None, None)


@op
def irfft(y: Array, n: int, inner: float, outer: float) -> Result[Array]:
    """The signals (..., n) of spectra (..., n//2 + 1, 2), the transpose of rfft."""
    return _transformed_back(y, n, inner, outer), (gradient(_transformed, inner, outer), None, None, None)


# ---- frames of signals ----------------------------------------------------------------------------------------------

def _frames_sum(frames: Array, length: int, hop: int) -> Array:
    """The signals (B, length) that the frames (B, frames, width) add up to."""
    out = empty((frames.shape[0], length), frames.dtype)
    K.overlap_add(out, frames, hop)
    return out


def _frames_shape(x: Array, window: Array, hop: int) -> tuple[int, int]:
    return x.shape[0], frame_count(x.shape[1], window.size, hop)


@op
def stft(x: Array, window: Array, framing: Framing) -> Result[Array]:
    """The spectra (B, n//2 + 1, frames, 2) of the frames of signals (B, L), times a window of at most n samples."""
    n, hop = framing[:2]
    batch, frames = _frames_shape(x, window, hop)
    out = empty((batch, n // 2 + 1, frames, 2), x.dtype)
    K.stft(out, contiguous(x), window, framing)
    return out, (gradient(_stft_gradient, window, x.shape[1], framing), None, None)


def _stft_gradient(g: Array, window: Array, length: int, framing: Framing) -> Array:
    dframes = empty((g.shape[0], g.shape[2], window.size), g.dtype)
    K.stft_backward(dframes, contiguous(g), window, framing)
    return _frames_sum(dframes, length, framing[1])


def _spectrogram_of(x: Array, window: Array, framing: Framing, power: float) -> Array:
    n, hop = framing[:2]
    batch, frames = _frames_shape(x, window, hop)
    out = empty((batch, n // 2 + 1, frames), x.dtype)
    K.spectrogram(out, contiguous(x), window, framing, power)
    return out


@op
def spectrogram(x: Array, window: Array, framing: Framing, power: float) -> Result[Array]:
    """The spectrograms |spectra|**power (B, n//2 + 1, frames) of signals (B, L)."""
    out = _spectrogram_of(x, window, framing, power)
    return out, (gradient(_spectrogram_gradient, x, window, framing, power), None, None, None)


def _spectrogram_gradient(g: Array, x: Array, window: Array, framing: Framing, power: float) -> Array:
    dframes = empty((g.shape[0], g.shape[2], window.size), g.dtype)
    K.spectrogram_backward(dframes, contiguous(x), window, contiguous(g), framing, power)
    return _frames_sum(dframes, x.shape[1], framing[1])


def _mel_of(x: Array, window: Array, filters: Array, framing: Framing, power: float,
            log: Log | None) -> Array:
    batch, frames = _frames_shape(x, window, framing[1])
    out = empty((batch, filters.shape[1], frames), x.dtype)
    K.mel_spectrogram(out, contiguous(x), window, filters, framing, power, log)
    return out


@op
def mel_spectrogram(x: Array, window: Array, filters: Array, framing: Framing, power: float,
                    log: Log | None) -> Result[Array]:
    """Spectrograms of signals (B, L), times filters (n//2 + 1, M): (B, M, frames), or their logarithms.

    Args:
        x: the signals.
        window: of a frame.
        filters: (n//2 + 1, M).
        framing: see above.
        power: of the magnitudes.
        log: None, or (floor, offset, scale) for scale * log(max(sum, floor) + offset).
    """
    out = _mel_of(x, window, filters, framing, power, log)
    slopes = gradient(_mel_gradient, x, window, filters, framing, power, log)
    return out, (slopes, None, None, None, None, None)


def _mel_gradient(g: Array, x: Array, window: Array, filters: Array, framing: Framing, power: float,
                  log: Log | None) -> Array:
    g = contiguous(g)
    if log is not None:
        floor, offset, scale = log
        sums = _mel_of(x, window, filters, framing, power, None)
        above = kernels.binary("ge", sums, kernels.scalar(floor, g.dtype), dtypes.bool_)
        slope = kernels.div(kernels.scalar(scale, g.dtype), kernels.add(sums, kernels.scalar(offset, g.dtype)))
        g = kernels.masked(above, kernels.mul(g, slope))
    bins = empty((g.shape[0], filters.shape[0], g.shape[2]), g.dtype)
    K.matmul(bins, np.broadcast_to(filters, (g.shape[0], *filters.shape)), g)
    return _spectrogram_gradient(bins, x, window, framing, power)
