"""Random changes of brightness, contrast, saturation and hue."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet.data.colours import blended, grey, hue_shifted
from fastnet.data.transforms.base import BatchTransform, checked_pictures, in_dtype, with_others

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["ColorJitter"]


class ColorJitter(BatchTransform):
    """Change brightness, contrast, saturation and hue of each image by random amounts, in a random order.

    With a factor f for each image, drawn uniformly,

    - brightness: f * x
    - contrast: f * x + (1 - f) * (mean grey of the image)
    - saturation: f * x + (1 - f) * (grey of the pixel), where grey = 0.299 R + 0.587 G + 0.114 B
    - hue: a turn of the colour circle of the HSV colour space by f

    each clipped to the range of values. The order is drawn once for each batch. Howard 2013, "Some improvements on deep
    convolutional neural network based image classification", https://arxiv.org/abs/1312.5402.

    Args:
        brightness, contrast, saturation: s: factors from max(0, 1 - s) to 1 + s; or (low, high).
        hue: s: turns from -s to s, at most 0.5; or (low, high).

    Raises:
        ValueError: a range that is out of order or out of bounds; when called: saturation or hue of images that are not
            (N, H, W, 3), or images that are neither bytes nor floats. Floats are expected from 0 to 1.

    Example:
        >>> import numpy as np, fastnet
        >>> jitter = fastnet.data.ColorJitter(brightness=0.4, hue=0.1)
        >>> jitter
        ColorJitter(brightness=(0.6, 1.4), hue=(-0.1, 0.1))
        >>> jitter(np.full((2, 4, 4, 3), 100, np.uint8), rng=np.random.default_rng(0)).shape
        (2, 4, 4, 3)
    """

    brightness: tuple[float, float] | None
    contrast: tuple[float, float] | None
    saturation: tuple[float, float] | None
    hue: tuple[float, float] | None

    def __init__(self, brightness: float | tuple[float, float] = 0, contrast: float | tuple[float, float] = 0,
                 saturation: float | tuple[float, float] = 0, hue: float | tuple[float, float] = 0) -> None:
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _range("hue", hue, 0.0, (-0.5, 0.5))

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = checked_pictures(x)
        if x.dtype.kind != "f" and x.dtype != np.uint8:
            raise ValueError(f"ColorJitter: expected images of uint8, or of floats from 0 to 1, got {x.dtype}")
        coloured = x.ndim == 4 and x.shape[3] == 3
        if (self.saturation or self.hue) and not coloured:
            raise ValueError("ColorJitter: saturation and hue need images (N, H, W, 3), got the shape "
                             f"{x.shape}")
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
        highest = 1.0 if x.dtype.kind == "f" else 255.0
        made = x.astype(dtype)                          # a copy, which is changed in place
        changes = {"brightness": _brighter, "contrast": _contrasted, "saturation": _saturated, "hue": _turned}
        ranges = [(change, getattr(self, name)) for name, change in changes.items()]
        drawn = [(change, rng.uniform(given[0], given[1], len(x))) for change, given in ranges if given]
        for i in rng.permutation(len(drawn)):
            change, factor = drawn[i]
            made = change(made, factor, highest)
        return with_others(in_dtype(made, x.dtype), others)

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name in ("brightness", "contrast", "saturation", "hue")}
        return repr_of(self, **{name: value for name, value in given.items() if value})


def _factors(name: str, given: float | tuple[float, float]) -> tuple[float, float] | None:
    return _range(name, given, 1.0, (0.0, float("inf")))


def _range(name: str, given: float | tuple[float, float], centre: float,
           bounds: tuple[float, float]) -> tuple[float, float] | None:
    """(low, high), or None for no change."""
    if isinstance(given, int | float | np.number):
        if not given >= 0:
            raise ValueError(f"ColorJitter: expected {name} >= 0 or (low, high), got {given}")
        low, high = centre - given, centre + given
        low = max(low, 0.0) if centre else low
    else:
        low, high = given
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(f"ColorJitter: expected a range of {name} from {bounds[0]} to {bounds[1]}, got {given}")
    return None if low == high == centre else (float(low), float(high))


def _brighter(x: Array, factor: Array, highest: float) -> Array:
    return blended(x, 0.0, factor, highest)


def _contrasted(x: Array, factor: Array, highest: float) -> Array:
    means = grey(x).mean((1, 2), dtype=np.float64).astype(x.dtype)
    return blended(x, means.reshape(-1, *(1,) * (x.ndim - 1)), factor, highest)


def _saturated(x: Array, factor: Array, highest: float) -> Array:
    return blended(x, grey(x)[..., None].astype(x.dtype, copy=False), factor, highest)


def _turned(x: Array, shift: Array, highest: float) -> Array:
    return hue_shifted(x, shift)
