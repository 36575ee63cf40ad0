"""Strings of short recordings, to train and to test networks that transcribe speech."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnet._core.reprs import repr_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["JoinedRecordings", "RecordingStrings"]

_SILENT = 1e-6                          # the least amplitude that a recording is divided by


class RecordingStrings(NamedTuple):
    """Strings of recordings.

    Attributes:
        signals: float32 (N, samples).
        samples: how many of them each string has, int64 (N,).
        labels: int64 (N, most); zeros follow the labels of a string.
        lengths: the number of labels of each string, int64 (N,).
    """

    signals: Array
    samples: Array
    labels: Array
    lengths: Array


class JoinedRecordings:
    """Joins random recordings of single words into strings, with short pauses, for `nn.CTCLoss`.

    Args:
        signals: the recordings, (N, samples) of any type; zeros at the end of a recording are left out, and it is
            scaled to within +-1.
        labels: of the recordings, int64 (N,), from 1 on: 0 is the blank of CTC.
        rate: samples a second.
        seconds: the length of all strings. A string ends before a recording for which there is no room.
        least, most: how many recordings a string has, at random.
        pause: seconds, the longest pause; the shortest is 0.
        noise: the standard deviation of noise that is added.

    Raises:
        ValueError: no recordings, or other labels or numbers.

    Example:
        >>> import numpy as np, fastnet
        >>> joined = fastnet.audio.JoinedRecordings(np.ones((3, 800)), [1, 2, 3], rate=8000)
        >>> strings = joined.make(2, np.random.default_rng(0))
        >>> strings.signals.shape, strings.labels.tolist()
        ((2, 25600), [[1, 1, 2, 2, 0, 0], [3, 2, 2, 0, 0, 0]])
    """

    rate: int
    seconds: float
    least: int
    most: int
    pause: float
    noise: float

    def __init__(self, signals: Array, labels: Sequence[int] | Array, rate: int, seconds: float = 3.2, least: int = 3,
                 most: int = 6, pause: float = 0.1, noise: float = 0.002) -> None:
        self.labels: Array = np.asarray(labels, np.int64)
        rows = np.asarray(signals).reshape(len(signals), -1) if len(signals) else np.zeros((0, 0))
        if not len(rows) or len(rows) != len(self.labels) or self.labels.min() < 1 or not 1 <= least <= most:
            raise ValueError(f"JoinedRecordings: expected recordings with labels from 1 on and 1 <= least <= most, got "
                             f"{len(rows)} recordings, {len(self.labels)} labels, least {least} and most {most}")
        self.rate, self.seconds, self.least, self.most = rate, seconds, least, most
        self.pause, self.noise = pause, noise
        self._signals = [_trimmed(row) for row in rows]

    def make(self, count: int, rng: np.random.Generator) -> RecordingStrings:
        """Random strings.

        Args:
            count: their number.
            rng: a `numpy.random.Generator`.
        """
        room, pause = int(self.seconds * self.rate), int(self.pause * self.rate)
        signals = self.noise * rng.standard_normal((count, room)).astype(np.float32)
        samples, lengths = np.zeros((2, count), np.int64)
        labels = np.zeros((count, self.most), np.int64)
        for n in range(count):
            at = int(rng.integers(0, pause))
            for i in map(int, rng.integers(0, len(self._signals), rng.integers(self.least, self.most + 1))):
                signal = self._signals[i]
                if at + len(signal) > room:
                    break
                signals[n, at:at + len(signal)] += signal * np.float32(rng.uniform(0.3, 1))
                at += len(signal) + int(rng.integers(0, pause))
                labels[n, lengths[n]] = self.labels[i]
                lengths[n] += 1
            samples[n] = min(at + pause // 2, room)
        return RecordingStrings(signals, samples, labels, lengths)

    def __repr__(self) -> str:
        return repr_of(self, recordings=len(self._signals), rate=self.rate, seconds=self.seconds)


def _trimmed(row: Array) -> Array:
    """A recording without the zeros after its end, scaled to within +-1, float32."""
    end = int(np.flatnonzero(row)[-1]) + 1 if row.any() else 1
    signal = row[:end].astype(np.float32)
    return signal / np.float32(max(float(np.abs(signal).max()), _SILENT))
