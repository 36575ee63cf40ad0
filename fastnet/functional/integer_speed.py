"""Where int8 is faster than float32, by a table of measured times: the same answer on every machine of one kind."""
from __future__ import annotations

import itertools
import math
from typing import Any

from fastnet.functional.integer_speed_table import RATIOS

__all__ = ["GRIDS", "is_faster", "speedup"]

# kind of layer -> its sizes that were measured
GRIDS: dict[str, dict[str, tuple[int, ...]]] = {
    "linear": {"rows": (1, 8, 64, 512), "depth": (16, 64, 256, 1024), "columns": (16, 64, 256, 1024)},
    "conv": {"side": (4, 8, 16, 32), "channels": (3, 16, 64, 256), "filters": (16, 64, 256)},
    "depthwise": {"side": (5, 8, 16, 32), "channels": (16, 64, 256)},
}
_LIKE = {"neondot": "avx512vnni", "neon": "baseline"}       # not measured -> similar
_WORTH = 1.05


def speedup(kind: str, isa: str, **sizes: float) -> float:
    """The measured time of float32 divided by that of int8, on one thread, at the next measured sizes.

    Args:
        kind: linear (sizes rows, depth and columns), conv (side, channels, filters: 3x3 over side x side pixels) or
            depthwise (side, channels).
        isa: an instruction set, as `fastnet.get_isa()` names it; 1.0 for one that is not known.
        sizes: of the layer. A convolution with another kernel has channels * taps / 9.

    Raises:
        ValueError: an unknown kind or size.

    Example:
        >>> speedup("linear", "avx512vnni", rows=512, depth=512, columns=512) > 1
        True
    """
    grid = GRIDS.get(kind)
    if grid is None or set(sizes) != set(grid):
        raise ValueError(f"speedup: expected one of {', '.join(GRIDS)} with its sizes, got {kind!r} with {sizes}")
    ratios = RATIOS.get((_LIKE.get(isa, isa), kind))
    if ratios is None:
        return 1.0
    at = [_nearest_measured(measured, sizes[name]) for name, measured in grid.items()]
    return dict(zip(itertools.product(*grid.values()), ratios, strict=True))[tuple(at)] / 100


def _nearest_measured(measured: tuple[int, ...], size: float) -> int:
    return min(measured, key=lambda m: abs(math.log(m / max(size, 1))))


def is_faster(kind: str, isa: str, **sizes: Any) -> bool:
    """Whether a layer is worth int8: at least 1.05 times as fast by `speedup`.

    Example:
        >>> is_faster("linear", "avx512vnni", rows=512, depth=512, columns=512)
        True
    """
    return speedup(kind, isa, **sizes) >= _WORTH
