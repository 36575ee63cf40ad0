"""Arithmetic on two operands, with broadcasting and promotion. Either may be a tensor or a Python number."""

import numpy as np

from fastnet import dtypes
from fastnet.autograd import op
from fastnet.functional import arrays
from fastnet.functional.arrays import operands
from fastnet.tensor import method


@op
def _add(x, y):
    x, y = operands(x, y)
    return arrays.add(x, y), (lambda g: g, lambda g: g)


@op
def _sub(x, y):
    x, y = operands(x, y)
    return arrays.sub(x, y), (lambda g: g, lambda g: arrays.neg(g))


@op
def _mul(x, y):
    x, y = operands(x, y)
    return arrays.mul(x, y), (lambda g: arrays.mul(g, y), lambda g: arrays.mul(g, x))


@op
def _div(x, y):
    x, y = operands(x, y)
    if x.dtype.kind != "f":
        x, y = arrays.cast(x, dtypes.float32), arrays.cast(y, dtypes.float32)
    out = arrays.div(x, y)
    return out, (lambda g: arrays.div(g, y), lambda g: arrays.neg(arrays.mul(g, arrays.div(out, y))))


@op
def _pow(x, y):
    x, y = operands(x, y)
    if x.dtype.kind in "iu" and (np.ndim(y) == 0 and y < 0):
        raise RuntimeError("integers to negative integer powers are not allowed; make the base floating-point")
    out = arrays.binary("pow", x, y)

    def dx(g):
        # y * x^(y-1), and 0 where y is 0 even at x = 0
        slope = arrays.mul(y, arrays.binary("pow", x, arrays.sub(y, arrays.scalar(1, y.dtype))))
        return arrays.mul(g, arrays.masked(arrays.binary("ne", y, arrays.scalar(0, y.dtype), dtypes.bool_), slope))

    def dy(g):
        # x^y * log x, and 0 where x is 0 and y is not negative
        slope = arrays.mul(out, arrays.unary("log", x))
        return arrays.mul(g, arrays.masked(arrays.binary("ne", x, arrays.scalar(0, x.dtype), dtypes.bool_), slope))
    return out, (dx, dy)


@op
def _square(x):
    return arrays.unary("square", x), (lambda g: arrays.mul(g, arrays.scale(x, 2)),)


@op
def _floor_divide(x, y):
    x, y = operands(x, y)
    return arrays.binary("floor_divide", x, y), None


@op
def _remainder(x, y):
    x, y = operands(x, y)
    out = arrays.binary("remainder", x, y)
    return out, (lambda g: g, lambda g: arrays.neg(arrays.mul(g, arrays.binary("floor_divide", x, y))))


@op
def _fmod(x, y):
    x, y = operands(x, y)
    out = arrays.binary("fmod", x, y)
    return out, (lambda g: g, lambda g: arrays.neg(arrays.mul(g, arrays.unary("trunc", arrays.div(x, y)))))


@op
def _atan2(y, x):
    y, x = operands(y, x)
    y, x = (arrays.cast(a, dtypes.float_of(a.dtype)) for a in (y, x))
    out = arrays.binary("atan2", y, x)

    def over(g, numerator):
        return arrays.mul(g, arrays.div(numerator, arrays.add(arrays.mul(x, x), arrays.mul(y, y))))
    return out, (lambda g: over(g, x), lambda g: arrays.neg(over(g, y)))


@op
def _maximum(x, y):
    x, y = operands(x, y)
    return arrays.binary("maximum", x, y), _choice(x, y, "lt", "gt")


@op
def _minimum(x, y):
    x, y = operands(x, y)
    return arrays.binary("minimum", x, y), _choice(x, y, "gt", "lt")


def _choice(x, y, loses, wins):
    """Gradients of a choice between x and y: all to the chosen one, half to each where they are equal."""
    def share(g, lost):
        equal = arrays.binary("eq", x, y, dtypes.bool_)
        rest = arrays.masked(arrays.unary("logical_not", arrays.binary(lost, x, y, dtypes.bool_)), g)
        return arrays.sub(rest, arrays.masked(equal, arrays.scale(g, 0.5)))
    return (lambda g: share(g, loses), lambda g: share(g, wins))


@method("__add__", "__radd__")
def add(input, other, *, alpha=1):
    """input + alpha * other."""
    return _add(input, other if alpha == 1 else mul(other, alpha))


@method("subtract", "__sub__")
def sub(input, other, *, alpha=1):
    """input - alpha * other."""
    return _sub(input, other if alpha == 1 else mul(other, alpha))


@method("__rsub__")
def rsub(input, other):
    """other - input."""
    return _sub(other, input)


@method("multiply", "__mul__", "__rmul__")
def mul(input, other):
    """input * other."""
    return _mul(input, other)


@method("divide", "true_divide", "__truediv__")
def div(input, other, *, rounding_mode=None):
    """input / other; integers give float32.

    Args:
        rounding_mode: None, "floor" or "trunc" (towards zero).
    """
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode == "floor":
        return _floor_divide(input, other)
    if rounding_mode == "trunc":
        quotient = _div(input, other).trunc()
        return quotient.to(dtypes.result_type(*(getattr(x, "_data", x) for x in (input, other))))
    raise ValueError(f"rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")


@method("__rtruediv__")
def rdiv(input, other):
    """other / input."""
    return _div(other, input)


@method("__pow__")
def pow(input, exponent):
    """input to the power of exponent."""
    return _square(input) if type(exponent) in (int, float) and exponent == 2 else _pow(input, exponent)


@method("__rpow__")
def rpow(input, other):
    """other to the power of input."""
    return _pow(other, input)


@method("__floordiv__")
def floor_divide(input, other):
    """The floor of input / other."""
    return _floor_divide(input, other)


@method("__rfloordiv__")
def rfloordiv(input, other):
    """The floor of other / input."""
    return _floor_divide(other, input)


@method("__mod__")
def remainder(input, other):
    """input - other * floor(input / other): it has the divisor's sign."""
    return _remainder(input, other)


@method("__rmod__")
def rmod(input, other):
    """The remainder of other divided by input."""
    return _remainder(other, input)


@method()
def fmod(input, other):
    """input - other * trunc(input / other): it has the dividend's sign."""
    return _fmod(input, other)


@method("arctan2")
def atan2(input, other):
    """The angle of the point (other, input), in radians."""
    return _atan2(input, other)


@method()
def maximum(input, other):
    """The larger, element by element; NaN if either is."""
    return _maximum(input, other)


@method()
def minimum(input, other):
    """The smaller, element by element; NaN if either is."""
    return _minimum(input, other)


@method()
def lerp(input, end, weight):
    """input + weight * (end - input)."""
    return _add(input, _mul(weight, _sub(end, input)))


@method()
def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 * tensor2."""
    return add(input, mul(tensor1, tensor2), alpha=value)


@method()
def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 / tensor2."""
    return add(input, div(tensor1, tensor2), alpha=value)


@method()
def dist(input, other, p=2):
    """The p-norm of input - other."""
    return _sub(input, other).norm(p)


def logaddexp(input, other):
    """log(exp(input) + exp(other)), without overflow."""
    high = _maximum(input, other)
    return high + (-(input - other).abs()).exp().log1p()


