"""Small real data sets as NumPy arrays: `(x_train, y_train), (x_test, y_test)`, uint8 pictures and int64 labels."""
import gzip
import hashlib
import math
import os
import sys
import zlib
from pathlib import Path

import numpy as np

from fastnet._core.optional import optional
from fastnet._io.atomic import replacing

# The four files of MNIST: name, shape, and SHA-256 of the uncompressed contents (gzip wrappings differ).
MNIST_FILES = {
    "train-images-idx3-ubyte": (
        (60000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (
        (60000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (
        (10000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (
        (10000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TIMEOUT = 30                            # seconds without a byte, after which the next mirror is asked


def load(name, **options):
    """The data set called `name`: see `names()`.

    Args:
        name: "digits" or "mnist".
        options: what the data set's function takes.

    Returns:
        ((x_train, y_train), (x_test, y_test)): pictures, uint8 (N, height, width), and labels, int64 (N,).

    Raises:
        ValueError: an unknown name.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.load("digits")
        >>> x_train.shape, x_test.shape
        ((1437, 8, 8), (360, 8, 8))
    """
    if name not in _LOADERS:
        raise ValueError(f"unknown data set {name!r}; choose from {', '.join(_LOADERS)}")
    return _LOADERS[name](**options)


def names():
    """The names that `load` knows.

    Example:
        >>> import fastnet
        >>> fastnet.datasets.names()
        ['digits', 'mnist']
    """
    return list(_LOADERS)


# ---- digits ---------------------------------------------------------------------------------------------------------

def digits():
    """scikit-learn's handwritten digits: 1,437 + 360 pictures of 8x8 pixels from 0 to 16.

    The data set has no test set of its own. A fifth is set aside by
    `train_test_split(..., test_size=0.2, stratify=labels, random_state=0)`, so the split is the same every time, each
    digit has its share in both parts, and scikit-learn users can make the same one.

    Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits", https://doi.org/10.24432/C50P49.

    Returns:
        ((x_train, y_train), (x_test, y_test)): pictures, uint8 (N, 8, 8), and labels, int64 (N,).

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

def mnist(root=None, download=True):
    """MNIST: 60,000 + 10,000 handwritten digits of 28x28 pixels.

    The four IDX files, plain or gzip, are read from `root` if it is given, else from `$FASTNET_DATA/mnist` or the
    user's cache folder; what is missing is downloaded (into `root`, else the cache). Every file's contents are checked
    against a SHA-256 sum, so a damaged or another data set's file is never taken for MNIST. LeCun et al. 1998,
    https://doi.org/10.1109/5.726791.

    Args:
        root: the folder with the files.
        download: fetch missing files; False: raise instead.

    Returns:
        ((x_train, y_train), (x_test, y_test)): pictures, uint8 (N, 28, 28), and labels, int64 (N,).

    Raises:
        ValueError: a file is truncated, no IDX file, or not MNIST's.
        OSError: a file is missing and could not be fetched; the message says what to put where.
        ImportError: a file is missing and pooch, which fetches it, is not installed.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.mnist()  # doctest: +SKIP
        >>> x_train.shape, x_test.shape                                      # doctest: +SKIP
        ((60000, 28, 28), (10000, 28, 28))
    """
    folders = [Path(root)] if root is not None else _folders("mnist")
    paths = {name: _find(folders, name) for name in MNIST_FILES}
    missing = [name for name, path in paths.items() if path is None]
    if missing and not download:
        raise FileNotFoundError("MNIST is not here\n" + _what_to_put_where(missing, folders))
    for name in missing:
        paths[name] = _download(name, folders[-1], _what_to_put_where(missing, folders))
    arrays = [_read_mnist(paths[name], name) for name in MNIST_FILES]
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))


def _read_mnist(path, name):
    """The array in one of MNIST's files, after every check."""
    shape, digest = MNIST_FILES[name]
    contents = _contents(path)
    array = _parse_idx(contents, path)
    if array.shape != shape:
        raise ValueError(f"{path} is not MNIST's {name}: its shape is {array.shape}, expected {shape}")
    _check_digest(contents, digest, path)
    return array


def _check_digest(contents, digest, where):
    got = hashlib.sha256(contents).hexdigest()
    if got != digest:
        raise ValueError(f"{where} is not MNIST's: the SHA-256 of its contents is {got}, expected {digest}")


def _what_to_put_where(missing, folders):
    """Instructions for someone without a network."""
    lines = [f"To use MNIST without a network, put {'this file' if len(missing) == 1 else 'these files'}, plain or "
             "gzip (.gz),", *(f"    {name}" for name in missing), "into", *(f"    {folder}" for folder in folders)]
    if len(folders) > 1:
        lines[-len(folders) - 1] = "into one of"
    if "FASTNET_DATA" not in os.environ:
        lines.append("or point FASTNET_DATA at a folder that has them in mnist/.")
    return "\n".join(lines)


# ---- where data is --------------------------------------------------------------------------------------------------

def cache_folder():
    """Where downloaded data is kept: a folder `fastnet` in the user's cache."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fastnet"


def _folders(name):
    """The folders in which a data set is looked for; a download goes to the last."""
    folders = [cache_folder() / name]
    data = os.environ.get("FASTNET_DATA")
    if data:
        if not Path(data).is_dir():
            raise FileNotFoundError(f"FASTNET_DATA is {data!r}, which is no folder")
        folders.insert(0, Path(data) / name)
    return folders


def _find(folders, name):
    """The first file of this name, plain or gzip, or None. Some copies are called images.idx3 for images-idx3."""
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (folder / (spelling + end) for folder in folders for spelling in spellings for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _download(name, folder, instructions):
    """Fetch a gzip file from the first mirror that has the right contents; returns its path."""
    try:
        pooch = optional("pooch", "downloading MNIST")
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

def read_idx(path):
    """The array in an IDX file of unsigned bytes, plain or gzip.

    The file is a magic number (two zero bytes, the type 8 for unsigned bytes, the number of dimensions), each
    dimension as a big-endian 32-bit integer, then the bytes.

    Raises:
        ValueError: the file is no such file, or is cut off, or has bytes to spare.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
        ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
        ...     fastnet.datasets.read_idx(path)
        array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    return _parse_idx(_contents(path), path)


def _contents(path):
    raw = path.read_bytes()
    return _gunzip(raw, path) if raw[:2] == b"\x1f\x8b" else raw


def _gunzip(raw, where):
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as e:
        raise ValueError(f"{where} is no whole gzip file: {e}") from e


def _parse_idx(contents, path):
    if len(contents) < 4 or contents[:2] != b"\0\0":
        raise ValueError(f"{path} is no IDX file: it begins with 0x{contents[:4].hex()}, expected 0x0000, then a type "
                         "and the number of dimensions")
    kind, ndim = contents[2], contents[3]
    if kind != 8:
        raise ValueError(f"{path} is an IDX file of type 0x{kind:02x}, expected 0x08 (unsigned bytes)")
    start = 4 + 4 * ndim
    if len(contents) < start:
        raise ValueError(f"{path} is cut off: {len(contents)} bytes, expected {start} of header for {ndim} dimensions")
    shape = tuple(int(n) for n in np.frombuffer(contents, ">u4", ndim, offset=4))
    expected = start + math.prod(shape)
    if len(contents) != expected:
        what = "is cut off" if len(contents) < expected else "has bytes to spare"
        raise ValueError(f"{path} {what}: {len(contents)} bytes, expected {expected} for the shape {shape}")
    return np.frombuffer(contents, np.uint8, offset=start).reshape(shape).copy()


_LOADERS = {"digits": digits, "mnist": mnist}
