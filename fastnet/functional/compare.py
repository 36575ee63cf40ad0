"""Comparisons, logic, and choices between values."""
import math

import numpy as np

from fastnet import dtypes
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional import arrays
from fastnet.functional.arrays import operands
from fastnet.memory import empty
from fastnet.tensor import Tensor, method


def _comparison(name, sign, *aliases):
    def function(input, other):
        x, y = operands(input, other)
        return arrays.binary(name, x, y, dtypes.bool_), None
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"input {sign} other, element by element, as bool."
    return method(*aliases)(op(function))


eq = _comparison("eq", "==", "__eq__")
ne = _comparison("ne", "!=", "__ne__", "not_equal")
lt = _comparison("lt", "<", "__lt__", "less")
le = _comparison("le", "<=", "__le__", "less_equal")
gt = _comparison("gt", ">", "__gt__", "greater")
ge = _comparison("ge", ">=", "__ge__", "greater_equal")


def _logic(name, what):
    def function(input, other):
        x, y = operands(input, other)
        return arrays.binary(name, x, y, dtypes.bool_), None
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Whether {what}, element by element; a number counts as true unless it is 0."
    return method()(op(function))


logical_and = _logic("logical_and", "both hold")
logical_or = _logic("logical_or", "either holds")
logical_xor = _logic("logical_xor", "exactly one holds")


@method()
@op
def logical_not(input):
    """Whether each element is 0."""
    return arrays.unary("logical_not", input, dtypes.bool_), None


def _bitwise(name, sign, *aliases):
    def function(input, other):
        x, y = operands(input, other)
        if x.dtype.kind == "f":
            raise TypeError(f"{name} takes bool and integer tensors, got {x.dtype}")
        return arrays.binary(name, x, y), None
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"input {sign} other, bit by bit (of bool: logically)."
    return method(*aliases)(op(function))


bitwise_and = _bitwise("bitwise_and", "&", "__and__", "__rand__")
bitwise_or = _bitwise("bitwise_or", "|", "__or__", "__ror__")
bitwise_xor = _bitwise("bitwise_xor", "^", "__xor__", "__rxor__")


@method("__invert__")
@op
def bitwise_not(input):
    """The complement of each bit; of a bool, its negation."""
    if input.dtype.kind == "f":
        raise TypeError(f"bitwise_not takes bool and integer tensors, got {input.dtype}")
    return arrays.unary("bitwise_not", input), None


@op
def _where(condition, x, y):
    x, y = operands(x, y)
    outer = np.broadcast_shapes(condition.shape, arrays.broadcast_shape(x, y))
    out = empty(outer, x.dtype)
    K.where(out, condition, x, y)

    def dy(g):
        rest = empty(g.shape, g.dtype)
        K.where(rest, condition, arrays.scalar(0, g.dtype), g)
        return rest
    return out, (None, lambda g: arrays.masked(condition, g), dy)


def where(condition, input, other):
    """input where the bool tensor `condition` holds, other elsewhere; all three broadcast.

    Raises:
        TypeError: the condition is not bool.
    """
    if not isinstance(condition, Tensor) or condition.dtype != dtypes.bool_:
        raise TypeError(f"where: expected a bool tensor as condition, got {getattr(condition, 'dtype', condition)!r}")
    return _where(condition, input, other)


@method("where")
def _where_method(self, condition, other):
    """self where the condition holds, other elsewhere."""
    return where(condition, self, other)


@method()
def masked_fill(input, mask, value):
    """input with `value` where the bool tensor `mask` holds."""
    dtype = input.dtype
    return where(mask, value, input).to(dtype)


@op
def _clamp(x, low, high):
    out = arrays.like("clamp", arrays.contiguous(x), low, high)
    return out, (lambda g: arrays.like("clamp_backward", x, g, low, high), None, None)


@method("clip")
def clamp(input, min=None, max=None):
    """Each element moved into [min, max]; either may be None, a number or a tensor.

    Raises:
        ValueError: both are None.
    """
    if min is None and max is None:
        raise ValueError("clamp: at least one of min and max must be given")
    if isinstance(min, Tensor) or isinstance(max, Tensor) or input.dtype.kind != "f":
        out = input if min is None else input.maximum(min)
        return out if max is None else out.minimum(max)
    return _clamp(input, -math.inf if min is None else float(min), math.inf if max is None else float(max))


@method()
def isclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|input - other| <= atol + rtol * |other|, element by element."""
    close = (input == other) | ((input - other).abs() <= atol + rtol * abs(other))
    return close | (input.isnan() & other.isnan()) if equal_nan else close


@method()
def allclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether every element is close: see `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@method()
def equal(input, other):
    """Whether two tensors have one shape and the same elements."""
    return input.shape == other.shape and bool((input == other).all())
