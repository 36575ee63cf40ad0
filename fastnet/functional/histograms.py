"""Histograms: the numbers of elements in bins."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.state import forbid_reading
from fastnet._core.tensor import Tensor, method
from fastnet.functional.kernel_calls import check_floating

__all__ = ["Histogram", "histc", "histogram"]


class Histogram(NamedTuple):
    """A named pair of the counts of a histogram and the edges of its bins.

    Example:
        >>> import fastnet
        >>> fastnet.histogram(fastnet.tensor([1.0, 2.0, 2.0]), 2).hist
        tensor([1., 2.])
    """

    hist: Tensor
    bin_edges: Tensor


def _limits(name: str, x: Any, low: float, high: float) -> tuple[float, float]:
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        margin = 1 if name == "histc" else 0.5
        low, high = low - margin, high + margin
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise RuntimeError(f"{name}: expected finite limits with min < max, got {low} and {high}")
    return low, high


@method()
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """The number of elements in bins of equal width between min and max; the last bin includes max.

    Args:
        input: any shape. Elements outside of the limits do not count.
        bins: the number of bins.
        min, max: the limits; if they are equal, the smallest and the largest element.

    Raises:
        RuntimeError: no bins, or limits that are not finite.

    Example:
        >>> import fastnet
        >>> fastnet.histc(fastnet.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
        tensor([0., 2., 1., 0.])
    """
    forbid_reading("histc()")
    if bins < 1:
        raise RuntimeError(f"histc: expected at least 1 bin, got {bins}")
    if min > max:
        raise RuntimeError(f"histc: expected min <= max, got {min} and {max}")
    low, high = _limits("histc", input._data, float(min), float(max))
    x = input._data.reshape(-1)
    x = x[(x >= low) & (x <= high)]
    place = np.minimum(((x - low) / (high - low) * bins).astype(np.int64), bins - 1)
    return Tensor._wrap(np.bincount(place, minlength=bins).astype(input.dtype))


@method()
def histogram(input: Tensor, bins: int | Tensor, *, range: Sequence[float] | None = None,
              weight: Tensor | None = None, density: bool = False) -> Histogram:
    """A histogram: the counts of the elements in bins, and the edges of the bins.

    Args:
        input: floating-point, any shape.
        bins: the number of bins of equal width, or the edges as a tensor.
        range: the limits; by default the smallest and the largest element.
        weight: the weight of each element, in the input's shape.
        density: divide so that the integral over the bins is 1.

    Raises:
        RuntimeError: integers, no bins, or a weight of another shape.

    Example:
        >>> import fastnet
        >>> fastnet.histogram(fastnet.tensor([1.0, 2.0, 2.0]), 2)
        Histogram(hist=tensor([1., 2.]), bin_edges=tensor([1. , 1.5, 2. ]))
    """
    forbid_reading("histogram()")
    check_floating("histogram", input)
    if weight is not None and weight.shape != input.shape:
        raise RuntimeError(f"histogram: expected a weight of shape {shape_text(input)}, got {shape_text(weight)}")
    if isinstance(bins, int) and bins < 1:
        raise RuntimeError(f"histogram: expected at least 1 bin, got {bins}")
    x = input._data.reshape(-1)
    if isinstance(bins, Tensor):
        edges = bins._data
    else:
        low, high = _limits("histogram", x, *((0.0, 0.0) if range is None else map(float, range)))
        edges = np.linspace(low, high, bins + 1, dtype=input.dtype)
    hist, _ = np.histogram(x, edges, weights=None if weight is None else weight._data.reshape(-1), density=density)
    return Histogram(Tensor._wrap(hist.astype(input.dtype)), Tensor._wrap(np.array(edges)))
