"""Composition of transforms, and the checks and conversions that transforms share."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.reprs import options_of, repr_of
from fastnet.data.calls import apply, takes_rng

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Number
    from fastnet.data.annotations import Transform

__all__ = ["BatchTransform", "Compose", "RandomChoice", "checked_fill", "checked_pictures", "in_dtype", "with_others"]


class BatchTransform:
    """Base class of transforms: prints as the class with its options."""

    def __repr__(self) -> str:
        return repr_of(self, **options_of(self))


class Compose(BatchTransform):
    """Apply several transforms one after the other.

    Args:
        transforms: functions from arrays to arrays, with or without an argument `rng`.

    Raises:
        TypeError: not a sequence of transforms.

    Example:
        >>> import numpy as np
        >>> from fastnet.data import transforms
        >>> both = transforms.Compose([transforms.RandomHorizontalFlip(p=1), transforms.Normalize(0, 255)])
        >>> both
        Compose(transforms=[RandomHorizontalFlip(p=1), Normalize(mean=0.0, std=255.0)])
        >>> both(np.array([[[0, 255]]], np.uint8), rng=np.random.default_rng(0))
        array([[[1., 0.]]], dtype=float32)
    """

    transforms: list[Transform]

    def __init__(self, transforms: Iterable[Transform]) -> None:
        if not isinstance(transforms, Iterable):
            raise TypeError(f"Compose: expected a sequence of transforms, got {type(transforms).__name__}")
        self.transforms = list(transforms)
        self._draws = [takes_rng(t) for t in self.transforms]

    def __call__(self, *arrays: Any, rng: np.random.Generator | None = None) -> Any:
        for transform, draws in zip(self.transforms, self._draws):
            arrays = apply(transform, arrays, rng if draws else None)
        return arrays if len(arrays) > 1 else arrays[0]


class RandomChoice(BatchTransform):
    """Apply one of several transforms to each batch, all with the same probability.

    Args:
        transforms: functions from arrays to arrays, with or without an argument `rng`.

    Raises:
        ValueError: no transform.

    Example:
        >>> import numpy as np, fastnet
        >>> mix = fastnet.data.RandomChoice([fastnet.data.MixUp(classes=2), fastnet.data.CutMix(classes=2)])
        >>> x, y = mix(np.zeros((4, 8, 8), np.float32), np.array([0, 1, 0, 1]), rng=np.random.default_rng(0))
        >>> x.shape, y.shape
        ((4, 8, 8), (4, 2))
    """

    transforms: list[Transform]

    def __init__(self, transforms: Iterable[Transform]) -> None:
        self.transforms = list(transforms)
        if not self.transforms:
            raise ValueError("RandomChoice: expected at least one transform, got none")
        self._draws = [takes_rng(t) for t in self.transforms]

    def __call__(self, *arrays: Any, rng: np.random.Generator) -> Any:
        chosen = int(rng.integers(len(self.transforms)))
        made = apply(self.transforms[chosen], arrays, rng if self._draws[chosen] else None)
        return made if len(made) > 1 else made[0]


def with_others(pictures: Array, others: tuple[Any, ...]) -> Any:
    """The result of a transform: the images, or a tuple of them and the other arrays if there are any."""
    return (pictures, *others) if others else pictures


def checked_pictures(x: Any) -> Array:
    """Images as an array.

    Raises:
        ValueError: the shape is not (N, H, W) or (N, H, W, C).
    """
    x = np.asarray(x)
    if x.ndim not in (3, 4):
        raise ValueError(f"expected pictures (N, H, W) or (N, H, W, C), got the shape {x.shape}")
    return x


def in_dtype(values: Array, dtype: DType) -> Array:
    """Computed numbers in the dtype of the images; for integers, rounded and clipped to the dtype's range."""
    return (_rounded_to_range(values, dtype) if dtype.kind in "iu" else values).astype(dtype, copy=False)


def _rounded_to_range(values: Array | Number, dtype: DType) -> Array:
    return np.clip(np.rint(values), np.iinfo(dtype).min, np.iinfo(dtype).max)


def checked_fill(fill: Number, dtype: DType) -> Number:
    """A fill value that images of this dtype can hold; 300 would become 44 in bytes.

    Raises:
        ValueError: they cannot hold it.
    """
    if dtype.kind in "iu" and not np.array_equal(_rounded_to_range(fill, dtype), fill):
        raise ValueError(f"expected a fill value that {dtype} can hold, got {fill}")
    return fill
