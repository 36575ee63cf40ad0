"""Data sets: contents, where files are searched, and errors of invalid files."""
import gzip
import hashlib
import struct
import sys

import numpy as np
import pytest
from data_tools import data_folder, needs_data
from dataset_tools import check, idx, put, small_files

from fastnet import datasets
from fastnet._core import optional
from fastnet.datasets import idx as idx_files

# ---- digits ---------------------------------------------------------------------------------------------------------

def test_digits():
    (x_train, y_train), (x_test, y_test) = datasets.digits()
    assert x_train.shape == (1437, 8, 8)
    assert x_test.shape == (360, 8, 8)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    assert y_train.shape == (1437,)
    assert y_test.shape == (360,)
    assert x_train.max() == 16
    assert np.all(np.abs(np.bincount(y_test) - np.bincount(y_train) / 4) < 1)      # each digit has its share


def test_digits_split_is_fixed():
    first, second = datasets.digits(), datasets.digits()
    for a, b in zip(first, second, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))
    (_, _), (_, y_test) = first
    assert y_test[:8].tolist() == [7, 6, 3, 7, 7, 3, 2, 8]


def test_unknown_name():
    assert datasets.names() == ["digits", "mnist", "fashion_mnist", "kmnist", "cifar10", "fsdd"]
    with pytest.raises(ValueError, match=r"unknown data set 'minst'.*; choose from digits, mnist, fashion_mnist"):
        datasets.load("minst")


# ---- MNIST: folders -------------------------------------------------------------------------------------------------

@needs_data("mnist")
def test_mnist():
    (x_train, y_train), (x_test, y_test) = datasets.mnist(root=data_folder() / "mnist", download=False)
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert y_train[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert y_test[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    header = struct.pack(">4I", 0x803, 60000, 28, 28)
    assert hashlib.md5(header + x_train.tobytes()).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"


@pytest.mark.parametrize(("end", "pack"), [("", bytes), (".gz", gzip.compress)])
def test_root(small, elsewhere, tmp_path, end, pack):
    put(tmp_path / "here", small, end, pack)
    check(datasets.mnist(root=tmp_path / "here", download=False), small)
    check(datasets.mnist(root=str(tmp_path / "here")), small)


def test_other_spelling(small, elsewhere, tmp_path):
    put(tmp_path, {name.replace("-idx", ".idx"): data for name, data in small.items()})
    check(datasets.mnist(root=tmp_path), small)


def test_environment(small, elsewhere, tmp_path, monkeypatch):
    put(tmp_path / "data" / "mnist", small)
    monkeypatch.setenv("FASTNET_DATA", str(tmp_path / "data"))
    check(datasets.mnist(download=False), small)


def test_environment_then_cache(small, elsewhere, tmp_path, monkeypatch):
    names = list(small)
    put(tmp_path / "data" / "mnist", {name: small[name] for name in names[:2]})
    put(elsewhere / "mnist", {name: small[name] for name in names[2:]}, ".gz", gzip.compress)
    monkeypatch.setenv("FASTNET_DATA", str(tmp_path / "data"))
    check(datasets.mnist(download=False), small)


def test_environment_names_no_folder(elsewhere, tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNET_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"expected FASTNET_DATA to be a folder, got '.*nowhere'"):
        datasets.mnist()


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert datasets.cache_folder() == tmp_path / "fastnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert datasets.cache_folder() == tmp_path / ".cache" / "fastnet"


def test_absent(small, elsewhere):
    with pytest.raises(FileNotFoundError) as e:
        datasets.mnist(download=False)
    assert all(name in str(e.value) for name in small)
    assert str(elsewhere / "mnist") in str(e.value)
    assert "FASTNET_DATA" in str(e.value)


# ---- MNIST: downloads -----------------------------------------------------------------------------------------------

def test_download(small, elsewhere, mirror, capsys):
    put(mirror, small, ".gz", gzip.compress)
    check(datasets.mnist(), small)
    assert "downloading http://127.0.0.1" in capsys.readouterr().err
    assert sorted(p.name for p in (elsewhere / "mnist").iterdir()) == sorted(f"{name}.gz" for name in small)
    for path in mirror.iterdir():
        path.unlink()
    check(datasets.mnist(), small)      # from the cache


def test_download_into_root(small, elsewhere, mirror, tmp_path):
    put(mirror, small, ".gz", gzip.compress)
    check(datasets.mnist(root=tmp_path / "root"), small)
    assert len(list((tmp_path / "root").iterdir())) == 4
    assert not elsewhere.exists()


@pytest.mark.parametrize("wrong", [b"<html>sign in to the network</html>", gzip.compress(b"something else", mtime=0),
                                   gzip.compress(b"cut off", mtime=0)[:-9]])
def test_download_of_something_else(small, elsewhere, mirror, wrong):
    put(mirror, dict.fromkeys(small, wrong), ".gz")
    with pytest.raises(OSError, match="could not be downloaded") as e:
        datasets.mnist()
    assert "To use MNIST without a network" in str(e.value)
    assert list((elsewhere / "mnist").iterdir()) == []         # nothing half-done stays behind


def test_second_mirror(small, elsewhere, mirror, monkeypatch):
    put(mirror, small, ".gz", gzip.compress)
    [good] = idx_files.MNIST.mirrors
    monkeypatch.setattr(idx_files.MNIST, "mirrors", (f"{good}nowhere/", good))
    check(datasets.mnist(), small)


def test_no_network(small, elsewhere):
    with pytest.raises(OSError, match="could not be downloaded") as e:
        datasets.mnist()
    assert all(name in str(e.value) for name in small)
    assert str(elsewhere / "mnist") in str(e.value)


# ---- Fashion-MNIST and KMNIST ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist"])
def test_sets_in_the_form_of_mnist(name, elsewhere, mirror, monkeypatch):
    """They are downloaded and checked against the MD5 sums of the gzip files."""
    contents = small_files(monkeypatch)
    packed = {key: gzip.compress(value, mtime=0) for key, value in contents.items()}
    sums = tuple(hashlib.md5(value).hexdigest() for value in packed.values())
    monkeypatch.setattr(getattr(idx_files, name.upper()), "digests", sums)
    put(mirror, packed, ".gz")
    check(datasets.load(name), contents)
    assert len(list((elsewhere / name).iterdir())) == 4
    check(datasets.load(name, download=False), contents)        # from the cache
    damaged = elsewhere / name / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(gzip.compress(idx(np.zeros(20)), mtime=0))
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte\.gz: expected a file of .*MNIST with the MD5"):
        datasets.load(name)
    put(elsewhere / "plain", contents)
    check(datasets.load(name, root=elsewhere / "plain"), contents)


def test_the_sums_of_the_authors():
    """Each set has four sums, and no file of one set passes as another's."""
    sums = [digest for s in (idx_files.MNIST, idx_files.FASHION_MNIST, idx_files.KMNIST) for digest in s.digests]
    assert len(set(sums)) == 12


# ---- invalid files --------------------------------------------------------------------------------------------------

PICTURES = np.arange(3 * 4 * 5).reshape(3, 4, 5)
GOOD = idx(PICTURES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_read_idx(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack(GOOD))
    np.testing.assert_array_equal(datasets.read_idx(tmp_path / "a"), PICTURES)


@pytest.mark.parametrize(("contents", "message"), [
    (b"", "expected an IDX file"),
    (b"\x89PNG\r\n", "expected an IDX file, .*, got 0x89504e47"),
    (idx(PICTURES, kind=0x0d), r"type 0x08 .*, got type 0x0d"),
    (GOOD[:9], "truncated: expected 16 bytes .*, got 9"),
    (GOOD[:-1], r"truncated: expected 76 bytes for the shape \(3, 4, 5\), got 75"),
    (GOOD + b"\0", "has surplus bytes: expected 76 bytes .*, got 77"),
    (gzip.compress(GOOD, mtime=0)[:-9], "a complete gzip file"),
    (gzip.compress(GOOD, mtime=0)[:12] + b"\xff" * 40, "a complete gzip file"),
])
def test_wrong_idx(tmp_path, contents, message):
    path = tmp_path / "wrong"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=message) as e:
        datasets.read_idx(path)
    assert str(path) in str(e.value)


def test_other_shape(small, elsewhere, tmp_path):
    put(tmp_path, small | {"t10k-labels-idx1-ubyte": idx(np.zeros(21))})
    with pytest.raises(ValueError, match=r"of shape \(20,\), got an array of shape \(21,\)"):
        datasets.mnist(root=tmp_path)


def test_other_contents(small, elsewhere, tmp_path):
    put(tmp_path, small | {"t10k-labels-idx1-ubyte": idx(np.zeros(20))})
    with pytest.raises(ValueError, match="expected a file of MNIST, whose contents have the SHA-256"):
        datasets.mnist(root=tmp_path)


# ---- optional packages ----------------------------------------------------------------------------------------------

@pytest.fixture
def without(monkeypatch):
    """Make a package impossible to import."""
    def hide(package):
        for name in list(sys.modules):
            if name.partition(".")[0] == package:
                monkeypatch.delitem(sys.modules, name)

        class Blocker:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name.partition(".")[0] == package:
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        monkeypatch.setattr(sys, "meta_path", [Blocker, *sys.meta_path])
    return hide


def test_digits_without_scikit_learn(without):
    without("sklearn")
    with pytest.raises(ImportError, match=r'digits data set needs scikit-learn: pip install scikit-learn$'):
        datasets.digits()


def test_download_without_pooch(without, small, elsewhere):
    without("pooch")
    with pytest.raises(ImportError, match=r'needs pooch: pip install pooch\n') as e:
        datasets.mnist()
    assert "To use MNIST without a network" in str(e.value)


def test_missing_dependency_of_an_optional_package(without, tmp_path, monkeypatch):
    (tmp_path / "with_needs.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        optional.optional("with_needs", "this test")
