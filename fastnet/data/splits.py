"""Parts of a dataset that have no sample in common."""
import math

import numpy as np

from fastnet.data.dataset import Subset
from fastnet.data.frames import column, is_series
from fastnet.functional.random import randperm


def random_split(dataset, lengths, generator=None):
    """A dataset in random parts.

    Args:
        dataset: a TensorDataset, or anything with `len()` and `take(rows)`.
        lengths: how many samples each part has, or the fraction that it has: numbers that add up to 1, of which the
            first parts get what rounding down leaves.
        generator: a `fastnet.Generator`; by default the one that `manual_seed` seeds.

    Returns:
        A list of Subsets.

    Raises:
        ValueError: lengths that do not add up, or negative ones.

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


def _sizes(lengths, count):
    if any(n < 0 for n in lengths) or not lengths:
        raise ValueError(f"expected lengths or fractions of parts, none negative, got {lengths}")
    if sum(lengths) == count and all(isinstance(n, int | np.integer) for n in lengths):
        return lengths
    if not math.isclose(sum(lengths), 1):
        raise ValueError(f"the parts {lengths} add up to {sum(lengths)}, expected the {count} samples, or fractions "
                         "that add up to 1")
    sizes = [math.floor(count * n) for n in lengths]
    for i in range(count - sum(sizes)):
        sizes[i % len(sizes)] += 1
    return sizes


def stratified_split(labels, fraction, seed=0):
    """The numbers of the samples in two random parts, in both of which each class has its share.

    A class has its share to within one sample, and keeps at least one in the first part. Of a fraction above 0 there is
    at least one sample in the second.

    Args:
        labels: the class of each sample, (N,): an array, a Series, a list, or a dataset with `targets`.
        fraction: of the samples, what goes into the second part, 0 <= fraction < 1.
        seed: of the choice.

    Returns:
        (rows, held_out): int64 arrays in ascending order.

    Raises:
        ValueError: a fraction out of range, labels not in one dimension, or no class of which a sample can be spared.

    Example:
        >>> import fastnet
        >>> rows, held_out = fastnet.data.stratified_split([0, 0, 0, 0, 1, 1], 1/3)
        >>> len(rows), len(held_out)
        (4, 2)
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"expected 0 <= fraction < 1, got {fraction}")
    classes, counts = _numbered(getattr(labels, "targets", labels))
    held = _shares(counts, fraction)
    if fraction and not held.any():
        raise ValueError(f"a part of {len(classes)} samples cannot be held out: there is one of each class, which the "
                         "other part needs")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]            # class by class, in random order within each
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = rank < np.repeat(held, counts)
    return np.sort(order[~out]), np.sort(order[out])


def _numbered(labels):
    """The number of each label's class, and how many samples each class has."""
    values = column(labels) if is_series(labels) else np.asarray(labels)
    if values.ndim != 1:
        raise ValueError(f"expected labels in one dimension, got the shape {values.shape}")
    if values.dtype == object:
        values = np.array([f"{type(v).__name__} {v}" for v in values.tolist()], np.str_)    # they need not compare
    _, classes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return classes, counts


def _shares(counts, fraction):
    """How many samples of each class are held out: rounded down, what is left over where most was cut off."""
    exact = counts * fraction
    held = np.minimum(np.floor(exact + 1e-9).astype(np.int64), counts - 1)
    left = max(round(counts.sum() * fraction), 1) - held.sum()
    for i in np.argsort(held - exact, kind="stable"):
        if left > 0 and held[i] < exact[i] and held[i] + 1 < counts[i]:
            held[i], left = held[i] + 1, left - 1
    return held
