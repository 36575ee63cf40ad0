"""Parts of floating-point numbers: fractions, signs, exponents, and replacements of NaN."""
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.arithmetic import mul, pow, sub
from fastnet.functional.compare import where
from fastnet.functional.complex_numbers import imag
from fastnet.functional.kernel_calls import check_array, check_floating, operands
from fastnet.functional.pointwise import sign, trunc

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Operand, Result

__all__ = ["MantissaExponent", "copysign", "frac", "frexp", "isneginf", "isposinf", "isreal", "ldexp", "nan_to_num",
           "nextafter", "sgn", "signbit"]


@method()
def frac(input: Tensor) -> Tensor:
    """The fraction x - trunc(x), with the sign of x.

    Raises:
        RuntimeError: integers or bools.

    Example:
        >>> import fastnet
        >>> fastnet.frac(fastnet.tensor([1.25, -1.25]))
        tensor([ 0.25, -0.25])
    """
    check_floating("frac", input)
    return sub(input, trunc(input))


@method()
def sgn(input: Tensor) -> Tensor:
    """-1, 0 or 1: `sign`, under the name that also holds for complex numbers.

    Example:
        >>> import fastnet
        >>> fastnet.sgn(fastnet.tensor([-2.0, 0.0, 3.0]))
        tensor([-1.,  0.,  1.])
    """
    return sign(input)


@method()
@op
def signbit(input: Array) -> Result[Array]:
    """Whether the sign of each element is negative; also that of -0.0.

    Example:
        >>> import fastnet
        >>> fastnet.signbit(fastnet.tensor([-1.0, -0.0, 0.0]))
        tensor([ True,  True, False])
    """
    if input.dtype.kind in "iu":
        return kernels.binary("lt", input, kernels.scalar(0, input.dtype), dtypes.bool_), None
    if input.dtype.kind == "b":
        return kernels.full(input.shape, False, dtypes.bool_), None
    return kernels.unary("signbit", input, dtypes.bool_), None


@method()
def isposinf(input: Tensor) -> Tensor:
    """Whether each element is positive infinity.

    Example:
        >>> import fastnet
        >>> fastnet.isposinf(fastnet.tensor([fastnet.inf, -fastnet.inf]))
        tensor([ True, False])
    """
    return _is_infinite(input, np.inf)


@method()
def isneginf(input: Tensor) -> Tensor:
    """Whether each element is negative infinity.

    Example:
        >>> import fastnet
        >>> fastnet.isneginf(fastnet.tensor([fastnet.inf, -fastnet.inf]))
        tensor([False,  True])
    """
    return _is_infinite(input, -np.inf)


def _is_infinite(input: Tensor, value: float) -> Tensor:
    return input == value if dtypes.is_floating(input.dtype) else input != input


@method()
def isreal(input: Tensor) -> Tensor:
    """Whether the imaginary part of each element is 0: True for all real numbers.

    Example:
        >>> import fastnet
        >>> fastnet.isreal(fastnet.tensor([1.0, 2.0]))
        tensor([ True,  True])
    """
    return where(imag(input) == 0 if input.dtype.kind == "c" else input == input, True, input.dtype.kind != "c")


@method()
def nan_to_num(input: Tensor, nan: float | None = None, posinf: float | None = None,
               neginf: float | None = None) -> Tensor:
    """The input with numbers in place of NaN and infinities.

    Args:
        input: any shape.
        nan: in place of NaN; 0 by default.
        posinf: in place of inf; by default the largest number of the dtype.
        neginf: in place of -inf; by default the smallest number of the dtype.

    Example:
        >>> import fastnet
        >>> fastnet.nan_to_num(fastnet.tensor([fastnet.nan, fastnet.inf, 1.0]), posinf=9.0)
        tensor([0., 9., 1.])
    """
    if not dtypes.is_floating(input.dtype):
        return input.clone()
    limits = np.finfo(input.dtype)
    out = where(input != input, 0.0 if nan is None else float(nan), input)
    out = where(input == np.inf, float(limits.max) if posinf is None else float(posinf), out)
    return where(input == -np.inf, float(limits.min) if neginf is None else float(neginf), out)


class MantissaExponent(NamedTuple):
    """The parts of numbers: mantissa * 2^exponent.

    Example:
        >>> import fastnet
        >>> fastnet.frexp(fastnet.tensor([8.0])).exponent
        tensor([4], dtype=int32)
    """

    mantissa: Tensor
    exponent: Tensor


@op
def _exponents(x: Array) -> Result[Array]:
    """The exponents of floating-point numbers, int32; 0 for 0 and for numbers that are not finite."""
    return kernels.unary("exponent", x, dtypes.int32), None


@method()
def frexp(input: Tensor) -> MantissaExponent:
    """The mantissa, between 1/2 and 1, and the exponent (int32) of each number: input = mantissa * 2^exponent.

    Raises:
        RuntimeError: integers or bools.

    Example:
        >>> import fastnet
        >>> fastnet.frexp(fastnet.tensor([6.0]))
        MantissaExponent(mantissa=tensor([0.75]), exponent=tensor([3], dtype=int32))
    """
    check_floating("frexp", input)
    exponent = _exponents(input)
    half = exponent.to(input.dtype) / 2                 # in two steps, since 2^exponent may overflow
    lower = half.floor()
    return MantissaExponent(input * pow(2.0, -lower) * pow(2.0, lower - exponent), exponent)


@method()
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2^other, element by element.

    Example:
        >>> import fastnet
        >>> fastnet.ldexp(fastnet.tensor([1.0]), fastnet.tensor([3]))
        tensor([8.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("ldexp", "input", input)
    return mul(input, pow(2.0, other))


@method()
@op
def copysign(input: Array, other: Operand) -> Result[Array]:
    """The magnitude of `input` with the sign of `other`, element by element. Integers give float32.

    Example:
        >>> import fastnet
        >>> fastnet.copysign(fastnet.tensor([1.0, -2.0]), fastnet.tensor([-0.0, 3.0]))
        tensor([-1.,  2.])
    """
    check_array("copysign", "input", input)
    x, y = operands(input, other, real=True)
    out = kernels.binary("copysign", x, y)
    return out, (gradient(_of_magnitude, x, out), kernels.zeros_like)


def _of_magnitude(g: Array, x: Array, y: Array) -> Array:
    """g * sign(x) * sign(y), 0 where x is 0"""
    return kernels.mul(g, kernels.mul(kernels.unary("sign", x), kernels.unary("sign", y)))


@method()
@op
def nextafter(input: Array, other: Array) -> Result[Array]:
    """The next floating-point number after `input` towards `other`. The gradient is that of `input`.

    Raises:
        RuntimeError: integers.

    Example:
        >>> import fastnet
        >>> bool(fastnet.nextafter(fastnet.tensor(1.0), fastnet.tensor(2.0)) > 1)
        True
    """
    check_array("nextafter", "input", input)
    check_array("nextafter", "other", other)
    x, y = operands(input, other)
    check_floating("nextafter", x)
    return kernels.binary("nextafter", x, y), (kernels.same, kernels.zeros_like)
