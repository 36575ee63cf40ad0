"""Arithmetic on shapes."""
import math


def around(shape, first, last):
    """The sizes before, in and behind the dimensions [first, last): the shape of kernels that work along a dimension.

    Example:
        >>> import fastnet
        >>> fastnet._shapes.around((2, 3, 4, 5), 1, 3)
        (2, 12, 5)
    """
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])
