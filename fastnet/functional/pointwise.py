"""Elementwise functions of one real tensor. Integers are computed in float32."""
import math

from fastnet import dtypes
from fastnet.autograd import op
from fastnet.functional import arrays
from fastnet.functional.arrays import add, div, mul, scalar, scale, sub
from fastnet.tensor import method


def _real(name, doc, slope, *aliases):
    """Define the function `name`; slope(x, y) is dy/dx, y being the result."""
    def function(input):
        x = arrays.cast(input, dtypes.float_of(input.dtype))
        y = arrays.unary(name, x)
        return y, (lambda g: mul(g, slope(x, y)),)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return method(*aliases)(op(function))


def _one(x):
    return scalar(1, x.dtype)


exp = _real("exp", "e to the power of each element.", lambda x, y: y)
expm1 = _real("expm1", "exp(x) - 1, exact near 0.", lambda x, y: add(y, _one(y)))
log = _real("log", "The natural logarithm.", lambda x, y: arrays.unary("reciprocal", x))
log2 = _real("log2", "The logarithm to base 2.", lambda x, y: div(scalar(1 / math.log(2), x.dtype), x))
log10 = _real("log10", "The logarithm to base 10.", lambda x, y: div(scalar(1 / math.log(10), x.dtype), x))
log1p = _real("log1p", "log(1 + x), exact near 0.", lambda x, y: arrays.unary("reciprocal", add(x, _one(x))))
sqrt = _real("sqrt", "The square root.", lambda x, y: div(scalar(0.5, x.dtype), y))
reciprocal = _real("reciprocal", "1 / x.", lambda x, y: arrays.neg(mul(y, y)))
sin = _real("sin", "The sine of radians.", lambda x, y: arrays.unary("cos", x))
cos = _real("cos", "The cosine of radians.", lambda x, y: arrays.neg(arrays.unary("sin", x)))
tan = _real("tan", "The tangent of radians.", lambda x, y: add(mul(y, y), _one(y)))
asin = _real("asin", "The inverse sine, in radians.", lambda x, y: _inverse_root(x), "arcsin")
acos = _real("acos", "The inverse cosine, in radians.", lambda x, y: arrays.neg(_inverse_root(x)), "arccos")
atan = _real("atan", "The inverse tangent, in radians.",
             lambda x, y: arrays.unary("reciprocal", add(mul(x, x), _one(x))), "arctan")
sinh = _real("sinh", "The hyperbolic sine.", lambda x, y: arrays.unary("cosh", x))
cosh = _real("cosh", "The hyperbolic cosine.", lambda x, y: arrays.unary("sinh", x))
erf = _real("erf", "The error function, 2/sqrt(pi) * integral of exp(-t^2) from 0 to x.",
            lambda x, y: scale(arrays.unary("exp", arrays.neg(mul(x, x))), 2 / math.sqrt(math.pi)))


def _inverse_root(x):
    """1 / sqrt(1 - x^2)"""
    return arrays.unary("reciprocal", arrays.unary("sqrt", sub(_one(x), mul(x, x))))


@method("__neg__", "negative")
@op
def neg(input):
    """-x."""
    return arrays.neg(input), (lambda g: arrays.neg(g),)


@method("__abs__", "absolute")
@op
def abs(input):
    """|x|; its gradient at 0 is 0."""
    return arrays.unary("abs", input), (lambda g: mul(g, arrays.unary("sign", input)),)


@method()
@op
def square(input):
    """x * x."""
    return arrays.unary("square", input), (lambda g: mul(g, scale(input, 2)),)


@method()
def rsqrt(input):
    """1 / sqrt(x)."""
    return reciprocal(sqrt(input))


def _step(name, doc):
    """Define a function that is constant almost everywhere: its gradient is 0."""
    def function(input):
        out = arrays.unary(name, input)
        return out, (lambda g: arrays.full(g.shape, 0, g.dtype),)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return method()(op(function))


floor = _step("floor", "The largest integer not above x.")
ceil = _step("ceil", "The smallest integer not below x.")
round = _step("round", "The nearest integer, the even one where two are equally near.")
trunc = _step("trunc", "x without its fraction.")
sign = _step("sign", "-1, 0 or 1.")


def _test(name, doc):
    """Define a function from real numbers to bool."""
    def function(input):
        return arrays.unary(name, input, dtypes.bool_), None
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return method()(op(function))


isnan = _test("isnan", "Whether each element is NaN.")
isinf = _test("isinf", "Whether each element is infinite.")
isfinite = _test("isfinite", "Whether each element is neither NaN nor infinite.")
