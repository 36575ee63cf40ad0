"""Comparisons, logic, selection by a condition, and clamping."""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.memory import empty_like, empty_result
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, op, transposes
from fastnet.autograd.tape import Choice, Pointwise
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import BinaryOperation, describe
from fastnet.functional.indexing import check_mask, nonzero
from fastnet.functional.kernel_calls import check_array, check_some_array, operands

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number, Operand, Result, TensorOrNumber

__all__ = [
    "allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "clamp", "clamp_max", "clamp_min", "eq",
    "equal", "ge", "gt", "isclose", "le", "logical_and", "logical_not", "logical_or", "logical_xor", "lt",
    "masked_fill", "ne", "where",
]


def _comparison(name: str, sign: str, result: str, *aliases: str) -> BinaryOperation:
    """Define a comparison, as a function, a method and an operator. `result` is that of [1, 2, 3] and 2."""
    def function(input: Array, other: Operand) -> Result[Array]:
        check_array(name, "input", input)
        x, y = operands(input, other)
        return kernels.binary(name, x, y, dtypes.bool_), None
    describe(function, name, f"input {sign} other, element by element, as bool; shapes broadcast.",
             f"fastnet.{name}(fastnet.tensor([1, 2, 3]), 2)", f"tensor({result})")
    compare = method(*aliases)(op(function, pointwise=Pointwise(name, 2, dtypes.bool_, numbers=(1,))))
    extend(**{f"__{name}__": _operator(compare)})
    return compare


def _operator(compare: BinaryOperation) -> Callable[[Tensor, Any], Tensor]:
    """A comparison as Python's operator. Python handles operands of other types: they are unequal and not ordered."""
    @functools.wraps(compare)
    def operator(self: Tensor, other: Any) -> Tensor:
        return compare(self, other) if isinstance(other, _OPERANDS) else NotImplemented
    return operator


_OPERANDS: tuple[type[Any], ...] = Tensor, int, float, np.ndarray, np.generic

eq: BinaryOperation = _comparison("eq", "==", "[False,  True, False]")
ne: BinaryOperation = _comparison("ne", "!=", "[ True, False,  True]", "not_equal")
lt: BinaryOperation = _comparison("lt", "<", "[ True, False, False]", "less")
le: BinaryOperation = _comparison("le", "<=", "[ True,  True, False]", "less_equal")
gt: BinaryOperation = _comparison("gt", ">", "[False, False,  True]", "greater")
ge: BinaryOperation = _comparison("ge", ">=", "[False,  True,  True]", "greater_equal")


def _logic(name: str, holds: str, result: str) -> BinaryOperation:
    """Define a logical operation, true where `holds`. `result` is that of two tensors, see the example."""
    def function(input: Array, other: Array) -> Result[Array]:
        check_array(name, "input", input)
        check_array(name, "other", other)
        x, y = operands(input, other)
        return kernels.binary(name, x, y, dtypes.bool_), None
    describe(function, name, f"Whether {holds}, element by element. Every number but 0 is true.",
             f"fastnet.{name}(fastnet.tensor([True, True, False]), fastnet.tensor([True, False, False]))",
             f"tensor({result})")
    return method()(op(function))


logical_and: BinaryOperation = _logic("logical_and", "both are true", "[ True, False, False]")
logical_or: BinaryOperation = _logic("logical_or", "either is true", "[ True,  True, False]")
logical_xor: BinaryOperation = _logic("logical_xor", "exactly one is true", "[False,  True, False]")


@method()
@op
def logical_not(input: Array) -> Result[Array]:
    """Whether each element is 0 or False.

    Example:
        >>> import fastnet
        >>> fastnet.logical_not(fastnet.tensor([0.0, 2.0]))
        tensor([ True, False])
    """
    return kernels.unary("logical_not", input, dtypes.bool_), None


def _bitwise(name: str, sign: str, result: str, *aliases: str) -> BinaryOperation:
    """Define a bitwise operation of two operands. `result` is that of [6, 5] and 3."""
    def function(input: Array, other: Operand) -> Result[Array]:
        check_some_array(name, input, other)
        x, y = operands(input, other)
        if dtypes.is_floating(x.dtype):
            raise RuntimeError(f"{name}: expected bool or integer operands, got {x.dtype}")
        return kernels.binary(name, x, y), None
    describe(function, name, f"input {sign} other, bit by bit; logical for bool. RuntimeError if either is a float.",
             f"fastnet.{name}(fastnet.tensor([6, 5]), 3)", f"tensor({result})")
    return method(*aliases)(op(function))


bitwise_and: BinaryOperation = _bitwise("bitwise_and", "&", "[2, 1]", "__and__", "__rand__")
bitwise_or: BinaryOperation = _bitwise("bitwise_or", "|", "[7, 7]", "__or__", "__ror__")
bitwise_xor: BinaryOperation = _bitwise("bitwise_xor", "^", "[5, 6]", "__xor__", "__rxor__")


@method("__invert__")
@op
def bitwise_not(input: Array) -> Result[Array]:
    """The complement of each bit; the negation of a bool.

    Raises:
        RuntimeError: a floating-point tensor.

    Example:
        >>> import fastnet
        >>> fastnet.bitwise_not(fastnet.tensor([0, 5]))
        tensor([-1, -6])
    """
    if dtypes.is_floating(input.dtype):
        raise RuntimeError(f"bitwise_not: expected a bool or integer tensor, got {input.dtype}")
    return kernels.unary("bitwise_not", input), None


@op(pointwise=Choice())
def _where(condition: Array, x: Array | Number, y: Array | Number) -> Result[Array]:
    x, y = operands(x, y, exact=True)
    shape = condition.shape
    if not x.shape == y.shape == shape:
        shape = kernels.broadcast_shape(condition, np.broadcast_to(x, kernels.broadcast_shape(x, y)))
    out = empty_result(shape, x.dtype, x, y)
    K.where(out, condition, x, y)
    return out, (None, gradient(_where_true, condition), gradient(_where_false, condition))


def _where_true(g: Array, condition: Array) -> Array:
    return kernels.masked(condition, g)


def _where_false(g: Array, condition: Array) -> Array:
    rest = empty_like(g)
    K.where(rest, condition, kernels.scalar(0, g.dtype), g)
    return rest


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...


@overload
def where(condition: Tensor, input: Operand, other: Operand) -> Tensor: ...


def where(condition: Tensor, input: Operand | None = None,
          other: Operand | None = None) -> Tensor | tuple[Tensor, ...]:
    """`input` where the condition is true, `other` elsewhere. With the condition alone, `nonzero` as a tuple.

    Args:
        condition: a bool or uint8 tensor.
        input, other: tensors or numbers; all three broadcast.

    Raises:
        RuntimeError: the condition is neither bool nor uint8.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([-1.0, 2.0])
        >>> fastnet.where(x > 0, x, 0.0)
        tensor([0., 2.])
    """
    if input is None or other is None:
        if input is other:
            return nonzero(condition, as_tuple=True)
        name = "input" if input is None else "other"
        raise TypeError(f"where: expected {name} to be a tensor or a number, got None; give both input and other, or "
                        "neither")
    check_mask("where", "condition", condition, (dtypes.bool_, dtypes.uint8))
    return _where(condition if condition.dtype.kind == "b" else condition.bool(), input, other)


def _keep_where(self: Tensor, condition: Tensor, other: Operand) -> Tensor:
    """The elements of this tensor where the condition is true, `other` elsewhere."""
    return where(condition, self, other)


extend(where=_keep_where)


@method()
def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """The input with `value` where the mask is true.

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


@op(pointwise=Pointwise("clamp", attributes=True))
def _clamp(x: Array, low: float, high: float) -> Result[Array]:
    out = kernels.call_like("clamp", kernels.dense(x), low, high)
    return out, (gradient(_clamp_slope, x, low, high), None, None)


def _clamp_slope(g: Array, x: Array, low: float, high: float) -> Array:
    return kernels.call_like("clamp_backward", x, g, low, high)


for _linear in (_where_true, _where_false, _clamp_slope):       # in the gradient
    transposes(_linear)


@method("clip")
def clamp(input: Tensor, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Tensor:
    """min(max(input, min), max): limit each element to [min, max]. A NaN limit gives NaN.

    Where an element is limited, its gradient is 0, and a limit that is a tensor gets the gradient.

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
        raise RuntimeError("clamp: expected at least one of min and max, got neither")
    if not isinstance(input, Tensor):
        raise not_a_tensor("clamp", "input", input)
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _clamp_between(input, min, max)
    if not dtypes.is_floating(input.dtype):
        limits = [limit for limit in (min, max) if limit is not None]
        input = input.to(dtypes.result_type(input._data, *limits))         # of a float limit: floating-point
        if not dtypes.is_floating(input.dtype):
            return _clamp_between(input, min, max)
    try:
        undefined = math.isnan(min or 0) or math.isnan(max or 0)
    except (TypeError, ValueError):             # text, or an array
        raise TypeError(f"clamp: expected min and max to be numbers or tensors, got {min!r} and {max!r}") from None
    if undefined:
        return input.masked_fill(input == input, math.nan)
    return _clamp(input, -math.inf if min is None else float(min), math.inf if max is None else float(max))


def _clamp_between(x: Tensor, low: TensorOrNumber | None, high: TensorOrNumber | None) -> Tensor:
    """`clamp` with tensors as limits. An element equal to its limit gets the whole gradient, unlike in `maximum`."""
    if low is not None:
        x = where(x < low if not isinstance(low, Tensor) else (x < low) | (low != low), low, x)
    if high is not None:
        x = where(x > high if not isinstance(high, Tensor) else (x > high) | (high != high), high, x)
    # NaN stays, and gets no gradient
    return x.masked_fill(x != x, math.nan) if dtypes.is_floating(x.dtype) else x


@method()
def clamp_min(input: Tensor, min: TensorOrNumber) -> Tensor:
    """max(input, min): `clamp` with a lower limit.

    Example:
        >>> import fastnet
        >>> fastnet.clamp_min(fastnet.tensor([-2.0, 2.0]), 0.0)
        tensor([0., 2.])
    """
    return clamp(input, min=min)


@method()
def clamp_max(input: Tensor, max: TensorOrNumber) -> Tensor:
    """min(input, max): `clamp` with an upper limit.

    Example:
        >>> import fastnet
        >>> fastnet.clamp_max(fastnet.tensor([-2.0, 2.0]), 0.0)
        tensor([-2.,  0.])
    """
    return clamp(input, max=max)


def _check_other(name: str, other: object) -> None:
    if not isinstance(other, Tensor):
        raise not_a_tensor(name, "other", other)


@method()
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """|input - other| <= atol + rtol * |other|, element by element.

    Args:
        input, other: tensors; shapes broadcast.
        rtol, atol: the relative and the absolute tolerance, not negative.
        equal_nan: count NaN as close to NaN.

    Raises:
        TypeError: `other` is not a tensor.
        RuntimeError: a negative tolerance.

    Example:
        >>> import fastnet
        >>> fastnet.isclose(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.000001, 2.1]))
        tensor([ True, False])
    """
    _check_other("isclose", other)
    for tolerance, given in (("rtol", rtol), ("atol", atol)):
        if not given >= 0:
            raise RuntimeError(f"isclose: expected {tolerance} to be 0 or more, got {given}")
    x, y = (t.to(dtypes.float_of(t.dtype)) for t in (input, other))
    near = (x - y).abs() <= atol + rtol * y.abs()
    close = (input == other) | (near & other.isfinite())           # finite numbers are not close to infinity
    return close | (input.isnan() & other.isnan()) if equal_nan else close


@method()
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether every element is close, a Python bool: see `isclose`.

    Example:
        >>> import fastnet
        >>> fastnet.allclose(fastnet.ones(2), fastnet.ones(2) + 1e-7)
        True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@method()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements, a Python bool.

    Raises:
        TypeError: `other` is not a tensor.

    Example:
        >>> import fastnet
        >>> fastnet.equal(fastnet.ones(2), fastnet.ones(2)), fastnet.equal(fastnet.ones(2), fastnet.ones(1, 2))
        (True, False)
    """
    _check_other("equal", other)
    return input.shape == other.shape and bool((input == other).all())
