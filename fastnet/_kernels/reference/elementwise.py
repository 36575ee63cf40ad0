"""Copies, constants, elementwise functions, arithmetic, comparisons and selection.

An output of a function of one input has the input's size. An output of several has the shape that they broadcast to,
and may be one of them.
"""
import numpy as np

from fastnet._kernels.reference.tools import mathematics
from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def copy(out, x):
    """out = x, broadcast to out's shape and converted to its dtype. Both may have any layout and may overlap.

    A real out is the real part of a complex x.
    """
    np.copyto(out, x.real if x.dtype.kind == "c" and out.dtype.kind not in "cb" else x, casting="unsafe")


@kernel()
def join(out, axis, *parts):
    """out = the parts, converted, one after the other along an axis. Parts without elements are skipped.

    A part has as many dimensions as out, or one less: then it is one entry of the axis.
    """
    start = 0
    for part in parts:
        if part.size:
            part = part if part.ndim == out.ndim else np.expand_dims(part, axis)
            end = start + part.shape[axis]
            copy(out[(slice(None),) * axis + (slice(start, end),)], part)
            start = end


@kernel()
def fill(out, value):
    """out = value, a Python number."""
    out.fill(value)


@kernel(flushes=True)
def arange(out, start, step):
    """out[i] = start + i * step; for a real out, rounded once from float64."""
    flat = np.arange(out.size, dtype=np.float64 if out.dtype.kind == "f" else np.int64)
    np.copyto(out, (start + flat * step).reshape(out.shape), casting="unsafe")


@kernel()
def neg(out, x):
    """out = -x."""
    np.negative(x, out=out)


@kernel()
def abs(out, x):
    """out = |x|."""
    np.absolute(x, out=out)


@kernel(flushes=True)
def sqrt(out, x):
    """out = the square root of x; NaN below 0."""
    np.sqrt(x, out=out)


@kernel(flushes=True)
def square(out, x):
    """out = x * x."""
    np.square(x, out=out)


@kernel(flushes=True)
def reciprocal(out, x):
    """out = 1 / x."""
    np.divide(1, x, out=out)


@kernel(ulp=(1.5, 1.5), flushes=True)
def exp(out, x):
    """out = e^x."""
    np.exp(x, out=out)


@kernel(ulp=(2, 2.5), flushes=True)
def expm1(out, x):
    """out = e^x - 1, exact near 0."""
    np.expm1(x, out=out)


@kernel(ulp=(1, 1), flushes=True)
def log(out, x):
    """out = the natural logarithm of x; -inf at 0, NaN below."""
    np.log(x, out=out)


@kernel(ulp=(2, 2), flushes=True)
def log1p(out, x):
    """out = log(1 + x), exact near 0."""
    np.log1p(x, out=out)


@kernel(ulp=(2, 2.5), flushes=True)
def erf(out, x):
    """out = the error function of x."""
    np.copyto(out, mathematics.erf(x))


@kernel()
def clamp(out, x, low, high):
    """out = min(max(x, low), high); None: no limit. A NaN stays."""
    np.copyto(out, x)
    if low is not None:
        np.maximum(out, low, out=out)
    if high is not None:
        np.minimum(out, high, out=out)


@kernel()
def clamp_backward(dx, x, dy, low, high):
    """dx = dy where low <= x <= high, else 0 (also where x is NaN). None: no limit."""
    inside = np.ones(x.shape, bool) if low is None else x >= low
    inside &= ~np.isnan(x) if high is None else x <= high
    np.copyto(dx, np.where(inside, dy, np.zeros((), dy.dtype)))


@kernel(flushes=True)
def add(out, a, b):
    """out = a + b."""
    np.add(a, b, out=out)


@kernel(flushes=True)
def sub(out, a, b):
    """out = a - b."""
    np.subtract(a, b, out=out)


@kernel(flushes=True)
def mul(out, a, b):
    """out = a * b."""
    np.multiply(a, b, out=out)


@kernel(flushes=True)
def div(out, a, b):
    """out = a / b."""
    np.divide(a, b, out=out)


@kernel()
def maximum(out, a, b):
    """out = the larger of a and b; NaN if either is NaN."""
    np.maximum(a, b, out=out)


@kernel()
def minimum(out, a, b):
    """out = the smaller of a and b; NaN if either is NaN."""
    np.minimum(a, b, out=out)


@kernel(flushes=True)
def pow(out, a, b):
    """out = a^b by the rules of C: 1 for b = 0 and for a = 1, NaN for a < 0 and a fractional b.

    Integers to negative powers are rounded towards zero: 0, unless a is 1 or -1.
    """
    below = b < 0
    if out.dtype.kind == "f" or not np.any(below):
        np.power(a, b, out=out)
    else:
        inverse = np.where(np.absolute(a) == 1, np.power(a, b & 1), 0)
        np.copyto(out, np.where(below, inverse, np.power(a, np.maximum(b, 0))))


@kernel()
def eq(out, a, b):
    """out = a == b, as bool."""
    np.equal(a, b, out=out)


@kernel()
def ne(out, a, b):
    """out = a != b, as bool."""
    np.not_equal(a, b, out=out)


@kernel()
def lt(out, a, b):
    """out = a < b, as bool."""
    np.less(a, b, out=out)


@kernel()
def le(out, a, b):
    """out = a <= b, as bool."""
    np.less_equal(a, b, out=out)


@kernel()
def gt(out, a, b):
    """out = a > b, as bool."""
    np.greater(a, b, out=out)


@kernel()
def ge(out, a, b):
    """out = a >= b, as bool."""
    np.greater_equal(a, b, out=out)


@kernel()
def where(out, cond, a, b):
    """out = a where cond (bool), else b; all three broadcast, a and b have out's dtype."""
    np.copyto(out, np.where(cond, a, b))
