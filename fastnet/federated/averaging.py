"""The weighted mean of models, with the same bits in whatever order they arrive."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from fastnet._core.annotations import Array
from fastnet._core.errors import shape_text

__all__ = ["Update", "average", "nonfinite_array"]

Update = tuple[list[Array], int]        # the arrays of a client, and the number of samples that it trained on


def average(updates: Sequence[Update]) -> list[Array]:
    """The mean of the arrays of several clients, weighted by their numbers of samples: FedAvg.

    mean = sum_k n_k w_k / sum_k n_k, computed in float64 and rounded once. The clients are added in an order that
    their contents decide, so the bits do not depend on which of them answers first.

    McMahan et al. 2017, "Communication-efficient learning of deep networks from decentralized data",
    https://arxiv.org/abs/1602.05629.

    Args:
        updates: (arrays, number of samples) of each client; floating-point arrays of the same shapes.

    Raises:
        ValueError: no client, no samples, arrays of other shapes, or numbers that are not finite.

    Example:
        >>> import numpy as np
        >>> from fastnet.federated import average
        >>> average([([np.array([0.0, 1.0])], 1), ([np.array([4.0, 1.0])], 3)])
        [array([3., 1.])]
    """
    updates = sorted(updates, key=_digest)
    total = sum(count for _, count in updates)
    if not total > 0:
        raise ValueError(f"average: expected at least one client with samples, got {len(updates)} with {total} samples")
    first = updates[0][0]
    for arrays, _ in updates:
        if [a.shape for a in arrays] != [a.shape for a in first]:
            raise ValueError(f"average: expected arrays of the shapes {', '.join(map(shape_text, first))} from each "
                             f"client, got {', '.join(map(shape_text, arrays))}")
        bad = nonfinite_array(arrays)
        if bad is not None:
            raise ValueError(f"average: array {bad} of a client has numbers that are not finite")
    return [_weighted_mean([arrays[i] for arrays, _ in updates], [count for _, count in updates], total)
            for i in range(len(first))]


def nonfinite_array(arrays: Sequence[Array]) -> int | None:
    """The number of the first array that has NaN or infinities; None if all are finite.

    Args:
        arrays: floating-point arrays.

    Example:
        >>> import numpy as np
        >>> from fastnet.federated.averaging import nonfinite_array
        >>> nonfinite_array([np.ones(2), np.array([1.0, np.nan])])
        1
    """
    return next((i for i, a in enumerate(arrays) if not np.isfinite(a).all()), None)


def _weighted_mean(arrays: Sequence[Array], counts: Sequence[int], total: int) -> Array:
    summed = np.zeros(arrays[0].shape)
    for a, count in zip(arrays, counts):
        summed += a * np.float64(count)
    return np.asarray(summed / total, arrays[0].dtype)


def _digest(update: Update) -> tuple[int, bytes]:
    """A key that orders clients by their contents."""
    arrays, count = update
    digest = hashlib.sha256()
    for a in arrays:
        digest.update(np.ascontiguousarray(a).tobytes())
    return count, digest.digest()
