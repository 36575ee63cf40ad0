"""Logarithmic mel spectrograms as torchaudio, librosa, Whisper and Kaldi compute them."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import one_of, shape_text
from fastnet._core.tensor import Tensor
from fastnet.audio.filters import kaldi_fbanks, triangles
from fastnet.audio.functional import PadMode, above_top, filtered_spectrogram, frames_of
from fastnet.audio.windows import window_named
from fastnet.functional import amax, maximum
from fastnet.functional.linear import check_one_dtype
from fastnet.functional.spectrum import Framing, Log, frame_count
from fastnet.nn.module import Module

__all__ = ["LogMelSpectrogram", "PresetName"]

PresetName = Literal["torchaudio", "librosa", "whisper", "kaldi"]


@dataclass(frozen=True)
class _Preset:
    """The settings of a preset, and the logarithm as (floor, offset, scale)."""
    sample_rate: int
    n_fft: int
    hop_length: int
    n_mels: int
    log: Log
    f_min: float = 0.0
    window: str = "hann"
    pad_mode: PadMode = "reflect"
    mel: str = "slaney"
    top: float | None = None            # the range below the maximum


_DECIBELS = (1e-10, 0.0, 10 / math.log(10))
_PRESETS = {
    "torchaudio": _Preset(16000, 400, 200, 128, _DECIBELS, mel="htk", top=80.0),
    "librosa": _Preset(22050, 2048, 512, 128, _DECIBELS, pad_mode="constant", top=80.0),
    "whisper": _Preset(16000, 400, 160, 80, (1e-10, 0.0, 1 / math.log(10))),
    "kaldi": _Preset(16000, 400, 160, 23, (float(np.finfo(np.float32).eps), 0.0, 1.0), 20.0, "povey", mel="kaldi"),
}
_WHISPER_RANGE = 8.0                    # below the maximum
_PREEMPHASIS = 0.97                     # of Kaldi


class LogMelSpectrogram(Module):
    """Logarithm of a mel spectrogram, with the settings of another program, in one kernel.

    ==========  ====================================================================================================
    preset      computes
    ==========  ====================================================================================================
    torchaudio  `MelSpectrogram` and `AmplitudeToDB(top_db=80)` with their defaults
    librosa     `librosa.power_to_db(librosa.feature.melspectrogram(...))`: Slaney's mel scale, zeros at the ends
    whisper     `whisper.log_mel_spectrogram`: log10, at most 8 below the maximum, (x + 4)/4; without the last frame
    kaldi       `compute-fbank-feats` without dither: frames without padding, their mean removed, pre-emphasis 0.97,
                Povey's window, natural logarithm. Kaldi's samples are 16-bit numbers: multiply signals within +-1
                by 32768. The result is the transpose of Kaldi's.
    ==========  ====================================================================================================

    Args:
        preset: "torchaudio", "librosa", "whisper" or "kaldi".
        sample_rate: in Hz; None: the preset's: 16000, of librosa 22050.
        n_mels: the number of filters; None: 128, of Whisper 80, of Kaldi 23.
        n_fft: samples of a frame; None: the preset's, of Kaldi 25 ms. Kaldi's transforms are padded to a power of 2.
        hop_length: samples from a frame to the next; None: the preset's, of Kaldi 10 ms.
        f_min, f_max: the lowest and the highest frequency, in Hz; None: the preset's, and sample_rate/2.
        log: False: return the mel spectrogram, without a logarithm.

    Shape:
        (..., L) to (..., n_mels, frames).

    Raises:
        ValueError: an unknown preset, or sizes out of range.

    References:
        Whisper: Radford et al. 2022, https://arxiv.org/abs/2212.04356. Kaldi: Povey et al. 2011, "The Kaldi speech
        recognition toolkit".

    Example:
        >>> import fastnet
        >>> fastnet.audio.LogMelSpectrogram("whisper")(fastnet.zeros(16000)).shape
        (80, 100)
    """

    window: Tensor
    filters: Tensor

    def __init__(self, preset: Literal["torchaudio", "librosa", "whisper", "kaldi"] = "torchaudio",
                 sample_rate: int | None = None, n_mels: int | None = None, n_fft: int | None = None,
                 hop_length: int | None = None, f_min: float | None = None, f_max: float | None = None,
                 log: bool = True) -> None:
        super().__init__()
        self.log = log
        if preset not in _PRESETS:
            raise one_of("preset", preset, _PRESETS)
        made = _PRESETS[preset]
        self.preset: PresetName = preset
        self.sample_rate = made.sample_rate if sample_rate is None else sample_rate
        change = self.sample_rate / made.sample_rate if preset == "kaldi" else 1
        self.n_mels = made.n_mels if n_mels is None else n_mels
        self.n_fft = int(made.n_fft * change) if n_fft is None else n_fft
        self.hop_length = int(made.hop_length * change) if hop_length is None else hop_length
        self.f_min = made.f_min if f_min is None else f_min
        self.f_max = self.sample_rate / 2 if f_max is None else f_max
        if min(self.n_fft, self.hop_length) < 1:
            raise ValueError(f"LogMelSpectrogram: expected n_fft and hop_length of at least 1, got {self.n_fft} and "
                             f"{self.hop_length}")
        self.register_buffer("window", window_named(made.window, self.n_fft))
        self.register_buffer("filters", self._made_filters(made.mel))

    def _made_filters(self, mel: str) -> Tensor:
        if mel == "kaldi":
            return kaldi_fbanks(self._transform(), self.f_min, self.f_max, self.n_mels, self.sample_rate)
        frequencies = np.arange(self.n_fft // 2 + 1) * (self.sample_rate / self.n_fft)
        norm = "slaney" if mel == "slaney" else None
        filters = triangles(frequencies, self.f_min, self.f_max, self.n_mels, norm, mel)
        return from_numpy(filters.astype(np.float32))

    def _transform(self) -> int:
        """The length of Kaldi's transforms: the next power of 2."""
        return 1 << (self.n_fft - 1).bit_length()

    def forward(self, waveform: Tensor) -> Tensor:
        made = _PRESETS[self.preset]
        rows, window, framing = self._frames(waveform, made)
        out = filtered_spectrogram(rows, window, self.filters, framing, 2.0, made.log if self.log else None)
        out = out[..., :-1] if self.preset == "whisper" else out
        out = self._limited(out, made.top) if self.log else out
        return out.reshape(*waveform.shape[:-1], *out.shape[1:])

    def _limited(self, out: Tensor, top: float | None) -> Tensor:
        """Raise what is far below the maximum of its signal."""
        if self.preset == "whisper":
            return (maximum(out, amax(out, (-2, -1), keepdim=True) - _WHISPER_RANGE) + 4.0) * 0.25
        return above_top(out.unsqueeze(1), top).squeeze(1)

    def _frames(self, waveform: Tensor, made: _Preset) -> tuple[Tensor, Tensor, Framing]:
        name = "LogMelSpectrogram"
        if self.preset != "kaldi":
            return frames_of(name, waveform, 0, self.window, self.n_fft, self.hop_length, None, True, made.pad_mode)
        check_one_dtype(name, ("waveform", "window"), waveform, self.window)
        if waveform.ndim < 1 or frame_count(waveform.shape[-1], self.n_fft, self.hop_length) < 1:
            raise RuntimeError(f"{name}: expected signals of at least {self.n_fft} samples, got shape "
                               f"{shape_text(waveform)}")
        framing = self._transform(), self.hop_length, True, _PREEMPHASIS
        return waveform.reshape(-1, waveform.shape[-1]), self.window, framing

    def extra_repr(self) -> str:
        return (f"{self.preset!r}, sample_rate={self.sample_rate}, n_mels={self.n_mels}, n_fft={self.n_fft}, "
                f"hop_length={self.hop_length}")
