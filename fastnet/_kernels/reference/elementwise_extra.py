"""Elementwise functions that have only a NumPy form.

One input: out and x have one size; `out` is bool for isnan, isinf, isfinite, signbit and logical_not. Two inputs: out
has the shape that they broadcast to; it is bool for the logical ones.
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
    "acosh": (np.arccosh, "the number y >= 0 whose hyperbolic cosine is x"),
    "asinh": (np.arcsinh, "the number whose hyperbolic sine is x"),
    "atanh": (np.arctanh, "the number whose hyperbolic tangent is x"),
    "signbit": (np.signbit, "whether the sign of x is negative, also that of -0"),
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
    "copysign": (np.copysign, "|a| with the sign of b"),
    "fmax": (np.fmax, "the larger of a and b; the other one if one is NaN"),
    "fmin": (np.fmin, "the smaller of a and b; the other one if one is NaN"),
    "heaviside": (np.heaviside, "0 where a < 0, b where a is 0, 1 where a > 0"),
    "hypot": (np.hypot, "sqrt(a^2 + b^2), without overflow"),
    "nextafter": (np.nextafter, "the next number after a towards b"),
    "gcd": (np.gcd, "the greatest common divisor of a and b"),
    "lcm": (np.lcm, "the least common multiple of a and b"),
    "left_shift": (np.left_shift, "a * 2^b, by shifting the bits of a"),
    "right_shift": (np.right_shift, "a / 2^b rounded down, by shifting the bits of a"),
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


@kernel()
def exponent(out, x):
    """out (int32) = the n for which |x| = m * 2^n with 1/2 <= m < 1; 0 where x is 0 or not finite."""
    out[...] = np.where(np.isfinite(x), np.frexp(x)[1], 0).reshape(out.shape)
