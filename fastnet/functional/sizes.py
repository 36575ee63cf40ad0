"""Shapes, sizes and dimensions as they are given: numbers, a tuple, a -1 among them."""
import math
import operator

import numpy as np

from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.tensor import Tensor

_INTEGERS = (int, np.integer, Tensor)


def as_shape(shape):
    """A shape given as numbers or as one tuple.

    Raises:
        TypeError: what is no integer among them.
    """
    if len(shape) == 1 and not isinstance(shape[0], _INTEGERS):
        shape = shape[0]
    try:
        return tuple(map(operator.index, shape))
    except TypeError:
        raise TypeError(f"expected integers, or one tuple of them, got {shape!r}") from None


def as_dim(input, dim, extra=0):
    """A dimension counted from the front.

    Args:
        input: a tensor or an array; one of no dimensions has dimension 0, as in PyTorch.
        dim: an integer; negative ones count from the back.
        extra: how many dimensions more the result has than `input`.

    Raises:
        TypeError: no integer, or a bool.
        IndexError: out of range.
    """
    n = max(input.ndim + extra, 1)
    try:
        number = None if isinstance(dim, bool) else operator.index(dim)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"expected an integer as dimension, got {dim!r}")
    if not -n <= number < n:
        raise IndexError(f"dimension {number} is out of range for shape {shape_text(input)}: expected {-n} to {n - 1}")
    return number % n


def as_dims(name, input, dims):
    """A dimension or several as a list, counted from the front.

    Raises:
        RuntimeError: a dimension named twice.
    """
    listed = [as_dim(input, d) for d in (dims if isinstance(dims, tuple | list) else (dims,))]
    if len(set(listed)) < len(listed):
        raise RuntimeError(f"{name}: a dimension is named twice in {dims}")
    return listed


def as_size(name, size):
    """The shape of a new tensor.

    Raises:
        RuntimeError: a negative number.
    """
    shape = as_shape(size)
    if min(shape, default=0) < 0:
        check_sizes(name, size=shape)
    return shape


def filled_in(before, shape):
    """A shape with its one -1 worked out, for what has the shape `before`.

    Raises:
        RuntimeError: that has another number of elements; both shapes are named.
    """
    size, known = math.prod(before), math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and known and size % known == 0:
        shape = tuple(size // known if n == -1 else n for n in shape)
    if -1 in shape or math.prod(shape) != size:
        raise RuntimeError(f"shape {shape_text(shape)} does not fit a tensor of shape {shape_text(before)}, "
                           f"{size} elements")
    return shape


def asked_shape(input, shape):
    """A shape that was asked for, with -1 still in it, which NumPy works out.

    Raises:
        RuntimeError: a length below -1.
    """
    if len(shape) != 1 or type(shape[0]) is not int:
        shape = as_shape(shape)
    if shape and min(shape) < -1:
        raise RuntimeError(f"shape {shape_text(shape)} does not fit a tensor of shape {shape_text(input)}: a length is "
                           "below -1")
    return shape
