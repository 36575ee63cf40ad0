"""Random crops, shifts, flips, rotations and cutouts of images."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data.geometry import rotated, windows
from fastnet.data.transforms.base import BatchTransform, checked_fill, checked_pictures, in_dtype, with_others

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number

__all__ = ["Cutout", "RandomCrop", "RandomHorizontalFlip", "RandomRotation", "RandomShift"]


class RandomCrop(BatchTransform):
    """Crop each image to a window at a random position.

    Args:
        size: (height, width) of the window, or one number for both.
        padding: number of pixels to add on each side before cropping.
        fill: value of the added pixels.

    Raises:
        ValueError: when called: images smaller than the window, or of a dtype that cannot hold the fill value.

    Example:
        >>> import numpy as np, fastnet
        >>> crop = fastnet.data.RandomCrop(28, padding=2)
        >>> crop
        RandomCrop(size=(28, 28), padding=2)
        >>> crop(np.zeros((5, 28, 28), np.float32), rng=np.random.default_rng(0)).shape
        (5, 28, 28)
    """

    size: tuple[int, ...]
    padding: int
    fill: Number

    def __init__(self, size: int | Sequence[int], padding: int = 0, fill: Number = 0) -> None:
        self.size = (size, size) if isinstance(size, int | np.integer) else tuple(size)
        if len(self.size) != 2 or min(self.size) < 1 or padding < 0:
            raise ValueError(f"RandomCrop: expected size to be (height, width) and padding >= 0, got {size} and "
                             f"{padding}")
        self.padding, self.fill = padding, fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        return with_others(_cropped(checked_pictures(x), self.size, self.padding, self.fill, rng), others)


def _cropped(x: Array, size: Sequence[int], padding: int, fill: Number, rng: np.random.Generator) -> Array:
    height, width = size
    if padding:
        edge = (padding, padding)
        x = np.pad(x, ((0, 0), edge, edge, (0, 0))[:x.ndim], constant_values=checked_fill(fill, x.dtype))
    if x.shape[1] < height or x.shape[2] < width:
        raise ValueError(f"expected pictures of at least {height} x {width} pixels, got {x.shape[1]} x {x.shape[2]}")
    top = rng.integers(0, x.shape[1] - height, len(x), endpoint=True)
    left = rng.integers(0, x.shape[2] - width, len(x), endpoint=True)
    return windows(x, top, left, height, width)


class RandomShift(BatchTransform):
    """Shift each image by a random number of whole pixels in both directions.

    Args:
        pixels: largest shift.
        fill: value of the pixels that enter from outside.

    Example:
        >>> import numpy as np, fastnet
        >>> x = np.ones((2, 3, 3), np.float32)
        >>> fastnet.data.RandomShift(1)(x, rng=np.random.default_rng(0)).sum((1, 2)) >= 4
        array([ True,  True])
    """

    pixels: int
    fill: Number

    def __init__(self, pixels: int, fill: Number = 0) -> None:
        if pixels < 0:
            raise ValueError(f"RandomShift: expected pixels >= 0, got {pixels}")
        self.pixels, self.fill = pixels, fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x)
        return with_others(_cropped(x, x.shape[1:3], self.pixels, self.fill, rng), others)


class RandomHorizontalFlip(BatchTransform):
    """Mirror each image left to right with probability p.

    Args:
        p: probability, from 0 to 1.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.RandomHorizontalFlip(p=1)(np.array([[[1, 2, 3]]]), rng=np.random.default_rng(0))
        array([[[3, 2, 1]]])
    """

    p: float

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: expected a probability from 0 to 1, got {p}")
        self.p = p

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x).copy()
        mirrored = rng.random(len(x)) < self.p
        x[mirrored] = x[mirrored, :, ::-1]
        return with_others(x, others)


class RandomRotation(BatchTransform):
    """Rotate each image about its centre by a random angle, with bilinear interpolation.

    Args:
        degrees: range of the angles: [-degrees, degrees], or (low, high). Positive angles are counter-clockwise.
        fill: value of the pixels that enter from outside.

    Example:
        >>> import numpy as np, fastnet
        >>> turn = fastnet.data.RandomRotation((90, 90))
        >>> turn(np.array([[[1, 2], [3, 4]]], np.uint8), rng=np.random.default_rng(0))
        array([[[2, 4],
                [1, 3]]], dtype=uint8)
    """

    degrees: tuple[float, float]
    fill: Number

    def __init__(self, degrees: float | tuple[float, float], fill: Number = 0) -> None:
        low, high = (-degrees, degrees) if isinstance(degrees, int | float | np.number) else degrees
        if not low <= high:
            raise ValueError(f"RandomRotation: expected degrees >= 0 or (low, high), got {degrees}")
        self.degrees, self.fill = (low, high), fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x)
        angles = np.deg2rad(rng.uniform(*self.degrees, len(x)))
        return with_others(in_dtype(rotated(x, angles, checked_fill(self.fill, x.dtype)), x.dtype), others)


class Cutout(BatchTransform):
    """Fill a square at a random position of each image; it may extend beyond the edge.

    DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552.

    Args:
        size: height and width of the square in pixels.
        fill: value of the filled pixels.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.Cutout(3)(np.ones((4, 9, 9), np.uint8), rng=np.random.default_rng(0)).sum((1, 2)) <= 81 - 4
        array([ True,  True,  True,  True])
    """

    size: int
    fill: Number

    def __init__(self, size: int, fill: Number = 0) -> None:
        if size < 0:
            raise ValueError(f"Cutout: expected size >= 0, got {size}")
        self.size, self.fill = size, fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x).copy()
        rows, columns = (self._inside(length, len(x), rng) for length in x.shape[1:3])
        x[rows[:, :, None] & columns[:, None, :]] = checked_fill(self.fill, x.dtype)
        return with_others(x, others)

    def _inside(self, length: int, count: int, rng: np.random.Generator) -> Array:
        """Which of `length` positions lie in the square of each image, bool (count, length)."""
        start = rng.integers(0, length, (count, 1)) - self.size // 2
        places = np.arange(length)
        return (places >= start) & (places < start + self.size)
