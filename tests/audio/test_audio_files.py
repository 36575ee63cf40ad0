"""WAV files of every kind, damaged ones, resampling, and folders of recordings."""
import struct
import sys
import wave

import numpy as np
import pytest

import fastnet
from fastnet import audio
from fastnet._io.wav import parse_wav
from fastnet.audio.folders import holds_recordings

RATE = 8000


def tone(n=400):
    return 0.5 * np.sin(np.arange(n) / 9)


def riff(kind, channels, bits, data, rate=RATE, extra=b"", size=None):
    """A WAV file by hand."""
    frame = channels * bits // 8
    header = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits) + extra
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header + b"LIST\x03\x00\x00\x00abc\x00"
    body += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def stored(x, bits):
    """Numbers within +-1 as samples of so many bits, and their bytes."""
    if bits == 8:
        whole = np.clip(np.rint(x * 128 + 128), 0, 255).astype(np.uint8)
        return whole.tobytes()
    whole = np.clip(np.rint(x * 2.0 ** (bits - 1)), -2.0 ** (bits - 1), 2.0 ** (bits - 1) - 1).astype("<i4")
    return np.ascontiguousarray(whole.view(np.uint8).reshape(-1, 4)[:, :bits // 8]).tobytes()


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2])
def test_integers_of_the_standard_library(bits, channels, tmp_path):
    x = np.stack([tone() * (k + 1) / channels for k in range(channels)], 1)
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, bits // 8, RATE, 0, "NONE", ""))
        file.writeframes(stored(x.reshape(-1), bits))
    signal, rate = audio.load(path)
    assert rate == RATE and signal.shape == (channels, 400) and signal.dtype == fastnet.float32
    np.testing.assert_allclose(signal.numpy(), x.T, atol=0.51 * 2.0 ** (1 - bits) + 1e-7)
    assert audio.load(path, 5, 10, channels_first=False)[0].shape == (10, channels)
    with pytest.raises(ValueError, match="expected frame_offset to be at least 0, got -5"):
        audio.load(path, -5)
    with pytest.raises(ValueError, match="expected num_frames to be at least -1, got -7"):
        audio.load(path, num_frames=-7)


@pytest.mark.parametrize("kind, bits", [(3, 32), (3, 64)])
@pytest.mark.parametrize("extensible", [False, True])
def test_floating_point(kind, bits, extensible):
    x = tone().astype(f"<f{bits // 8}")
    extra = struct.pack("<HHIH14s", 22, bits, 4, kind, b"\0" * 14) if extensible else b""
    recording = parse_wav(riff(0xFFFE if extensible else kind, 1, bits, x.tobytes(), extra=extra), "a.wav")
    np.testing.assert_array_equal(recording.signal()[:, 0], x.astype(np.float32))


def test_soundfile_reads_the_same(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
        soundfile.write(tmp_path / "a.wav", tone(), RATE, subtype)
        expected, _ = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
        np.testing.assert_allclose(audio.load(tmp_path / "a.wav")[0].numpy(), expected.T, atol=1e-7)
    soundfile.write(tmp_path / "a.flac", tone(), RATE)
    np.testing.assert_allclose(audio.load(tmp_path / "a.flac")[0].numpy()[0], tone(), atol=1e-4)
    (tmp_path / "b.flac").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot read it as audio"):
        audio.load(tmp_path / "b.flac")


@pytest.mark.parametrize("law", ["ULAW", "ALAW", "IMA_ADPCM"])
def test_other_samples_of_wav_files_are_read_by_soundfile(law, tmp_path, monkeypatch):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "a.wav", tone(), RATE, law)
    signal, rate = audio.load(tmp_path / "a.wav")
    assert rate == RATE
    np.testing.assert_allclose(signal.numpy()[0, 50:400], tone()[50:], atol=0.03)       # ADPCM begins with an error
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ValueError, match=r"expected samples of 8, .* or floating-point samples, got .*; reading a\.wav "
                                         "needs soundfile: pip install soundfile"):
        audio.load(tmp_path / "a.wav")


SAMPLES = stored(tone(), 16)
DAMAGED = [
    (b"", "expected a WAV file"),
    (b"ID3 something else", "expected a WAV file, got one that begins with b'ID3"),
    (riff(1, 1, 16, SAMPLES)[:100], "is truncated: expected 800 bytes of samples, got 44"),
    (riff(1, 1, 16, SAMPLES)[:30], "is truncated"),
    (riff(1, 1, 16, SAMPLES[:-1]), "is truncated: expected samples of 2 bytes, got 799 bytes"),
    (riff(1, 1, 12, SAMPLES), "got format 1 with 12 bits"),
    (riff(1, 0, 16, SAMPLES), "0 channels"),
    (riff(0x55, 1, 16, SAMPLES), "got MP3 with 16 bits"),
    (b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd", "expected a description of the format"),
]


@pytest.mark.parametrize("contents, message", DAMAGED)
def test_damaged_files(contents, message, tmp_path):
    (tmp_path / "a.wav").write_bytes(contents)
    with pytest.raises(ValueError, match=message):
        audio.load(tmp_path / "a.wav")


def test_any_prefix_of_a_file_is_an_error():
    whole = riff(1, 1, 16, SAMPLES[:40])
    for n in range(len(whole)):
        with pytest.raises(ValueError, match=r"a\.wav"):
            parse_wav(whole[:n], "a.wav")


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_size_that_was_never_written(size):
    assert len(parse_wav(riff(1, 1, 16, SAMPLES, size=size), "a.wav").samples) == 400


def test_one_signal(tmp_path):
    path = tmp_path / "a.wav"
    audio.save(path, fastnet.tensor(np.stack((tone(), -tone()))).float(), RATE)
    with pytest.raises(ValueError, match="expected one channel, got 2; average them with mix=True"):
        audio.load_signal(path)
    assert audio.load_signal(path, mix=True).abs().max().item() < 1e-4
    with pytest.raises(ValueError, match="expected 16000 samples a second, got 8000; convert them with resample=True"):
        audio.load_signal(path, 16000, mix=True)
    with pytest.raises(FileNotFoundError):
        audio.load_signal(tmp_path / "none.wav")


def test_save(tmp_path):
    x = fastnet.tensor(np.stack((tone(), 3 * tone()))).float()
    audio.save(tmp_path / "a.wav", x, RATE)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (2, 2, RATE, 400)
    np.testing.assert_allclose(audio.load(tmp_path / "a.wav")[0].numpy(), np.clip(x.numpy(), -1, 1), atol=4e-5)
    with pytest.raises(ValueError, match=r"ends in \.wav"):
        audio.save(tmp_path / "a.mp3", x, RATE)
    with pytest.raises(ValueError, match="channels, samples"):
        audio.save(tmp_path / "a.wav", x[0], RATE)


@pytest.mark.parametrize("x, rate, error, message", [
    ([[0.1, np.nan], [0, 0]], RATE, ValueError, "save: expected numbers, got NaN in sample 1"),
    (np.zeros((0, 5)), RATE, ValueError, "expected at least 1 channel and 1 Hz.* 5 frames of 0 channels at 8000 Hz"),
    (np.zeros((40_000, 0)), RATE, ValueError, "no more than a WAV file holds, got 0 frames of 40000 channels"),
    ([[0.0]], 0, ValueError, "expected sample_rate to be at least 1, got 0"),
    ([[0.0]], 1 << 31, ValueError, "no more than a WAV file holds, got 1 frames of 1 channels at 2147483648 Hz"),
    ([[0.0]], 8000.5, TypeError, r"expected sample_rate to be a whole number, got 8000\.5")])
def test_signals_that_a_wav_file_cannot_hold(x, rate, error, message, tmp_path):
    with pytest.raises(error, match=message):
        audio.save(tmp_path / "a.wav", fastnet.tensor(np.array(x, np.float32)), rate)
    assert not list(tmp_path.iterdir())


def test_resample():
    pytest.importorskip("soxr")
    x = fastnet.tensor(np.sin(np.arange(16000) / 16000 * 2 * np.pi * 440)[None].repeat(3, 0)).float()
    y = audio.resample(x, 16000, 8000)
    assert y.shape == (3, 8000)
    expected = np.sin(np.arange(8000) / 8000 * 2 * np.pi * 440)
    np.testing.assert_allclose(y.numpy()[1, 500:-500], expected[500:-500], atol=1e-3)
    assert audio.resample(x[0], 8000, 8000).shape == (16000,)
    assert audio.resample(x[:, :0], 16000, 8000).shape == (3, 0)
    with pytest.raises(ValueError, match="positive rates"):
        audio.resample(x, 0, 1)


# ---- folders --------------------------------------------------------------------------------------------------------

def folder_of(root, **files):
    for name, contents in files.items():
        word, _, number = name.partition("_")
        (root / word).mkdir(exist_ok=True)
        (root / word / f"{number}.wav").write_bytes(contents)
    return root


GOOD = riff(1, 1, 16, SAMPLES)


def test_folder(tmp_path):
    quiet = riff(1, 1, 8, stored(tone(), 8))
    data = audio.AudioFolder(folder_of(tmp_path, yes_1=GOOD, no_2=quiet, no_1=GOOD), samples=300)
    assert data.classes == ["no", "yes"] and data.arrays[0].shape == (3, 300) and data.targets.tolist() == [0, 0, 1]
    assert data.arrays[0].dtype == np.int16 and data.sample_rate == RATE
    np.testing.assert_allclose(data.arrays[0][0] / 32768, tone()[:300], atol=1e-4)
    np.testing.assert_allclose(data.arrays[0][1] / 32768, tone()[:300], atol=1e-2)


@pytest.mark.parametrize("bad, message", [
    (riff(1, 2, 16, SAMPLES), "expected one channel, got 2"), (riff(1, 1, 16, SAMPLES, 16000), "expected 8000 samples"),
    (GOOD[:-1], "is truncated")])
def test_folder_with_a_bad_file(bad, message, tmp_path):
    folder_of(tmp_path, no_1=GOOD, yes_1=GOOD, yes_2=bad)
    with pytest.raises(ValueError, match=f"2.wav.*{message}"):
        audio.AudioFolder(tmp_path)
    data = audio.AudioFolder(tmp_path, skip_unreadable=True)
    assert len(data) == 2 and [path.name for path in data.skipped] == ["2.wav"]


def test_folder_of_other_formats(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    folder_of(tmp_path, yes_1=GOOD, no_1=GOOD)
    soundfile.write(tmp_path / "no" / "2.flac", tone(), RATE)
    data = audio.AudioFolder(tmp_path, samples=300)
    np.testing.assert_allclose(data.arrays[0][1] / 32768, tone()[:300], atol=1e-4)


def test_folders_that_hold_recordings(tmp_path):
    folder_of(tmp_path, yes_1=GOOD, yes_2=GOOD, no_1=GOOD)
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "yes" / "cover.jpg").touch()
    for i in range(9):
        (tmp_path / "__MACOSX" / f"{i}.png").touch()
    assert holds_recordings(tmp_path) and len(audio.AudioFolder(tmp_path)) == 3
    for i in range(3):
        (tmp_path / "no" / f"{i}.png").touch()
    assert not holds_recordings(tmp_path) and not holds_recordings(tmp_path / "none")


def test_folder_errors(tmp_path):
    with pytest.raises(ValueError, match="subfolder of recordings"):
        audio.AudioFolder(tmp_path)
    folder_of(tmp_path, no_1=GOOD)
    with pytest.raises(ValueError, match="expected subfolders of the classes 'yes', got 'no'"):
        audio.AudioFolder(tmp_path, classes=["yes"])
    (tmp_path / "yes").mkdir()
    with pytest.raises(ValueError, match=r"expected recordings .* of each class, got none of 'yes'"):
        audio.AudioFolder(tmp_path)
