"""Views that repeat dimensions of length 1."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_shape

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size

__all__ = ["broadcast_to", "expand", "expand_as"]


@op(view=True)
def _expanded(x: Array, shape: Shape) -> Result[Array]:
    out = np.broadcast_to(x, shape)
    if out.size in (0, x.size) and x.flags.writeable:       # no element is repeated, so writes are safe
        out.flags.writeable = True
    return out, (kernels.same, None)


@method()
def expand(input: Tensor, *size: Size) -> Tensor:
    """A view that repeats dimensions of length 1.

    Args:
        input: any shape.
        size: the new shape, as integers or one tuple; -1 keeps a length. New dimensions come first.

    Raises:
        RuntimeError: a dimension is neither 1 nor of that length.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([[1], [2]]).expand(-1, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    asked = as_shape(size)
    extra = len(asked) - input.ndim
    shape = tuple(input.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(asked))
    if extra < 0 or any(a not in (1, n) for a, n in zip(input.shape, shape[extra:])) or min(shape, default=0) < 0:
        raise RuntimeError(f"expand: shape {shape_text(input)} does not expand to {shape_text(asked)}: "
                           f"{_why_not_expanded(input, asked)}")
    return _expanded(input, shape)


def _why_not_expanded(input: Tensor, asked: Shape) -> str:
    extra = len(asked) - input.ndim
    if extra < 0:
        return f"expected at least {input.ndim} dimensions, got {len(asked)}"
    for i, n in enumerate(asked):
        length = input.shape[i - extra] if i >= extra else None
        if n != length and (n < -1 or (n == -1 and length is None)):
            return f"length {n} of dimension {i} is negative" + (" for a new dimension" if n == -1 else "")
        if n != -1 and length not in (None, 1, n):
            return f"dimension {i - extra} has length {length}, and only a dimension of length 1 is repeated"
    return "a length is negative"


@method()
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`expand` to the shape of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.ones(1).expand_as(fastnet.zeros(2, 2)).shape
        (2, 2)
    """
    return expand(input, other.shape)


@method()
def broadcast_to(input: Tensor, shape: Size) -> Tensor:
    """`expand` to `shape`.

    Example:
        >>> import fastnet
        >>> fastnet.broadcast_to(fastnet.tensor([1, 2]), (2, 2))
        tensor([[1, 2],
                [1, 2]])
    """
    return expand(input, shape)
