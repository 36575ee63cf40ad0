"""The spoken digits: from a zip file or a folder, damaged and missing files, and the real data set."""
import zipfile

import numpy as np
import pytest
from data_tools import data_folder, needs_data

from fastnet import datasets
from fastnet._io.wav import wav_bytes


def recordings(rate=8000, channels=1):
    """{name: contents}: two speakers, two digits, recordings 0, 4, 5 and 10; the number is the samples' value."""
    return {f"{digit}_{speaker}_{n}.wav": wav_bytes(np.full((20 + n, channels), n, np.int16), rate)
            for digit in (3, 7) for speaker in ("ann", "bob") for n in (0, 4, 5, 10)}


def check(split):
    (x, y), (x_test, y_test) = split
    assert x.dtype == np.int16 and y.dtype == np.int64
    assert x.shape == (8, 25) and y.tolist() == [3] * 4 + [7] * 4
    assert x[:, 0].tolist() == [5, 10] * 4 and x_test[:, 0].tolist() == [0, 4] * 4
    assert x_test[1].tolist() == [4] * 24 + [0] and y_test.tolist() == y.tolist()


def test_zip_and_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for name, contents in recordings().items():
            archive.writestr(f"recordings/{name}", contents)
        archive.writestr("README.md", "other files are ignored")
    check(datasets.fsdd(tmp_path, 25))
    (tmp_path / "recordings").mkdir()
    for name, contents in recordings().items():
        (tmp_path / "recordings" / name).write_bytes(contents)
    (tmp_path / "some.zip").unlink()
    check(datasets.load("fsdd", root=tmp_path, length=25))


def test_some_speakers(tmp_path):
    (tmp_path / "recordings").mkdir()
    for name, contents in recordings().items():
        (tmp_path / "recordings" / name).write_bytes(contents)
    (x, y), (_, y_test) = datasets.fsdd(tmp_path, 25, speakers=["bob"])
    assert y.tolist() == y_test.tolist() == [3, 3, 7, 7] and x[:, 0].tolist() == [5, 10, 5, 10]
    with pytest.raises(ValueError, match="unknown speaker 'bop'; did you mean 'bob'"):
        datasets.fsdd(tmp_path, speakers=["ann", "bop"])


def test_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"recordings are missing\.\n.*\n.*recordings.zip"):
        datasets.fsdd(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match=r"a\.zip: expected a complete zip file"):
        datasets.fsdd(tmp_path)
    for bad, message in ((recordings(rate=16000), "at 16000 Hz"), (recordings(channels=2), "2 of 16 bits")):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name, contents in bad.items():
                archive.writestr(name, contents)
        with pytest.raises(ValueError, match=f"3_ann_0.wav: expected one channel of 16-bit samples .*{message}"):
            datasets.fsdd(tmp_path)


@needs_data("fsdd")
def test_the_real_data_set():
    (x, y), (x_test, y_test) = datasets.fsdd(data_folder() / "fsdd")
    assert x.shape == (2700, 8000) and x_test.shape == (300, 8000)
    assert np.bincount(y).tolist() == [270] * 10 and np.bincount(y_test).tolist() == [30] * 10
