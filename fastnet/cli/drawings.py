"""Drawings of digits in the form of a data set's images: cropped, thickened, scaled and centred.

MNIST's images were scaled to fit 20x20 pixels with their proportions kept, and centred in 28x28 by their centre of mass
(LeCun et al. 1998, https://doi.org/10.1109/5.726791). Drawings of any size, on paper of any colour, are processed in
the same way.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np

from fastnet._core.annotations import Array
from fastnet._core.optional import optional
from fastnet._core.shapes import ceil_div
from fastnet.data import read_picture

__all__ = ["ink_of", "read_drawing"]

_FAINT = 0.15                           # of the darkest ink: less is paper, or an artefact of compression
_BLANK = 16                             # of 255: an image with less contrast is blank
_LARGEST_SIDE = 160                          # pixels: larger drawings are reduced to this height and width
_THIN, _WANTED = 0.07, 0.11             # of the longer side: strokes thinner than the first get the second width


def read_drawing(path: str | Path, size: int, box: int) -> Array:
    """Read an image of one digit in the form of a data set's images: light on dark, from 0 to 1.

    Args:
        path: of an image that `read_picture` reads, dark on light or light on dark.
        size: height and width of the result in pixels.
        box: pixels that the longer side of the digit fills.

    Returns:
        float32, (size, size).

    Raises:
        ValueError: the file is not an image, or one that is blank or smaller than `size`.
        OSError: the file cannot be read.
    """
    picture = read_picture(path, grey=True)
    if min(picture.shape) < size:
        height, width = picture.shape
        raise ValueError(f"{path} has {width} x {height} pixels, expected at least {size} x {size}")
    ink = ink_of(picture)
    if ink is None:
        raise ValueError(f"{path} is blank: expected an image of a digit")
    drawing = _thickened(_reduced(_cropped_to_ink(ink)))
    return _centred(_scaled(_cropped_to_ink(drawing), box), size)


def ink_of(picture: Array) -> Array | None:
    """The ink of each pixel, 0 to 1: its difference from the paper, whose colour is that of the image's border.

    Args:
        picture: uint8, (height, width).

    Returns:
        float32, (height, width), or None if the image is blank.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.drawings import ink_of
        >>> ink_of(np.array([[255, 255, 255], [255, 55, 155], [255, 255, 255]], np.uint8))
        array([[0. , 0. , 0. ],
               [0. , 1. , 0.5],
               [0. , 0. , 0. ]], dtype=float32)
    """
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    ink = picture.astype(np.float32)                    # changed in place: copies of a large image are slow
    ink -= np.float32(np.median(border))
    np.abs(ink, out=ink)
    if ink.max() < _BLANK:
        return None
    ink /= ink.max()
    ink[ink < _FAINT] = 0
    return ink


def _cropped_to_ink(ink: Array) -> Array:
    """The smallest rectangle that contains all ink."""
    rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
    return ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def _reduced(ink: Array) -> Array:
    """Reduce to at most _LARGEST_SIDE pixels in each direction by maximum pooling, which keeps thin lines."""
    factor = ceil_div(max(ink.shape), _LARGEST_SIDE)
    if factor == 1:
        return ink
    padded = np.pad(ink, [(0, -n % factor) for n in ink.shape])
    height, width = padded.shape
    return padded.reshape(height // factor, factor, width // factor, factor).max((1, 3))


def _thickened(ink: Array) -> Array:
    """Widen thin strokes, which scaling down would make almost invisible."""
    side, width = max(ink.shape), _stroke_width(ink > 0.5)
    if width >= _THIN * side:
        return ink
    steps = round((_WANTED * side - width) / 2)
    ink = np.pad(ink, steps)
    for step in range(steps):
        ink = _grown(ink, corners=step % 2)             # alternating, so that a dot becomes an octagon
    return ink


def _stroke_width(drawn: Array) -> float:
    """Approximate width of lines: twice their area over the length of their edges."""
    padded = np.pad(drawn, 1)
    edges = np.count_nonzero(padded[1:] != padded[:-1]) + np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    return 2.2 * np.count_nonzero(drawn) / edges        # a diagonal edge has up to 1.4 steps per unit of length


def _grown(ink: Array, corners: int) -> Array:
    """The maximum of each pixel and its 4 neighbours, or its 8 neighbours if `corners`."""
    down = np.pad(ink, ((1, 1), (0, 0)))
    vertical = np.maximum(np.maximum(down[:-2], down[2:]), ink)
    across = np.pad(vertical if corners else ink, ((0, 0), (1, 1)))
    return np.maximum(np.maximum(across[:, :-2], across[:, 2:]), vertical)


def _scaled(ink: Array, box: int) -> Array:
    """The drawing scaled to fit the box, with a maximum of 1."""
    image = optional("PIL.Image", "reading images")
    height, width = (max(1, round(n * box / max(ink.shape))) for n in ink.shape)
    scaled = np.asarray(image.fromarray(ink).resize((width, height), image.Resampling.BILINEAR))
    return scaled / scaled.max()


def _centred(ink: Array, size: int) -> Array:
    """The drawing in a square, with its centre of mass as close to the middle as its size allows."""
    total = ink.sum()
    top, left = (_offset(ink.sum(1 - axis) @ np.arange(ink.shape[axis]) / total, ink.shape[axis], size)
                 for axis in (0, 1))
    square = np.zeros((size, size), np.float32)
    square[top:top + ink.shape[0], left:left + ink.shape[1]] = ink
    return square


def _offset(centre: float, length: int, size: int) -> int:
    return int(np.clip(round(size / 2 - centre), 0, size - length))
