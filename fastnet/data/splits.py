"""Splits of a dataset into parts without common samples."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data.dataset import Subset
from fastnet.data.frames import column, is_series
from fastnet.functional.random import randperm

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Column
    from fastnet.random import Generator

__all__ = ["random_split", "stratified_split"]


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Split a dataset into random parts.

    Args:
        dataset: a TensorDataset, or anything with `len()` and `take(rows)`.
        lengths: the number of samples of each part, or fractions that add up to 1. Fractions of samples are rounded
            down; the samples left over go to the first parts, one each.
        generator: a `fastnet.Generator`; by default the one that `manual_seed` seeds.

    Returns:
        A list of Subsets.

    Raises:
        ValueError: negative lengths, or lengths that do not add up to the number of samples or to 1.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.TensorDataset(np.arange(10))
        >>> train, test = fastnet.data.random_split(data, [0.75, 0.25], fastnet.Generator(0))
        >>> len(train), len(test)
        (8, 2)
    """
    sizes = _sizes(list(lengths), len(dataset))
    order = randperm(len(dataset), generator=generator).numpy()
    return [Subset(dataset, rows) for rows in np.split(order, np.cumsum(sizes)[:-1])]


def _sizes(lengths: list[Any], count: int) -> list[int]:
    if any(n < 0 for n in lengths) or not lengths:
        raise ValueError(f"random_split: expected lengths or fractions of the parts, none negative, got {lengths}")
    if sum(lengths) == count and all(isinstance(n, int | np.integer) for n in lengths):
        return lengths
    if not math.isclose(sum(lengths), 1):
        raise ValueError(f"random_split: expected parts that add up to the {count} samples, or fractions that add up "
                         f"to 1, got {lengths}, which add up to {sum(lengths)}")
    sizes = [math.floor(count * n) for n in lengths]
    for i in range(count - sum(sizes)):
        sizes[i % len(sizes)] += 1
    return sizes


def stratified_split(labels: Column | Any, fraction: float, seed: int = 0) -> tuple[Array, Array]:
    """Split samples into two random parts in which each class has the same share.

    Shares are exact up to one sample. Each class keeps at least one sample in the first part. If the fraction is above
    0, the second part has at least one sample.

    Args:
        labels: the class of each sample, (N,): an array, a Series, a list, or a dataset with `targets`.
        fraction: fraction of the samples for the second part, 0 <= fraction < 1.
        seed: seed of the random choice.

    Returns:
        (rows, held_out): the row numbers of the two parts, int64 arrays in ascending order.

    Raises:
        ValueError: fraction out of range, labels with several dimensions, or no class with a sample to spare.

    Example:
        >>> import fastnet
        >>> rows, held_out = fastnet.data.stratified_split([0, 0, 0, 0, 1, 1], 1/3)
        >>> len(rows), len(held_out)
        (4, 2)
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"stratified_split: expected 0 <= fraction < 1, got {fraction}")
    classes, counts = _numbered(getattr(labels, "targets", labels))
    held = _shares(counts, fraction)
    if fraction and not held.any():
        if len(classes) < 2:
            raise ValueError(f"expected at least two samples, of which one can be held out, got {len(classes)}")
        if len(classes) == len(counts) > 2:
            raise ValueError(f"each of the {len(classes)} samples has a different label, so none can be held out; "
                             "check that the target is the right one")
        raise ValueError("expected a class with at least two samples, of which one can be held out, got "
                         f"{len(classes)} samples of {len(classes)} classes")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]            # by class, in random order within each class
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = rank < np.repeat(held, counts)
    return np.sort(order[~out]), np.sort(order[out])


def _numbered(labels: Any) -> tuple[Array, Array]:
    """The class number of each label, and the number of samples of each class."""
    values = column(labels) if is_series(labels) else np.asarray(labels)
    if values.ndim != 1:
        raise ValueError(f"stratified_split: expected labels in one dimension, got the shape {values.shape}")
    if values.dtype == object:
        # Python objects of different types have no order
        values = np.array([f"{type(v).__name__} {v}" for v in values.tolist()], np.str_)
    _, classes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return classes, counts


def _shares(counts: Array, fraction: float) -> Array:
    """The number of samples of each class to hold out: rounded down, then one more where most was cut off."""
    exact = counts * fraction
    held = np.minimum(np.floor(exact + 1e-9).astype(np.int64), counts - 1)
    left = max(round(counts.sum() * fraction), 1) - held.sum()
    for i in np.argsort(held - exact, kind="stable"):
        if left > 0 and held[i] < exact[i] and held[i] + 1 < counts[i]:
            held[i], left = held[i] + 1, left - 1
    return held
