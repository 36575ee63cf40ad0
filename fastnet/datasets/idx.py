"""MNIST, Fashion-MNIST and KMNIST, which have one form: four IDX files of 60,000 + 10,000 images of 28x28 pixels."""
from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastnet.datasets.files import check_digest, decompressed, download, folders_of, instructions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array, Shape, StrPath
    from fastnet.datasets.files import Split

__all__ = ["FASHION_MNIST", "KMNIST", "MNIST", "IdxFiles", "fashion_mnist", "kmnist", "mnist", "read_idx"]

# The files of a data set and the shapes of their arrays.
SHAPES: dict[str, Shape] = {
    "train-images-idx3-ubyte": (60000, 28, 28), "train-labels-idx1-ubyte": (60000,),
    "t10k-images-idx3-ubyte": (10000, 28, 28), "t10k-labels-idx1-ubyte": (10000,)}


@dataclass
class IdxFiles:
    """Four IDX files.

    Args:
        title: of the data set.
        folder: in `$FASTNET_DATA` and in the cache.
        mirrors: URLs of folders that have the gzip files.
        digests: of the files in SHAPES, in this order: each the SHA-256 of the uncompressed contents, or the MD5 of the
            gzip file, which uncompressed copies are not checked against.
    """
    title: str
    folder: str
    mirrors: tuple[str, ...]
    digests: tuple[str, ...]


MNIST = IdxFiles(
    "MNIST", "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/",
     "https://raw.githubusercontent.com/fgnt/mnist/master/"),
    ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"))
FASHION_MNIST = IdxFiles(
    "Fashion-MNIST", "fashion_mnist",
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
     "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
    ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe", "bef4ecab320f06d8554ea6380940ec79",
     "bb300cfdad3c16e7a12a480ee83cd310"))
KMNIST = IdxFiles(
    "KMNIST", "kmnist", ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    ("bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344", "5c965bf0a639b31b8f53240b1b52f4d7",
     "7320c461ea6c1c855c0b718fb2a4b134"))


def mnist(root: StrPath | None = None, download: bool = True) -> Split:
    """Load MNIST: 60,000 training and 10,000 test images of handwritten digits, 28x28 pixels.

    The four IDX files, plain or gzip, are read from `root` if it is given, else from `$FASTNET_DATA/mnist` or the
    user's cache folder. Missing files are downloaded into `root` or the cache. The contents of each file are checked
    against a SHA-256 sum, so a damaged file or one of another data set raises an error. LeCun et al. 1998,
    https://doi.org/10.1109/5.726791.

    Args:
        root: the folder with the files.
        download: whether to download missing files; otherwise they are an error.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, 28, 28), and labels, int64 (N,).

    Raises:
        ValueError: a file is truncated, is not an IDX file, or is not MNIST's.
        OSError: a file is missing and could not be downloaded; the message says which files to put where.
        ImportError: a file is missing and pooch, which downloads it, is not installed.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.mnist()  # doctest: +SKIP
        >>> x_train.shape, x_test.shape                                      # doctest: +SKIP
        ((60000, 28, 28), (10000, 28, 28))
    """
    return _load_idx(MNIST, root, download)


def fashion_mnist(root: StrPath | None = None, download: bool = True) -> Split:
    """Load Fashion-MNIST: 60,000 training and 10,000 test images of clothes in ten classes, 28x28 pixels.

    The classes are T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and ankle boot. Files are found
    and downloaded as by `mnist`, from the folder `fashion_mnist`. A gzip file must have the MD5 sum that the authors
    published; of an uncompressed file only the shape is checked. Xiao, Rasul and Vollgraf 2017,
    https://arxiv.org/abs/1708.07747.

    Args:
        root, download: see `mnist`.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, 28, 28), and labels, int64 (N,).

    Raises:
        ValueError, OSError, ImportError: see `mnist`.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.fashion_mnist()  # doctest: +SKIP
        >>> x_train.shape, x_test.shape                                              # doctest: +SKIP
        ((60000, 28, 28), (10000, 28, 28))
    """
    return _load_idx(FASHION_MNIST, root, download)


def kmnist(root: StrPath | None = None, download: bool = True) -> Split:
    """Load Kuzushiji-MNIST: 60,000 training and 10,000 test images of ten Japanese characters, 28x28 pixels.

    The classes are o, ki, su, tsu, na, ha, ma, ya, re and wo. Files are found, checked and downloaded as by
    `fashion_mnist`, from the folder `kmnist`. Clanuwat et al. 2018, https://arxiv.org/abs/1812.01718.

    Args:
        root, download: see `mnist`.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, 28, 28), and labels, int64 (N,).

    Raises:
        ValueError, OSError, ImportError: see `mnist`.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.kmnist()  # doctest: +SKIP
        >>> x_train.shape, x_test.shape                                       # doctest: +SKIP
        ((60000, 28, 28), (10000, 28, 28))
    """
    return _load_idx(KMNIST, root, download)


def _load_idx(files: IdxFiles, root: StrPath | None, may_download: bool) -> Split:
    """Find, download and read the files of a data set."""
    folders = folders_of(files.folder, root)
    found = {name: _find(folders, name) for name in SHAPES}
    missing = [name for name, path in found.items() if path is None]
    hint = instructions(files.title, missing, folders) if missing else ""
    if missing and not may_download:
        raise FileNotFoundError(f"{files.folder}: the files of {files.title} are missing.\n{hint}")
    arrays = [_read_file(path or _download_file(files, name, digest, folders[-1], hint), name, files.title, digest)
              for (name, path), digest in zip(found.items(), files.digests)]
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))


def _download_file(files: IdxFiles, name: str, digest: str, folder: Path, hint: str) -> Path:
    """Download one of the files, as gzip; returns its path."""
    def check(contents: bytes, url: str) -> None:
        check_digest(contents, digest, files.title, url)
    return download([f"{mirror}{name}.gz" for mirror in files.mirrors], folder / f"{name}.gz", files.title, check, hint)


def _find(folders: Sequence[Path], name: str) -> Path | None:
    """The first file of this name, plain or gzip, or None. Some copies have names with images.idx3 for images-idx3."""
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (folder / (spelling + end) for folder in folders for spelling in spellings for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _read_file(path: Path, name: str, title: str, digest: str) -> Array:
    """Read and check one of the files."""
    raw = path.read_bytes()
    contents = decompressed(raw, path)
    array = _parse_idx(contents, path)
    if array.shape != SHAPES[name]:
        raise ValueError(f"{path}: expected {title}'s {name} of shape {SHAPES[name]}, got an array of shape "
                         f"{array.shape}")
    if len(digest) == 64 or raw is not contents:
        check_digest(raw, digest, title, path)
    return array


def read_idx(path: StrPath) -> Array:
    """Read an IDX file of unsigned bytes, plain or gzip, as an array.

    The file consists of a magic number (two zero bytes, the type 8 for unsigned bytes, the number of dimensions), each
    dimension as a big-endian 32-bit integer, and the values.

    Raises:
        ValueError: the file is not an IDX file of unsigned bytes, is truncated, or has surplus bytes.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
        ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
        ...     fastnet.datasets.read_idx(path)
        array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    return _parse_idx(decompressed(path.read_bytes(), path), path)


def _parse_idx(contents: bytes, path: Path) -> Array:
    if len(contents) < 4 or contents[:2] != b"\0\0":
        raise ValueError(f"{path}: expected an IDX file, which begins with 0x0000, a type and the number of "
                         f"dimensions, got 0x{contents[:4].hex()}")
    kind, ndim = contents[2], contents[3]
    if kind != 8:
        raise ValueError(f"{path}: expected an IDX file of type 0x08 (unsigned bytes), got type 0x{kind:02x}")
    start = 4 + 4 * ndim
    if len(contents) < start:
        raise ValueError(f"{path} is truncated: expected {start} bytes of header for {ndim} dimensions, got "
                         f"{len(contents)}")
    shape = tuple(int(n) for n in np.frombuffer(contents, ">u4", ndim, offset=4))
    expected = start + math.prod(shape)
    if len(contents) != expected:
        what = "is truncated" if len(contents) < expected else "has surplus bytes"
        raise ValueError(f"{path} {what}: expected {expected} bytes for the shape {shape}, got {len(contents)}")
    return np.frombuffer(contents, np.uint8, offset=start).reshape(shape).copy()
