"""The choice between int8 and float32 for each layer, by a table that is part of fastnet."""
from __future__ import annotations

import math
from collections.abc import Sequence

from fastnet.backend import get_isa
from fastnet.functional.integer_speed import is_faster, speedup

__all__ = ["slower_in_int8"]

_TAPS = 9                               # of the convolutions in the table


def slower_in_int8(operation: str, shape: Sequence[int], weight: Sequence[int], sizes: Sequence[int] = (),
                   groups: int = 1) -> str | None:
    """Why a layer stays float32 on the instruction set in use, or None if int8 is faster.

    Args:
        operation: "conv" or "linear".
        shape: of the input.
        weight: its shape.
        sizes: the spatial sizes of the result of a convolution.
        groups: of a convolution.

    Example:
        >>> from fastnet.quantization.choice import slower_in_int8
        >>> slower_in_int8("linear", (1, 4), (4, 4)) is None
        False
    """
    isa, kind = get_isa() or "numpy", operation
    measures: dict[str, float]
    if operation == "linear":
        measures = {"rows": math.prod(map(int, shape[:-1])), "depth": int(weight[1]), "columns": int(weight[0])}
    else:
        side, taps = math.prod(map(int, sizes)) ** 0.5, math.prod(weight[2:])
        if groups == weight[0] == int(shape[1]) and groups > 1:
            kind, measures = "depthwise", {"side": side, "channels": groups}
        else:
            measures = {"side": side, "channels": weight[1] * taps / _TAPS, "filters": weight[0] // groups}
    if is_faster(kind, isa, **measures):
        return None
    return f"float32 is as fast on {isa}, where int8 has {speedup(kind, isa, **measures):.2f} times its speed"
