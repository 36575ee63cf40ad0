"""CIFAR-10: from a zip file of images, from the binary archive, by download, and errors of invalid files."""
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
from data_tools import data_folder, needs_data

from fastnet import datasets
from fastnet.datasets import cifar


@needs_data("cifar10")
def test_cifar10():
    pytest.importorskip("PIL.Image")
    (x_train, y_train), (x_test, y_test) = datasets.cifar10(root=data_folder() / "cifar10", download=False)
    assert x_train.shape[1:] == x_test.shape[1:] == (32, 32, 3)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    assert len(set(np.bincount(y_train))) == len(set(np.bincount(y_test))) == 1
    assert np.abs(x_train.mean((0, 1, 2)) - [125.3, 123.0, 113.9]).max() < 2    # the mean colour of the whole set


def zip_of_pictures(path, pictures):
    """Write a zip file of PNG images {name: (height, width)}, each of one grey value."""
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for grey, (name, size) in enumerate(pictures.items()):
            file = io.BytesIO()
            image.fromarray(np.full((*size, 3), grey, np.uint8)).save(file, "png")
            archive.writestr(name, file.getvalue())


def test_cifar10_from_a_zip_file(elsewhere, tmp_path, monkeypatch):
    names = ["train/truck/1.png", "train/cat/2.png", "train/cat/1.png", "test/dog/1.png", "notes.txt"]
    zip_of_pictures(tmp_path / "data" / "cifar10" / "cifar10-part.zip", dict.fromkeys(names, (32, 32)))
    monkeypatch.setenv("FASTNET_DATA", str(tmp_path / "data"))
    (x, y), (x_test, y_test) = datasets.cifar10(download=False)
    assert x[:, 0, 0, 0].tolist() == [2, 1, 0]
    assert y.tolist() == [3, 3, 9]
    assert y_test.tolist() == [5] and x_test.shape == (1, 32, 32, 3)


@pytest.mark.parametrize(("names", "message"), [
    ({"train/cat/1.png": (32, 32)}, r"expected images test/<class>/\*\.jpg, got none"),
    ({"train/eel/1.png": (32, 32)}, r"expected folders of the classes airplane, .*, got 'train/eel/1\.png'"),
    ({"train/cat/1.png": (32, 30)}, r"expected images of 32 x 32 pixels, got 32 x 30 in train/cat/1\.png")])
def test_wrong_zip_files(elsewhere, tmp_path, names, message):
    zip_of_pictures(tmp_path / "cifar10.zip", names)
    with pytest.raises(ValueError, match=rf"cifar10\.zip: {message}"):
        datasets.cifar10(root=tmp_path)


def test_damaged_zip_files(elsewhere, tmp_path):
    pytest.importorskip("PIL.Image")
    path = tmp_path / "cifar10.zip"
    path.write_bytes(b"PK\3\4 not a zip file")
    with pytest.raises(ValueError, match=r"cifar10\.zip: expected a complete zip file"):
        datasets.cifar10(root=tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/cat/1.jpg", b"no picture")
    with pytest.raises(ValueError, match=r"cannot read train/cat/1\.jpg as an image"):
        datasets.cifar10(root=tmp_path)


@pytest.fixture
def archive(monkeypatch):
    """The binary archive made small: (its contents, {file: records})."""
    monkeypatch.setattr(cifar, "RECORDS", 2)
    rng, file, records = np.random.default_rng(0), io.BytesIO(), {}
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name in cifar.BATCHES:
            records[name] = rng.integers(0, 10, (2, 3073)).astype(np.uint8)
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = records[name].size
            tar.addfile(member, io.BytesIO(records[name].tobytes()))
    monkeypatch.setattr(cifar, "ARCHIVE_DIGEST", hashlib.md5(file.getvalue()).hexdigest())
    return file.getvalue(), records


def test_cifar10_download(archive, elsewhere, mirror):
    contents, records = archive
    (mirror / cifar.ARCHIVE).write_bytes(contents)
    for download in (True, False):                          # from the mirror, then from the cache
        (x, y), (x_test, y_test) = datasets.cifar10(download=download)
        assert x.shape == (10, 32, 32, 3) and x_test.shape == (2, 32, 32, 3)
        assert x.flags.c_contiguous and y.dtype == np.int64
        assert y.tolist() == [row[0] for name in cifar.BATCHES[:5] for row in records[name]]
        np.testing.assert_array_equal(x_test[1, 3, 4], records["test_batch.bin"][1, 1 + 3 * 32 + 4::1024])
        assert y_test.tolist() == records["test_batch.bin"][:, 0].tolist()


def test_wrong_archives(archive, elsewhere, mirror):
    with pytest.raises(FileNotFoundError, match=r"(?s)put this file\n    cifar-10-binary\.tar\.gz\ninto.*in cifar10/"):
        datasets.cifar10(download=False)
    (mirror / cifar.ARCHIVE).write_bytes(archive[0][:-1])
    with pytest.raises(OSError, match=r"(?s)CIFAR-10 could not be downloaded:.*with the MD5"):
        datasets.cifar10()
    assert list((elsewhere / "cifar10").iterdir()) == []
