"""Normalisation and noise: transforms of the numbers themselves."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet.data.geometry import computed_in
from fastnet.data.transforms.base import BatchTransform, in_dtype, with_others

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike

__all__ = ["GaussianNoise", "Normalize"]

_VALUES_AT_ONCE = 1 << 20               # of a large array, when its mean is computed


class Normalize(BatchTransform):
    """Subtract a mean and divide by a standard deviation: (x - mean) / std, in float32 (float64 stays).

    Args:
        mean, std: numbers, or one per entry of the last dimension (colours of images, columns of a table).

    Attributes:
        mean, std: the numbers as float64 arrays.

    Raises:
        ValueError: a std of 0 or less, or a number that is not finite; when called: other numbers than one per entry of
            the last dimension.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.Normalize(mean=127.5, std=127.5)(np.array([0, 255], np.uint8))
        array([-1.,  1.], dtype=float32)
        >>> fastnet.data.Normalize.of(np.array([[1, 5], [3, 5]]), each=True)
        Normalize(mean=[2.0, 5.0], std=[1.0, 1.0])
    """

    mean: Array
    std: Array

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise ValueError("Normalize: expected finite means and positive standard deviations, got "
                             f"{mean!r} and {std!r}")

    @classmethod
    def of(cls, x: ArrayLike, each: bool = False) -> Normalize:
        """Create the Normalize that gives x mean 0 and variance 1; constant values are only shifted.

        Args:
            x: an array, which may be memory-mapped: it is read in parts.
            each: compute a mean and a standard deviation for each entry of the last dimension.

        Raises:
            ValueError: x is empty, or contains NaN or infinity.
        """
        x = np.asarray(x)
        if not x.size:
            raise ValueError("Normalize.of: expected at least one value, got an empty array")
        axis = tuple(range(x.ndim - 1)) if each else None
        step = max(1, _VALUES_AT_ONCE * len(x) // max(x.size, 1))
        starts, count = range(0, len(x), step), x.size // (x.shape[-1] if each else 1)
        mean = sum(x[i:i + step].sum(axis, dtype=np.float64) for i in starts) / count
        variance = sum(np.square(x[i:i + step] - mean).sum(axis) for i in starts) / count
        std = np.sqrt(variance)
        return cls(mean, np.where(std > 1e-10 * np.abs(mean), std, 1.0))        # less is rounding error of the mean

    def __call__(self, x: Any, *others: Any) -> Any:
        x = np.asarray(x)
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            self._require_fit(name, numbers, x)
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        made = x.astype(dtype)                              # a copy, which is changed in place
        made -= self.mean.astype(dtype)
        made /= self.std.astype(dtype)
        return with_others(made, others)

    @staticmethod
    def _require_fit(name: str, numbers: Array, x: Array) -> None:
        try:
            np.broadcast_to(numbers, x.shape)
        except ValueError:
            raise ValueError(f"Normalize: expected a {name} that is one number or one per entry of the last dimension "
                             f"of the shape {x.shape}, got the shape {numbers.shape}") from None

    def __repr__(self) -> str:
        return repr_of(self, mean=self.mean.tolist(), std=self.std.tolist())


class GaussianNoise(BatchTransform):
    """Add normally distributed noise to every number.

    Args:
        std: standard deviation of the noise, in the units of the images.

    Raises:
        ValueError: a negative standard deviation.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.GaussianNoise(0.0)(np.ones((1, 2, 2), np.float32), rng=np.random.default_rng(0))
        array([[[1., 1.],
                [1., 1.]]], dtype=float32)
    """

    std: float

    def __init__(self, std: float) -> None:
        if not std >= 0:
            raise ValueError(f"GaussianNoise: expected std >= 0, got {std}")
        self.std = std

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        x = np.asarray(x)
        noise: Array = rng.standard_normal(x.shape, computed_in(x.dtype))
        noise *= self.std
        noise += x
        return with_others(in_dtype(noise, x.dtype), others)
