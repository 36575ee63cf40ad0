"""Normalisation and augmentation of pictures, whole batches at a time.

A transform is called with the arrays of a batch, as `DataLoader(transform=)` does it: it changes the first, pictures
(N, H, W) or (N, H, W, C), and hands the others on. Nothing is written to the arrays it is given. Integers stay
integers, float32 stays float32 (`Normalize` and `MixUp` make float32 of integers). The random ones take `rng`, a
`numpy.random.Generator`, from which all that is random about them comes.
"""
import numpy as np

from fastnet.data.arrays import BLOCK
from fastnet.data.calls import apply, takes_rng
from fastnet.data.geometry import computed_in, rotated, windows


def _result(pictures, others):
    return (pictures, *others) if others else pictures


def _checked(x):
    x = np.asarray(x)
    if x.ndim not in (3, 4):
        raise ValueError(f"expected pictures (N, H, W) or (N, H, W, C), got the shape {x.shape}")
    return x


def _stored(values, dtype):
    """Computed numbers in the dtype of the pictures; integers are rounded, and cut off at its least and greatest."""
    return (_whole(values, dtype) if dtype.kind in "iu" else values).astype(dtype, copy=False)


def _whole(values, dtype):
    return np.clip(np.rint(values), np.iinfo(dtype).min, np.iinfo(dtype).max)


def _filling(fill, dtype):
    """A value for pixels of this dtype, which must have it: 300 would be 44 among bytes."""
    if dtype.kind in "iu" and not np.array_equal(_whole(fill, dtype), fill):
        raise ValueError(f"pictures of {dtype} cannot be filled with {fill}")
    return fill


class Compose:
    """One transform after the other.

    Args:
        transforms: a sequence of functions from arrays to arrays, with an argument `rng` or without.

    Example:
        >>> import numpy as np
        >>> from fastnet.data import transforms
        >>> both = transforms.Compose([transforms.RandomHorizontalFlip(p=1), transforms.Normalize(0, 255)])
        >>> both(np.array([[[0, 255]]], np.uint8), rng=np.random.default_rng(0))
        array([[[1., 0.]]], dtype=float32)
    """

    def __init__(self, transforms):
        self.transforms = list(transforms)
        self._draws = [takes_rng(t) for t in self.transforms]

    def __call__(self, *arrays, rng=None):
        for transform, draws in zip(self.transforms, self._draws):
            arrays = apply(transform, arrays, rng if draws else None)
        return arrays if len(arrays) > 1 else arrays[0]


class Normalize:
    """(x - mean) / std, in float32 (float64 stays).

    Args:
        mean, std: numbers, or one for each entry of the last dimension (colours of pictures, columns of a table).

    Raises:
        ValueError: a std of 0 or less, or one that is not finite.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.Normalize(mean=127.5, std=127.5)(np.array([0, 255], np.uint8))
        array([-1.,  1.], dtype=float32)
        >>> fastnet.data.Normalize.of(np.array([[1, 5], [3, 5]]), each=True)
        Normalize(mean=[2.0, 5.0], std=[1.0, 1.0])
    """

    def __init__(self, mean, std):
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise ValueError(f"expected finite means and positive standard deviations, got {mean} and {std}")

    @classmethod
    def of(cls, x, each=False):
        """That which gives x mean 0 and variance 1; what does not vary is shifted alone.

        Args:
            x: an array, memory-mapped ones too: a part is looked at at a time.
            each: entry by entry of the last dimension, rather than all together.

        Raises:
            ValueError: x is empty, or holds NaN or infinity.
        """
        x = np.asarray(x)
        if not x.size:
            raise ValueError("an empty array has no mean")
        axis = tuple(range(x.ndim - 1)) if each else None
        step = max(1, 16 * BLOCK * len(x) // max(x.size, 1))
        starts, count = range(0, len(x), step), x.size // (x.shape[-1] if each else 1)
        mean = sum(x[i:i + step].sum(axis, dtype=np.float64) for i in starts) / count
        variance = sum(np.square(x[i:i + step] - mean).sum(axis) for i in starts) / count
        std = np.sqrt(variance)
        return cls(mean, np.where(std > 1e-10 * np.abs(mean), std, 1.0))        # less is the mean's rounding

    def __call__(self, x, *others):
        x = np.asarray(x)
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        made = x.astype(dtype)                              # a copy: the rest is in place
        made -= self.mean.astype(dtype)
        made /= self.std.astype(dtype)
        return _result(made, others)

    def __repr__(self):
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


class RandomCrop:
    """A window of each picture, at a random place.

    Args:
        size: (height, width) of the window, or one number for both.
        padding: pixels added on every side before.
        fill: their value.

    Raises:
        ValueError: when called: a picture smaller than the window, or of a dtype that lacks the fill.

    Example:
        >>> import numpy as np, fastnet
        >>> crop = fastnet.data.RandomCrop(28, padding=2)
        >>> crop(np.zeros((5, 28, 28), np.float32), rng=np.random.default_rng(0)).shape
        (5, 28, 28)
    """

    def __init__(self, size, padding=0, fill=0):
        self.size = (size, size) if isinstance(size, int | np.integer) else tuple(size)
        if len(self.size) != 2 or min(self.size) < 1 or padding < 0:
            raise ValueError(f"expected a size (height, width) and padding >= 0, got {size} and {padding}")
        self.padding, self.fill = padding, fill

    def __call__(self, x, *others, rng):
        return _result(_cropped(_checked(x), self.size, self.padding, self.fill, rng), others)


def _cropped(x, size, padding, fill, rng):
    height, width = size
    if padding:
        edge = (padding, padding)
        x = np.pad(x, ((0, 0), edge, edge, (0, 0))[:x.ndim], constant_values=_filling(fill, x.dtype))
    if x.shape[1] < height or x.shape[2] < width:
        raise ValueError(f"expected pictures of at least {height} x {width} pixels, got {x.shape[1]} x {x.shape[2]}")
    top = rng.integers(0, x.shape[1] - height, len(x), endpoint=True)
    left = rng.integers(0, x.shape[2] - width, len(x), endpoint=True)
    return windows(x, top, left, height, width)


class RandomShift:
    """Each picture moved by up to so many whole pixels in both directions.

    Args:
        pixels: how many at most.
        fill: the value of pixels that come in from outside.

    Example:
        >>> import numpy as np, fastnet
        >>> x = np.ones((2, 3, 3), np.float32)
        >>> fastnet.data.RandomShift(1)(x, rng=np.random.default_rng(0)).sum((1, 2)) >= 4
        array([ True,  True])
    """

    def __init__(self, pixels, fill=0):
        if pixels < 0:
            raise ValueError(f"expected pixels >= 0, got {pixels}")
        self.pixels, self.fill = pixels, fill

    def __call__(self, x, *others, rng):
        x = _checked(x)
        return _result(_cropped(x, x.shape[1:3], self.pixels, self.fill, rng), others)


class RandomHorizontalFlip:
    """Each picture mirrored left to right with probability p.

    Args:
        p: between 0 and 1.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.RandomHorizontalFlip(p=1)(np.array([[[1, 2, 3]]]), rng=np.random.default_rng(0))
        array([[[3, 2, 1]]])
    """

    def __init__(self, p=0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"expected a probability between 0 and 1, got {p}")
        self.p = p

    def __call__(self, x, *others, rng):
        x = _checked(x).copy()
        mirrored = rng.random(len(x)) < self.p
        x[mirrored] = x[mirrored, :, ::-1]
        return _result(x, others)


class RandomRotation:
    """Each picture turned about its centre by a random angle, with bilinear interpolation.

    Args:
        degrees: angles come from [-degrees, degrees], or from (low, high); positive ones turn counter-clockwise.
        fill: the value of pixels that come in from outside.

    Example:
        >>> import numpy as np, fastnet
        >>> turn = fastnet.data.RandomRotation((90, 90))
        >>> turn(np.array([[[1, 2], [3, 4]]], np.uint8), rng=np.random.default_rng(0))
        array([[[2, 4],
                [1, 3]]], dtype=uint8)
    """

    def __init__(self, degrees, fill=0):
        self.low, self.high = (-degrees, degrees) if isinstance(degrees, int | float | np.number) else degrees
        if not self.low <= self.high:
            raise ValueError(f"expected degrees >= 0 or (low, high), got {degrees}")
        self.fill = fill

    def __call__(self, x, *others, rng):
        x = _checked(x)
        angles = np.deg2rad(rng.uniform(self.low, self.high, len(x)))
        return _result(_stored(rotated(x, angles, _filling(self.fill, x.dtype)), x.dtype), others)


class GaussianNoise:
    """Normal noise added to every number.

    Args:
        std: its standard deviation, in the units of the pictures.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.GaussianNoise(0.0)(np.ones((1, 2, 2), np.float32), rng=np.random.default_rng(0))
        array([[[1., 1.],
                [1., 1.]]], dtype=float32)
    """

    def __init__(self, std):
        if not std >= 0:
            raise ValueError(f"expected std >= 0, got {std}")
        self.std = std

    def __call__(self, x, *others, rng):
        x = np.asarray(x)
        noise = rng.standard_normal(x.shape, computed_in(x.dtype))
        noise *= self.std
        noise += x
        return _result(_stored(noise, x.dtype), others)


class Cutout:
    """A square of each picture, at a random place, filled; it may stick out over the edge.

    DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552.

    Args:
        size: the square's height and width in pixels.
        fill: its value.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.Cutout(3)(np.ones((4, 9, 9), np.uint8), rng=np.random.default_rng(0)).sum((1, 2)) <= 81 - 4
        array([ True,  True,  True,  True])
    """

    def __init__(self, size, fill=0):
        if size < 0:
            raise ValueError(f"expected size >= 0, got {size}")
        self.size, self.fill = size, fill

    def __call__(self, x, *others, rng):
        x = _checked(x).copy()
        rows, columns = (self._inside(length, len(x), rng) for length in x.shape[1:3])
        x[rows[:, :, None] & columns[:, None, :]] = _filling(self.fill, x.dtype)
        return _result(x, others)

    def _inside(self, length, count, rng):
        """Which of `length` places lie in each picture's square, bool (count, length)."""
        start = rng.integers(0, length, (count, 1)) - self.size // 2
        places = np.arange(length)
        return (places >= start) & (places < start + self.size)


class MixUp:
    """Each sample mixed with another of its batch, and so their targets: share * a + (1 - share) * b.

    Zhang et al. 2018, https://arxiv.org/abs/1710.09412; here with a share for each sample.

    Args:
        alpha: shares come from Beta(alpha, alpha): small numbers leave most samples nearly as they are.
        classes: how many there are, where the target is a class number: it becomes a probability for each class,
            float32 (N, classes), as cross-entropy takes it too. Other targets are mixed as they are.

    Raises:
        ValueError: alpha is not positive; when called: class numbers without `classes`, or out of their range.

    Example:
        >>> import numpy as np, fastnet
        >>> x, y = np.eye(2, dtype=np.float32), np.array([0, 1])
        >>> mixed, target = fastnet.data.MixUp(0.4, classes=2)(x, y, rng=np.random.default_rng(0))
        >>> np.array_equal(mixed, target), target.sum(1)
        (True, array([1., 1.], dtype=float32))
    """

    def __init__(self, alpha=0.2, classes=None):
        if not alpha > 0:
            raise ValueError(f"expected alpha > 0, got {alpha}")
        self.alpha, self.classes = alpha, classes

    def __call__(self, *arrays, rng):
        *inputs, target = arrays
        target = self._soft(np.asarray(target))
        share = rng.beta(self.alpha, self.alpha, len(target)).astype(np.float32)
        others = rng.permutation(len(target))
        return tuple(_mixed(np.asarray(a), share, others) for a in (*inputs, target))

    def _soft(self, target):
        if target.dtype.kind not in "iu":
            return target
        if self.classes is None:
            raise ValueError("MixUp needs to know how many classes there are, to mix class numbers: MixUp(classes=...)")
        if target.size and not 0 <= target.min() <= target.max() < self.classes:
            raise ValueError(f"expected class numbers from 0 to {self.classes - 1}, got {target.min()} to "
                             f"{target.max()}")
        return np.eye(self.classes, dtype=np.float32)[target]


def _mixed(a, share, others):
    if a.dtype.kind != "f":
        a = a.astype(np.float32)
    share = share.reshape(-1, *(1,) * (a.ndim - 1)).astype(a.dtype)
    return a * share + a[others] * (1 - share)
