"""Arithmetic on two operands, with broadcasting and promotion. Either may be a tensor or a Python number."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet import dtypes
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import RESULT, gradient, on_tensors, op, transposes
from fastnet.autograd.tape import Pointwise
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import check_array, check_some_array, operands, refuse_bool
from fastnet.functional.pointwise import square

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number, Operand, Result

__all__ = ["add", "dist", "div", "floor_divide", "fmod", "mul", "plus_multiple", "pow", "remainder", "sub"]


@op(pointwise=Pointwise("add", 2))
def _add(x: Array | Number, y: Operand) -> Result[Array]:
    """x + y, element by element."""
    x, y = operands(x, y)
    return kernels.add(x, y), (kernels.same, kernels.same)


@op(pointwise=Pointwise("sub", 2))
def _sub(x: Array | Number, y: Operand) -> Result[Array]:
    """x - y, element by element."""
    refuse_bool("sub", x, y)
    x, y = operands(x, y)
    return kernels.sub(x, y), (kernels.same, kernels.neg)


@op
def _add_multiple(x: Array | Number, y: Array | Number, factor: Number) -> Result[Array]:
    """x + factor * y. The product is in the dtype of the result: 5 times a uint8 200 added to int64 is 1000."""
    x, y = operands(x, y)
    return kernels.add(x, kernels.scale(y, factor)), (kernels.same, gradient(kernels.scale, factor), None)


@op
def _sub_multiple(x: Array | Number, y: Array | Number, factor: Number) -> Result[Array]:
    refuse_bool("sub", x, y)
    x, y = operands(x, y)
    return kernels.sub(x, kernels.scale(y, factor)), (kernels.same, gradient(kernels.scale, -factor), None)


def plus_multiple(name: str, argument: str, x: Operand, y: Operand, factor: Any) -> Tensor:
    """x + factor * y, for the function `name`, whose parameter for the factor is `argument`."""
    if type(factor) is int and factor == 1:
        return _add(x, y)
    return _add_multiple(x, y, _factor(name, argument, factor, x, y))


def _factor(name: str, argument: str, factor: Any, *operands: Operand) -> Number:
    """A factor as a number, checked against the dtype of the result.

    Raises:
        RuntimeError: a float with integers, or a bool with numbers.
    """
    number = factor.item() if isinstance(factor, Tensor) else factor
    dtype = dtypes.result_type(*(x._data if isinstance(x, Tensor) else x for x in operands))
    kind = dtypes.of_scalar(number).kind
    if kind in "bf" and kind != dtype.kind:
        wanted = "a number" if dtypes.is_floating(dtype) else "an integer"
        raise RuntimeError(f"{name}: expected {argument} to be {wanted} for a result of dtype {dtype}, got {factor!r}")
    return number


@op(pointwise=Pointwise("mul", 2))
def _mul(x: Array | Number, y: Operand) -> Result[Array]:
    """x * y, element by element."""
    x, y = operands(x, y)
    return kernels.mul(x, y), (gradient(_of_first_factor, y), gradient(_of_second_factor, x))


@on_tensors(lambda g, y: g * y, 1)
def _of_first_factor(g: Array, y: Array) -> Array:
    return kernels.binary("mul", g, y)


@on_tensors(lambda g, x: g * x, 0)
def _of_second_factor(g: Array, x: Array) -> Array:
    return kernels.binary("mul", g, x)


@op(pointwise=Pointwise("div", 2))
def _div(x: Array | Number, y: Operand) -> Result[Array]:
    """x / y, element by element; integers give float32."""
    x, y = operands(x, y, real=True)
    return kernels.div(x, y), (gradient(_of_dividend, y), gradient(_of_divisor, x, y))


@on_tensors(lambda g, y: g / y, 1)
def _of_dividend(g: Array, y: Array) -> Array:
    return kernels.binary("div", g, y)


@on_tensors(lambda g, x, y: -g * (x / y / y), 0, 1)
def _of_divisor(g: Array, x: Array, y: Array) -> Array:
    """-g * (x / y) / y"""
    return kernels.neg(kernels.mul(g, kernels.div(kernels.div(x, y), y)))


@op(pointwise=Pointwise("pow", 2))
def _pow(x: Array | Number, y: Array | Number) -> Result[Array]:
    check_some_array("pow", x, y)
    exponent = y
    x, y = operands(x, y, exact=not isinstance(y, np.ndarray))
    refuse_bool("pow", x)
    if x.dtype.kind in "iu" and not isinstance(exponent, np.ndarray) and exponent < 0:
        raise RuntimeError(f"pow: expected an exponent of 0 or more for an integer base, got {exponent}; convert the "
                           "base with .float()")
    out = kernels.binary("pow", x, y)
    return out, (gradient(_of_base, x, y), gradient(_of_exponent, x, y, out))


def _base_slope(g: Tensor, x: Tensor, y: Tensor) -> Tensor:
    less = y - 1 if y.requires_grad else y.where(y != 0, 1.0) - 1       # 0 * x^0 rather than 0 * x^-1
    return g * (y * x**less)


@on_tensors(_base_slope, 0, 1)
def _of_base(g: Array, x: Array, y: Array) -> Array:
    """g * y * x^(y-1), and 0 where y is 0 even at x = 0"""
    slope = kernels.mul(y, kernels.binary("pow", x, kernels.sub(y, kernels.scalar(1, y.dtype))))
    return kernels.mul(g, kernels.masked(kernels.binary("ne", y, kernels.scalar(0, y.dtype), dtypes.bool_), slope))


@on_tensors(lambda g, x, y, power: g * (power * x.where((x != 0) | (y < 0), 1.0).log()), 0, 1, RESULT)
def _of_exponent(g: Array, x: Array, y: Array, power: Array) -> Array:
    """g * x^y * log x, and 0 where x is 0 and y is not negative"""
    zero = kernels.scalar(0, x.dtype)
    flat = kernels.binary("logical_and", kernels.binary("eq", x, zero, dtypes.bool_),
                         kernels.binary("ge", y, zero, dtypes.bool_))
    slope = kernels.mul(power, kernels.unary("log", x))
    return kernels.mul(g, kernels.masked(kernels.unary("logical_not", flat), slope))


def _quotient_operands(name: str, x: Array | Number, y: Array | Number) -> tuple[Array, Array]:
    """The operands of a division with an integer quotient.

    Raises:
        TypeError: two numbers.
        RuntimeError: two bools, or an integer divided by 0.
    """
    check_some_array(name, x, y)
    x, y = operands(x, y)
    refuse_bool(name, x)
    if not dtypes.is_floating(y.dtype):
        K.check_divisor(y)
    return x, y


@op
def _floor_divide(x: Array | Number, y: Array | Number) -> Result[Array]:
    x, y = _quotient_operands("floor_divide", x, y)
    return kernels.binary("floor_divide", x, y), (kernels.zeros_like, kernels.zeros_like)


@op
def _trunc_divide(x: Array | Number, y: Array | Number) -> Result[Array]:
    x, y = _quotient_operands("div", x, y)
    if not dtypes.is_floating(x.dtype):             # exact, unlike a floating-point quotient of int64
        return kernels.binary("floor_divide", kernels.sub(x, kernels.binary("fmod", x, y)), y), None
    return kernels.unary("trunc", kernels.div(x, y)), (kernels.zeros_like, kernels.zeros_like)


@op
def _remainder(x: Array | Number, y: Array | Number) -> Result[Array]:
    x, y = _quotient_operands("remainder", x, y)
    return kernels.binary("remainder", x, y), (kernels.same, gradient(_of_modulus, x, y))


def _of_modulus(g: Array, x: Array, y: Array) -> Array:
    """-g * floor(x / y)"""
    return kernels.neg(kernels.mul(g, kernels.binary("floor_divide", x, y)))


@op
def _fmod(x: Array, y: Array | Number) -> Result[Array]:
    check_array("fmod", "input", x)
    x, y = _quotient_operands("fmod", x, y)
    return kernels.binary("fmod", x, y), (kernels.same, gradient(_of_truncated_modulus, x, y))


def _of_truncated_modulus(g: Array, x: Array, y: Array) -> Array:
    """-g * trunc(x / y)"""
    return kernels.neg(kernels.mul(g, kernels.unary("trunc", kernels.div(x, y))))


transposes(_of_modulus)
transposes(_of_truncated_modulus)


@method("__add__", "__radd__")
def add(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input + alpha * other.

    Args:
        input, other: tensors or numbers; shapes broadcast, dtypes are promoted.
        alpha: a number; an integer if both operands are integers. The product has the dtype of the result.

    Raises:
        RuntimeError: shapes that do not broadcast (both are named), as in all functions of two tensors; a float as
            alpha for integers.

    Example:
        >>> import fastnet
        >>> fastnet.add(fastnet.tensor([1.0, 2.0]), 10.0)
        tensor([11., 12.])
        >>> fastnet.tensor([[1], [2]]) + fastnet.tensor([10, 20])
        tensor([[11, 21],
                [12, 22]])
    """
    return plus_multiple("add", "alpha", input, other, alpha)


@method("subtract", "__sub__")
def sub(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input - alpha * other.

    Args:
        input, other: tensors or numbers; shapes broadcast, dtypes are promoted.
        alpha: as in `add`.

    Raises:
        RuntimeError: a bool operand, or a float as alpha for integers.

    Example:
        >>> import fastnet
        >>> fastnet.sub(fastnet.tensor([5.0, 5.0]), fastnet.tensor([1.0, 2.0]), alpha=2)
        tensor([3., 1.])
    """
    if type(alpha) is int and alpha == 1:
        return _sub(input, other)
    return _sub_multiple(input, other, _factor("sub", "alpha", alpha, input, other))


@method("multiply", "__mul__", "__rmul__")
def mul(input: Operand, other: Operand) -> Tensor:
    """input * other, element by element.

    Example:
        >>> import fastnet
        >>> fastnet.mul(fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        tensor([3., 8.])
    """
    return _mul(input, other)


@method("divide", "true_divide", "__truediv__")
def div(input: Operand, other: Operand, *,
        rounding_mode: Literal["floor", "trunc"] | None = None) -> Tensor:
    """input / other, element by element; integers give float32.

    Args:
        input, other: tensors or numbers; shapes broadcast, dtypes are promoted.
        rounding_mode: None, "floor" or "trunc" (towards zero). With "floor" and "trunc", integers stay integers.

    Raises:
        ValueError: an unknown rounding_mode.
        RuntimeError: with a rounding_mode, two bool tensors or an integer divided by 0.

    Example:
        >>> import fastnet
        >>> fastnet.div(fastnet.tensor([-7, 7]), 2)
        tensor([-3.5,  3.5])
        >>> fastnet.div(fastnet.tensor([-7, 7]), 2, rounding_mode="trunc")
        tensor([-3,  3])
    """
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode == "floor":
        return _floor_divide(input, other)
    if rounding_mode == "trunc":
        return _trunc_divide(input, other)
    raise ValueError(f"div: expected rounding_mode to be None, 'floor' or 'trunc', got {rounding_mode!r}")


@method("__pow__")
def pow(input: Operand, exponent: Operand) -> Tensor:
    """input^exponent, element by element.

    The gradient of the exponent is input^exponent * log(input). Where the input is 0 it is 0, or -inf for a negative
    exponent.

    Args:
        input, exponent: tensors or numbers; shapes broadcast, dtypes are promoted.

    Raises:
        RuntimeError: integers to a negative power, or bools to the power of bools.

    Example:
        >>> import fastnet
        >>> fastnet.pow(fastnet.tensor([1.0, 2.0, 3.0]), 2)
        tensor([1., 4., 9.])
    """
    squared = isinstance(exponent, int | float) and exponent == 2
    # integers to the power 2.0 are float32; two numbers are an error
    if squared and (isinstance(exponent, int) or dtypes.is_floating(input.dtype)):          # type: ignore[union-attr]
        return square(input)
    return _pow(input, exponent)


@method("__floordiv__")
def floor_divide(input: Operand, other: Operand) -> Tensor:
    """floor(input / other), element by element. Its gradient is 0.

    Raises:
        RuntimeError: an integer divided by 0, or two bool tensors.

    Example:
        >>> import fastnet
        >>> fastnet.floor_divide(fastnet.tensor([-7, 7]), 2)
        tensor([-4,  3])
    """
    return _floor_divide(input, other)


@method("__mod__")
def remainder(input: Operand, other: Operand) -> Tensor:
    """input - other * floor(input / other). It has the sign of the divisor, as Python's %.

    Errors are those of `floor_divide`.

    Example:
        >>> import fastnet
        >>> fastnet.remainder(fastnet.tensor([-7, 7]), 3)
        tensor([2, 1])
    """
    return _remainder(input, other)


@method()
def fmod(input: Tensor, other: Operand) -> Tensor:
    """input - other * trunc(input / other). It has the sign of the dividend, as C's fmod.

    Errors are those of `floor_divide`.

    Example:
        >>> import fastnet
        >>> fastnet.fmod(fastnet.tensor([-7.0, 7.0]), 3)
        tensor([-1.,  1.])
    """
    return _fmod(input, other)


@method()
def dist(input: Tensor, other: Operand, p: float = 2) -> Tensor:
    """The p-norm of input - other, over all elements: see `norm`.

    Example:
        >>> import fastnet
        >>> fastnet.dist(fastnet.tensor([3.0, 0.0]), fastnet.tensor([0.0, 4.0]))
        tensor(5.)
    """
    return _sub(input, other).norm(p)


def _reflected(operation: Callable[..., Tensor], doc: str) -> Callable[..., Tensor]:
    """A binary operator with its operands exchanged, which Python calls if the left operand is not a tensor."""
    def operator(self: Tensor, other: Operand) -> Tensor:
        return operation(other, self)
    operator.__doc__ = doc
    return operator


extend(__add__=_add, __radd__=_add, __sub__=_sub, __mul__=_mul, __rmul__=_mul, __truediv__=_div)     # without a frame
extend(__rsub__=_reflected(_sub, "other - self."), __rtruediv__=_reflected(_div, "other / self."),
       __rpow__=_reflected(_pow, "other to the power of self."),
       __rfloordiv__=_reflected(_floor_divide, "The floor of other / self."),
       __rmod__=_reflected(_remainder, "The remainder of other divided by self."))
