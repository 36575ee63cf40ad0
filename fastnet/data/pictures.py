"""Images from files, read with Pillow."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.optional import optional

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["PICTURE_ENDINGS", "picture_size", "read_picture"]

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


def read_picture(path: StrPath, size: int | Sequence[int] | None = None, grey: bool = False,
                 crop: bool = False) -> Array:
    """Read an image file as an array of bytes.

    The image is rotated as its EXIF orientation states. Transparent parts become white. Of an animation, the first
    frame is read.

    Args:
        path: a PNG, JPEG, BMP, GIF, PGM, PPM, TIFF or WebP file.
        size: (height, width), or one number for both, to which the image is resized; by default it is not resized.
        grey: convert to greyscale.
        crop: keep the proportions: resize the image until it covers the size, and cut off what extends beyond it,
            equally on both sides.

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
            return np.array(_converted(picture, shape, grey, crop))
    except (FileNotFoundError, PermissionError, IsADirectoryError, MemoryError):
        raise
    except Exception as e:                              # Pillow raises many kinds of errors for damaged files
        bomb = isinstance(e, image.DecompressionBombError | image.DecompressionBombWarning)     # Pillow's own limit
        reason = _too_large(f"more than {_MOST_PIXELS:,}") if bomb else e
        raise ValueError(f"cannot read {path} as an image: {reason}") from e


def picture_size(path: StrPath) -> tuple[int, int] | None:
    """Height and width of an image as its file states them, without decoding it; None if the file is not readable.

    Args:
        path: see `read_picture`.

    Raises:
        ImportError: Pillow is not installed.

    Example:
        >>> import tempfile, numpy as np
        >>> from PIL import Image
        >>> from fastnet.data.pictures import picture_size
        >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
        ...     Image.fromarray(np.zeros((2, 3), np.uint8)).save(file)
        ...     file.flush()
        ...     picture_size(file.name)
        (2, 3)
    """
    image = optional("PIL.Image", _PURPOSE)
    try:
        with image.open(path, formats=tuple(_FORMATS)) as picture:
            return picture.height, picture.width
    except Exception:                                   # Pillow raises many kinds of errors for damaged files
        return None


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


def _converted(picture: Any, size: tuple[int, ...] | None, grey: bool, crop: bool) -> Any:
    """The image upright, on white, in grey or colour, and resized."""
    image = optional("PIL.Image", _PURPOSE)
    if picture.width * picture.height > _MOST_PIXELS or max(picture.size) > _LONGEST_SIDE:
        raise ValueError(_too_large(f"{picture.width} x {picture.height}"))
    if size is not None and crop:
        picture.draft(None, (2 * max(size), 2 * max(size)))     # decode a large JPEG at a half, a quarter or an eighth
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
    if size is not None and picture.size != size[::-1]:             # bilinear uses all pixels of the source
        box = _covering_box(picture.size, size[::-1]) if crop else None
        picture = picture.resize(size[::-1], image.Resampling.BILINEAR, box)
    return picture


def _covering_box(size: tuple[int, int], wanted: tuple[int, ...]) -> tuple[float, float, float, float]:
    """The largest centred box (left, top, right, bottom) of an image with the proportions of another size."""
    scale = min(size[0] / wanted[0], size[1] / wanted[1])
    left, top = ((length - scale * new) / 2 for length, new in zip(size, wanted))
    return left, top, size[0] - left, size[1] - top


def _on_white(picture: Any, mode: str) -> Any:
    """Put a transparent image on white, some rows at a time: copies of the whole image could take gigabytes."""
    image = optional("PIL.Image", _PURPOSE)
    made = image.new(mode, picture.size)
    for top in range(0, picture.height, _BAND):
        above = picture.crop((0, top, picture.width, min(top + _BAND, picture.height))).convert("RGBA")
        white = image.new("RGBA", above.size, "white")
        made.paste(image.alpha_composite(white, above).convert(mode), (0, top))
    return made
