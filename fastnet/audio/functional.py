"""Functions on signals and spectra, under PyTorch's and torchaudio's names.

A spectrum holds its real and imaginary parts in a last dimension of 2, as `torch.view_as_real` returns it: kernels have
no complex numbers. `stft(return_complex=True)` gives the same memory as a complex tensor.
"""
from __future__ import annotations

import math
from typing import Literal

from fastnet._core.construction import tensor
from fastnet._core.errors import one_of, shape_text
from fastnet._core.tensor import Tensor
from fastnet.audio.filters import create_dct, melscale_fbanks
from fastnet.functional import amax, cat, clamp, log10, maximum, ones, view_as_complex, view_as_real
from fastnet.functional.folding import fold
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.linear import check_one_dtype
from fastnet.functional.padding import pad
from fastnet.functional.spectrum import (
    Framing,
    Log,
    frame_count,
    irfft as _irfft,
    mel_spectrogram as _mel_spectrogram,
    rfft as _rfft,
    spectrogram as _spectrogram,
    stft as _stft,
)

__all__ = ["amplitude_to_DB", "create_dct", "irfft", "istft", "melscale_fbanks", "rfft", "spectrogram", "stft"]

PadMode = Literal["reflect", "constant", "replicate", "circular"]
Normalization = bool | Literal["window", "frame_length"]


# ---- transforms -----------------------------------------------------------------------------------------------------

def rfft(input: Tensor, n: int | None = None, norm: Literal["forward", "backward", "ortho"] | None = None) -> Tensor:
    """Fourier transform of real signals: X[k] = sum over j of x[j] * exp(-2*pi*i*j*k/n), 0 <= k <= n/2.

    As `torch.view_as_real(torch.fft.rfft(input, n, norm=norm))`.

    Args:
        input: floating-point, (..., L).
        n: the length of the transform; the signals are cut or padded with zeros. None: L.
        norm: "backward" or None: no factor; "ortho": 1/sqrt(n); "forward": 1/n.

    Returns:
        (..., n//2 + 1, 2), real and imaginary parts.

    Raises:
        RuntimeError: an input without dimensions, or that is not floating-point; a length below 1.
        ValueError: an unknown norm.

    Example:
        >>> import fastnet
        >>> fastnet.audio.functional.rfft(fastnet.tensor([1.0, 2.0, 3.0, 4.0])) + 0.0
        tensor([[10.,  0.],
                [-2.,  2.],
                [-2.,  0.]])
    """
    _check_signals("rfft", input)
    n = _length_of("rfft", input.shape[-1] if n is None else n)
    factor = _norm_factor(norm, n)
    return _rfft(_in_length(input, n), factor, factor)


def irfft(input: Tensor, n: int | None = None, norm: Literal["forward", "backward", "ortho"] | None = None) -> Tensor:
    """The inverse of `rfft`: real signals from the first half of their spectra.

    As `torch.fft.irfft(torch.view_as_complex(input), n, norm=norm)`.

    Args:
        input: floating-point, (..., K, 2), real and imaginary parts.
        n: the length of the signals; None: 2*(K - 1).
        norm: as in `rfft`.

    Returns:
        (..., n).

    Raises:
        RuntimeError: another shape, or an input that is not floating-point; a length below 1.
        ValueError: an unknown norm.

    Example:
        >>> import fastnet
        >>> from fastnet.audio import functional as F
        >>> F.irfft(F.rfft(fastnet.tensor([1.0, 2.0, 3.0])), n=3)
        tensor([1., 2., 3.])
    """
    check_floating("irfft", input)
    if input.ndim < 2 or input.shape[-1] != 2 or input.shape[-2] < 1:
        raise RuntimeError(f"irfft: expected spectra (..., n//2 + 1, 2), got shape {shape_text(input)}")
    n = _length_of("irfft", 2 * (input.shape[-2] - 1) if n is None else n)
    bins = n // 2 + 1
    if input.shape[-2] > bins:
        input = input[..., :bins, :]
    elif input.shape[-2] < bins:
        input = pad(input, (0, 0, 0, bins - input.shape[-2]))
    factor = 1 / (n * _norm_factor(norm, n))
    return _irfft(input, n, 2 * factor, factor)


def _length_of(name: str, n: int) -> int:
    if n < 1:
        raise RuntimeError(f"{name}: expected signals of at least 1 sample, got {n}")
    return n


def _norm_factor(norm: str | None, n: int) -> float:
    factors = {None: 1.0, "backward": 1.0, "ortho": 1 / math.sqrt(n), "forward": 1 / n}
    if norm not in factors:
        raise one_of("norm", norm, factors)
    return factors[norm]


def _in_length(input: Tensor, n: int) -> Tensor:
    """Signals (..., n): cut, or padded with zeros."""
    length = input.shape[-1]
    return input if length == n else input[..., :n] if length > n else pad(input, (0, n - length))


def _check_signals(name: str, input: Tensor) -> None:
    check_floating(name, input)
    if input.ndim < 1:
        raise RuntimeError(f"{name}: expected signals (..., samples), got a 0-d tensor")


# ---- frames ---------------------------------------------------------------------------------------------------------

def stft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
         window: Tensor | None = None, center: bool = True, pad_mode: PadMode = "reflect", normalized: bool = False,
         onesided: bool = True, return_complex: bool = False) -> Tensor:
    """Short-time Fourier transform: the spectra of overlapping frames, X[k, t] = sum of w[j]*x[t*hop + j]*exp(...).

    As `torch.view_as_real(torch.stft(...))`.

    Args:
        input: floating-point, (..., L).
        n_fft: the length of the transforms.
        hop_length: samples from a frame to the next; None: n_fft // 4.
        win_length: samples of the window, which is padded with zeros to n_fft; None: n_fft.
        window: (win_length,) in the input's dtype; None: ones.
        center: pad the signals by n_fft // 2 on both sides, so that frame t is centred at sample t*hop_length.
        pad_mode: of `center`, see `fastnet.nn.functional.pad`.
        normalized: divide by sqrt(n_fft).
        onesided: leave out the upper half of the spectrum, which follows from the lower one.
        return_complex: return a complex tensor.

    Returns:
        (..., n_fft//2 + 1, frames, 2), real and imaginary parts; without `onesided` (..., n_fft, frames, 2); with
        `return_complex` complex tensors without the last dimension.

    Raises:
        RuntimeError: signals without a frame, a window of another length or dtype, an argument out of range.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(800)
        >>> fastnet.audio.functional.stft(x, 400, 160, window=fastnet.audio.hann_window(400)).shape
        (201, 6, 2)
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    rows, window, framing = frames_of("stft", input, 0, window, n_fft, hop, win_length, center, pad_mode)
    out = _stft(rows, window, framing)
    if normalized:
        out = out * n_fft ** -0.5
    if not onesided:                    # X[n_fft - k] is the conjugate of X[k]
        upper = out[:, 1:(n_fft + 1) // 2].flip(1)
        out = cat([out, upper * tensor([1, -1], dtype=out.dtype)], 1)
    out = out.reshape(*input.shape[:-1], *out.shape[1:])
    return view_as_complex(out) if return_complex else out


def istft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
          window: Tensor | None = None, center: bool = True, normalized: bool = False, onesided: bool | None = None,
          length: int | None = None) -> Tensor:
    """The inverse of `stft`: x[j] = sum over t of w[j - t*hop]*frame_t[j - t*hop] / sum over t of w[j - t*hop]^2.

    Spectra that were changed have no exact inverse; the result is then the signal whose spectra are nearest to them in
    least squares (Griffin and Lim 1984, https://doi.org/10.1109/TASSP.1984.1164317).

    Args:
        input: complex (..., bins, frames), or real (..., bins, frames, 2), as `stft` returns it.
        n_fft, hop_length, win_length, window, center, normalized: as in `stft`.
        onesided: the spectra have n_fft//2 + 1 bins; otherwise n_fft, whose upper half is not read. None: by the shape.
        length: the number of samples; by default those that the frames cover, without the padding of `center`. Zeros
            fill what they do not cover.

    Returns:
        (..., length), in the dtype of the real parts.

    Raises:
        RuntimeError: another number of bins, a window of another length or dtype, or windows that leave samples out.

    Example:
        >>> import fastnet
        >>> from fastnet.audio import functional as F, hann_window
        >>> x = fastnet.randn(1000)
        >>> spectra = F.stft(x, 64, window=hann_window(64), return_complex=True)
        >>> fastnet.allclose(F.istft(spectra, 64, window=hann_window(64), length=1000), x, atol=1e-5)
        True
    """
    pairs = view_as_real(input) if input.is_complex() else input
    if pairs.ndim < 3 or pairs.shape[-1] != 2:
        raise RuntimeError(f"istft: expected spectra (..., bins, frames), got {input.dtype} {shape_text(input)}")
    *leading, bins, frames, _ = pairs.shape
    half, hop = n_fft // 2, n_fft // 4 if hop_length is None else hop_length
    expected = half + 1 if onesided or (onesided is None and bins != n_fft) else n_fft
    if bins != expected or frames < 1:
        raise RuntimeError(f"istft: expected {expected} bins and at least one frame, got shape {shape_text(input)}")
    window = _window_of_frames("istft", pairs, window, n_fft, hop, win_length)
    rows = irfft(pairs.reshape(-1, bins, frames, 2)[:, :half + 1].transpose(1, 2), n_fft)       # (N, frames, n_fft)
    covered = n_fft + hop * (frames - 1)
    start = half if center else 0
    end = covered - start if length is None else min(start + length, covered)
    signals, weights = (
        fold(columns.transpose(1, 2), (1, covered), (1, n_fft), stride=(1, hop))[:, 0, 0, start:end]
        for columns in (rows * window, (window * window).expand(1, frames, n_fft)))
    if end <= start or not (weights > 1e-11).all():
        raise RuntimeError("istft: expected windows that cover each sample, but their squares add up to zero at some; "
                           "use a longer window or a shorter hop, or center=True")
    out = signals / weights
    if normalized:
        out = out * n_fft ** 0.5
    if length is not None and end - start < length:
        out = pad(out, (0, length - (end - start)))
    return out.reshape(*leading, out.shape[1])


def frames_of(name: str, input: Tensor, padding: int, window: Tensor | None, n_fft: int, hop: int,
              win_length: int | None, center: bool, pad_mode: PadMode) -> tuple[Tensor, Tensor, Framing]:
    """Signals as rows (B, L), padded; the window, padded to n_fft; and the framing for fastnet.functional.spectrum.

    Args:
        name: of the caller, for errors.
        input: (..., L).
        padding: zeros to add on both sides first.
        window: of a frame; None: ones.
        n_fft, hop, win_length, center, pad_mode: see `stft`.

    Raises:
        RuntimeError: as `stft`.
    """
    _check_signals(name, input)
    window = _window_of_frames(name, input, window, n_fft, hop, win_length)
    if padding < 0:
        raise RuntimeError(f"{name}: expected pad >= 0, got pad {padding}")
    rows = input.reshape(-1, input.shape[-1])
    if padding:
        rows = pad(rows, (padding, padding))
    half = n_fft // 2
    if center:
        if pad_mode == "reflect" and rows.shape[1] <= half:
            raise RuntimeError(f"{name}: expected signals of more than {half} samples, half of n_fft, to reflect them; "
                               f"got shape {shape_text(input)}")
        rows = pad(rows, (half, half), pad_mode)
    if frame_count(rows.shape[1], n_fft, hop) < 1:
        raise RuntimeError(f"{name}: expected signals of at least n_fft = {n_fft} samples, got shape "
                           f"{shape_text(input)}")
    return rows, window, (n_fft, hop, False, 0.0)


def _window_of_frames(name: str, input: Tensor, window: Tensor | None, n_fft: int, hop: int,
                      win_length: int | None) -> Tensor:
    """The window (win_length,), by default ones, in the middle of n_fft samples. Arguments as in `frames_of`."""
    win_length = n_fft if win_length is None else win_length
    if not 1 <= win_length <= n_fft or hop < 1:
        raise RuntimeError(f"{name}: expected 1 <= win_length <= n_fft and hop_length >= 1, got win_length "
                           f"{win_length}, n_fft {n_fft} and hop_length {hop}")
    if window is None:
        window = ones(win_length, dtype=input.dtype)
    check_one_dtype(name, ("input", "window"), input, window)
    if tuple(window.shape) != (win_length,):
        raise RuntimeError(f"{name}: expected a window of shape ({win_length},), got {shape_text(window)}")
    missing = n_fft - win_length
    return pad(window, (missing // 2, missing - missing // 2)) if missing else window


def check_normalization(normalized: object) -> None:
    """Raise ValueError if a normalization of spectra is unknown; see `spectrogram`."""
    known = (False, True, "window", "frame_length")
    if normalized not in known:
        raise one_of("normalization", normalized, known)


def window_norm(window: Tensor, normalized: Normalization, n_fft: int) -> float | Tensor:
    """The divisor of normalized spectra.

    Args:
        window: of a frame.
        normalized: see `spectrogram`.
        n_fft: the length of the transforms.
    """
    check_normalization(normalized)
    if normalized == "frame_length":
        return math.sqrt(n_fft)
    return (window * window).sum().sqrt() if normalized else 1.0


def spectrogram(waveform: Tensor, pad: int, window: Tensor, n_fft: int, hop_length: int, win_length: int,
                power: float | None, normalized: Normalization, center: bool = True, pad_mode: PadMode = "reflect",
                onesided: bool = True) -> Tensor:
    """Spectrogram of signals, |X[k, t]|**power with X their `stft`, as torchaudio's function of this name.

    Args:
        waveform: floating-point, (..., L).
        pad: zeros to add on both sides.
        window: (win_length,).
        n_fft, hop_length, win_length, center, pad_mode, onesided: see `stft`.
        power: of the magnitude; None: return the spectra, with real and imaginary parts in a last dimension of 2.
        normalized: "window" or True: divide the spectra by the norm of the window; "frame_length": by sqrt(n_fft).

    Returns:
        (..., n_fft//2 + 1, frames), or with another dimension of 2.

    Raises:
        RuntimeError: as `stft`.
        ValueError: an unknown normalization.

    Example:
        >>> import fastnet
        >>> from fastnet.audio import functional as F, hann_window
        >>> F.spectrogram(fastnet.ones(2, 800), 0, hann_window(400), 400, 200, 400, 2.0, False).shape
        (2, 201, 5)
    """
    if not onesided:
        raise RuntimeError("spectrogram: expected onesided=True: the other half of the spectrum follows from this one")
    rows, full, framing = frames_of("spectrogram", waveform, pad, window, n_fft, hop_length, win_length, center,
                                    pad_mode)
    if normalized:
        full = full / window_norm(window, normalized, n_fft)
    out = _stft(rows, full, framing) if power is None else _spectrogram(rows, full, framing, float(power))
    return out.reshape(*waveform.shape[:-1], *out.shape[1:])


def filtered_spectrogram(rows: Tensor, window: Tensor, filters: Tensor, framing: Framing, power: float,
                         log: Log | None) -> Tensor:
    """Spectrograms of rows (B, L) times filters (n_fft//2 + 1, M), or their logarithms: (B, M, frames), in one kernel.

    Args:
        rows, window, framing: see `frames_of`.
        filters: of the bins.
        power: of the magnitudes.
        log: None, or (floor, offset, scale) for scale * log(max(sum, floor) + offset).
    """
    return _mel_spectrogram(rows, window, filters, framing, power, log)


# ---- decibels -------------------------------------------------------------------------------------------------------

def amplitude_to_DB(x: Tensor, multiplier: float, amin: float, db_multiplier: float,
                    top_db: float | None = None) -> Tensor:
    """Decibels, multiplier*log10(max(x, amin)) - multiplier*db_multiplier, as torchaudio's function of this name.

    Args:
        x: floating-point, (..., channels, bins, frames).
        multiplier: 10 for powers, 20 for amplitudes.
        amin: the least x.
        db_multiplier: log10 of the reference.
        top_db: raise everything that is more than this below the maximum over the last three dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.audio.functional.amplitude_to_DB(fastnet.tensor([[1.0, 0.1, 0.0]]), 10.0, 1e-10, 0.0, top_db=80.0)
        tensor([[  0., -10., -80.]])
    """
    return above_top(multiplier * log10(clamp(x, min=amin)) - multiplier * db_multiplier, top_db)


def above_top(x: Tensor, top: float | None) -> Tensor:
    """Raise numbers that are more than `top` below the maximum over the last three dimensions.

    Args:
        x: at least one dimension.
        top: the distance; None: return x.
    """
    if top is None:
        return x
    return maximum(x, amax(x, tuple(range(-min(3, x.ndim), 0)), keepdim=True) - top)
