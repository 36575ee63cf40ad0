"""The weighted mean of models, with the same bits in whatever order they arrive."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from fastnet import dtypes
from fastnet._core.annotations import Array
from fastnet._core.errors import given_text, shape_text, whole_number

__all__ = ["Update", "array_error", "average"]

Update = tuple[list[Array], int]        # the arrays of a client, and the number of samples that it trained on


def average(updates: Sequence[Update]) -> list[Array]:
    """The mean of the arrays of several clients, weighted by their numbers of samples: FedAvg.

    mean = sum_k n_k w_k / sum_k n_k, computed in float64 and rounded once. The clients are added in an order that
    their contents decide, so the bits do not depend on which of them answers first.

    McMahan et al. 2017, "Communication-efficient learning of deep networks from decentralized data",
    https://arxiv.org/abs/1602.05629.

    Args:
        updates: (arrays, number of samples) of each client; floating-point arrays of the same shapes.

    Returns:
        Arrays of the widest dtype that a client gave.

    Raises:
        TypeError: anything but arrays of floating-point numbers, or a number of samples that is not whole.
        ValueError: no client, no samples, a negative number of samples, arrays of other shapes, or numbers that are not
            finite.

    Example:
        >>> import numpy as np
        >>> from fastnet.federated import average
        >>> average([([np.array([0.0, 1.0])], 1), ([np.array([4.0, 1.0])], 3)])
        [array([3., 1.])]
    """
    for arrays, count in updates:
        for i, array in enumerate(arrays):
            if error := array_error(f"average: array {i} of a client", array):
                raise error
        whole_number("the number of samples of a client", count, 0)
    updates = sorted(updates, key=_digest)
    total = sum(count for _, count in updates)
    if not total > 0:
        raise ValueError(f"average: expected at least one client with samples, got {len(updates)} with {total} samples")
    first = updates[0][0]
    for arrays, _ in updates:
        if [a.shape for a in arrays] != [a.shape for a in first]:
            raise ValueError(f"average: expected arrays of the shapes {', '.join(map(shape_text, first))} from each "
                             f"client, got {', '.join(map(shape_text, arrays))}")
    return [_weighted_mean([arrays[i] for arrays, _ in updates], [count for _, count in updates], total)
            for i in range(len(first))]


def array_error(name: str, given: object) -> TypeError | ValueError | None:
    """The error of an array of weights that is not one of finite floating-point numbers; None: it is.

    Args:
        name: of the array, for the error.
        given: the array.

    Example:
        >>> import numpy as np
        >>> from fastnet.federated.averaging import array_error
        >>> array_error("array 0", np.ones(2))
        >>> array_error("array 1", np.array([1, 2]))
        TypeError('array 1: expected a NumPy array of floating-point numbers, got one of int64')
    """
    if not isinstance(given, np.ndarray | np.generic) or not dtypes.is_floating(given.dtype):
        got = f"one of {given.dtype}" if isinstance(given, np.ndarray) else given_text(given)
        return TypeError(f"{name}: expected a NumPy array of floating-point numbers, got {got}")
    if not np.isfinite(given).all():
        return ValueError(f"{name} has numbers that are not finite")
    return None


def _weighted_mean(arrays: Sequence[Array], counts: Sequence[int], total: int) -> Array:
    summed = np.zeros(arrays[0].shape)
    for a, count in zip(arrays, counts):
        summed += a * np.float64(count)
    return np.asarray(summed / total, np.result_type(*(a.dtype for a in arrays)))


def _digest(update: Update) -> tuple[int, bytes]:
    """A key that orders clients by their contents."""
    arrays, count = update
    digest = hashlib.sha256()
    for a in arrays:
        digest.update(np.ascontiguousarray(a).tobytes())
    return count, digest.digest()
