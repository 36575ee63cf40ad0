"""Changes of the size and of the layout of images: resize, crops, channels first."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data.geometry import resampled
from fastnet.data.transforms.base import BatchTransform, checked_pictures, in_dtype, with_others

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["CenterCrop", "RandomResizedCrop", "Resize", "ToChannelsFirst"]

_TRIES = 10                             # random boxes for each image, of which the first that fits is taken


class Resize(BatchTransform):
    """Resize images, bilinear with antialiasing.

    Args:
        size: (height, width); or the length of the shorter side, with the proportions kept, as torchvision does.

    Raises:
        ValueError: a size below 1.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.Resize(4)(np.zeros((1, 8, 12, 3), np.uint8)).shape
        (1, 4, 6, 3)
    """

    size: int | tuple[int, ...]

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = size if isinstance(size, int) else _window("Resize", size)
        if isinstance(size, int) and size < 1:
            raise ValueError(f"Resize: expected a size of at least 1, got {size}")

    def __call__(self, x: Any, *others: Any) -> Any:
        x = checked_pictures(x)
        height, width = x.shape[1:3]
        if isinstance(self.size, int):
            shorter = min(height, width)
            size = tuple(int(self.size * n / shorter) for n in (height, width))         # truncated, as torchvision does
        else:
            size = self.size
        zeros = np.zeros(len(x), np.int64)
        made = resampled(x, (zeros, zeros), (zeros + height, zeros + width), size)
        return with_others(in_dtype(made, x.dtype), others)


class CenterCrop(BatchTransform):
    """Crop the centre of each image, as torchvision does; images smaller than the window get zeros around them.

    Args:
        size: (height, width) of the window, or one number for both.

    Raises:
        ValueError: a size below 1.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.CenterCrop(2)(np.arange(16).reshape(1, 4, 4))
        array([[[ 5,  6],
                [ 9, 10]]])
    """

    size: tuple[int, ...]

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = _window("CenterCrop", size)

    def __call__(self, x: Any, *others: Any) -> Any:
        x = checked_pictures(x)
        height, width = self.size
        missing = [max(0, wanted - length) for wanted, length in zip(self.size, x.shape[1:3])]
        if any(missing):
            x = np.pad(x, [(0, 0), *((n // 2, n - n // 2) for n in missing), *[(0, 0)] * (x.ndim - 3)])
        top, left = round((x.shape[1] - height) / 2), round((x.shape[2] - width) / 2)       # halves to even
        return with_others(np.ascontiguousarray(x[:, top:top + height, left:left + width]), others)


class RandomResizedCrop(BatchTransform):
    """Crop a random box of each image and resize it, bilinear with antialiasing.

    The box has a share of the image's area, uniform in `scale`, and a ratio of width to height whose logarithm is
    uniform in `ratio`. If none of ten random boxes fits into the image, the largest centred box with a ratio in range
    is taken. Szegedy et al. 2015, https://arxiv.org/abs/1409.4842.

    Args:
        size: (height, width) of the result, or one number for both.
        scale: smallest and largest share of the area.
        ratio: smallest and largest ratio of width to height.

    Raises:
        ValueError: sizes or ranges that are not positive or out of order.

    Example:
        >>> import numpy as np, fastnet
        >>> crop = fastnet.data.RandomResizedCrop(8)
        >>> crop(np.zeros((5, 12, 16, 3), np.uint8), rng=np.random.default_rng(0)).shape
        (5, 8, 8, 3)
    """

    size: tuple[int, ...]
    scale: tuple[float, float]
    ratio: tuple[float, float]

    def __init__(self, size: int | Sequence[int], scale: tuple[float, float] = (0.08, 1.0),
                 ratio: tuple[float, float] = (3 / 4, 4 / 3)) -> None:
        self.size = _window("RandomResizedCrop", size)
        if not (0 < scale[0] <= scale[1] and 0 < ratio[0] <= ratio[1]):
            raise ValueError(f"RandomResizedCrop: expected ranges 0 < low <= high, got scale={scale} and ratio={ratio}")
        self.scale, self.ratio = (scale[0], scale[1]), (ratio[0], ratio[1])

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x)
        lengths = self._boxes(len(x), x.shape[1], x.shape[2], rng)
        starts = [np.floor(rng.random(len(x)) * (whole - length + 1)).astype(np.int64)
                  for whole, length in zip(x.shape[1:3], lengths)]
        return with_others(in_dtype(resampled(x, starts, lengths, self.size), x.dtype), others)

    def _boxes(self, count: int, height: int, width: int, rng: np.random.Generator) -> list[Array]:
        """(heights, widths) of the boxes."""
        area = rng.uniform(self.scale[0], self.scale[1], (_TRIES, count)) * (height * width)
        ratio = np.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1]), (_TRIES, count)))
        widths, heights = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = (widths >= 1) & (widths <= width) & (heights >= 1) & (heights <= height)
        nearest = min(max(width / height, self.ratio[0]), self.ratio[1])
        fallback = min(height, max(1, round(width / nearest))), min(width, max(1, round(height * nearest)))
        return [np.where(fits.any(0), drawn[fits.argmax(0), np.arange(count)], other).astype(np.int64)
                for drawn, other in zip((heights, widths), fallback)]


class ToChannelsFirst(BatchTransform):
    """Give images the shape (N, C, H, W) that convolutions take; images without colours get one channel.

    The result is a view, channels-last in memory, so no value is copied; it has to be the last transform of images.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.ToChannelsFirst()(np.zeros((5, 32, 32, 3), np.uint8)).shape
        (5, 3, 32, 32)
        >>> from fastnet.data import Compose, DataLoader, Normalize, RandomCrop, RandomHorizontalFlip, TensorDataset
        >>> data = TensorDataset(np.zeros((5, 32, 32, 3), np.uint8), np.arange(5))
        >>> transform = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), Normalize([125, 123, 114], 60),
        ...                      fastnet.data.ToChannelsFirst()])
        >>> x, y = next(iter(DataLoader(data, batch_size=4, shuffle=True, transform=transform, prefetch=2)))
        >>> x.shape, x.dtype
        ((4, 3, 32, 32), dtype('float32'))
    """

    def __call__(self, x: Any, *others: Any) -> Any:
        x = checked_pictures(x)
        return with_others(x[:, None] if x.ndim == 3 else np.moveaxis(x, 3, 1), others)


def _window(name: str, size: int | Sequence[int]) -> tuple[int, ...]:
    """(height, width)."""
    pair = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"{name}: expected size to be (height, width) or one number, got {size}")
    return pair
