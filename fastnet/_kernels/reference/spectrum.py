"""Spectra of real signals, and of the frames of signals (Fourier transforms of overlapping windows).

The spectrum of n real numbers x is X[k] = sum over j of x[j] * exp(-2 pi i j k / n), 0 <= k <= n/2, its real and
imaginary parts in a last dimension of 2.

`framing` = (n, hop, remove_mean, preemphasis) cuts signals (B, L) into frames. Frame t starts at sample t*hop and has
as many samples as the window. If remove_mean, their mean is subtracted; then preemphasis * x[j - 1] from each x[j], and
preemphasis * x[0] from x[0]. The frame times the window, followed by zeros up to n samples, is transformed. There may
be fewer frames than the signal has room for.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel(flushes=True)
def rfft(out, x, inner, outer):
    """out (rows, n//2 + 1, 2) = the spectra of x (rows, n), times `outer` at k = 0 and k = n/2, else times `inner`."""
    n = x.shape[1]
    if x.size:
        _write_parts(out, np.fft.rfft(x, axis=1) * _bin_factors(n, inner, outer, x.dtype))


@kernel(flushes=True)
def irfft(out, y, inner, outer):
    """out[r, j] = the sum over k of the real part of y[r, k] * exp(2 pi i j k / n), with the factors of rfft.

    y (rows, n//2 + 1, 2), out (rows, n). It is the transpose of rfft.
    """
    n = out.shape[1]
    out[...] = _signals(_complex(y) * _bin_factors(n, inner, outer, y.dtype), n)


@kernel(flushes=True)
def stft(out, x, window, framing):
    """out (B, n//2 + 1, frames, 2) = the spectra of the frames of x (B, L)."""
    _write_parts(out, _spectra(x, window, framing, out.shape[2]))


@kernel(flushes=True)
def stft_backward(dframes, dy, window, framing):
    """dframes (B, frames, window) = the gradient of the frames, given dy, that of the spectra."""
    _write_gradient(dframes, _complex(dy), window, framing)


@kernel(flushes=True)
def spectrogram(out, x, window, framing, power):
    """out (B, n//2 + 1, frames) = |spectra|**power of the frames of x (B, L)."""
    out[...] = np.abs(_spectra(x, window, framing, out.shape[2])) ** power


@kernel(flushes=True)
def spectrogram_backward(dframes, x, window, dy, framing, power):
    """dframes (B, frames, window) = the gradient of the frames, given dy, that of the spectrogram.

    The gradient of |X|**power is 0 where |X|**2 is below the smallest normal number, unless the power is 2.
    """
    spectra = _spectra(x, window, framing, dy.shape[2])
    size = np.abs(spectra)
    slope = np.zeros_like(size)
    np.power(size, power - 2, out=slope, where=(size * size >= np.finfo(dy.dtype).smallest_normal) | (power == 2))
    _write_gradient(dframes, spectra * (slope * dy.dtype.type(power) * dy), window, framing)


@kernel(flushes=True)
def mel_spectrogram(out, x, window, filters, framing, power, log):
    """out (B, M, frames) = the filters (n//2 + 1, M), transposed, times the spectrogram of x (B, L).

    With `log` = (floor, offset, scale), out = scale * log(max(the product, floor) + offset). A filter is used from its
    first bin that is not 0 to its last, so that NaN and infinity elsewhere do not reach it.
    """
    spectrum = np.abs(_spectra(x, window, framing, out.shape[2])) ** power
    if np.isfinite(spectrum).all():
        np.matmul(filters.T, spectrum, out=out)
    else:
        for m, column in enumerate(filters.T):
            bins = np.flatnonzero(column)
            used = slice(bins[0], bins[-1] + 1) if bins.size else slice(0)
            np.matmul(column[used], spectrum[:, used], out=out[:, m])
    if log is not None:
        floor, offset, scale = log
        with np.errstate(divide="ignore"):
            out[...] = scale * np.log(np.maximum(out, floor) + offset)


@kernel(flushes=True)
def overlap_add(out, frames, hop):
    """out (B, L) = the sums of the frames (B, frames, width), frame t starting at t*hop."""
    out[...] = 0
    for t in range(frames.shape[1]):
        out[:, t * hop:t * hop + frames.shape[2]] += frames[:, t]


def _bin_factors(n, inner, outer, dtype):
    """The factors of the n//2 + 1 numbers of a spectrum."""
    factors = np.full(n // 2 + 1, inner, dtype)
    factors[0] = outer
    if n % 2 == 0:
        factors[-1] = outer
    return factors


def _complex(y):
    """Pairs of real and imaginary parts as complex numbers."""
    return y[..., 0] + 1j * y[..., 1]


def _write_parts(out, spectra):
    out[..., 0] = spectra.real
    out[..., 1] = spectra.imag


def _signals(spectra, n):
    """The sums over k of the real parts of spectra[..., k] * exp(2 pi i j k / n)."""
    if not spectra.size:
        return np.zeros((*spectra.shape[:-1], n), spectra.real.dtype)
    halves = spectra * spectra.real.dtype.type(0.5)
    ends = [0] if n % 2 else [0, -1]
    halves[..., ends] = spectra[..., ends].real
    return np.fft.irfft(halves, n, norm="forward")


def _spectra(x, window, framing, count):
    """The spectra (B, n//2 + 1, count) of the frames."""
    n, hop, remove_mean, preemphasis = framing
    if not (count and x.shape[0]):
        return np.zeros((x.shape[0], n // 2 + 1, count), x.dtype)
    frames = np.lib.stride_tricks.sliding_window_view(x, window.size, 1)[:, :(count - 1) * hop + 1:hop]
    if remove_mean:
        frames = frames - frames.mean(axis=2, keepdims=True)
    if preemphasis:
        before = np.concatenate((frames[..., :1], frames[..., :-1]), axis=2)
        frames = frames - x.dtype.type(preemphasis) * before
    return np.fft.rfft(frames * window, n).transpose(0, 2, 1)


def _write_gradient(dframes, spectra, window, framing):
    """The gradient of the frames, given that of their spectra (B, n//2 + 1, frames)."""
    n, _, remove_mean, preemphasis = framing
    frames = _signals(spectra.transpose(0, 2, 1), n)[..., :window.size] * window
    if preemphasis and window.size:
        factor = dframes.dtype.type(preemphasis)
        first = factor * frames[..., 0]
        frames[..., :-1] -= factor * frames[..., 1:]
        frames[..., 0] -= first
    if remove_mean:
        frames -= frames.mean(axis=2, keepdims=True)
    dframes[...] = frames
