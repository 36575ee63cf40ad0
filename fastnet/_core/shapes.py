"""Arithmetic on shapes."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def ceil_div(a: int, b: int) -> int:
    """a / b rounded up.

    Example:
        >>> import fastnet
        >>> fastnet._core.shapes.ceil_div(7, 3), fastnet._core.shapes.ceil_div(6, 3)
        (3, 2)
    """
    return -(-a // b)


def collapse_shape(shape: Sequence[int], first: int, last: int) -> tuple[int, int, int]:
    """A shape as (outer, n, inner), where n counts the elements in the dimensions [first, last).

    Kernels that work along a dimension take arrays of this shape.

    Example:
        >>> import fastnet
        >>> fastnet._core.shapes.collapse_shape((2, 3, 4, 5), 1, 3)
        (2, 12, 5)
    """
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])


def uneven(rows: Sequence[Any]) -> str | None:
    """A description of the first two rows of nested lists that differ in length; None if there are none.

    Example:
        >>> import fastnet
        >>> fastnet._core.shapes.uneven([[1, 2, 3], [4, 5]]), fastnet._core.shapes.uneven([[[1], [2]], [[3], 4]])
        ('row 0 has 3 values, row 1 has 2', 'in row 1: row 0 has 1 value, row 1 is a number')
    """
    sizes = [_length(row) for row in rows]
    for row, size in enumerate(sizes):
        if size != sizes[0]:
            first, other = (f"has {n}" if n is not None else "is a number" for n in (sizes[0], size))
            plural = "" if sizes[0] is None else f" value{'s' * (sizes[0] != 1)}"
            return f"row 0 {first}{plural}, row {row} {other}"
    found = ((row, uneven(rows[row])) for row, size in enumerate(sizes) if size is not None)
    return next((f"in row {row}: {text}" for row, text in found if text), None)


def _length(row):
    """The number of values in a row; None for a number."""
    try:
        return None if isinstance(row, str) else len(row)
    except TypeError:
        return None
