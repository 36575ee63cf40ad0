"""Mixing of samples and their targets within a batch."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data.geometry import inside_boxes
from fastnet.data.transforms.base import BatchTransform, checked_pictures

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["CutMix", "MixUp"]


class MixUp(BatchTransform):
    """Mix each sample and its target with another sample of the batch: share * a + (1 - share) * b.

    Zhang et al. 2018, https://arxiv.org/abs/1710.09412. Here each sample has a share.

    Args:
        alpha: shares are drawn from Beta(alpha, alpha); with a small alpha most samples hardly change.
        classes: the number of classes, needed if targets are class numbers: they become probabilities of the classes,
            float32 (N, classes), which cross-entropy accepts as well. Other targets are mixed as numbers.

    Raises:
        ValueError: alpha is not positive; when called: class numbers without `classes`, or out of range.

    Example:
        >>> import numpy as np, fastnet
        >>> x, y = np.eye(2, dtype=np.float32), np.array([0, 1])
        >>> mixed, target = fastnet.data.MixUp(0.4, classes=2)(x, y, rng=np.random.default_rng(0))
        >>> np.array_equal(mixed, target), target.sum(1)
        (True, array([1., 1.], dtype=float32))
    """

    alpha: float
    classes: int | None

    def __init__(self, alpha: float = 0.2, classes: int | None = None) -> None:
        if not alpha > 0:
            raise ValueError(f"MixUp: expected alpha > 0, got {alpha}")
        self.alpha, self.classes = alpha, classes

    def __call__(self, *arrays: Any, rng: np.random.Generator) -> tuple[Array, ...]:
        *inputs, target = arrays
        target = _shares_of_classes("MixUp", np.asarray(target), self.classes)
        share = rng.beta(self.alpha, self.alpha, len(target)).astype(np.float32)
        others = rng.permutation(len(target))
        return tuple(_blend(np.asarray(a), share, others) for a in (*inputs, target))


class CutMix(BatchTransform):
    """Replace a box of each image by that of another image of the batch; targets are mixed by area.

    The box has the share 1 - lambda of the area, lambda drawn from Beta(alpha, alpha), and the proportions of the
    image. Its centre is uniform in the image, and it is clipped at the edge. The target is
    share * a + (1 - share) * b, where share is the area outside of the clipped box. Yun et al. 2019,
    https://arxiv.org/abs/1905.04899. Here each sample has its own box.

    Args:
        alpha: of the Beta distribution; 1: all shares are equally likely.
        classes: see `MixUp`.

    Raises:
        ValueError: see `MixUp`; when called: no targets.

    Example:
        >>> import numpy as np, fastnet
        >>> x, y = np.zeros((2, 4, 4), np.uint8), np.array([0, 1])
        >>> x[1] = 1
        >>> mixed, target = fastnet.data.CutMix(classes=2)(x, y, rng=np.random.default_rng(0))
        >>> np.allclose(mixed.mean((1, 2)), target[:, 1]), mixed.dtype
        (True, dtype('uint8'))
    """

    alpha: float
    classes: int | None

    def __init__(self, alpha: float = 1.0, classes: int | None = None) -> None:
        if not alpha > 0:
            raise ValueError(f"CutMix: expected alpha > 0, got {alpha}")
        self.alpha, self.classes = alpha, classes

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> tuple[Array, ...]:
        if not others:
            raise ValueError("CutMix: expected images and targets, got images only")
        x, (*kept, target) = checked_pictures(x), others
        target = _shares_of_classes("CutMix", np.asarray(target), self.classes)
        height, width = x.shape[1:3]
        side = np.sqrt(1 - rng.beta(self.alpha, self.alpha, len(x)))
        sources = rng.permutation(len(x))
        starts, ends = [], []
        for length in (height, width):
            half = np.rint(side * length).astype(np.int64) // 2
            centre = rng.integers(0, max(length, 1), len(x))
            starts.append(np.maximum(centre - half, 0))
            ends.append(np.minimum(centre + half, length))
        inside = inside_boxes(starts, ends, (height, width))
        made = np.where(inside.reshape(*inside.shape, *(1,) * (x.ndim - 3)), x[sources], x)
        share = 1 - inside.mean((1, 2), dtype=np.float32) if x.size else np.ones(len(x), np.float32)
        return made, *kept, _blend(target, share, sources)


def _shares_of_classes(name: str, target: Array, classes: int | None) -> Array:
    """Class numbers as probabilities of the classes; other targets unchanged."""
    if target.dtype.kind not in "iu":
        return target
    if classes is None:
        raise ValueError(f"{name}: expected the number of classes to mix class numbers, got none; state it: "
                         f"{name}(classes=...)")
    if target.size and not 0 <= target.min() <= target.max() < classes:
        raise ValueError(f"{name}: expected class numbers from 0 to {classes - 1}, got {target.min()} to "
                         f"{target.max()}")
    return np.eye(classes, dtype=np.float32)[target]


def _blend(a: Array, share: Array, others: Array) -> Array:
    if a.dtype.kind != "f":
        a = a.astype(np.float32)
    share = share.reshape(-1, *(1,) * (a.ndim - 1)).astype(a.dtype)
    return a * share + a[others] * (1 - share)
