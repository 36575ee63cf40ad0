"""RandAugment and TrivialAugment: random operations of a fixed set."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastnet.data import colours
from fastnet.data.geometry import warped
from fastnet.data.transforms.base import BatchTransform, checked_fill, checked_pictures, with_others

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number

__all__ = ["OPERATIONS", "RandAugment", "TrivialAugmentWide"]

# The operations, each with the function that applies it: maps of pixels take matrices, blends another image, and the
# others are tables of the 256 values.
_MAPS = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
_BLENDS = ("Brightness", "Color", "Contrast", "Sharpness")
_TABLES = ("Posterize", "Solarize", "AutoContrast", "Equalize")
OPERATIONS = ("Identity", *_MAPS, *_BLENDS, *_TABLES)
_SIGNED = {*_MAPS, *_BLENDS}            # the magnitude is negative with probability 1/2
_GREATEST = 30                          # magnitudes are 0 to 30


class _Policy(BatchTransform):
    """Applies one operation of the set to each image."""

    fill: Number
    # What the greatest magnitude means: the tangent of a shear, a translation in pixels or as a share of the side, an
    # angle in degrees, m of a factor 1 + m, a number of bits to drop, a distance of the threshold from 255.
    _largest: ClassVar[Mapping[str, float]]

    def _applied(self, x: Array, magnitudes: Array, rng: np.random.Generator) -> Array:
        """The images after one random operation each, with these magnitudes, (N,), from 0 to 30."""
        kinds = rng.integers(0, len(OPERATIONS), len(x))
        signs = rng.integers(0, 2, len(x)) * 2 - 1
        made = x.copy()
        for group, change in ((_MAPS, self._moved), (_BLENDS, _blended_with), (_TABLES, _retabled)):
            self._change(made, x, group, change, kinds, magnitudes / _GREATEST, signs)
        return made

    def _change(self, made: Array, x: Array, group: tuple[str, ...], change: Callable[..., Array], kinds: Array,
                strengths: Array, signs: Array) -> None:
        """Write the images whose operation is one of a group: maps all at once, others operation by operation."""
        rows = {name: np.flatnonzero(kinds == OPERATIONS.index(name)) for name in group}
        values = {name: strengths[chosen] * self._largest.get(name, 0.0) * (signs[chosen] if name in _SIGNED else 1)
                  for name, chosen in rows.items()}
        if group is _MAPS:
            chosen = np.concatenate(list(rows.values()))
            made[chosen] = change(x[chosen], values)
            return
        for name, chosen in rows.items():
            if len(chosen):
                made[chosen] = change(name, x[chosen], values[name])

    def _moved(self, x: Array, values: Mapping[str, Array]) -> Array:
        """Shear, translate or rotate: the images of each operation in turn."""
        height, width = x.shape[1:3]
        pixels = self._translation(height, width)
        matrices = [_matrices(name, amounts * pixels.get(name, 1), height, width) for name, amounts in values.items()]
        return warped(x, np.concatenate(matrices), checked_fill(self.fill, x.dtype))

    def _translation(self, height: int, width: int) -> dict[str, int]:
        """Pixels that a translation of 1 means."""
        return {"TranslateX": width, "TranslateY": height}


class RandAugment(_Policy):
    """Apply `num_ops` random operations with one magnitude to each image.

    The set: Identity, ShearX, ShearY (up to a tangent of 0.3), TranslateX, TranslateY (up to 150/331 of the side),
    Rotate (30 degrees), Brightness, Color, Contrast, Sharpness (factors 1 - 0.9 to 1 + 0.9), Posterize (down to 4
    bits), Solarize (from the value 255 down to 0), AutoContrast, Equalize. Ranges are those of the greatest magnitude,
    30; a magnitude m scales them by m / 30. Cubuk et al. 2020, https://arxiv.org/abs/1909.13719.

    Args:
        num_ops: number of operations for each image.
        magnitude: from 0 to 30.
        fill: value of the pixels that enter from outside.

    Raises:
        ValueError: arguments out of range; when called: images that are not uint8.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.RandAugment(num_ops=1)
        RandAugment(num_ops=1)
        >>> fastnet.data.RandAugment()(np.zeros((5, 8, 8, 3), np.uint8), rng=np.random.default_rng(0)).shape
        (5, 8, 8, 3)
    """

    num_ops: int
    magnitude: int
    _largest: ClassVar[Mapping[str, float]] = {
        "ShearX": 0.3, "ShearY": 0.3, "TranslateX": 150 / 331, "TranslateY": 150 / 331, "Rotate": 30.0,
        "Brightness": 0.9, "Color": 0.9, "Contrast": 0.9, "Sharpness": 0.9, "Posterize": 4.0, "Solarize": 255.0}

    def __init__(self, num_ops: int = 2, magnitude: int = 9, fill: Number = 0) -> None:
        if num_ops < 0 or not 0 <= magnitude <= _GREATEST:
            raise ValueError(f"RandAugment: expected num_ops >= 0 and a magnitude from 0 to {_GREATEST}, got {num_ops} "
                             f"and {magnitude}")
        self.num_ops, self.magnitude, self.fill = num_ops, magnitude, fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = _bytes_of("RandAugment", x)
        for _ in range(self.num_ops):
            x = self._applied(x, np.full(len(x), self.magnitude), rng)
        return with_others(x, others)


class TrivialAugmentWide(_Policy):
    """Apply one random operation with a random magnitude to each image.

    The set is that of `RandAugment`, in wider ranges: shears up to a tangent of 0.99, translations of 32 pixels,
    rotations of 135 degrees, factors 1 - 0.99 to 1 + 0.99, and Posterize down to 2 bits. Mueller and Hutter 2021,
    https://arxiv.org/abs/2103.10158.

    Args:
        fill: value of the pixels that enter from outside.

    Raises:
        ValueError: when called: images that are not uint8.

    Example:
        >>> import numpy as np, fastnet
        >>> augment = fastnet.data.TrivialAugmentWide()
        >>> augment(np.zeros((5, 8, 8, 3), np.uint8), rng=np.random.default_rng(0)).shape
        (5, 8, 8, 3)
    """

    _largest: ClassVar[Mapping[str, float]] = {
        "ShearX": 0.99, "ShearY": 0.99, "TranslateX": 32.0, "TranslateY": 32.0, "Rotate": 135.0, "Brightness": 0.99,
        "Color": 0.99, "Contrast": 0.99, "Sharpness": 0.99, "Posterize": 6.0, "Solarize": 255.0}

    def __init__(self, fill: Number = 0) -> None:
        self.fill = fill

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = _bytes_of("TrivialAugmentWide", x)
        return with_others(self._applied(x, rng.integers(0, _GREATEST + 1, len(x)), rng), others)

    def _translation(self, height: int, width: int) -> dict[str, int]:
        return {}                       # translations are pixels already


def _bytes_of(name: str, x: Any) -> Array:
    x = checked_pictures(x)
    if x.dtype != np.uint8:
        raise ValueError(f"{name}: expected images of uint8, before they are normalised, got {x.dtype}")
    return x


def _matrices(name: str, amounts: Array, height: int, width: int) -> Array:
    """The maps from new to old positions, (N, 2, 3), of (row, column)."""
    made = np.zeros((len(amounts), 2, 3))
    made[:, 0, 0] = made[:, 1, 1] = 1
    if name == "Rotate":                # about the centre, counter-clockwise
        cos, sin = np.cos(np.deg2rad(amounts)), np.sin(np.deg2rad(amounts))
        y, x = (height - 1) / 2, (width - 1) / 2
        made[:, 0, 0], made[:, 0, 1], made[:, 0, 2] = cos, sin, y - cos * y - sin * x
        made[:, 1, 0], made[:, 1, 1], made[:, 1, 2] = -sin, cos, x + sin * y - cos * x
    elif name.startswith("Translate"):
        made[:, 1 if name.endswith("X") else 0, 2] = -np.trunc(amounts)
    elif name == "ShearX":
        made[:, 1, 0] = -amounts
    else:
        made[:, 0, 1] = -amounts
    return made


def _blended_with(name: str, x: Array, amounts: Array) -> Array:
    """Brightness, Color, Contrast or Sharpness: 1 + amount times the image, the rest of another image."""
    values = x.astype(np.float32)
    other: Any = 0.0
    if name == "Sharpness":
        other = np.floor(colours.sharpness_blurred(values) + 0.5)
    elif name != "Brightness":
        other = np.floor(colours.grey(x) + 0.5)
        if name == "Contrast":
            other = np.floor(other.mean((1, 2), keepdims=True) + 0.5)
        if x.ndim == 4:
            other = other[..., None]
    return colours.blended(values, other, 1 + amounts, 255.0).astype(np.uint8)


def _retabled(name: str, x: Array, amounts: Array) -> Array:
    """Posterize, Solarize, AutoContrast or Equalize."""
    if name == "Posterize":
        return colours.mapped(x, colours.posterize_tables(8 - np.rint(amounts).astype(np.int64)))
    if name == "Solarize":
        return colours.mapped(x, colours.solarize_tables(255.0 - amounts))
    return colours.mapped(x, (colours.equalize_tables if name == "Equalize" else colours.autocontrast_tables)(x))
