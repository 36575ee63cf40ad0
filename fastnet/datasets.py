"""Small data sets as NumPy arrays: `(x_train, y_train), (x_test, y_test)`, images in uint8 and labels in int64."""
from __future__ import annotations

import gzip
import hashlib
import math
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnet._core.optional import optional
from fastnet._io.atomic import replacing

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape, StrPath

__all__ = ["cache_folder", "digits", "load", "mnist", "names", "read_idx"]

Split: TypeAlias = "tuple[tuple[Array, Array], tuple[Array, Array]]"    # (x_train, y_train), (x_test, y_test)

# The four files of MNIST: name, shape, and SHA-256 of the uncompressed contents (compressed files differ).
MNIST_FILES: dict[str, tuple[Shape, str]] = {
    "train-images-idx3-ubyte": (
        (60000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (
        (60000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (
        (10000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (
        (10000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
MNIST_MIRRORS: tuple[str, ...] = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TIMEOUT = 30                            # seconds without data after which the next mirror is tried


def load(name: Literal["digits", "mnist"], **options: Any) -> Split:
    """Load a data set by its name.

    Args:
        name: "digits" or "mnist".
        options: passed on to the function of this name.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, height, width), and labels, int64 (N,).

    Raises:
        ValueError: unknown data set.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.load("digits")
        >>> x_train.shape, x_test.shape
        ((1437, 8, 8), (360, 8, 8))
    """
    if name not in _LOADERS:
        raise ValueError(f"unknown data set {name!r}; choose from {', '.join(_LOADERS)}")
    return _LOADERS[name](**options)


def names() -> list[str]:
    """List the names of the data sets.

    Example:
        >>> import fastnet
        >>> fastnet.datasets.names()
        ['digits', 'mnist']
    """
    return list(_LOADERS)


# ---- digits ---------------------------------------------------------------------------------------------------------

def digits() -> Split:
    """Load scikit-learn's handwritten digits: 1,437 training and 360 test images of 8x8 pixels with values 0 to 16.

    The data set does not come with a test set. A fifth of it is held out by
    `train_test_split(..., test_size=0.2, stratify=labels, random_state=0)`. So the split is always the same, each digit
    has the same share in both parts, and scikit-learn users can reproduce it.

    Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits", https://doi.org/10.24432/C50P49.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, 8, 8), and labels, int64 (N,).

    Raises:
        ImportError: scikit-learn is not installed.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.digits()
        >>> x_train.shape, x_train.dtype, int(x_train.max()), y_test.shape
        ((1437, 8, 8), dtype('uint8'), 16, (360,))
    """
    data = optional("sklearn.datasets", "the digits data set").load_digits()
    split = optional("sklearn.model_selection", "the digits data set").train_test_split
    pictures, labels = data.images.astype(np.uint8), data.target.astype(np.int64)
    x_train, x_test, y_train, y_test = split(pictures, labels, test_size=0.2, stratify=labels, random_state=0)
    return (x_train, y_train), (x_test, y_test)


# ---- MNIST ----------------------------------------------------------------------------------------------------------

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
    folders = [Path(root)] if root is not None else _folders("mnist")
    found = {name: _find(folders, name) for name in MNIST_FILES}
    missing = [name for name, path in found.items() if path is None]
    if missing and not download:
        raise FileNotFoundError("mnist: the files of MNIST are missing\n" + _instructions(missing, folders))
    paths = {name: path or _download(name, folders[-1], _instructions(missing, folders))
             for name, path in found.items()}
    arrays = [_read_mnist(paths[name], name) for name in MNIST_FILES]
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))


def _read_mnist(path: Path, name: str) -> Array:
    """Read and check one of MNIST's files."""
    shape, digest = MNIST_FILES[name]
    contents = _decompressed_file(path)
    array = _parse_idx(contents, path)
    if array.shape != shape:
        raise ValueError(f"{path}: expected MNIST's {name} of shape {shape}, got an array of shape {array.shape}")
    _check_digest(contents, digest, path)
    return array


def _check_digest(contents: bytes, digest: str, where: object) -> None:
    got = hashlib.sha256(contents).hexdigest()
    if got != digest:
        raise ValueError(f"{where}: expected a file of MNIST, whose contents have the SHA-256 {digest}, got {got}")


def _instructions(missing: Sequence[str], folders: Sequence[Path]) -> str:
    """Instructions for a user without a network."""
    lines = [f"To use MNIST without a network, put {'this file' if len(missing) == 1 else 'these files'}, plain or "
             "gzip (.gz),", *(f"    {name}" for name in missing), "into", *(f"    {folder}" for folder in folders)]
    if len(folders) > 1:
        lines[-len(folders) - 1] = "into one of"
    if "FASTNET_DATA" not in os.environ:
        lines.append("or point FASTNET_DATA at a folder that has them in mnist/.")
    return "\n".join(lines)


# ---- where data is --------------------------------------------------------------------------------------------------

def cache_folder() -> Path:
    """The folder for downloaded data: `fastnet` in the user's cache folder."""
    base: StrPath
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fastnet"


def _folders(name: str) -> list[Path]:
    """The folders to search for a data set; downloads go to the last one."""
    folders = [cache_folder() / name]
    data = os.environ.get("FASTNET_DATA")
    if data:
        if not Path(data).is_dir():
            raise FileNotFoundError(f"expected FASTNET_DATA to be a folder, got {data!r}")
        folders.insert(0, Path(data) / name)
    return folders


def _find(folders: Sequence[Path], name: str) -> Path | None:
    """The first file of this name, plain or gzip, or None. Some copies have names with images.idx3 for images-idx3."""
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (folder / (spelling + end) for folder in folders for spelling in spellings for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _download(name: str, folder: Path, instructions: str) -> Path:
    """Download a gzip file from the first mirror that has the right contents; returns its path."""
    try:
        pooch: Any = optional("pooch", "downloading MNIST")
    except ImportError as e:
        raise ImportError(f"{e}\n{instructions}", name=e.name) from e
    path = folder / f"{name}.gz"
    fetch = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT)
    errors = []
    for mirror in MNIST_MIRRORS:
        url = f"{mirror}{name}.gz"
        print(f"downloading {url}", file=sys.stderr)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(path, "w+b") as file:
                fetch(url, file, None)
                file.seek(0)
                _check_digest(_gunzip(file.read(), url), MNIST_FILES[name][1], url)
            return path
        except (OSError, ValueError) as e:
            errors.append(f"    {mirror}: {e}")
    raise OSError("\n".join(["MNIST could not be downloaded:", *errors, instructions]))


# ---- IDX files ------------------------------------------------------------------------------------------------------

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
    return _parse_idx(_decompressed_file(path), path)


def _decompressed_file(path: Path) -> bytes:
    raw = path.read_bytes()
    return _gunzip(raw, path) if raw[:2] == b"\x1f\x8b" else raw


def _gunzip(raw: bytes, where: object) -> bytes:
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as e:
        raise ValueError(f"{where}: expected a complete gzip file, got {e}") from e


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


_LOADERS: dict[str, Callable[..., Split]] = {"digits": digits, "mnist": mnist}


def __dir__() -> list[str]:
    return sorted(__all__)
