"""The preparation of speech: log-mel spectrograms, and the characters of transcripts."""
from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastnet
from fastnet import audio
from fastnet._core.annotations import Array
from fastnet.audio.folders import read_mono

__all__ = ["SpeechInputs", "Word", "normalized", "peak_scaled", "read_speech"]

Word = str                              # a character of the vocabulary
_RATES = (1000, 400_000)                # Hz
_SPEECH_FRAMES = 100
_PADDING_FRAMES = 10                    # after a signal: the model never meets the end of one without silence
_STRIDE = 2                             # frames of a step of `CTCRecognizer`
_MOST_CHARACTERS = 10_000
_PUNCTUATION = re.compile(r"[^\w\s']|_")
_QUIET = 1e-6                           # the least amplitude that a signal is divided by


@dataclass
class SpeechInputs:
    """Log-mel spectrograms of recordings, and the characters that a model writes.

    Args:
        rate: samples a second.
        mels: filters.
        mean, std: of the spectrograms of the training recordings.
        vocabulary: the characters; the class of a character is its place plus 1, and class 0 the blank of CTC.
    """
    rate: int
    mels: int
    mean: float
    std: float
    vocabulary: list[Word]

    def __post_init__(self) -> None:
        if not (type(self.rate) is int and _RATES[0] <= self.rate <= _RATES[1] and type(self.mels) is int
                and 0 < self.mels <= 512 and all(isinstance(x, int | float) and np.isfinite(x)
                                                 for x in (self.mean, self.std))
                and self.std > 0 and isinstance(self.vocabulary, list) and 0 < len(self.vocabulary) <= _MOST_CHARACTERS
                and all(isinstance(c, str) and len(c) == 1 for c in self.vocabulary)
                and len(set(self.vocabulary)) == len(self.vocabulary)):
            raise ValueError(f"the preparation of speech is damaged: {self!r:.300}")
        self.hop: int = self.rate // _SPEECH_FRAMES
        self._length = 1 << (5 * self.hop // 2 - 1).bit_length()           # at least 25 ms
        self._mel = audio.LogMelSpectrogram("torchaudio", self.rate, self.mels, self._length, self.hop)
        self._places = {c: i + 1 for i, c in enumerate(self.vocabulary)}

    @classmethod
    def measured(cls, rate: int, vocabulary: list[Word], signals: Iterable[Array]) -> SpeechInputs:
        """The preparation for recordings of a rate, standardised over some of them.

        Args:
            rate: samples a second.
            vocabulary: see SpeechInputs.
            signals: float32 (samples,).
        """
        mels = 40 if rate <= 8000 else 64
        raw = cls(rate, mels, 0.0, 1.0, vocabulary)
        found = np.concatenate([raw.features([signal])[0].ravel() for signal in signals])
        return cls(rate, mels, float(found.mean()), float(found.std()) or 1.0, vocabulary)

    def features(self, signals: Sequence[Array], multiple: int = 1) -> Array:
        """Standardised spectrograms, float32 (N, mels, frames), of signals that 0.1 s of zeros or more follow.

        Args:
            signals: float32 (samples,).
            multiple: the padded length is a multiple of this.
        """
        longest = max(max(map(len, signals)), self._length) + _PADDING_FRAMES * self.hop
        batch = np.zeros((len(signals), -(-longest // multiple) * multiple), np.float32)
        for row, signal in zip(batch, signals):
            row[:len(signal)] = peak_scaled(signal)
        with fastnet.no_grad():
            made = self._mel(fastnet.from_numpy(batch)).numpy()
        return ((made - self.mean) / self.std).astype(np.float32)

    def steps(self, samples: int) -> int:
        """The steps of the model's result that belong to a signal.

        Args:
            samples: of the signal.
        """
        return (max(samples, self._length) // self.hop + _STRIDE) // _STRIDE

    def classes(self, text: str) -> list[int]:
        """The classes of a normalized text; characters that the model does not know are left out."""
        return [self._places[c] for c in text if c in self._places]

    def text(self, classes: Iterable[int]) -> str:
        """The text of classes, with single spaces."""
        return " ".join("".join(self.vocabulary[i - 1] for i in classes).split())

    def fits(self, classes: Sequence[int], samples: int) -> bool:
        """Whether a signal has a step for each class, and for a blank between equal ones.

        Args:
            classes: of its transcript.
            samples: of the signal.
        """
        repeated = sum(a == b for a, b in itertools.pairwise(classes))
        return self.steps(samples) >= len(classes) + repeated

    @property
    def only_digits(self) -> bool:
        """Whether the vocabulary has digits only."""
        return all(c.isdigit() for c in self.vocabulary)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON, whose items are the arguments."""
        return {"rate": self.rate, "mels": self.mels, "mean": self.mean, "std": self.std,
                "vocabulary": self.vocabulary}

    def describe(self) -> str:
        """A short description of the inputs."""
        return f"recordings of one channel and {self.rate} samples a second"


def normalized(text: str) -> str:
    """A transcript as it is learnt: lower case, accents composed, without punctuation except apostrophes.

    Example:
        >>> from fastnet.cli.speech.preparation import normalized
        >>> normalized("Don't --  STOP, please!")
        "don't stop please"
    """
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    return " ".join(_PUNCTUATION.sub(" ", text).split())


def peak_scaled(signal: Array) -> Array:
    """A signal whose largest absolute value is 1, so that its level does not matter.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.speech.preparation import peak_scaled
        >>> peak_scaled(np.array([0.1, -0.2], np.float32))
        array([ 0.5, -1. ], dtype=float32)
    """
    return signal / np.float32(max(float(np.abs(signal).max(initial=0.0)), _QUIET))


def read_speech(path: Any, rate: int | None, convert: bool = False) -> tuple[Array, int]:
    """The signal of a recording, float32 (samples,), and its rate.

    Args:
        path: of a WAV file; with soundfile installed, of any audio file.
        rate: samples a second that it must have; None: any.
        convert: average the channels and convert the rate, instead of raising an error.

    Raises:
        ValueError: it is damaged, empty or not finite, or has several channels or another rate.
        OSError: it cannot be read.
        ImportError: another format or rate, and soundfile or soxr is not installed.
    """
    if rate is None:
        recording = read_mono(path)
        return recording.signal()[:, 0], recording.rate
    try:
        signal = audio.load_signal(path, rate, convert, convert).numpy()
    except ValueError as e:
        text = str(e)
        for option in ("mix=True", "resample=True"):
            text = text.replace(option, "--convert")
        raise ValueError(text) from None
    return signal, rate
