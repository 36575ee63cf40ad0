"""Arithmetic on two operands that programs use less often: lengths, common divisors, shifts, steps."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.arithmetic import pow, sub
from fastnet.functional.description import BinaryOperation, describe
from fastnet.functional.dims import check_tensors
from fastnet.functional.kernel_calls import check_array, check_some_array, operands
from fastnet.functional.pairs import logaddexp

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number, Operand, Result

__all__ = ["bitwise_left_shift", "bitwise_right_shift", "float_power", "fmax", "fmin", "gcd", "heaviside", "hypot",
           "lcm", "logaddexp2", "rsub"]


@method()
@op
def hypot(input: Array, other: Array) -> Result[Array]:
    """sqrt(input^2 + other^2), without overflow.

    Example:
        >>> import fastnet
        >>> fastnet.hypot(fastnet.tensor([3.0]), fastnet.tensor([4.0]))
        tensor([5.])
    """
    check_array("hypot", "input", input)
    check_array("hypot", "other", other)
    x, y = operands(input, other)
    kernels.check_floating("hypot", x)
    out = kernels.binary("hypot", x, y)
    return out, (gradient(_share_of_length, x, out), gradient(_share_of_length, y, out))


def _share_of_length(g: Array, x: Array, length: Array) -> Array:
    return kernels.mul(g, kernels.div(x, length))


def _choice(name: str, which: str, kept: str, result: str) -> BinaryOperation:
    """Define fmax or fmin. The first operand gets the gradient where the comparison `kept` holds."""
    def of_first(g: Array, x: Array, y: Array) -> Array:
        return kernels.masked(first(x, y), g)

    def of_second(g: Array, x: Array, y: Array) -> Array:
        return kernels.masked(kernels.unary("logical_not", first(x, y), dtypes.bool_), g)

    def first(x: Array, y: Array) -> Array:
        undefined = kernels.binary("ne", y, y, dtypes.bool_)
        return kernels.binary("logical_or", kernels.binary(kept, x, y, dtypes.bool_), undefined, dtypes.bool_)

    def function(input: Array, other: Array) -> Result[Array]:
        check_array(name, "input", input)
        check_array(name, "other", other)
        x, y = operands(input, other, exact=True)
        return kernels.binary(name, x, y), (gradient(of_first, x, y), gradient(of_second, x, y))
    describe(function, name, f"The {which} of two, element by element; a number if the other one is NaN.",
             f"fastnet.{name}(fastnet.tensor([1.0, fastnet.nan]), fastnet.tensor([3.0, 2.0]))", f"tensor({result})")
    return method()(op(function))


fmax: BinaryOperation = _choice("fmax", "larger", "ge", "[3., 2.]")
fmin: BinaryOperation = _choice("fmin", "smaller", "le", "[1., 2.]")


def _of_integers(name: str, what: str, call: str, result: str, kernel: str, *aliases: str) -> BinaryOperation:
    """Define a function of two integers."""
    def function(input: Operand, other: Operand) -> Result[Array]:
        check_some_array(name, input, other)
        if name == kernel:                              # no shift
            check_array(name, "input", input)
            check_array(name, "other", other)
        x, y = operands(input, other)
        if x.dtype.kind not in "iu":
            raise RuntimeError(f"{name}: expected integers, got {x.dtype}")
        return kernels.binary(kernel, x, y), None
    describe(function, name, f"{what}, element by element. RuntimeError for floats and bools.",
             f"fastnet.{name}({call})", f"tensor({result})")
    return method(*aliases)(op(function))


gcd: BinaryOperation = _of_integers(
    "gcd", "The greatest common divisor", "fastnet.tensor([12]), fastnet.tensor([18])", "[6]", "gcd")
lcm: BinaryOperation = _of_integers(
    "lcm", "The least common multiple", "fastnet.tensor([4]), fastnet.tensor([6])", "[12]", "lcm")
bitwise_left_shift: BinaryOperation = _of_integers(
    "bitwise_left_shift", "input * 2^other, by shifting bits", "fastnet.tensor([3]), 2", "[12]", "left_shift",
    "__lshift__")
bitwise_right_shift: BinaryOperation = _of_integers(
    "bitwise_right_shift", "input / 2^other rounded down, by shifting bits", "fastnet.tensor([12]), 2", "[3]",
    "right_shift", "__rshift__")


@method()
@op
def heaviside(input: Array, values: Array) -> Result[Array]:
    """The step function: 0 where input < 0, `values` where it is 0, 1 where it is positive. The gradients are 0.

    Raises:
        RuntimeError: different dtypes.

    Example:
        >>> import fastnet
        >>> fastnet.heaviside(fastnet.tensor([-1.0, 0.0, 2.0]), fastnet.tensor([0.5]))
        tensor([0. , 0.5, 1. ])
    """
    check_array("heaviside", "input", input)
    check_array("heaviside", "values", values)
    if input.dtype != values.dtype:
        raise RuntimeError(f"heaviside: expected values of the input's dtype {input.dtype}, got {values.dtype}")
    if dtypes.is_floating(input.dtype):
        return kernels.binary("heaviside", input, values), (kernels.zeros_like, kernels.zeros_like)
    zero = kernels.scalar(0, input.dtype)
    one = kernels.cast(kernels.binary("gt", input, zero, dtypes.bool_), input.dtype)
    at_zero = kernels.binary("eq", input, zero, dtypes.bool_)
    out = kernels.full(kernels.broadcast_shape(input, values), 0, input.dtype)
    K.where(out, at_zero, values, one)
    return out, None


@method()
def float_power(input: Operand, exponent: Operand) -> Tensor:
    """input^exponent in float64.

    Example:
        >>> import fastnet
        >>> fastnet.float_power(fastnet.tensor([2, 3]), -1)
        tensor([0.5   , 0.3333], dtype=float64)
    """
    first, second = (x.to(dtypes.float64) if isinstance(x, Tensor) else float(x) for x in (input, exponent))
    return pow(first, second)


@method()
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other), without overflow.

    Example:
        >>> import fastnet
        >>> fastnet.logaddexp2(fastnet.tensor([3.0]), fastnet.tensor([3.0]))
        tensor([4.])
    """
    check_tensors("logaddexp2", input=input, other=other)
    return logaddexp(input * math.log(2), other * math.log(2)) / math.log(2)


def rsub(input: Tensor, other: Operand, *, alpha: Number = 1) -> Tensor:
    """other - alpha * input.

    Example:
        >>> import fastnet
        >>> fastnet.rsub(fastnet.tensor([1.0]), 5)
        tensor([4.])
    """
    return sub(other, input, alpha=alpha)
