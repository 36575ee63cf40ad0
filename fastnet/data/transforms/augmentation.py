"""Random crops, shifts, flips, rotations, cutouts and erased boxes of images."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet.data.geometry import inside_boxes, rotated, windows
from fastnet.data.transforms.base import BatchTransform, checked_fill, checked_pictures, in_dtype, with_others

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number

__all__ = ["Cutout", "RandomCrop", "RandomErasing", "RandomHorizontalFlip", "RandomRotation", "RandomShift",
           "RandomVerticalFlip"]

_TRIES = 10                             # random boxes for each image, of which the first that fits is taken


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

    Raises:
        ValueError: a negative number of pixels.

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


class _Flip(BatchTransform):
    """Mirror each image along an axis with probability p."""

    p: float
    _axis: int

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: expected a probability from 0 to 1, got {p}")
        self.p = p

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x).copy()
        mirrored = rng.random(len(x)) < self.p
        x[mirrored] = np.flip(x[mirrored], self._axis)
        return with_others(x, others)


class RandomHorizontalFlip(_Flip):
    """Mirror each image left to right with probability p.

    Args:
        p: probability, from 0 to 1.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.RandomHorizontalFlip(p=1)(np.array([[[1, 2, 3]]]), rng=np.random.default_rng(0))
        array([[[3, 2, 1]]])
    """

    _axis = 2


class RandomVerticalFlip(_Flip):
    """Mirror each image top to bottom with probability p.

    Args:
        p: probability, from 0 to 1.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.RandomVerticalFlip(p=1)(np.array([[[1], [2]]]), rng=np.random.default_rng(0))
        array([[[2],
                [1]]])
    """

    _axis = 1


class RandomRotation(BatchTransform):
    """Rotate each image about its centre by a random angle, with bilinear interpolation.

    Args:
        degrees: range of the angles: [-degrees, degrees], or (low, high). Positive angles are counter-clockwise.
        fill: value of the pixels that enter from outside.

    Raises:
        ValueError: a negative number of degrees, or low > high.

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

    Raises:
        ValueError: a negative size.

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


class RandomErasing(BatchTransform):
    """Fill a random box of each image with probability p.

    The box has a share of the area, uniform in `scale`, and a ratio of height to width whose logarithm is uniform in
    `ratio`. An image is unchanged if none of ten random boxes fits into it. Zhong et al. 2020,
    https://arxiv.org/abs/1708.04896.

    Args:
        p: probability, from 0 to 1.
        scale: smallest and largest share of the area.
        ratio: smallest and largest ratio of height to width.
        value: of the filled pixels; "random": noise, which is normal for floats and uniform for bytes.

    Raises:
        ValueError: arguments out of range; when called: images of a dtype that cannot hold the value.

    Example:
        >>> import numpy as np, fastnet
        >>> erase = fastnet.data.RandomErasing(p=1, scale=(0.25, 0.25), ratio=(1, 1))
        >>> erase(np.ones((2, 4, 4), np.uint8), rng=np.random.default_rng(0)).sum((1, 2))
        array([12, 12], dtype=uint64)
    """

    p: float
    scale: tuple[float, float]
    ratio: tuple[float, float]
    value: Number | str

    def __init__(self, p: float = 0.5, scale: tuple[float, float] = (0.02, 0.33),
                 ratio: tuple[float, float] = (0.3, 3.3), value: Number | Literal["random"] = 0) -> None:
        if not (0 <= p <= 1 and 0 <= scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1]):
            raise ValueError("RandomErasing: expected a probability and shares from 0 to 1, and positive ratios, got "
                             f"p={p}, scale={scale} and ratio={ratio}")
        if isinstance(value, str) and value != "random":
            raise ValueError(f"RandomErasing: expected a value that is a number or 'random', got {value!r}")
        self.p, self.scale, self.ratio, self.value = p, (scale[0], scale[1]), (ratio[0], ratio[1]), value

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x).copy()
        starts, ends = self._boxes(len(x), x.shape[1], x.shape[2], rng)
        inside = inside_boxes(starts, ends, x.shape[1:3])
        x[inside] = self._values(x, inside, rng)
        return with_others(x, others)

    def _boxes(self, count: int, height: int, width: int, rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
        """(first rows, first columns) and ends of the boxes; empty for images that stay."""
        area = rng.uniform(self.scale[0], self.scale[1], (_TRIES, count)) * (height * width)
        ratio = np.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1]), (_TRIES, count)))
        heights, widths = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = (heights < height) & (widths < width)
        erased = fits.any(0) & (rng.random(count) < self.p)
        lengths = [np.where(erased, drawn[fits.argmax(0), np.arange(count)], 0).astype(np.int64)
                   for drawn in (heights, widths)]
        starts = [np.floor(rng.random(count) * (whole - length + 1)).astype(np.int64)
                  for whole, length in zip((height, width), lengths)]
        return starts, [start + length for start, length in zip(starts, lengths)]

    def _values(self, x: Array, inside: Array, rng: np.random.Generator) -> Any:
        if not isinstance(self.value, str):
            return checked_fill(self.value, x.dtype)
        shape = (np.count_nonzero(inside), *x.shape[3:])
        return rng.standard_normal(shape) if x.dtype.kind == "f" else rng.integers(0, 256, shape)
