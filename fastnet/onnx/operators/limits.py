"""The memory that a node may ask for by a number of the file."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["MOST_RESULT_BYTES", "checked_sizes"]

MOST_RESULT_BYTES = 2**30       # of a result whose shape follows from numbers rather than from its inputs


def checked_sizes(sizes: Sequence[Any], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """A shape that numbers of a model ask for, as integers.

    Args:
        sizes: the lengths of the dimensions.
        dtype: of the elements.

    Raises:
        ValueError: a size is negative, or the array would take more than 1 GiB.

    Example:
        >>> import numpy as np
        >>> from fastnet.onnx.operators.limits import checked_sizes
        >>> checked_sizes(np.array([2, 3]), np.dtype("float32"))
        (2, 3)
    """
    shape = tuple(map(int, sizes))
    if any(size < 0 for size in shape) or len(shape) > 64:
        raise ValueError(f"expected at most 64 sizes of 0 or more, got {shape[:8]}{'...' if len(shape) > 8 else ''}")
    if math.prod(shape) * dtype.itemsize > MOST_RESULT_BYTES:
        raise ValueError(f"expected a result of at most {MOST_RESULT_BYTES >> 30} GiB, got shape {shape} of {dtype}")
    return shape
