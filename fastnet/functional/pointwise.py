"""Elementwise functions of one real tensor. Integers are converted to float32."""
from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.memory import empty_like
from fastnet._core.tensor import method
from fastnet.autograd import RESULT, gradient, on_tensors, op, transposes
from fastnet.autograd.tape import Pointwise
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import UnaryOperation, describe
from fastnet.functional.kernel_calls import add, check_floating, div, mul, refuse_bool, scalar, scale, sub

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result
    from fastnet._core.tensor import Tensor

__all__ = [
    "abs",
    "acos",
    "asin",
    "atan",
    "ceil",
    "cos",
    "cosh",
    "erf",
    "exp",
    "expm1",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log1p",
    "log2",
    "log10",
    "neg",
    "piecewise_constant",
    "positive",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "smooth",
    "sqrt",
    "square",
    "tan",
    "trunc",
    "value_test",
]


def smooth(name: str, doc: str, given: str, result: str, slope: Callable[[Array], Array],
           on_tape: Callable[[Tensor], Any], *aliases: str, of_result: bool = False) -> UnaryOperation:
    """Define the function `name` by its kernel. `given` and `result` are an example.

    Args:
        slope: dy/dx as a function of the input x, or of the result y; the tape keeps only the array that it takes.
        on_tape: `slope` as operations on tensors.
        of_result: slope is a function of the result.
    """
    def function(input: Array) -> Result[Array]:
        x = kernels.cast(input, dtypes.float_of(input.dtype))
        y = kernels.unary(name, x)
        return y, (gradient(chain, y if of_result else x),)

    @on_tensors(lambda g, kept: g * on_tape(kept), RESULT if of_result else 0)
    def chain(g: Array, kept: Array) -> Array:
        return mul(g, slope(kept))
    describe(function, name, f"{doc}. Integers give float32.", f"fastnet.{name}(fastnet.tensor({given}))",
             f"tensor({result})")
    return method(*aliases)(op(function, pointwise=Pointwise(name)))


def _one(x: Array) -> Array:
    return scalar(1, x.dtype)


exp: UnaryOperation = smooth("exp", "e^x", "[0.0, 1.0]", "[1.    , 2.7183]", lambda y: y, lambda y: y,
                             of_result=True)
expm1: UnaryOperation = smooth(
    "expm1", "e^x - 1, exact near 0", "[0.0, 1.0]", "[0.    , 1.7183]", lambda y: add(y, _one(y)),
    lambda y: y + 1, of_result=True)
log: UnaryOperation = smooth(
    "log", "The natural logarithm", "[1.0, 10.0]", "[0.    , 2.3026]", lambda x: kernels.unary("reciprocal", x),
    lambda x: x.reciprocal())
log2: UnaryOperation = smooth(
    "log2", "The logarithm to base 2", "[1.0, 8.0]", "[0., 3.]", lambda x: div(scalar(1 / math.log(2), x.dtype), x),
    lambda x: 1 / math.log(2) / x)
log10: UnaryOperation = smooth(
    "log10", "The logarithm to base 10", "[1.0, 2.0]", "[0.   , 0.301]",
    lambda x: div(scalar(1 / math.log(10), x.dtype), x), lambda x: 1 / math.log(10) / x)
log1p: UnaryOperation = smooth(
    "log1p", "log(1 + x), exact near 0", "[0.0, 1.0]", "[0.    , 0.6931]",
    lambda x: kernels.unary("reciprocal", add(x, _one(x))), lambda x: (x + 1).reciprocal())
sqrt: UnaryOperation = smooth(
    "sqrt", "The square root; NaN below 0", "[4.0, 2.0]", "[2.    , 1.4142]",
    lambda y: div(scalar(0.5, y.dtype), y), lambda y: 0.5 / y, of_result=True)
reciprocal: UnaryOperation = smooth(
    "reciprocal", "1 / x", "[2.0, -4.0]", "[ 0.5 , -0.25]", lambda y: kernels.neg(mul(y, y)), lambda y: -(y * y),
    of_result=True)
sin: UnaryOperation = smooth(
    "sin", "The sine of an angle in radians", "[0.0, 1.0]", "[0.    , 0.8415]", lambda x: kernels.unary("cos", x),
    lambda x: x.cos())
cos: UnaryOperation = smooth(
    "cos", "The cosine of an angle in radians", "[0.0, 1.0]", "[1.    , 0.5403]",
    lambda x: kernels.neg(kernels.unary("sin", x)), lambda x: -x.sin())
tan: UnaryOperation = smooth(
    "tan", "The tangent of an angle in radians", "[0.0, 1.0]", "[0.    , 1.5574]",
    lambda y: add(mul(y, y), _one(y)), lambda y: y * y + 1, of_result=True)
asin: UnaryOperation = smooth(
    "asin", "The inverse sine, in radians from -pi/2 to pi/2; NaN outside [-1, 1]", "[0.0, 1.0]",
    "[0.    , 1.5708]", lambda x: _inverse_root(x), lambda x: (1 - x * x).rsqrt(), "arcsin")
acos: UnaryOperation = smooth(
    "acos", "The inverse cosine, in radians from 0 to pi; NaN outside [-1, 1]", "[0.0, 1.0]",
    "[1.5708, 0.    ]", lambda x: kernels.neg(_inverse_root(x)), lambda x: -(1 - x * x).rsqrt(), "arccos")
atan: UnaryOperation = smooth(
    "atan", "The inverse tangent, in radians from -pi/2 to pi/2", "[0.0, 1.0]", "[0.    , 0.7854]",
    lambda x: kernels.unary("reciprocal", add(mul(x, x), _one(x))), lambda x: (x * x + 1).reciprocal(), "arctan")
sinh: UnaryOperation = smooth(
    "sinh", "The hyperbolic sine, (e^x - e^-x) / 2", "[0.0, 1.0]", "[0.    , 1.1752]",
    lambda x: kernels.unary("cosh", x), lambda x: x.cosh())
cosh: UnaryOperation = smooth(
    "cosh", "The hyperbolic cosine, (e^x + e^-x) / 2", "[0.0, 1.0]", "[1.    , 1.5431]",
    lambda x: kernels.unary("sinh", x), lambda x: x.sinh())
erf: UnaryOperation = smooth(
    "erf", "The error function, 2/sqrt(pi) * integral of exp(-t^2) from 0 to x", "[0.0, 1.0]", "[0.    , 0.8427]",
    lambda x: scale(kernels.unary("exp", kernels.neg(mul(x, x))), 2 / math.sqrt(math.pi)),
    lambda x: 2 / math.sqrt(math.pi) * (-x * x).exp())


def _inverse_root(x: Array) -> Array:
    """1 / sqrt(1 - x^2)"""
    return kernels.unary("reciprocal", kernels.unary("sqrt", sub(_one(x), mul(x, x))))


@method("__neg__", "negative")
@op(pointwise=Pointwise("neg"))
def neg(input: Array) -> Result[Array]:
    """-x.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import fastnet
        >>> fastnet.neg(fastnet.tensor([1.0, -2.0]))
        tensor([-1.,  2.])
    """
    refuse_bool("neg", input)
    return kernels.neg(input), (kernels.neg,)


@method("__pos__")
def positive(input: Tensor) -> Tensor:
    """+x, which is the tensor itself.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import fastnet
        >>> +fastnet.tensor([1.0, -2.0])
        tensor([ 1., -2.])
    """
    refuse_bool("positive", input)
    return input


@method("__abs__", "absolute")
@op(pointwise=Pointwise("abs"))
def abs(input: Array) -> Result[Array]:
    """|x|. The gradient at 0 is 0.

    Example:
        >>> import fastnet
        >>> fastnet.abs(fastnet.tensor([1.0, -2.0]))
        tensor([1., 2.])
    """
    if input.dtype.kind == "c":
        out = empty_like(input, dtypes.real_of(input.dtype))
        K.complex_abs(out, input)
        return out, (gradient(_of_complex_size, input),)
    return kernels.unary("abs", input), (gradient(_times_sign, input),)


def _of_complex_size(g: Array, x: Array) -> Array:
    out = empty_like(x)
    K.complex_abs_backward(out, x, g)
    return out


def _times_sign(g: Array, x: Array) -> Array:
    return mul(g, kernels.unary("sign", x))


transposes(_times_sign)


@method()
@op(pointwise=Pointwise("square"))
def square(input: Array) -> Result[Array]:
    """x^2. Bools give int64.

    Example:
        >>> import fastnet
        >>> fastnet.square(fastnet.tensor([1.0, -2.0]))
        tensor([1., 4.])
    """
    x = kernels.cast(input, dtypes.int64) if input.dtype.kind == "b" else input
    return kernels.unary("square", x), (gradient(_times_twice, x),)


@on_tensors(lambda g, x: g * (x * 2), 0)
def _times_twice(g: Array, x: Array) -> Array:
    return mul(g, scale(x, 2))


@method()
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x).

    Example:
        >>> import fastnet
        >>> fastnet.rsqrt(fastnet.tensor([1.0, 4.0]))
        tensor([1. , 0.5])
    """
    return reciprocal(sqrt(input))


def piecewise_constant(name: str, doc: str, result: str, same: str = "iu") -> UnaryOperation:
    """Define a function that is constant almost everywhere, so that its gradient is 0.

    Args:
        same: the kinds of dtype for which the function is the identity.
    """
    def function(input: Array) -> Result[Array]:
        if input.dtype.kind in same:
            return kernels.copy(input), None
        refuse_bool(name, input)
        out = kernels.unary(name, input)
        return out, (kernels.zeros_like,)
    describe(function, name, f"{doc}. Its gradient is 0.", f"fastnet.{name}(fastnet.tensor([-1.5, 0.5, 2.5]))",
             f"tensor({result})")
    return method()(op(function, pointwise=Pointwise(name)))


floor: UnaryOperation = piecewise_constant("floor", "The largest integer not above x", "[-2.,  0.,  2.]")
ceil: UnaryOperation = piecewise_constant("ceil", "The smallest integer not below x", "[-1.,  1.,  3.]")
_rounded = piecewise_constant("round", "The nearest integer; halves round to the even one", "[-2.,  0.,  2.]")
trunc: UnaryOperation = piecewise_constant("trunc", "x without its fraction", "[-1.,  0.,  2.]")
sign: UnaryOperation = piecewise_constant("sign", "-1, 0 or 1", "[-1.,  1.,  1.]", same="b")


@method()
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest integer; halves round to the even one. Its gradient is 0.

    Args:
        input: numbers.
        decimals: the number of decimal places; negative numbers round to tens, hundreds, ...

    Raises:
        RuntimeError: integers with `decimals`, or a bool tensor.

    Example:
        >>> import fastnet
        >>> fastnet.round(fastnet.tensor([-1.5, 0.5, 2.5]))
        tensor([-2.,  0.,  2.])
        >>> fastnet.round(fastnet.tensor([1.2345]), decimals=2)
        tensor([1.23])
    """
    if decimals == 0:
        return _rounded(input)
    check_floating("round with decimals", input)
    power = 10.0 ** builtins.abs(decimals)
    return _rounded(input * power) / power if decimals > 0 else _rounded(input / power) * power


def value_test(name: str, doc: str, result: str) -> UnaryOperation:
    """Define a function from real numbers to bool."""
    def function(input: Array) -> Result[Array]:
        return kernels.unary(name, input, dtypes.bool_), None
    describe(function, name, doc, f'fastnet.{name}(fastnet.tensor([1.0, float("nan"), float("-inf")]))',
             f"tensor({result})")
    return method()(op(function, pointwise=Pointwise(name, dtype=dtypes.bool_)))


isnan: UnaryOperation = value_test("isnan", "Whether each element is NaN.", "[False,  True, False]")
isinf: UnaryOperation = value_test(
    "isinf", "Whether each element is infinite, of either sign.", "[False, False,  True]")
isfinite: UnaryOperation = value_test(
    "isfinite", "Whether each element is neither NaN nor infinite.", "[ True, False, False]")
