"""Folders of images, read into memory or decoded batch by batch."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.reprs import repr_of
from fastnet.data.dataset import TensorDataset
from fastnet.data.pictures import PICTURE_ENDINGS, read_picture

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, StrPath
    from fastnet._core.tensor import Tensor

__all__ = ["ImageFolder", "PictureFiles", "check_class_folders", "class_folders", "files_by_class",
           "pictures_by_class"]

_MOST_IN_MEMORY = 1 << 30               # bytes of images; larger folders are decoded batch by batch
_DECODING_THREADS = 8                       # that decode images
_MACOS_FOLDER = "__MACOSX"              # of archives that macOS made: its files describe those of the other folders


class PictureFiles:
    """Image files seen as an array: `files[rows]` reads these images, in threads.

    Pillow decodes without holding Python's lock, so a loader that prepares batches in advance keeps all cores busy.

    Args:
        paths: of the files.
        read: a function from a path to an array, uint8, of one shape for all files.
        shape: of an image.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.folders import PictureFiles
        >>> files = PictureFiles(["1", "2"], lambda path: np.full((2, 2), int(path), np.uint8), (2, 2))
        >>> files.shape, files[[1, 0]][:, 0, 0]
        ((2, 2, 2), array([2, 1], dtype=uint8))
    """

    dtype: DType = np.dtype(np.uint8)

    def __init__(self, paths: Sequence[Any], read: Callable[[Any], Array], shape: Sequence[int]) -> None:
        self.paths: Sequence[Any] = paths
        self.shape: tuple[int, ...] = (len(paths), *shape)
        self._function = read

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        chosen = np.arange(len(self))[rows]
        if not chosen.ndim:
            return self._function(self.paths[chosen])
        made = np.empty((len(chosen), *self.shape[1:]), np.uint8)

        def read(place: int) -> None:
            made[place] = self._function(self.paths[chosen[place]])
        for _ in _in_threads(read, range(len(chosen))):
            pass                        # raises the first error
        return made


def _in_threads(function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    """The results of a function for each item, in order, computed by several threads."""
    with ThreadPoolExecutor(min(_DECODING_THREADS, os.cpu_count() or 1, max(len(items), 1))) as threads:
        yield from threads.map(function, items)


class ImageFolder(TensorDataset):
    """A dataset from a folder with one subfolder of images per class: folder/class/image.png.

    Classes and images are sorted by name, so their order is the same on every machine. Images in deeper subfolders
    belong to the class, too. Hidden files and files of other kinds are ignored. Images are decoded by several threads:
    all of them now, or each batch when it is used.

    Args:
        root: the folder.
        size, grey, crop: as for `read_picture`; without a size all images must have the same size. With `crop`, images
            of different proportions are not distorted.
        classes: names of the classes in the order of their numbers, as a model knows them; by default the names of the
            subfolders, sorted.
        lazy: decode images when they are used, instead of keeping all of them in memory; this takes a size. None: if
            they would take more than 1 GiB.
        skip_unreadable: leave out files that cannot be read as images, instead of raising an error. All files are
            decoded once to find these.

    Attributes:
        arrays: the images, uint8 (N, height, width) or (N, height, width, 3), and the class numbers, int64 (N,). If
            lazy, the images are an object that reads rows: `arrays[0][rows]`.
        classes: the names of the classes.
        paths: the paths of the files.
        skipped: {path: reason} of the files that were left out.

    Raises:
        ValueError: an image that cannot be read or has another size (the error names it), a subfolder of an unknown
            class, a class without images, or no subfolders. If lazy, also when an image is used.
        OSError: the folder does not exist.
        ImportError: Pillow is not installed.

    Example:
        >>> import pathlib, tempfile, numpy as np, fastnet
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, grey in (("light", 255), ("dark", 0)):
        ...         pathlib.Path(folder, name).mkdir()
        ...         Image.fromarray(np.full((4, 4), grey, np.uint8)).save(f"{folder}/{name}/a.png")
        ...     data = fastnet.data.ImageFolder(folder, size=(2, 2), grey=True)
        >>> data
        ImageFolder(images=2, size=(2, 2), classes=['dark', 'light'])
        >>> data.arrays[0][:, 0], data.targets
        (array([[  0,   0],
               [255, 255]], dtype=uint8), array([0, 1]))
    """

    classes: list[str]
    paths: list[Path]
    skipped: dict[Path, str]

    def __init__(self, root: StrPath, size: int | Sequence[int] | None = None, grey: bool = False,
                 classes: Iterable[str] | None = None, *, crop: bool = False, lazy: bool | None = None,
                 skip_unreadable: bool = False) -> None:
        found = pictures_by_class(Path(root))
        self.classes = list(found) if classes is None else list(classes)
        check_class_folders(root, found, self.classes)
        if lazy and size is None:
            raise ValueError("ImageFolder: lazy images need a size, to which all are resized")
        self.paths = [path for paths in found.values() for path in paths]
        self.skipped = {}
        labels = np.array([self.classes.index(name) for name, paths in found.items() for _ in paths], np.int64)
        read = partial(read_picture, size=size, grey=grey, crop=crop)
        first = _first_picture(root, self.paths, read, skip_unreadable)
        files = PictureFiles(self.paths, partial(_of_size, first=first, read=read), first[1].shape)
        self._lazy = lazy if lazy is not None else size is not None and np.prod(files.shape) > _MOST_IN_MEMORY
        if skip_unreadable:
            files, labels = self._readable(root, files, labels)
        if self._lazy:
            self.arrays, self._length = (files, labels), len(labels)
        else:
            super().__init__(files[:], labels)

    def _readable(self, root: StrPath, files: PictureFiles, labels: Array) -> tuple[Any, Array]:
        """The files that can be read, in memory unless lazy, and their labels."""
        kept: list[int] = []
        images: list[Array] = []
        for row, (picture, reason) in enumerate(_in_threads(lambda row: _or_reason(files, row), range(len(files)))):
            if picture is None:
                self.skipped[self.paths[row]] = reason
                continue
            kept.append(row)
            if not self._lazy:
                images.append(picture)
        lost = sorted(set(labels.tolist()) - set(labels[kept].tolist()))
        if lost:
            raise ValueError(f"{root}: none of the images of {', '.join(repr(self.classes[i]) for i in lost)} can be "
                             f"read; the first: {next(iter(self.skipped.values()))}")
        self.paths = [self.paths[row] for row in kept]
        readable = PictureFiles(self.paths, files._function, files.shape[1:])
        return (readable if self._lazy else np.stack(images)), labels[kept]

    def take(self, rows: Array) -> tuple[Tensor, ...]:
        """The samples with these row numbers; see `TensorDataset.take`."""
        if not self._lazy:
            return super().take(rows)
        return tuple(from_numpy(array[rows]) for array in self.arrays)

    def __repr__(self) -> str:
        return repr_of(self, images=len(self), size=self.arrays[0].shape[1:], classes=self.classes)


def _or_reason(files: PictureFiles, row: int) -> tuple[Array | None, str]:
    """An image, or None and the reason why it cannot be read."""
    try:
        return files[row], ""
    except (ValueError, OSError) as e:
        return None, str(e)


def pictures_by_class(root: Path) -> dict[str, list[Path]]:
    """The paths of the images of each class, sorted.

    Args:
        root: a folder with a subfolder for each class.

    Raises:
        ValueError, OSError: see `files_by_class`.
    """
    return files_by_class(root, PICTURE_ENDINGS, "images")


def files_by_class(root: Path, endings: Sequence[str], noun: str) -> dict[str, list[Path]]:
    """The paths of the files of each class, sorted.

    Args:
        root: a folder with a subfolder for each class.
        endings: of the files, in lower case; others are ignored.
        noun: name of the files, for errors.

    Raises:
        ValueError: no subfolders, or a subfolder without such files.
        OSError: the folder does not exist.
    """
    if not root.is_dir():
        raise (NotADirectoryError if root.exists() else FileNotFoundError)(
            f"{root}: expected a folder with one subfolder of {noun} per class, got "
            f"{'a file' if root.exists() else 'no such folder'}")
    folders = class_folders(root)
    if not folders:
        raise ValueError(f"{root}: expected a subfolder of {noun} for each class, got a folder without subfolders")
    found = {folder.name: sorted(_files_in(folder, endings), key=lambda path: path.parts) for folder in folders}
    empty = [name for name, paths in found.items() if not paths]
    if empty:
        raise ValueError(f"{root}: expected {noun} ({', '.join(endings)}) of each class, got none of "
                         f"{', '.join(map(repr, empty))}")
    return found


def class_folders(root: Path) -> list[Path]:
    """The subfolders of a folder that are classes, sorted by name: not hidden ones and not "__MACOSX".

    Args:
        root: the folder.
    """
    return sorted((f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".") and f.name != _MACOS_FOLDER),
                  key=lambda f: f.name)


def _files_in(folder: Path, endings: Sequence[str]) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts))


def check_class_folders(root: StrPath, found: Mapping[str, object], classes: Sequence[str]) -> None:
    """Raise if a folder has subfolders of unknown classes.

    Args:
        root: the folder, for the error.
        found: by the names of the subfolders.
        classes: the known names.

    Raises:
        ValueError: unknown classes.
    """
    unknown = [name for name in found if name not in classes]
    if unknown:
        raise ValueError(f"{root}: expected subfolders of the classes {', '.join(map(repr, classes))}, got "
                         f"{', '.join(map(repr, unknown))}")


def _first_picture(root: StrPath, paths: Sequence[Path], read: Callable[[Path], Array],
                   skip_unreadable: bool) -> tuple[Path, Array]:
    """The first image that can be read, which states the size of all, and its path."""
    for path in paths:
        try:
            return path, read(path)
        except (ValueError, OSError):
            if not skip_unreadable:
                raise
    raise ValueError(f"{root}: none of the {len(paths)} images can be read, such as {paths[0]}")


def _of_size(path: Path, first: tuple[Path, Array], read: Callable[[Path], Array]) -> Array:
    """An image, checked to have the size of the first one."""
    picture = read(path)
    if picture.shape != first[1].shape:
        raise ValueError(f"expected images of one size, got {_size_text(picture)} pixels in {path} and "
                         f"{_size_text(first[1])} in {first[0]}; state a size, to which all are resized")
    return picture


def _size_text(picture: Array) -> str:
    return f"{picture.shape[0]} x {picture.shape[1]}"
