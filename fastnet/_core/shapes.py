"""Arithmetic on shapes."""
import math


def around(shape, first, last):
    """The sizes before, in and behind the dimensions [first, last): the shape of kernels that work along a dimension.

    Example:
        >>> import fastnet
        >>> fastnet._core.shapes.around((2, 3, 4, 5), 1, 3)
        (2, 12, 5)
    """
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])


def uneven(rows):
    """In words, which rows of nested lists have different numbers of values; None where all have as many.

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
    """The number of a row's values; None for a number."""
    try:
        return None if isinstance(row, str) else len(row)
    except TypeError:
        return None
