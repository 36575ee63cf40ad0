"""Folders of recordings, one subfolder for each class."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet._io.wav import Recording
from fastnet.audio.files import AUDIO_ENDINGS, read_recording, require_signal
from fastnet.data.dataset import TensorDataset
from fastnet.data.folders import check_class_folders, class_folders, files_by_class
from fastnet.data.pictures import PICTURE_ENDINGS

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["AudioFolder", "fixed_signal", "holds_recordings", "read_mono"]


class AudioFolder(TensorDataset):
    """A dataset from a folder with one subfolder of recordings per class: folder/class/word.wav.

    WAV, FLAC, MP3, Ogg, Opus and AIFF files are read as by `load`. Classes and recordings are sorted by name.
    Recordings in deeper subfolders belong to the class, too. Hidden files and files of other kinds are ignored.

    Args:
        root: the folder.
        sample_rate: that all recordings must have; None: that of the first one.
        samples: of a signal: longer recordings are cut, shorter ones are followed by zeros; None: one second.
        classes: names of the classes in the order of their numbers, as a model knows them; by default the names of the
            subfolders, sorted.
        skip_unreadable: leave out files that cannot be read, instead of raising an error.

    Attributes:
        arrays: the signals, int16 (N, samples), and the class numbers, int64 (N,).
        classes: the names of the classes.
        sample_rate: samples a second.
        paths: the paths of the files.
        skipped: {path: reason} of the files that were left out.

    Raises:
        ValueError: a recording that cannot be read, has several channels or another rate (the error names it), a
            subfolder of an unknown class, a class without recordings, or no subfolders.
        OSError: the folder does not exist.
        ImportError: a file of another format than WAV, and soundfile is not installed.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for word in ("yes", "no"):
        ...         pathlib.Path(folder, word).mkdir()
        ...         fastnet.audio.save(f"{folder}/{word}/a.wav", fastnet.zeros(1, 500), 8000)
        ...     data = fastnet.audio.AudioFolder(folder)
        >>> data
        AudioFolder(recordings=2, sample_rate=8000, samples=8000, classes=['no', 'yes'])
    """

    classes: list[str]
    sample_rate: int
    paths: list[Path]
    skipped: dict[Path, str]

    def __init__(self, root: StrPath, sample_rate: int | None = None, samples: int | None = None,
                 classes: Iterable[str] | None = None, *, skip_unreadable: bool = False) -> None:
        found = files_by_class(Path(root), AUDIO_ENDINGS, "recordings")
        self.classes = list(found) if classes is None else list(classes)
        check_class_folders(root, found, self.classes)
        self.paths, self.skipped = [], {}
        signals, labels = [], []
        for name, paths in found.items():
            for path in paths:
                try:
                    recording = read_mono(path, sample_rate)
                except (ValueError, OSError) as e:
                    if not skip_unreadable:
                        raise
                    self.skipped[path] = str(e)
                    continue
                sample_rate = recording.rate
                signals.append(fixed_signal(recording, samples or sample_rate))
                labels.append(self.classes.index(name))
                self.paths.append(path)
        if sample_rate is None or not signals:
            raise ValueError(f"{root}: none of the recordings can be read; the first: "
                             f"{next(iter(self.skipped.values()))}")
        self.sample_rate = sample_rate
        super().__init__(np.stack(signals), np.array(labels, np.int64))

    def __repr__(self) -> str:
        return repr_of(self, recordings=len(self), sample_rate=self.sample_rate, samples=self.arrays[0].shape[1],
                       classes=self.classes)


def read_mono(path: StrPath, sample_rate: int | None = None) -> Recording:
    """Read an audio file of one channel.

    Args:
        path: of the file.
        sample_rate: that it must have; None: any.

    Raises:
        ValueError: it is damaged, empty or not finite, or has several channels or another rate.
        OSError: it cannot be read.
        ImportError: soundfile is not installed, and the file needs it.
    """
    recording = read_recording(Path(path))
    if recording.samples.shape[1] != 1:
        raise ValueError(f"{path}: expected one channel, got {recording.samples.shape[1]}")
    if sample_rate is not None and recording.rate != sample_rate:
        raise ValueError(f"{path}: expected {sample_rate} samples a second, got {recording.rate}")
    require_signal(recording.samples, path)
    return recording


def fixed_signal(recording: Recording, samples: int) -> Array:
    """The first samples of a recording, followed by zeros if it is shorter: int16 (samples,).

    Args:
        recording: of one channel.
        samples: their number.
    """
    made = np.zeros(samples, np.int16)
    kept = recording.samples[:samples, 0]
    if kept.dtype != np.int16:
        kept = np.clip(np.rint(recording.signal()[:samples, 0] * 32768), -32768, 32767).astype(np.int16)
    made[:len(kept)] = kept
    return made


def holds_recordings(path: StrPath) -> bool:
    """Whether a path is a folder whose subfolders hold more recordings than images.

    Args:
        path: any path.
    """
    folder = Path(path)
    if not folder.is_dir():
        return False
    endings = Counter(file.suffix.lower() for sub in class_folders(folder) for file in sub.iterdir()
                      if not file.name.startswith("."))
    return sum(endings[e] for e in AUDIO_ENDINGS) > sum(endings[e] for e in PICTURE_ENDINGS)
