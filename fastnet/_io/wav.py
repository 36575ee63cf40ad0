"""WAV files: integers of 8, 16, 24 and 32 bits and floating-point numbers, read and written."""
from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["OtherWavFormatError", "Recording", "parse_wav", "wav_bytes"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WAV_FORMATS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM", 0x55: "MP3"}        # that others read
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)        # of a chunk whose writer could not go back to its header
_WAV_INTEGERS: dict[int, np.dtype[Any]] = {8: np.dtype("u1"), 16: np.dtype("<i2"), 32: np.dtype("<i4")}
_WAV_REALS: dict[int, np.dtype[Any]] = {32: np.dtype("<f4"), 64: np.dtype("<f8")}
_HEADER = 44                            # bytes of the file that is written, before the samples
_MOST_16_BITS, _MOST_32_BITS = (1 << 16) - 1, (1 << 32) - 1


class OtherWavFormatError(ValueError):
    """The samples of a WAV file have a format that `parse_wav` does not read, such as mu-law."""


class Recording(NamedTuple):
    """The content of a WAV file.

    Attributes:
        samples: (frames, channels), of the stored type: uint8, int16, int32 (24 bits: times 256) or floating-point.
        rate: frames a second.
        bits: of a stored sample.
    """

    samples: Array
    rate: int
    bits: int

    def signal(self) -> Array:
        """The samples as float32 (frames, channels); integers are divided by their range, so that they lie in +-1."""
        kind = self.samples.dtype
        if kind.kind == "f":
            return self.samples.astype(np.float32)
        if kind == np.uint8:
            return (self.samples.astype(np.float32) - 128) / 128
        return self.samples.astype(np.float32) / np.float32(2.0 ** (8 * kind.itemsize - 1))


def parse_wav(contents: bytes, where: object) -> Recording:
    """The samples of a WAV file.

    Args:
        contents: of the file.
        where: its name, for errors.

    Raises:
        ValueError: it is not a WAV file, is truncated, or has a format other than integers of 8, 16, 24 or 32 bits or
            floating-point numbers; an OtherWavFormatError if this format is known.

    Example:
        >>> import numpy as np
        >>> from fastnet._io.wav import parse_wav, wav_bytes
        >>> parse_wav(wav_bytes(np.array([[0], [-32768]], np.int16), 8000), "a.wav").signal().ravel()
        array([ 0., -1.], dtype=float32)
    """
    if contents[:4] != b"RIFF" or contents[8:12] != b"WAVE":
        raise ValueError(f"{where}: expected a WAV file, got one that begins with {contents[:12]!r}")
    layout, place = None, 12
    while place + 8 <= len(contents):
        name, size = struct.unpack_from("<4sI", contents, place)
        place += 8
        if name == b"fmt ":
            layout = _wav_layout(contents[place:place + size], where)
        elif name == b"data":
            if layout is None:
                raise ValueError(f"{where}: expected a description of the format before the samples")
            if size in _UNKNOWN_SIZES:
                size = len(contents) - place
            if place + size > len(contents):
                raise ValueError(f"{where} is truncated: expected {size} bytes of samples, got {len(contents) - place}")
            return _recording(contents[place:place + size], *layout, where)
        place += size + size % 2
    raise ValueError(f"{where} is truncated: expected samples, got a file of {len(contents)} bytes without any")


def _wav_layout(header: bytes, where: object) -> tuple[int, int, int, int]:
    """(format, channels, rate, bits) of a format chunk."""
    if len(header) < 16:
        raise ValueError(f"{where} is truncated: expected a format of 16 bytes, got {len(header)}")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if kind == _EXTENSIBLE and len(header) >= 26:
        kind = struct.unpack_from("<H", header, 24)[0]
    known = (kind == _PCM and bits in (8, 16, 24, 32)) or (kind == _FLOAT and bits in _WAV_REALS)
    if not known or not channels or not rate:
        name = _WAV_FORMATS.get(kind, f"format {kind}")
        raise (OtherWavFormatError if kind in _WAV_FORMATS else ValueError)(
            f"{where}: expected samples of 8, 16, 24 or 32 bits or floating-point samples, got {name} with {bits} "
            f"bits, {channels} channels and {rate} Hz")
    return kind, channels, rate, bits


def _recording(data: bytes, kind: int, channels: int, rate: int, bits: int, where: object) -> Recording:
    frame = channels * bits // 8
    if len(data) % frame:
        raise ValueError(f"{where} is truncated: expected samples of {frame} bytes, got {len(data)} bytes")
    if bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4").reshape(-1, channels)
    else:
        samples = np.frombuffer(data, (_WAV_REALS if kind == _FLOAT else _WAV_INTEGERS)[bits]).reshape(-1, channels)
    return Recording(samples, rate, bits)


def wav_bytes(samples: Array, rate: int) -> bytes:
    """A WAV file of 16-bit samples.

    Args:
        samples: int16 (frames, channels).
        rate: frames a second.

    Raises:
        ValueError: more than the fields of the header can hold.
    """
    frame = 2 * samples.shape[1]
    if not (0 < frame <= _MOST_16_BITS and 0 < rate * frame <= _MOST_32_BITS
            and samples.nbytes <= _MOST_32_BITS - _HEADER):
        raise ValueError(f"expected at least 1 channel and 1 Hz, and no more than a WAV file holds, got {len(samples)} "
                         f"frames of {samples.shape[1]} channels at {rate} Hz")
    data = np.ascontiguousarray(samples, "<i2").tobytes()
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", _HEADER - 8 + len(data), b"WAVE", b"fmt ", 16, _PCM,
                       samples.shape[1], rate, rate * frame, frame, 16, b"data", len(data)) + data
