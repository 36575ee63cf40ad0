"""Audio files: loaded as tensors, saved, and resampled."""
from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import shape_text, whole_number
from fastnet._core.optional import optional
from fastnet._core.tensor import Tensor
from fastnet._io.atomic import replacing
from fastnet._io.wav import OtherWavFormatError, Recording, parse_wav, wav_bytes
from fastnet.functional.kernel_calls import check_floating

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["AUDIO_ENDINGS", "load", "load_signal", "read_recording", "require_signal", "resample", "save"]

_WAV = (".wav", ".wave")
AUDIO_ENDINGS = (*_WAV, ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff")


def load(uri: StrPath, frame_offset: int = 0, num_frames: int = -1, normalize: bool = True,
         channels_first: bool = True) -> tuple[Tensor, int]:
    """Load an audio file, as `torchaudio.load`.

    WAV files of 8, 16, 24 and 32 bits and floating-point ones need no package; all others, such as FLAC, MP3 and WAV
    files of mu-law, are read by soundfile.

    Args:
        uri: the path.
        frame_offset: samples to leave out at the start, 0 or more.
        num_frames: samples to read, 0 or more; -1: all.
        normalize: only True: integers are divided by their range.
        channels_first: return (channels, samples), otherwise (samples, channels).

    Returns:
        (signal, samples a second): float32 within +-1.

    Raises:
        ValueError: the file is damaged or truncated, or has an unknown format; or a number of samples that is negative.
        OSError: it cannot be read.
        ImportError: soundfile is not installed.

    Example:
        >>> import tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fastnet.audio.save(f"{folder}/a.wav", fastnet.zeros(1, 800), 8000)
        ...     signal, rate = fastnet.audio.load(f"{folder}/a.wav")
        >>> signal.shape, rate
        ((1, 800), 8000)
    """
    if not normalize:
        raise ValueError("load: expected normalize=True; the result is float32 within +-1")
    start = whole_number("frame_offset", frame_offset, 0)
    count = whole_number("num_frames", num_frames, -1)
    recording = read_recording(Path(uri))
    samples = recording.signal()[start:None if count < 0 else start + count]
    return from_numpy(np.ascontiguousarray(samples.T if channels_first else samples)), recording.rate


def read_recording(path: Path) -> Recording:
    """The content of an audio file; see `load`.

    Args:
        path: of the file.

    Raises:
        ValueError, OSError, ImportError: as `load`.
    """
    if path.suffix.lower() not in _WAV:
        return _by_soundfile(path)
    try:
        return parse_wav(path.read_bytes(), path)
    except OtherWavFormatError as e:
        try:
            return _by_soundfile(path)
        except ImportError as missing:
            raise ValueError(f"{e}; {missing}") from None
        except ValueError:
            raise e from None


def _by_soundfile(path: Path) -> Recording:
    soundfile = optional("soundfile", f"reading {path.name}")
    path.stat()                         # raises OSError if the file does not exist
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as e:
        raise ValueError(f"{path}: cannot read it as audio: {e}") from None
    return Recording(samples, int(rate), 8 * samples.itemsize)


def load_signal(path: StrPath, sample_rate: int | None = None, resample: bool = False, mix: bool = False) -> Tensor:
    """Load an audio file as one signal of a known rate.

    Args:
        path: of the file.
        sample_rate: that the signal must have; None: any.
        resample: convert a signal of another rate, instead of raising an error.
        mix: average the channels, instead of raising an error if there are several.

    Returns:
        float32 (samples,).

    Raises:
        ValueError: several channels, another rate, no samples, or NaN or infinity; also as `load`.

    Example:
        >>> import tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fastnet.audio.save(f"{folder}/a.wav", fastnet.zeros(2, 800), 8000)
        ...     fastnet.audio.load_signal(f"{folder}/a.wav", 8000, mix=True).shape
        (800,)
    """
    recording = read_recording(Path(path))
    samples, rate = recording.signal(), recording.rate
    if samples.shape[1] != 1 and not mix:
        raise ValueError(f"{path}: expected one channel, got {samples.shape[1]}; average them with mix=True")
    if sample_rate is not None and rate != sample_rate and not resample:
        raise ValueError(f"{path}: expected {sample_rate} samples a second, got {rate}; convert them with "
                         "resample=True")
    require_signal(samples, path)
    signal = samples[:, 0] if samples.shape[1] == 1 else samples.mean(1)
    return from_numpy(np.ascontiguousarray(_at_rate(signal, rate, sample_rate or rate)))


def require_signal(samples: Array, path: StrPath) -> None:
    """Raise if a recording is empty or not finite.

    Args:
        samples: (N, channels).
        path: of the file, for the error.

    Raises:
        ValueError: it has no samples, or NaN or infinity.

    Example:
        >>> import numpy as np
        >>> from fastnet.audio.files import require_signal
        >>> require_signal(np.zeros((0, 1)), "a.wav")
        Traceback (most recent call last):
            ...
        ValueError: a.wav: expected samples, got an empty recording
    """
    if not samples.size:
        raise ValueError(f"{path}: expected samples, got an empty recording")
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        row = int(np.flatnonzero(~np.isfinite(samples).all(1))[0])
        wrong = samples[row][~np.isfinite(samples[row])][0]
        raise ValueError(f"{path}: expected finite samples, got {wrong} in sample {row}")


def save(uri: StrPath, src: Tensor, sample_rate: int, channels_first: bool = True) -> None:
    """Save a signal as a WAV file of 16-bit samples, replacing it atomically. Numbers outside of +-1 are clipped.

    Args:
        uri: the path, which ends in .wav.
        src: floating-point, (channels, samples), at least one channel, without NaN.
        sample_rate: samples a second, a whole number.
        channels_first: whether src is (channels, samples), otherwise (samples, channels).

    Raises:
        ValueError: another ending or number of dimensions, no channel, NaN, or a rate below 1.
        TypeError: a rate that is not a whole number.

    Example:
        >>> import tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fastnet.audio.save(f"{folder}/a.wav", fastnet.zeros(1, 800), 8000)
    """
    check_floating("save", src, "src")
    if Path(uri).suffix.lower() not in _WAV:
        raise ValueError(f"save: expected a path that ends in .wav, got {uri}")
    if src.ndim != 2:
        raise ValueError(f"save: expected a signal (channels, samples), got shape {shape_text(src)}")
    samples = src.detach().numpy()
    samples = samples.T if channels_first else samples
    if np.isnan(samples).any():
        raise ValueError(f"save: expected numbers, got NaN in sample {int(np.isnan(samples).any(1).argmax())}")
    contents = wav_bytes(np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16),
                         whole_number("sample_rate", sample_rate, 1))
    with replacing(uri, "wb") as file:
        file.write(contents)


def resample(waveform: Tensor, orig_freq: int, new_freq: int) -> Tensor:
    """Convert signals to another rate, by soxr. It has no gradient.

    Args:
        waveform: float32 or float64, (..., samples).
        orig_freq, new_freq: samples a second, before and after.

    Returns:
        (..., about samples * new_freq / orig_freq).

    Raises:
        ValueError: a rate that is not positive.
        ImportError: soxr is not installed.

    Example:
        >>> import fastnet
        >>> fastnet.audio.resample(fastnet.zeros(2, 16000), 16000, 8000).shape    # doctest: +SKIP
        (2, 8000)
    """
    check_floating("resample", waveform, "waveform")
    if orig_freq < 1 or new_freq < 1:
        raise ValueError(f"resample: expected positive rates, got {orig_freq} and {new_freq}")
    if waveform.ndim < 1:
        raise ValueError("resample: expected signals (..., samples), got a 0-d tensor")
    rows = waveform.detach().numpy().reshape(math.prod(waveform.shape[:-1]), waveform.shape[-1])
    made = _at_rate(np.ascontiguousarray(rows.T), orig_freq, new_freq).T
    return from_numpy(np.ascontiguousarray(made)).reshape(*waveform.shape[:-1], made.shape[-1])


def _at_rate(samples: Array, rate: int, wanted: int) -> Array:
    """Samples (N,) or (N, channels) at another rate."""
    if rate == wanted:
        return samples
    soxr = optional("soxr", "resampling")
    made: Array = soxr.resample(samples, rate, wanted)
    return made
