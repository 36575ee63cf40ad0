"""The Free Spoken Digit Dataset: recordings of spoken digits."""
from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import one_of
from fastnet._io.wav import parse_wav
from fastnet.datasets.files import folders_of, instructions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastnet._core.annotations import Array, StrPath
    from fastnet.datasets.files import Split

__all__ = ["FSDD_RATE", "FSDD_SPEAKERS", "fsdd"]

FSDD_RATE = 8000                        # samples a second
FSDD_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
_SPOKEN = "fsdd"
_RECORDING_NAME = re.compile(r"(?:^|/)([0-9])_([a-z]+)_([0-9]+)\.wav$")
_TEST_NUMBERS = 5                       # the recordings 0 to 4 of each digit and speaker are the test set


def fsdd(root: StrPath | None = None, length: int = FSDD_RATE, speakers: Sequence[str] | None = None) -> Split:
    """Load the Free Spoken Digit Dataset: the digits 0 to 9, spoken by six people, 8,000 samples a second.

    The complete data set has 2,700 training and 300 test recordings; the recordings 0 to 4 of each digit and speaker
    are the test set. It is read from `root` if that is given, else from `$FASTNET_DATA/fsdd` or the user's cache
    folder: a zip file with `recordings/<digit>_<speaker>_<number>.wav`, or such files in a folder `recordings`. It is
    not downloaded: https://github.com/Jakobovski/free-spoken-digit-dataset has it.

    Args:
        root: the folder with the file.
        length: samples of a recording: longer ones are cut, shorter ones are followed by zeros. The longest has 18,262
            samples, and 20 have more than 8,000.
        speakers: load the recordings of these people only, such as some of `FSDD_SPEAKERS`; None: all.

    Returns:
        ((x_train, y_train), (x_test, y_test)): signals, int16 (N, length), and digits, int64 (N,), sorted by digit,
        speaker and number.

    Raises:
        ValueError: a recording is damaged, is not mono or has another rate; the message names it. There is no recording
            of a speaker.
        OSError: no file is there; the message says which file to put where.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.fsdd()  # doctest: +SKIP
        >>> x_train.shape, x_test.shape                                     # doctest: +SKIP
        ((2700, 8000), (300, 8000))
    """
    folders = folders_of(_SPOKEN, root)
    found = sorted(_recordings(folders, length), key=lambda item: item[0])
    if speakers is not None:
        found = _spoken_by(speakers, found)
    parts = [[item for item in found if (item[0][2] < _TEST_NUMBERS) is test] for test in (False, True)]
    if not all(parts):
        raise FileNotFoundError(f"{_SPOKEN}: the recordings are missing.\n"
                                f"{instructions('the Free Spoken Digit Dataset', ['recordings.zip'], folders)}")
    train, test = ((np.stack([signal for _, signal in part]), np.array([key[0] for key, _ in part], np.int64))
                   for part in parts)
    return train, test


def _spoken_by(speakers: Sequence[str], found: list[tuple[tuple[int, str, int], Array]]) -> list[Any]:
    """The recordings of some speakers."""
    known = sorted({speaker for (_, speaker, _), _ in found})
    for speaker in speakers if found else ():
        if speaker not in known:
            raise one_of("speaker", speaker, known)
    return [item for item in found if item[0][1] in speakers]


def _recordings(folders: list[Path], length: int) -> Iterator[tuple[tuple[int, str, int], Array]]:
    """((digit, speaker, number), signal) of each recording in the first folder that has some."""
    for folder in folders:
        loose = sorted((folder / "recordings").glob("*.wav"))
        archives = sorted(folder.glob("*.zip"))
        if loose:
            for path in loose:
                yield from _named(path.name, path, path.read_bytes(), length)
            return
        for path in archives[:1]:
            try:
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        yield from _named(name, f"{path}: {name}", archive.read(name), length)
            except zipfile.BadZipFile as e:
                raise ValueError(f"{path}: expected a complete zip file, got {e}") from e
            return


def _named(name: str, where: object, contents: bytes, length: int) -> Iterator[tuple[tuple[int, str, int], Array]]:
    """The recording of a file, unless its name is another."""
    match = _RECORDING_NAME.search(name)
    if match:
        digit, speaker, number = match.groups()
        yield (int(digit), speaker, int(number)), _signal(contents, where, length)


def _signal(contents: bytes, where: object, length: int) -> Array:
    recording = parse_wav(contents, where)
    if recording.samples.dtype != np.int16 or recording.samples.shape[1] != 1 or recording.rate != FSDD_RATE:
        raise ValueError(f"{where}: expected one channel of 16-bit samples at {FSDD_RATE} Hz, got "
                         f"{recording.samples.shape[1]} of {recording.bits} bits at {recording.rate} Hz")
    signal = np.zeros(length, np.int16)
    kept = recording.samples[:length, 0]
    signal[:len(kept)] = kept
    return signal
