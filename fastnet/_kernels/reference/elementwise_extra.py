"""Elementwise functions that have only a NumPy form.

One input: out and x have one size; `out` is bool for isnan, isinf, isfinite and logical_not. Two inputs: out has the
shape that they broadcast to; it is bool for the logical ones.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel

_UNARY = {
    "floor": (np.floor, "the largest integer <= x"),
    "ceil": (np.ceil, "the smallest integer >= x"),
    "round": (np.rint, "x rounded to the nearest integer, halves to the even one"),
    "trunc": (np.trunc, "x without its fraction"),
    "log2": (np.log2, "the logarithm of x to base 2"),
    "log10": (np.log10, "the logarithm of x to base 10"),
    "sin": (np.sin, "the sine of x"),
    "cos": (np.cos, "the cosine of x"),
    "tan": (np.tan, "the tangent of x"),
    "asin": (np.arcsin, "the angle in [-pi/2, pi/2] whose sine is x"),
    "acos": (np.arccos, "the angle in [0, pi] whose cosine is x"),
    "atan": (np.arctan, "the angle in [-pi/2, pi/2] whose tangent is x"),
    "sinh": (np.sinh, "the hyperbolic sine of x"),
    "cosh": (np.cosh, "the hyperbolic cosine of x"),
    "isnan": (np.isnan, "whether x is NaN"),
    "isinf": (np.isinf, "whether x is inf or -inf"),
    "isfinite": (np.isfinite, "whether x is neither NaN nor infinite"),
    "logical_not": (np.logical_not, "whether x is 0"),
    "bitwise_not": (np.invert, "x with every bit inverted; for bool: not x"),
}
_BINARY = {
    "floor_divide": (np.floor_divide, "the largest integer <= a / b"),
    "remainder": (np.remainder, "a - b * floor(a / b): the sign is b's"),
    "fmod": (np.fmod, "a - b * trunc(a / b): the sign is a's"),
    "atan2": (np.arctan2, "the angle of the point (b, a)"),
    "logical_and": (np.logical_and, "whether a and b are both not 0"),
    "logical_or": (np.logical_or, "whether a or b is not 0"),
    "logical_xor": (np.logical_xor, "whether exactly one of a and b is not 0"),
    "bitwise_and": (np.bitwise_and, "a & b"),
    "bitwise_or": (np.bitwise_or, "a | b"),
    "bitwise_xor": (np.bitwise_xor, "a ^ b"),
}


def _unary(ufunc):
    def call(out, x):
        ufunc(x, out=out)
    return call


def _binary(ufunc):
    def call(out, a, b):
        ufunc(a, b, out=out)
    return call


def _define(table, make):
    """Define a kernel of this module for each row of a table."""
    for name, (ufunc, what) in table.items():
        fn = make(ufunc)
        fn.__name__ = fn.__qualname__ = name
        fn.__doc__ = f"out = {what}."
        globals()[name] = kernel()(fn)


_define(_UNARY, _unary)
_define(_BINARY, _binary)


@kernel()
def sign(out, x):
    """out = 1 where x > 0, -1 where x < 0, else 0 (also where x is NaN)."""
    broken = np.isnan(x)
    np.sign(x, out=out)
    np.copyto(out, 0, where=broken)


@kernel(check=True)
def check_divisor(x):
    """Raise RuntimeError if any element of x (integers, any shape) is 0."""
    if not x.all():
        raise RuntimeError("integers cannot be divided by 0")
