"""Images from files, read with Pillow."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.optional import optional
from fastnet._core.reprs import repr_of
from fastnet.data.dataset import TensorDataset

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["PICTURE_ENDINGS", "ImageFolder", "read_picture"]

# Pillow knows more formats, some of which start other programs; only these are read.
_FORMATS: dict[str, tuple[str, ...]] = {
    "PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "BMP": (".bmp",), "GIF": (".gif",), "PPM": (".pgm", ".ppm"),
    "TIFF": (".tif", ".tiff"), "WEBP": (".webp",)}
PICTURE_ENDINGS: tuple[str, ...] = tuple(ending for endings in _FORMATS.values() for ending in endings)
# A file of kilobytes can unpack to gigabytes; reading an image of this size takes up to 1 GB.
_MOST_PIXELS = 64_000_000
_LONGEST_SIDE = 65_535                  # JPEG's limit; resizing takes tables as long as a side
_BAND = 256                             # rows of a transparent image that are put on white at once
_PURPOSE = "reading pictures"           # for the error if Pillow is not installed


def read_picture(path: StrPath, size: int | Sequence[int] | None = None, grey: bool = False) -> Array:
    """Read an image file as an array of bytes.

    The image is rotated as its EXIF orientation states. Transparent parts become white. Of an animation, the first
    frame is read.

    Args:
        path: a PNG, JPEG, BMP, GIF, PGM, PPM, TIFF or WebP file.
        size: (height, width), or one number for both, to which the image is resized; by default it is not resized.
        grey: convert to greyscale.

    Returns:
        uint8, (height, width) if grey, else (height, width, 3).

    Raises:
        ValueError: the file is not a readable image, or the image has more than 64 million pixels or more than 65,535
            on a side, which is checked before decoding; the error names the file.
        OSError: the file does not exist.
        ImportError: Pillow is not installed.

    Example:
        >>> import tempfile, numpy as np, fastnet
        >>> from PIL import Image
        >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
        ...     Image.fromarray(np.array([[0, 255]], np.uint8)).save(file)
        ...     file.flush()
        ...     fastnet.data.read_picture(file.name, grey=True)
        array([[  0, 255]], dtype=uint8)
    """
    image = optional("PIL.Image", _PURPOSE)
    shape = _checked_size(size)
    try:
        with image.open(path, formats=tuple(_FORMATS)) as picture:
            return np.array(_converted(picture, shape, grey))
    except (FileNotFoundError, PermissionError, IsADirectoryError, MemoryError):
        raise
    except Exception as e:                              # Pillow raises many kinds of errors for damaged files
        bomb = isinstance(e, image.DecompressionBombError | image.DecompressionBombWarning)     # Pillow's own limit
        reason = _too_large(f"more than {_MOST_PIXELS:,}") if bomb else e
        raise ValueError(f"cannot read {path} as an image: {reason}") from e


def _too_large(pixels: str) -> str:
    return f"it has {pixels} pixels, expected at most {_MOST_PIXELS:,}, and {_LONGEST_SIDE:,} on a side"


def _checked_size(size: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """(height, width) or None."""
    if size is None:
        return None
    shape = (size, size) if isinstance(size, int) else tuple(size)
    if len(shape) != 2 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(f"read_picture: expected size to be (height, width) or one number, got {size}")
    return shape


def _converted(picture: Any, size: tuple[int, ...] | None, grey: bool) -> Any:
    """The image upright, on white, in grey or colour, and resized."""
    image = optional("PIL.Image", _PURPOSE)
    if picture.width * picture.height > _MOST_PIXELS or max(picture.size) > _LONGEST_SIDE:
        raise ValueError(_too_large(f"{picture.width} x {picture.height}"))
    optional("PIL.ImageOps", _PURPOSE).exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I;16"):                 # Pillow's conversion would cut values off at 255
        picture = image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits, expected 8 or 16")
    mode = "L" if grey else "RGB"
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = _on_white(picture, mode)
    if picture.mode != mode:                            # convert() always copies
        picture = picture.convert(mode)
    if size is not None and picture.size != size[::-1]:
        picture = picture.resize(size[::-1], image.Resampling.BILINEAR)      # uses all pixels of the source
    return picture


def _on_white(picture: Any, mode: str) -> Any:
    """Put a transparent image on white, some rows at a time: copies of the whole image could take gigabytes."""
    image = optional("PIL.Image", _PURPOSE)
    made = image.new(mode, picture.size)
    for top in range(0, picture.height, _BAND):
        above = picture.crop((0, top, picture.width, min(top + _BAND, picture.height))).convert("RGBA")
        white = image.new("RGBA", above.size, "white")
        made.paste(image.alpha_composite(white, above).convert(mode), (0, top))
    return made


class ImageFolder(TensorDataset):
    """A dataset in memory from a folder with one subfolder of images per class: folder/class/image.png.

    Classes and images are sorted by name, so their order is the same on every machine. Images in deeper subfolders
    belong to the class, too. Hidden files and files of other kinds are ignored.

    Args:
        root: the folder.
        size, grey: as for `read_picture`; without a size all images must have the same size.
        classes: names of the classes in the order of their numbers, as a model knows them; by default the names of the
            subfolders, sorted.

    Attributes:
        arrays: the images, uint8 (N, height, width) or (N, height, width, 3), and the class numbers, int64 (N,).
        classes: the names of the classes.
        paths: the paths of the files.

    Raises:
        ValueError: an image that cannot be read or has another size (the error names it), a subfolder of an unknown
            class, a class without images, or no subfolders.
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

    def __init__(self, root: StrPath, size: int | Sequence[int] | None = None, grey: bool = False,
                 classes: Iterable[str] | None = None) -> None:
        found = _by_class(Path(root))
        self.classes = list(found) if classes is None else list(classes)
        _check_class_folders(root, found, self.classes)
        self.paths = [path for paths in found.values() for path in paths]
        labels = [self.classes.index(name) for name, paths in found.items() for _ in paths]
        super().__init__(_read_all(self.paths, size, grey), np.array(labels, np.int64))

    def __repr__(self) -> str:
        return repr_of(self, images=len(self), size=self.arrays[0].shape[1:], classes=self.classes)


def _by_class(root: Path) -> dict[str, list[Path]]:
    """The paths of the images of each class, sorted."""
    if not root.is_dir():
        raise (NotADirectoryError if root.exists() else FileNotFoundError)(
            f"{root}: expected a folder with one subfolder of images per class, got "
            f"{'a file' if root.exists() else 'no such folder'}")
    folders = sorted((f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".")), key=lambda f: f.name)
    if not folders:
        raise ValueError(f"{root}: expected a subfolder of images for each class, got a folder without subfolders")
    found = {folder.name: sorted(_pictures_in(folder), key=lambda path: path.parts) for folder in folders}
    empty = [name for name, paths in found.items() if not paths]
    if empty:
        raise ValueError(f"{root}: expected images ({', '.join(PICTURE_ENDINGS)}) of each class, got none of "
                         f"{', '.join(map(repr, empty))}")
    return found


def _pictures_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_ENDINGS and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _check_class_folders(root: StrPath, found: Mapping[str, object], classes: Sequence[str]) -> None:
    unknown = [name for name in found if name not in classes]
    if unknown:
        raise ValueError(f"{root}: expected subfolders of the classes {', '.join(map(repr, classes))}, got "
                         f"{', '.join(map(repr, unknown))}")


def _read_all(paths: Sequence[Path], size: int | Sequence[int] | None, grey: bool) -> Array:
    first = read_picture(paths[0], size, grey)
    pictures = np.empty((len(paths), *first.shape), np.uint8)
    for place, path in zip(pictures, paths):
        picture = read_picture(path, size, grey)
        if picture.shape != first.shape:
            raise ValueError(f"expected images of one size, got {_size_text(picture)} pixels in {path} and "
                             f"{_size_text(first)} in {paths[0]}; state a size, to which all are resized")
        place[...] = picture
    return pictures


def _size_text(picture: Array) -> str:
    return f"{picture.shape[0]} x {picture.shape[1]}"
