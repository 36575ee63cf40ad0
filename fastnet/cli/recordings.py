"""The preparation of recordings: standardised logarithmic mel spectrograms."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import fastnet
from fastnet import audio
from fastnet._core.annotations import Array
from fastnet._io.wav import Recording
from fastnet.audio.files import AUDIO_ENDINGS
from fastnet.audio.folders import fixed_signal
from fastnet.cli.inputs import Drawings, Photos, Pictures, Pixels, TableInputs
from fastnet.cli.speech.preparation import read_speech
from fastnet.data import TablePreparation

__all__ = ["Recordings", "inputs_from"]

_MELS = 40
_FRAMES_A_SECOND = 50
_RATES = (1000, 400_000)                # Hz
_MOST_SAMPLES = 1 << 24
_FULL_SCALE = np.float32(32768)


@dataclass
class Recordings(Pixels):
    """Recordings of one channel as logarithmic mel spectrograms, standardised over the training recordings.

    Args:
        size: mel filters.
        mean, std: of the spectrograms of the training recordings.
        rate: samples a second.
        samples: of a recording.
    """
    kind: ClassVar[str] = "recordings"
    endings: ClassVar[tuple[str, ...]] = AUDIO_ENDINGS
    noun: ClassVar[str] = "recordings"
    rate: int = 16000
    samples: int = 16000
    converts = False        # --convert: whether files of several channels or another rate are read, too; not saved

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (type(self.rate) is int and _RATES[0] <= self.rate <= _RATES[1] and type(self.samples) is int
                and 0 < self.samples <= _MOST_SAMPLES):
            raise ValueError(f"the preparation of recordings is damaged: {self}")
        self._hop = hop = max(1, self.rate // _FRAMES_A_SECOND)
        self._features = audio.LogMelSpectrogram("torchaudio", self.rate, self.size, 2 * hop, hop)
        self._frames = 1 + self.samples // hop

    @classmethod
    def measured(cls, x: Array, rate: int) -> Recordings:
        """The preparation of recordings, from a sample of them.

        Args:
            x: int16 (N, samples).
            rate: samples a second.
        """
        raw = cls(_MELS, 0.0, 1.0, rate, x.shape[1]).prepare(x)
        return cls(_MELS, float(raw.mean()), float(raw.std()) or 1.0, rate, x.shape[1])

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of a recording before its preparation."""
        return (self.samples,)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample: (1, frames, filters)."""
        return (1, self._frames, self.size)

    def prepare(self, pictures: Array) -> Any:
        """Spectrograms of recordings, (N, 1, frames, filters).

        Args:
            pictures: the recordings, int16 (N, samples).
        """
        signals = np.asarray(pictures, np.float32) / _FULL_SCALE
        with fastnet.no_grad():
            features = self._features(fastnet.from_numpy(signals)).numpy()
        return np.ascontiguousarray(((features - self.mean) / self.std).transpose(0, 2, 1))[:, None].astype(np.float32)

    def read_picture(self, path: str | Path) -> Array:
        """Read a recording at the rate of the training, with as many samples."""
        signal, rate = read_speech(path, self.rate, self.converts)
        return fixed_signal(Recording(signal[:, None], rate, 8 * signal.itemsize), self.samples)

    def describe(self) -> str:
        """A short description of the samples."""
        return f"recordings of one channel and {self.rate} samples a second"

    def window_text(self, rows: slice, columns: slice, shape: tuple[int, ...]) -> str:
        """A window of a spectrogram in words: seconds and filters, which rise from low to high frequencies."""
        start, stop = (min(row * self._hop, self.samples) / self.rate for row in (rows.start, rows.stop))
        return f"{start:.2f} s to {stop:.2f} s, mel filters {columns.start + 1} to {columns.stop} of {shape[1]}"

    def as_drawn(self, x: Array) -> Array:
        """A spectrogram (..., frames, filters) with the time from left to right, and low frequencies below."""
        return x.swapaxes(-1, -2)[..., ::-1, :]


_KINDS: dict[str, Callable[..., Pixels]] = {
    made.kind: made for made in (Drawings, Pictures, Photos, Recordings)}


def inputs_from(given: Any) -> Pixels | TableInputs:
    """The preparation that a dictionary of `to_dict` describes.

    Raises:
        ValueError, TypeError, KeyError: the dictionary is damaged.

    Example:
        >>> from fastnet.cli.inputs import Pictures
        >>> from fastnet.cli.recordings import inputs_from
        >>> inputs_from(Pictures(size=8, mean=1.0, std=2.0).to_dict())
        Pictures(size=8, mean=1.0, std=2.0)
    """
    given = dict(given)
    kind = given.pop("kind")
    if kind == TableInputs.kind:
        return TableInputs(TablePreparation.from_dict(given["preparation"]))
    return _KINDS[kind](**given)
