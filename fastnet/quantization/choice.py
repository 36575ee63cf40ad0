"""The choice between int8 and float32 for each layer, by a table that is part of fastnet."""
from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["slower_in_int8"]


def slower_in_int8(operation: str, shape: Sequence[int], weight: Sequence[int], sizes: Sequence[int] = (),
                   groups: int = 1) -> str | None:
    """Why a layer is faster in float32 than in int8, or None if it is not.

    Args:
        operation: "conv" or "linear".
        shape: of the input.
        weight: its shape.
        sizes: the spatial sizes of the result of a convolution.
        groups: of a convolution.

    Example:
        >>> from fastnet.quantization.choice import slower_in_int8
        >>> slower_in_int8("linear", (1, 1024), (1024, 1024)) is None
        True
    """
    rows = math.prod(map(int, shape[:-1])) if operation == "linear" else int(shape[0]) * math.prod(map(int, sizes))
    return None if rows else "it has no rows"
