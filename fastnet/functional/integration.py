"""Integrals by trapezoids, numerical gradients, and powers of a vector."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.creation import arange
from fastnet.functional.dims import as_dim, as_dims
from fastnet.functional.joining import cat
from fastnet.functional.running import cumsum, diff
from fastnet.functional.splitting import narrow

if TYPE_CHECKING:
    from fastnet._core.annotations import Number

__all__ = ["cumulative_trapezoid", "gradient", "trapezoid", "trapz", "vander"]


def _areas(y: Tensor, x: Tensor | None, dx: Number | None, dim: int) -> Tensor:
    """The areas of the trapezoids between neighbours along a dimension."""
    axis = as_dim(y, dim)
    n = max(y.shape[axis] - 1, 0)
    heights = (narrow(y, axis, 1, n) + narrow(y, axis, 0, n)) / 2 if y.shape[axis] else y
    if x is None:
        return heights * (1 if dx is None else dx)
    if x.ndim == 1:
        x = x.reshape(*(-1 if d == axis else 1 for d in range(y.ndim)))
    return heights * diff(x, dim=axis - y.ndim)


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Tensor:
    """The integral along a dimension by the trapezoidal rule.

    Args:
        y: the values.
        x: the places of the values, in their shape or as a vector; by default they have the distance dx.
        dx: the distance of neighbours, 1 by default.
        dim: a dimension.

    Example:
        >>> import fastnet
        >>> fastnet.trapezoid(fastnet.tensor([1.0, 2.0, 3.0]))
        tensor(4.)
    """
    return _areas(y, x, dx, dim).sum(dim)


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Tensor:
    """The running integral along a dimension by the trapezoidal rule. Arguments are those of `trapezoid`.

    Example:
        >>> import fastnet
        >>> fastnet.cumulative_trapezoid(fastnet.tensor([1.0, 2.0, 3.0]))
        tensor([1.5, 4. ])
    """
    return cumsum(_areas(y, x, dx, dim), dim)


def gradient(input: Tensor, *, spacing: Any = 1, dim: int | Sequence[int] | None = None,
             edge_order: int = 1) -> tuple[Tensor, ...]:
    """The derivatives of sampled values along dimensions, by central differences of second order.

    Args:
        input: the values.
        spacing: the distance of neighbours, one number or one for each dimension, or vectors of the places.
        dim: a dimension or several; None for all.
        edge_order: 1 or 2, the order of the differences at both ends.

    Raises:
        RuntimeError: fewer than edge_order + 1 elements along a dimension, or another edge_order.

    Example:
        >>> import fastnet
        >>> fastnet.gradient(fastnet.tensor([1.0, 4.0, 9.0, 16.0]))
        (tensor([3., 4., 6., 7.]),)
    """
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient: expected an edge_order of 1 or 2, got {edge_order}")
    given = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = as_dims("gradient", input, tuple(given))
    spacing = 1 if spacing is None else spacing
    spaces = list(spacing) if isinstance(spacing, tuple | list) else [spacing] * len(dims)
    if len(spaces) != len(dims):
        raise RuntimeError(f"gradient: expected one spacing for each of {len(dims)} dimensions, got {len(spaces)}")
    return tuple(_slope_along(input, d, space, edge_order) for d, space in zip(dims, spaces))


def _slope_along(x: Tensor, dim: int, space: Any, order: int) -> Tensor:
    n = x.shape[dim]
    if n < order + 1:
        raise RuntimeError(f"gradient: expected at least {order + 1} elements along dimension {dim}, got shape "
                           f"{shape_text(x)}")
    shape = tuple(-1 if d == dim else 1 for d in range(x.ndim))
    if isinstance(space, Tensor) and space.ndim:
        steps = diff(space).reshape(*shape).to(x.dtype)
    else:
        steps = (arange(n - 1, dtype=x.dtype) * 0 + space).reshape(*shape)
    rise = diff(x, dim=dim) / steps

    def part(y: Tensor, start: int, count: int) -> Tensor:
        return narrow(y, dim, start, count)
    before, after = part(steps, 0, n - 2), part(steps, 1, n - 2)
    inner = (part(rise, 0, n - 2) * after + part(rise, 1, n - 2) * before) / (before + after)
    first, last = part(rise, 0, 1), part(rise, n - 2, 1)
    if order == 2:
        first = first + (first - part(rise, 1, 1)) * part(steps, 0, 1) / (part(steps, 0, 1) + part(steps, 1, 1))
        last = last + (last - part(rise, n - 3, 1)) * part(steps, n - 2, 1) / (
            part(steps, n - 2, 1) + part(steps, n - 3, 1))
    return cat([first, inner, last], dim)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix: the powers of each element of a vector as a row.

    Args:
        x: (n,).
        N: the number of columns; n by default.
        increasing: start with the power 0 instead of N-1.

    Raises:
        RuntimeError: not a vector, or a negative N.

    Example:
        >>> import fastnet
        >>> fastnet.vander(fastnet.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [4, 2, 1],
                [9, 3, 1]])
    """
    count = x.shape[0] if N is None and x.ndim == 1 else N
    if x.ndim != 1 or count is None or count < 0:
        raise RuntimeError(f"vander: expected a vector and N of 0 or more, got shape {shape_text(x)} and {N}")
    powers = x.unsqueeze(1) ** arange(count)
    return powers if increasing else powers.flip(1)
