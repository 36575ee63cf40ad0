"""Sums of the contributions to a gradient. Those of views, which cover regions of it, are written into one array."""
from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from fastnet._core.memory import empty, empty_channels_last, empty_result, is_channels_last
from fastnet.autograd.tape import gradient
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["GradientSum", "fills_region", "region_of"]

Key: TypeAlias = "tuple[Any, ...]"                  # of a view: integers, slices, None and ...
_F = TypeVar("_F", bound=Callable[..., Any])


def fills_region(function: _F) -> _F:
    """Declare that a gradient function(g, shape, key) returns zeros of a shape, but for g at a key, as a decorator.

    With a number and a position in place of the shape and the key, g is one among this number of gradients.
    """
    function.fills_region = True                    # type: ignore[attr-defined]
    return function


def region_of(function: object) -> tuple[Shape, Key] | None:
    """(shape, key) of a gradient whose function is marked `fills_region`; None for others."""
    if type(function) is gradient and getattr(function.function, "fills_region", False):
        return function.saved
    return None


class GradientSum:
    """The gradient of a node, as a sum of contributions. The first is not copied, so that most nodes copy nothing.

    Contributions to regions of the gradient wait for each other, and are then written into one array.
    """

    __slots__ = ("array", "owned", "parts")

    def __init__(self, array: Any) -> None:
        self.array, self.owned = array, False
        self.parts: Any = None

    def add(self, array: Array) -> None:
        if self.array is None:
            self.array = array
        elif self.owned:
            K.add(self.array, self.array, array)
        else:
            total = empty_result(self.array.shape, self.array.dtype, self.array, array)
            K.add(total, self.array, array)
            self.array, self.owned = total, True

    def add_part(self, region: tuple[Shape, Any], g: Array) -> None:
        if self.parts is None:
            self.parts = (region[0], [])
        self.parts[1].append((region[1], g))

    def joined(self) -> Array:
        """The sum of all contributions; a list of the gradients of its results for the call of a Function."""
        if self.parts is not None and type(self.parts[0]) is int:
            return _of_each_result(*self.parts)
        if self.parts is not None:
            self.add(_joined_parts(*self.parts))
            self.parts = None
        return self.array


def _of_each_result(count: int, parts: Sequence[tuple[int, Array]]) -> Any:
    gradients: list[Array | None] = [None] * count
    for place, g in parts:
        gradients[place] = g
    return gradients


def _joined_parts(shape: Shape, parts: Sequence[tuple[Key, Array]]) -> Array:
    """The sum of arrays that are 0 except at their keys.

    Args:
        shape: that of the result.
        parts: (key, values) of each array.
    """
    last = all(len(shape) == g.ndim and is_channels_last(g) for _, g in parts)
    out = (empty_channels_last if last else empty)(shape, parts[0][1].dtype)
    tiled = _are_tiles([_bounds(key, shape) for key, _ in parts], shape)
    if not tiled:
        K.fill(out, 0)
    for i, (key, g) in enumerate(parts):
        if tiled or i == 0:
            K.copy(out[key], g)
        else:
            K.add(out[key], out[key], g)
    return out


def _bounds(key: Key, shape: Shape) -> tuple[tuple[int, int], ...] | None:
    """The first index and the end of the region in each dimension; None for one that is not consecutive."""
    used = [k for k in key if k is not None]
    if ... in used:
        at = used.index(...)
        used[at:at + 1] = [slice(None)] * (len(shape) - len(used) + 1)
    used += [slice(None)] * (len(shape) - len(used))
    bounds = []
    for k, n in zip(used, shape):
        start, stop, step = k.indices(n) if isinstance(k, slice) else (k % n, k % n + 1, 1)
        if step != 1:
            return None
        bounds.append((start, stop))
    return tuple(bounds)


def _are_tiles(regions: Sequence[Any], shape: Shape) -> bool:
    """Whether regions cover every element of a shape once, each being whole in all dimensions but one."""
    if None in regions:
        return False
    split = {d for region in regions for d, (b, n) in enumerate(zip(region, shape)) if b != (0, n)}
    if len(split) != 1:
        return False
    d, = split
    edges = sorted((region[d] for region in regions), key=operator.itemgetter(0))
    return (edges[0][0] == 0 and edges[-1][1] == shape[d]
            and all(a[1] == b[0] for a, b in itertools.pairwise(edges)))
