"""CIFAR-10, from its binary archive or from a zip file of JPEG images."""
from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.optional import optional
from fastnet.datasets.files import check_digest, download, folders_of, instructions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array, StrPath
    from fastnet.datasets.files import Split

__all__ = ["ARCHIVE", "CIFAR10_CLASSES", "cifar10"]

CIFAR10_CLASSES: tuple[str, ...] = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_URLS: tuple[str, ...] = (f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}",)
ARCHIVE_DIGEST = "c32a1d4ab5d03f1284b67883e8d87530"     # MD5, published on the data set's page
BATCHES = ("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
           "test_batch.bin")
RECORDS = 10_000                        # in each of the files BATCHES
_TITLE, _FOLDER = "CIFAR-10", "cifar10"
_SIDE = 32
_THREADS = 4                            # that decode JPEG images


def cifar10(root: StrPath | None = None, download: bool = True) -> Split:
    """Load CIFAR-10: colour images of 32x32 pixels in ten classes, `fastnet.datasets.CIFAR10_CLASSES`.

    The data set has 50,000 training and 10,000 test images. It is read from `root` if that is given, else from
    `$FASTNET_DATA/cifar10` or the user's cache folder, in one of two forms:

    - `cifar-10-binary.tar.gz`, the authors' archive, checked against the MD5 sum that they published. It is downloaded
      into `root` or the cache if there is neither form.
    - a zip file `cifar10*.zip` with the images `train/<class>/*.jpg` and `test/<class>/*.jpg` (or PNG), which may be a
      part of the data set. Images are sorted by class and name. Reading it takes Pillow.

    Krizhevsky 2009, "Learning multiple layers of features from tiny images",
    https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf.

    Args:
        root: the folder with the file.
        download: whether to download a missing archive (162 MB); otherwise it is an error.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, 32, 32, 3), and labels, int64 (N,).

    Raises:
        ValueError: a file is damaged or is not CIFAR-10's; the message names the file and the image.
        OSError: no file is there and the archive could not be downloaded; the message says which file to put where.
        ImportError: pooch, which downloads the archive, or Pillow is not installed.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.cifar10()  # doctest: +SKIP
        >>> x_train.shape, x_test.shape                                        # doctest: +SKIP
        ((50000, 32, 32, 3), (10000, 32, 32, 3))
    """
    folders = folders_of(_FOLDER, root)
    for folder in folders:
        if (folder / ARCHIVE).is_file():
            return _read_archive(folder / ARCHIVE)
        for path in sorted(folder.glob("cifar10*.zip")):
            return _read_zip(path)
    hint = instructions(_TITLE, [ARCHIVE], folders)
    if not download:
        raise FileNotFoundError(f"{_FOLDER}: the file of {_TITLE} is missing.\n{hint}")
    return _read_archive(_downloaded(folders[-1] / ARCHIVE, hint))


def _downloaded(path: Path, hint: str) -> Path:
    return download(ARCHIVE_URLS, path, _TITLE, _check_archive, hint)


def _check_archive(contents: bytes, where: object) -> None:
    check_digest(contents, ARCHIVE_DIGEST, _TITLE, where)


# ---- the binary archive ---------------------------------------------------------------------------------------------

def _read_archive(path: Path) -> Split:
    """Read the archive: each record is a byte of label and 3,072 bytes of red, green and blue rows."""
    contents = path.read_bytes()
    _check_archive(contents, path)
    with tarfile.open(fileobj=io.BytesIO(contents), mode="r:gz") as archive:
        parts = {name: _records(archive, name, path) for name in BATCHES}
    train, test = np.concatenate([parts[name] for name in BATCHES[:-1]]), parts[BATCHES[-1]]
    return _split_records(train), _split_records(test)


def _records(archive: tarfile.TarFile, name: str, path: Path) -> Array:
    member: Any = archive.extractfile(f"cifar-10-batches-bin/{name}")
    values = np.frombuffer(member.read(), np.uint8)
    if values.size != RECORDS * (1 + 3 * _SIDE * _SIDE):
        raise ValueError(f"{path}: expected {RECORDS} images in {name}, got {values.size} bytes")
    return values.reshape(RECORDS, -1)


def _split_records(records: Array) -> tuple[Array, Array]:
    images = records[:, 1:].reshape(-1, 3, _SIDE, _SIDE)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)


# ---- a zip file of images -------------------------------------------------------------------------------------------

def _read_zip(path: Path) -> Split:
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_part(archive, "train", path), _read_part(archive, "test", path)
    except zipfile.BadZipFile as e:
        raise ValueError(f"{path}: expected a complete zip file, got {e}") from e


def _read_part(archive: zipfile.ZipFile, part: str, path: Path) -> tuple[Array, Array]:
    """The images of one part, sorted by class and name, and their labels."""
    names = sorted(name for name in archive.namelist()
                   if name.startswith(f"{part}/") and name.endswith((".jpg", ".jpeg", ".png")))
    labels = np.array([_label(name, path) for name in names], np.int64)
    if not names:
        raise ValueError(f"{path}: expected images {part}/<class>/*.jpg, got none")
    contents = [_member(archive, name, path) for name in names]
    return _decoded_images(contents, names, path), labels


def _label(name: str, path: Path) -> int:
    folder = name.split("/")[1]
    if folder not in CIFAR10_CLASSES:
        raise ValueError(f"{path}: expected folders of the classes {', '.join(CIFAR10_CLASSES)}, got {name!r}")
    return CIFAR10_CLASSES.index(folder)


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as e:
        raise ValueError(f"{path}: {name} is damaged: {e}") from e


def _decoded_images(contents: Sequence[bytes], names: Sequence[str], path: Path) -> Array:
    """Decode images in threads: Pillow releases Python's lock."""
    image = optional("PIL.Image", "reading images")
    images = np.empty((len(contents), _SIDE, _SIDE, 3), np.uint8)

    def decode(row: int) -> None:
        try:
            with image.open(io.BytesIO(contents[row]), formats=("JPEG", "PNG")) as opened:
                pixels = np.asarray(opened.convert("RGB"))
        except Exception as e:                          # Pillow raises many kinds of errors for damaged files
            raise ValueError(f"{path}: cannot read {names[row]} as an image: {e}") from e
        if pixels.shape != images.shape[1:]:
            raise ValueError(f"{path}: expected images of {_SIDE} x {_SIDE} pixels, got {pixels.shape[0]} x "
                             f"{pixels.shape[1]} in {names[row]}")
        images[row] = pixels

    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(decode, range(len(contents))):
            pass                                        # raises the first error
    return images
