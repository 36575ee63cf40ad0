"""Pictures from files, through Pillow."""
from pathlib import Path

import numpy as np

from fastnet._core.optional import optional
from fastnet.data.dataset import TensorDataset

# What is read, and nothing else that Pillow knows: some of its formats start other programs.
FORMATS = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "BMP": (".bmp",), "GIF": (".gif",), "PPM": (".pgm", ".ppm"),
           "TIFF": (".tif", ".tiff"), "WEBP": (".webp",)}
ENDINGS = tuple(ending for endings in FORMATS.values() for ending in endings)
# Some kilobytes can unpack to gigabytes: a picture of this size takes up to 1 GB while it is read.
LARGEST = 64_000_000                    # pixels
LONGEST = 65_535                        # on a side, as JPEG has it: resizing a longer one takes tables as long
_BAND = 256                             # rows of a transparent picture that are put on white at once


def read_picture(path, size=None, grey=False):
    """A picture as an array of bytes.

    It is turned upright as its camera noted; what is transparent is white; of several frames the first is read.

    Args:
        path: a PNG, JPEG, BMP, GIF, PGM, PPM, TIFF or WebP file.
        size: (height, width), or one number for both, to which it is resized; by default it is left as it is.
        grey: one number a pixel rather than red, green and blue.

    Returns:
        uint8, (height, width) if grey, else (height, width, 3).

    Raises:
        ValueError: the file holds no picture that can be read, or one of more than 64 million pixels or 65,535 on a
            side, which is refused before it is decoded; the file is named.
        OSError: there is no such file.
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
    image = optional("PIL.Image", "reading pictures")
    size = _size(size)
    try:
        with image.open(path, formats=tuple(FORMATS)) as picture:
            return np.array(_prepared(picture, size, grey))
    except (FileNotFoundError, PermissionError, IsADirectoryError, MemoryError):
        raise
    except Exception as e:                              # Pillow has many for a file that is damaged
        bomb = isinstance(e, image.DecompressionBombError | image.DecompressionBombWarning)    # beyond its own limit
        reason = _too_large(f"more than {LARGEST:,}") if bomb else e
        raise ValueError(f"{path} is no picture that can be read: {reason}") from e


def _too_large(pixels):
    return f"it has {pixels} pixels, expected at most {LARGEST:,}, and {LONGEST:,} on a side"


def _size(size):
    """(height, width) or None."""
    if size is None:
        return None
    size = (size, size) if isinstance(size, int) else tuple(size)
    if len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
        raise ValueError(f"expected size to be (height, width) or one number, got {size}")
    return size


def _prepared(picture, size, grey):
    image = optional("PIL.Image", "reading pictures")
    if picture.width * picture.height > LARGEST or max(picture.size) > LONGEST:
        raise ValueError(_too_large(f"{picture.width} x {picture.height}"))
    optional("PIL.ImageOps", "reading pictures").exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I;16"):                 # a conversion would cut it off at 255
        picture = image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits, expected 8 or 16")
    mode = "L" if grey else "RGB"
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = _on_white(picture, mode)
    if picture.mode != mode:                            # else it would be a copy
        picture = picture.convert(mode)
    if size is not None and picture.size != size[::-1]:
        picture = picture.resize(size[::-1], image.Resampling.BILINEAR)      # which takes all pixels into account
    return picture


def _on_white(picture, mode):
    """A transparent picture on white, some rows after the others: whole, its copies would take gigabytes."""
    image = optional("PIL.Image", "reading pictures")
    made = image.new(mode, picture.size)
    for top in range(0, picture.height, _BAND):
        above = picture.crop((0, top, picture.width, min(top + _BAND, picture.height))).convert("RGBA")
        white = image.new("RGBA", above.size, "white")
        made.paste(image.alpha_composite(white, above).convert(mode), (0, top))
    return made


class ImageFolder(TensorDataset):
    """A folder that has a folder of pictures for each class, folder/class/picture.png, as a dataset in memory.

    Classes and pictures come in the order of their names, the same on every machine. Pictures may lie in folders within
    a class's; files of other kinds and hidden ones are passed over.

    Args:
        root: the folder.
        size, grey: as `read_picture`'s; without a size all pictures must be of the same.
        classes: the names of the classes in the order of their numbers, as a model knows them; by default those of the
            folders, sorted.

    Attributes:
        arrays: pictures, uint8 (N, height, width) or (N, height, width, 3), and classes, int64 (N,).
        classes: their names, a list.
        paths: the files, a list.

    Raises:
        ValueError: a picture that cannot be read or is of another size; it is named. Folders of no known class, a class
            without pictures, or no classes at all.
        OSError: there is no such folder.
        ImportError: Pillow is not installed.

    Example:
        >>> import pathlib, tempfile, numpy as np, fastnet
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, grey in (("light", 255), ("dark", 0)):
        ...         pathlib.Path(folder, name).mkdir()
        ...         Image.fromarray(np.full((4, 4), grey, np.uint8)).save(f"{folder}/{name}/a.png")
        ...     data = fastnet.data.ImageFolder(folder, size=(2, 2), grey=True)
        >>> data.classes, data.arrays[0][:, 0], data.targets
        (['dark', 'light'], array([[  0,   0],
               [255, 255]], dtype=uint8), array([0, 1]))
    """

    def __init__(self, root, size=None, grey=False, classes=None):
        found = _by_class(Path(root))
        self.classes = list(found) if classes is None else list(classes)
        _check_known(root, found, self.classes)
        self.paths = [path for paths in found.values() for path in paths]
        labels = [self.classes.index(name) for name, paths in found.items() for _ in paths]
        super().__init__(_read_all(self.paths, size, grey), np.array(labels, np.int64))


def _by_class(root):
    """{class: paths of its pictures}, both sorted."""
    folders = sorted((f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".")), key=lambda f: f.name)
    if not folders:
        raise ValueError(f"{root} has no folders: expected one for each class, with pictures in it")
    found = {folder.name: sorted(_pictures_in(folder), key=lambda path: path.parts) for folder in folders}
    empty = [name for name, paths in found.items() if not paths]
    if empty:
        raise ValueError(f"{root} has no pictures ({', '.join(ENDINGS)}) of {', '.join(map(repr, empty))}")
    return found


def _pictures_in(folder):
    return (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _check_known(root, found, classes):
    unknown = [name for name in found if name not in classes]
    if unknown:
        raise ValueError(f"{root} has folders of classes that are not known: {', '.join(map(repr, unknown))}; expected "
                         f"{', '.join(map(repr, classes))}")


def _read_all(paths, size, grey):
    first = read_picture(paths[0], size, grey)
    pictures = np.empty((len(paths), *first.shape), np.uint8)
    for place, path in zip(pictures, paths):
        picture = read_picture(path, size, grey)
        if picture.shape != first.shape:
            raise ValueError(f"{path} has {_of(picture)} pixels, but {paths[0]} has {_of(first)}: give a size to which "
                             "all are resized")
        place[...] = picture
    return pictures


def _of(picture):
    return f"{picture.shape[0]} x {picture.shape[1]}"
