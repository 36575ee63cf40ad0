"""Mel-frequency cepstral coefficients as torchaudio, librosa and Kaldi compute them."""
from __future__ import annotations

import math
from typing import Literal

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import one_of
from fastnet._core.tensor import Tensor
from fastnet.audio.filters import create_dct
from fastnet.audio.presets import LogMelSpectrogram
from fastnet.functional import cat, clamp, log, matmul, square
from fastnet.functional.strided_views import unfold
from fastnet.nn.module import Module

__all__ = ["PresetMFCC"]

_COEFFICIENTS = {"torchaudio": 40, "librosa": 20, "kaldi": 13}
_KALDI_LIFTER = 22.0
_LEAST_ENERGY = float(np.finfo(np.float32).eps)


class PresetMFCC(Module):
    """Mel-frequency cepstral coefficients, with the settings of another program.

    The cosine transform of a `LogMelSpectrogram`, whose coefficients may be weighted by a lifter.

    ==========  ====================================================================================================
    preset      computes
    ==========  ====================================================================================================
    torchaudio  `torchaudio.transforms.MFCC` with its defaults: 40 coefficients
    librosa     `librosa.feature.mfcc`: 20 coefficients, and no lifter
    kaldi       `compute-mfcc-feats` without dither: 13 coefficients, a lifter of 22, and the logarithm of a frame's
                energy in place of the first. Multiply signals within +-1 by 32768, as for `LogMelSpectrogram`. The
                result is the transpose of Kaldi's.
    ==========  ====================================================================================================

    Whisper has no cepstra.

    Args:
        preset: "torchaudio", "librosa" or "kaldi".
        n_mfcc: the number of coefficients; None: the preset's.
        sample_rate, n_mels, n_fft, hop_length, f_min, f_max: see `LogMelSpectrogram`.
        lifter: L of the weights 1 + L/2 * sin(pi*k/L), where k counts from 0, of librosa from 1; 0: no weights; None:
            the preset's.
        use_energy: replace the first coefficient by the logarithm of the frame's energy; None: only Kaldi's.

    Shape:
        (..., L) to (..., n_mfcc, frames).

    Raises:
        ValueError: an unknown preset, more coefficients than filters, or an energy other than Kaldi's.

    References:
        Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
        continuously spoken sentences". Kaldi: Povey et al. 2011, "The Kaldi speech recognition toolkit".

    Example:
        >>> import fastnet
        >>> fastnet.audio.PresetMFCC("kaldi")(fastnet.ones(16000)).shape
        (13, 98)
    """

    spectrogram: LogMelSpectrogram
    dct_mat: Tensor

    def __init__(self, preset: Literal["torchaudio", "librosa", "kaldi"] = "torchaudio", n_mfcc: int | None = None,
                 sample_rate: int | None = None, n_mels: int | None = None, n_fft: int | None = None,
                 hop_length: int | None = None, f_min: float | None = None, f_max: float | None = None,
                 lifter: float | None = None, use_energy: bool | None = None) -> None:
        super().__init__()
        if preset not in _COEFFICIENTS:
            raise one_of("preset", preset, _COEFFICIENTS)
        if use_energy and preset != "kaldi":
            raise ValueError(f"PresetMFCC: expected use_energy only with the preset 'kaldi', got {preset!r}")
        self.preset: Literal["torchaudio", "librosa", "kaldi"] = preset
        self.n_mfcc = _COEFFICIENTS[preset] if n_mfcc is None else n_mfcc
        self.lifter = (_KALDI_LIFTER if preset == "kaldi" else 0.0) if lifter is None else float(lifter)
        self.use_energy = preset == "kaldi" if use_energy is None else use_energy
        self.spectrogram = LogMelSpectrogram(preset, sample_rate, n_mels, n_fft, hop_length, f_min, f_max)
        s = self.spectrogram
        self.saved_arguments = {"sample_rate": s.sample_rate, "n_mels": s.n_mels, "n_fft": s.n_fft,
                                "hop_length": s.hop_length, "f_min": s.f_min, "f_max": s.f_max}
        if not 1 <= self.n_mfcc <= s.n_mels:
            raise ValueError(f"PresetMFCC: expected 1 to n_mels = {s.n_mels} coefficients, got n_mfcc {self.n_mfcc}")
        self.register_buffer("dct_mat", create_dct(self.n_mfcc, s.n_mels, "ortho") * self._weights())

    def _weights(self) -> Tensor:
        """The weights of the coefficients, (n_mfcc,)."""
        if not self.lifter:
            return from_numpy(np.ones(self.n_mfcc, np.float32))
        k = np.arange(self.n_mfcc) + (self.preset == "librosa")
        return from_numpy((1 + self.lifter / 2 * np.sin(math.pi * k / self.lifter)).astype(np.float32))

    def forward(self, waveform: Tensor) -> Tensor:
        out = matmul(self.dct_mat.t(), self.spectrogram(waveform))
        return cat([self._energy(waveform).unsqueeze(-2), out[..., 1:, :]], -2) if self.use_energy else out

    def _energy(self, waveform: Tensor) -> Tensor:
        """The logarithm of the energy of each frame without its mean, (..., frames)."""
        frames = unfold(waveform, -1, self.spectrogram.n_fft, self.spectrogram.hop_length)
        centred = frames - frames.mean(-1, keepdim=True)
        return log(clamp(square(centred).sum(-1), min=_LEAST_ENERGY))

    def extra_repr(self) -> str:
        return f"{self.preset!r}, n_mfcc={self.n_mfcc}, lifter={self.lifter:g}, use_energy={self.use_energy}"
