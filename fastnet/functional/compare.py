"""Comparisons, logic, and choices between values."""
import functools
import math

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import describe
from fastnet.functional.indexing import check_mask, nonzero
from fastnet.functional.kernel_calls import check_array, check_some_array, operands


def _comparison(name, sign, result, *aliases):
    def function(input, other):
        check_array(name, "input", input)
        x, y = operands(input, other)
        return kernels.binary(name, x, y, dtypes.bool_), None
    describe(function, name, f"input {sign} other, element by element, as bool; shapes broadcast.",
             f"fastnet.{name}(fastnet.tensor([1, 2, 3]), 2)", f"tensor({result})")
    compare = method(*aliases)(op(function))
    extend(**{f"__{name}__": _operator(compare)})
    return compare


def _operator(compare):
    """A comparison as Python's operator, which leaves what is no operand to Python: it is unequal, and in no order."""
    @functools.wraps(compare)
    def operator(self, other):
        return compare(self, other) if isinstance(other, _OPERANDS) else NotImplemented
    return operator


_OPERANDS = Tensor, int, float, np.ndarray, np.generic

eq = _comparison("eq", "==", "[False,  True, False]")
ne = _comparison("ne", "!=", "[ True, False,  True]", "not_equal")
lt = _comparison("lt", "<", "[ True, False, False]", "less")
le = _comparison("le", "<=", "[ True,  True, False]", "less_equal")
gt = _comparison("gt", ">", "[False, False,  True]", "greater")
ge = _comparison("ge", ">=", "[False,  True,  True]", "greater_equal")


def _logic(name, what, result):
    def function(input, other):
        check_array(name, "input", input)
        check_array(name, "other", other)
        x, y = operands(input, other)
        return kernels.binary(name, x, y, dtypes.bool_), None
    describe(function, name, f"Whether {what}, element by element; a number counts as true unless it is 0.",
             f"fastnet.{name}(fastnet.tensor([True, True, False]), fastnet.tensor([True, False, False]))",
             f"tensor({result})")
    return method()(op(function))


logical_and = _logic("logical_and", "both hold", "[ True, False, False]")
logical_or = _logic("logical_or", "either holds", "[ True,  True, False]")
logical_xor = _logic("logical_xor", "exactly one holds", "[False,  True, False]")


@method()
@op
def logical_not(input):
    """Whether each element is 0 (or False).

    Example:
        >>> import fastnet
        >>> fastnet.logical_not(fastnet.tensor([0.0, 2.0]))
        tensor([ True, False])
    """
    return kernels.unary("logical_not", input, dtypes.bool_), None


def _bitwise(name, sign, result, *aliases):
    def function(input, other):
        check_some_array(name, input, other)
        x, y = operands(input, other)
        if x.dtype.kind == "f":
            raise RuntimeError(f"{name} takes bool and integer tensors, got {x.dtype}")
        return kernels.binary(name, x, y), None
    describe(function, name, f"input {sign} other, bit by bit (of bool: logically). RuntimeError if either is a float.",
             f"fastnet.{name}(fastnet.tensor([6, 5]), 3)", f"tensor({result})")
    return method(*aliases)(op(function))


bitwise_and = _bitwise("bitwise_and", "&", "[2, 1]", "__and__", "__rand__")
bitwise_or = _bitwise("bitwise_or", "|", "[7, 7]", "__or__", "__ror__")
bitwise_xor = _bitwise("bitwise_xor", "^", "[5, 6]", "__xor__", "__rxor__")


@method("__invert__")
@op
def bitwise_not(input):
    """The complement of each bit; of a bool, its negation.

    Raises:
        RuntimeError: a floating-point tensor.

    Example:
        >>> import fastnet
        >>> fastnet.bitwise_not(fastnet.tensor([0, 5]))
        tensor([-1, -6])
    """
    if input.dtype.kind == "f":
        raise RuntimeError(f"bitwise_not takes bool and integer tensors, got {input.dtype}")
    return kernels.unary("bitwise_not", input), None


@op
def _where(condition, x, y):
    x, y = operands(x, y, exact=True)
    chosen = np.broadcast_to(x, kernels.broadcast_shape(x, y))
    out = empty(kernels.broadcast_shape(condition, chosen), x.dtype)
    K.where(out, condition, x, y)
    return out, (None, gradient(_where_true, condition), gradient(_where_false, condition))


def _where_true(g, condition):
    return kernels.masked(condition, g)


def _where_false(g, condition):
    rest = empty(g.shape, g.dtype)
    K.where(rest, condition, kernels.scalar(0, g.dtype), g)
    return rest


def where(condition, input=None, other=None):
    """input where the condition holds, other elsewhere; of a condition alone, `nonzero` as a tuple.

    Args:
        condition: a bool tensor; uint8 is taken as one.
        input, other: tensors or numbers; all three broadcast.

    Raises:
        RuntimeError: the condition is not bool.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([-1.0, 2.0])
        >>> fastnet.where(x > 0, x, 0.0)
        tensor([0., 2.])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    check_mask("where", "condition", condition, (dtypes.bool_, dtypes.uint8))
    return _where(condition.bool(), input, other)


def _where_method(self, condition, other):
    """self where the condition holds, other elsewhere."""
    return where(condition, self, other)


extend(where=_where_method)


@method()
def masked_fill(input, mask, value):
    """input with `value` where the mask holds.

    Args:
        input: any shape.
        mask: a bool tensor; broadcasts to the input.
        value: a number or a 0-d tensor.

    Raises:
        RuntimeError: the mask is not bool, the value has dimensions, or the input's dtype cannot hold it.

    Example:
        >>> import fastnet
        >>> fastnet.masked_fill(fastnet.tensor([1.0, 2.0]), fastnet.tensor([True, False]), -1.0)
        tensor([-1.,  2.])
    """
    check_mask("masked_fill", "mask", mask)
    if getattr(value, "ndim", 0):
        raise RuntimeError(f"masked_fill: expected a number or a 0-d tensor as value, got shape {shape_text(value)}")
    if input.dtype.kind in "iu" and isinstance(value, float):
        value = kernels.stored(value, input.dtype).item()
    return where(mask, value, input).to(input.dtype)


@op
def _clamp(x, low, high):
    out = kernels.call_like("clamp", kernels.contiguous(x), low, high)
    return out, (gradient(_clamp_slope, x, low, high), None, None)


def _clamp_slope(g, x, low, high):
    return kernels.call_like("clamp_backward", x, g, low, high)


@method("clip")
def clamp(input, min=None, max=None):
    """min(max(input, min), max): each element moved into [min, max]; NaN where a limit is NaN.

    The gradient is 0 where an element is moved; a tensor that it is moved to gets it there.

    Args:
        input: any shape.
        min, max: numbers or tensors; either may be None.

    Raises:
        RuntimeError: both are None.

    Example:
        >>> import fastnet
        >>> fastnet.clamp(fastnet.tensor([-2.0, 0.5, 2.0]), -1.0, 1.0)
        tensor([-1. ,  0.5,  1. ])
    """
    if min is None and max is None:
        raise RuntimeError("clamp: at least one of min and max must be given")
    if not isinstance(input, Tensor):
        raise not_a_tensor("clamp", "input", input)
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _clamp_between(input, min, max)
    if input.dtype.kind != "f":
        limits = [limit for limit in (min, max) if limit is not None]
        input = input.to(dtypes.result_type(input._data, *limits))         # a real limit makes the result real
        if input.dtype.kind != "f":
            return _clamp_between(input, min, max)
    if math.isnan(min or 0) or math.isnan(max or 0):
        return input.masked_fill(input == input, math.nan)
    return _clamp(input, -math.inf if min is None else float(min), math.inf if max is None else float(max))


def _clamp_between(x, low, high):
    """`clamp` with tensors; an element at its limit keeps the gradient, which is not shared as in `maximum`."""
    if low is not None:
        x = where(x < low if not isinstance(low, Tensor) else (x < low) | (low != low), low, x)
    if high is not None:
        x = where(x > high if not isinstance(high, Tensor) else (x > high) | (high != high), high, x)
    return x.masked_fill(x != x, math.nan) if x.dtype.kind == "f" else x        # NaN stays, and gets no gradient


@method()
def clamp_min(input, min):
    """`clamp` from below alone.

    Example:
        >>> import fastnet
        >>> fastnet.clamp_min(fastnet.tensor([-2.0, 2.0]), 0.0)
        tensor([0., 2.])
    """
    return clamp(input, min=min)


@method()
def clamp_max(input, max):
    """`clamp` from above alone.

    Example:
        >>> import fastnet
        >>> fastnet.clamp_max(fastnet.tensor([-2.0, 2.0]), 0.0)
        tensor([-2.,  0.])
    """
    return clamp(input, max=max)


def _check_tensor(name, other):
    if not isinstance(other, Tensor):
        raise not_a_tensor(name, "other", other)


@method()
def isclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|input - other| <= atol + rtol * |other|, element by element.

    Args:
        input, other: tensors; shapes broadcast.
        rtol, atol: the relative and the absolute tolerance, not negative.
        equal_nan: NaN is close to NaN.

    Raises:
        TypeError: the other is no tensor.
        RuntimeError: a negative tolerance.

    Example:
        >>> import fastnet
        >>> fastnet.isclose(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.000001, 2.1]))
        tensor([ True, False])
    """
    _check_tensor("isclose", other)
    for tolerance, given in (("rtol", rtol), ("atol", atol)):
        if not given >= 0:
            raise RuntimeError(f"isclose: expected {tolerance} not to be negative, got {given}")
    x, y = (t.to(dtypes.float_of(t.dtype)) for t in (input, other))
    near = (x - y).abs() <= atol + rtol * y.abs()
    close = (input == other) | (near & other.isfinite())           # nothing finite is close to infinity
    return close | (input.isnan() & other.isnan()) if equal_nan else close


@method()
def allclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether every element is close, a Python bool: see `isclose`.

    Example:
        >>> import fastnet
        >>> fastnet.allclose(fastnet.ones(2), fastnet.ones(2) + 1e-7)
        True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@method()
def equal(input, other):
    """Whether two tensors have one shape and the same elements, a Python bool.

    Raises:
        TypeError: the other is no tensor.

    Example:
        >>> import fastnet
        >>> fastnet.equal(fastnet.ones(2), fastnet.ones(2)), fastnet.equal(fastnet.ones(2), fastnet.ones(1, 2))
        (True, False)
    """
    _check_tensor("equal", other)
    return input.shape == other.shape and bool((input == other).all())
