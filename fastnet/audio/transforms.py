"""Modules from signals to spectrograms and cepstra, with torchaudio's names, arguments, defaults and state."""
from __future__ import annotations

import math
from typing import Literal

from fastnet._core.errors import one_of
from fastnet._core.tensor import Tensor
from fastnet.audio.filters import MelScaleName, create_dct, melscale_fbanks
from fastnet.audio.functional import (
    Normalization,
    PadMode,
    above_top,
    amplitude_to_DB,
    check_normalization,
    filtered_spectrogram,
    frames_of,
    spectrogram,
    window_norm,
)
from fastnet.audio.windows import window_named
from fastnet.functional import matmul
from fastnet.functional.spectrum import Log
from fastnet.nn.module import Module

__all__ = ["MFCC", "AmplitudeToDB", "MelScale", "MelSpectrogram", "Spectrogram"]

_TEN_OVER_LOG_10 = 10 / math.log(10)    # from natural logarithms to decibels
_AMIN = 1e-10


class Spectrogram(Module):
    """Spectrogram of signals, |X[k, t]|**power with X their short-time Fourier transform.

    Args:
        n_fft: the length of the transforms.
        win_length: samples of the window; None: n_fft.
        hop_length: samples from a frame to the next; None: win_length // 2.
        pad: zeros to add on both sides of the signals.
        window_fn: "hann", "hamming", "blackman" or "povey". (A name, not torchaudio's function, so that a model file
            holds it.)
        power: of the magnitude; None: return the spectra, real and imaginary parts in a last dimension of 2.
        normalized: "window" or True: divide the spectra by the norm of the window; "frame_length": by sqrt(n_fft).
        center: pad the signals by n_fft // 2 on both sides, so that frame t is centred at sample t*hop_length.
        pad_mode: of `center`, see `fastnet.nn.functional.pad`.
        onesided: only True.

    Shape:
        (..., L) to (..., n_fft//2 + 1, frames).

    Example:
        >>> import fastnet
        >>> fastnet.audio.Spectrogram(n_fft=512)(fastnet.zeros(2, 16000)).shape
        (2, 257, 63)
    """

    window: Tensor

    def __init__(self, n_fft: int = 400, win_length: int | None = None, hop_length: int | None = None, pad: int = 0,
                 window_fn: str = "hann", power: float | None = 2.0,
                 normalized: bool | Literal["window", "frame_length"] = False, center: bool = True,
                 pad_mode: Literal["reflect", "constant", "replicate", "circular"] = "reflect",
                 onesided: bool = True) -> None:
        super().__init__()
        self.n_fft, self.pad, self.window_fn, self.power = n_fft, pad, window_fn, power
        self.win_length = n_fft if win_length is None else win_length
        self.hop_length = self.win_length // 2 if hop_length is None else hop_length
        check_normalization(normalized)
        self.normalized: Normalization = normalized
        self.center, self.onesided = center, onesided
        self.pad_mode: PadMode = pad_mode
        self.register_buffer("window", window_named(window_fn, self.win_length))

    def forward(self, waveform: Tensor) -> Tensor:
        return spectrogram(waveform, self.pad, self.window, self.n_fft, self.hop_length, self.win_length, self.power,
                           self.normalized, self.center, self.pad_mode, self.onesided)

    def extra_repr(self) -> str:
        return (f"n_fft={self.n_fft}, win_length={self.win_length}, hop_length={self.hop_length}, "
                f"window_fn={self.window_fn!r}, power={self.power}")


class MelScale(Module):
    """Sum the bins of a spectrogram by a mel filter bank.

    Args:
        n_mels: the number of filters.
        sample_rate: in Hz.
        f_min, f_max: the lowest and the highest frequency, in Hz; f_max None: sample_rate // 2.
        n_stft: bins of the spectrogram.
        norm: "slaney": divide each filter by half its width in Hz.
        mel_scale: "htk" or "slaney".

    Shape:
        (..., n_stft, frames) to (..., n_mels, frames).

    Raises:
        ValueError: f_min above f_max, or an unknown scale.

    Example:
        >>> import fastnet
        >>> fastnet.audio.MelScale(64)(fastnet.zeros(2, 201, 10)).shape
        (2, 64, 10)
    """

    fb: Tensor

    def __init__(self, n_mels: int = 128, sample_rate: int = 16000, f_min: float = 0.0, f_max: float | None = None,
                 n_stft: int = 201, norm: Literal["slaney"] | None = None,
                 mel_scale: Literal["htk", "slaney"] = "htk") -> None:
        super().__init__()
        self.n_mels, self.sample_rate, self.f_min, self.n_stft = n_mels, sample_rate, f_min, n_stft
        self.f_max = float(sample_rate // 2) if f_max is None else f_max
        self.norm: Literal["slaney"] | None = norm
        self.mel_scale: MelScaleName = mel_scale
        self.register_buffer("fb", melscale_fbanks(n_stft, f_min, self.f_max, n_mels, sample_rate, norm, mel_scale))

    def forward(self, specgram: Tensor) -> Tensor:
        return matmul(self.fb.t(), specgram)

    def extra_repr(self) -> str:
        return (f"n_mels={self.n_mels}, sample_rate={self.sample_rate}, f_min={self.f_min:g}, f_max={self.f_max:g}, "
                f"norm={self.norm!r}, mel_scale={self.mel_scale!r}")


class MelSpectrogram(Module):
    """Mel spectrogram of signals: a `Spectrogram` summed by the filters of a `MelScale`, in one kernel.

    The two submodules hold the window and the filters; their own forward methods are not called.

    Args:
        sample_rate: in Hz.
        n_fft, win_length, hop_length, pad, window_fn, power, normalized, center, pad_mode, onesided: see
            `Spectrogram`; power is a number.
        f_min, f_max, n_mels, norm, mel_scale: see `MelScale`.

    Shape:
        (..., L) to (..., n_mels, frames).

    Raises:
        ValueError: f_min above f_max, or an unknown scale.

    References:
        Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
        continuously spoken sentences".

    Example:
        >>> import fastnet
        >>> fastnet.audio.MelSpectrogram(n_mels=64)(fastnet.zeros(2, 16000)).shape
        (2, 64, 81)
    """

    spectrogram: Spectrogram
    mel_scale: MelScale

    def __init__(self, sample_rate: int = 16000, n_fft: int = 400, win_length: int | None = None,
                 hop_length: int | None = None, f_min: float = 0.0, f_max: float | None = None, pad: int = 0,
                 n_mels: int = 128, window_fn: str = "hann", power: float = 2.0,
                 normalized: bool | Literal["window", "frame_length"] = False, center: bool = True,
                 pad_mode: Literal["reflect", "constant", "replicate", "circular"] = "reflect", onesided: bool = True,
                 norm: Literal["slaney"] | None = None, mel_scale: Literal["htk", "slaney"] = "htk") -> None:
        super().__init__()
        self.sample_rate, self.n_fft, self.win_length, self.hop_length = sample_rate, n_fft, win_length, hop_length
        self.f_min, self.f_max, self.pad, self.n_mels, self.power = f_min, f_max, pad, n_mels, power
        self.normalized: bool | Literal["window", "frame_length"] = normalized
        self.saved_arguments = {"window_fn": window_fn, "center": center, "pad_mode": pad_mode, "onesided": onesided,
                                "norm": norm, "mel_scale": mel_scale}
        self.spectrogram = Spectrogram(n_fft, win_length, hop_length, pad, window_fn, power, normalized, center,
                                       pad_mode, onesided)
        self.mel_scale = MelScale(n_mels, sample_rate, f_min, f_max, n_fft // 2 + 1, norm, mel_scale)

    def forward(self, waveform: Tensor) -> Tensor:
        return self.with_log(waveform, None)

    def with_log(self, waveform: Tensor, log: Log | None) -> Tensor:
        """The mel spectrogram, or scale*log(max(mel, floor) + offset) of it, in one kernel.

        Args:
            waveform: (..., L).
            log: None or (floor, offset, scale).
        """
        s = self.spectrogram
        rows, window, framing = frames_of("MelSpectrogram", waveform, s.pad, s.window, s.n_fft, s.hop_length,
                                          s.win_length, s.center, s.pad_mode)
        if s.normalized:
            window = window / window_norm(s.window, s.normalized, s.n_fft)
        out = filtered_spectrogram(rows, window, self.mel_scale.fb, framing, float(s.power or 2.0), log)
        return out.reshape(*waveform.shape[:-1], *out.shape[1:])


class AmplitudeToDB(Module):
    """Decibels of a spectrogram: 10*log10(max(x, 1e-10)) of powers, 20*log10 of amplitudes.

    Args:
        stype: "power" or "magnitude".
        top_db: raise everything that is more than this below the maximum of a signal (over the last three dimensions).

    Raises:
        ValueError: an unknown stype, or a negative top_db.

    Example:
        >>> import fastnet
        >>> fastnet.audio.AmplitudeToDB(top_db=15)(fastnet.tensor([1.0, 0.1, 0.01]))
        tensor([  0., -10., -15.])
    """

    def __init__(self, stype: str = "power", top_db: float | None = None) -> None:
        super().__init__()
        if stype not in ("power", "magnitude"):
            raise one_of("stype", stype, ("power", "magnitude"))
        if top_db is not None and top_db < 0:
            raise ValueError(f"AmplitudeToDB: expected top_db >= 0, got {top_db}")
        self.stype, self.top_db = stype, top_db

    def forward(self, x: Tensor) -> Tensor:
        return amplitude_to_DB(x, 10.0 if self.stype == "power" else 20.0, _AMIN, 0.0, self.top_db)

    def extra_repr(self) -> str:
        return f"stype={self.stype!r}, top_db={self.top_db}"


class MFCC(Module):
    """Mel-frequency cepstral coefficients: the cosine transform of the logarithms of a mel spectrogram.

    Args:
        sample_rate: in Hz.
        n_mfcc: the number of coefficients.
        dct_type: only 2.
        norm: of the transform, "ortho" or None.
        log_mels: take log(mel + 1e-6) instead of decibels with top_db 80.
        melkwargs: further arguments of `MelSpectrogram`.

    Shape:
        (..., L) to (..., n_mfcc, frames).

    Raises:
        ValueError: another dct_type, or more coefficients than filters.

    References:
        Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
        continuously spoken sentences".

    Example:
        >>> import fastnet
        >>> fastnet.audio.MFCC(n_mfcc=13, melkwargs={"n_mels": 40})(fastnet.zeros(2, 16000)).shape
        (2, 13, 81)
    """

    MelSpectrogram: MelSpectrogram
    dct_mat: Tensor

    def __init__(self, sample_rate: int = 16000, n_mfcc: int = 40, dct_type: int = 2,
                 norm: Literal["ortho"] | None = "ortho", log_mels: bool = False,
                 melkwargs: dict[str, object] | None = None) -> None:
        super().__init__()
        if dct_type != 2:
            raise ValueError(f"MFCC: expected dct_type 2, got {dct_type}")
        self.sample_rate, self.n_mfcc, self.dct_type, self.log_mels = sample_rate, n_mfcc, dct_type, log_mels
        self.norm: Literal["ortho"] | None = norm
        self.melkwargs = melkwargs
        self.MelSpectrogram = MelSpectrogram(sample_rate, **(melkwargs or {}))  # type: ignore[arg-type]
        n_mels = self.MelSpectrogram.mel_scale.n_mels
        if n_mfcc > n_mels:
            raise ValueError(f"MFCC: expected at most n_mels = {n_mels} coefficients, got n_mfcc {n_mfcc}")
        self.register_buffer("dct_mat", create_dct(n_mfcc, n_mels, norm))

    def forward(self, waveform: Tensor) -> Tensor:
        if self.log_mels:
            mel = self.MelSpectrogram.with_log(waveform, (0.0, 1e-6, 1.0))
        else:
            mel = above_top(self.MelSpectrogram.with_log(waveform, (_AMIN, 0.0, _TEN_OVER_LOG_10)), 80.0)
        return matmul(self.dct_mat.t(), mel)

    def extra_repr(self) -> str:
        return f"n_mfcc={self.n_mfcc}, norm={self.norm!r}, log_mels={self.log_mels}"
