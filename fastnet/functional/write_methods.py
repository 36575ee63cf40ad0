"""The methods that write the result of an operation into their tensor, and the augmented operators."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnet._core.tensor import Tensor, extend
from fastnet.functional.activation import relu, sigmoid, tanh
from fastnet.functional.arithmetic import add, div, floor_divide, fmod, mul, pow, remainder, sub
from fastnet.functional.combinations import addcdiv, addcmul, lerp
from fastnet.functional.compare import (
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    clamp,
    clamp_max,
    clamp_min,
    eq,
    ge,
    gt,
    le,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    masked_fill,
    ne,
)
from fastnet.functional.creation import tril, triu
from fastnet.functional.hyperbolic import acosh, asinh, atanh, deg2rad, rad2deg
from fastnet.functional.inplace import in_place
from fastnet.functional.linear import outer
from fastnet.functional.number_parts import copysign, frac, ldexp, nan_to_num, nextafter, sgn
from fastnet.functional.pairs import atan2
from fastnet.functional.pointwise import (
    abs,
    acos,
    asin,
    atan,
    ceil,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    floor,
    log,
    log1p,
    log2,
    log10,
    neg,
    reciprocal,
    round,
    rsqrt,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    tan,
    trunc,
)
from fastnet.functional.rare_arithmetic import (
    bitwise_left_shift,
    bitwise_right_shift,
    float_power,
    gcd,
    heaviside,
    hypot,
    lcm,
)

__all__: list[str] = []

_OPERATORS: dict[Callable[..., Any], str] = {
    add: "__iadd__", sub: "__isub__", mul: "__imul__", div: "__itruediv__", pow: "__ipow__", remainder: "__imod__",
    floor_divide: "__ifloordiv__", bitwise_and: "__iand__", bitwise_or: "__ior__", bitwise_xor: "__ixor__"}
_WITH_WRITES: tuple[Callable[..., Any], ...] = (
    abs, acos, acosh, addcdiv, addcmul, asin, asinh, atan, atan2, atanh, bitwise_left_shift, bitwise_not,
    bitwise_right_shift, ceil, clamp, clamp_max, clamp_min, copysign, cos, cosh, deg2rad, eq, erf, exp, expm1,
    float_power, floor, fmod, frac, gcd, ge, gt, heaviside, hypot, lcm, ldexp, le, lerp, log, log10, log1p, log2,
    logical_and, logical_not, logical_or, logical_xor, lt, masked_fill, nan_to_num, ne, neg, nextafter, rad2deg,
    reciprocal, relu, round, rsqrt, sgn, sigmoid, sign, sin, sinh, sqrt, square, tan, tanh, tril, triu, trunc)
_OTHER_NAMES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "divide": "div", "fix": "trunc", "greater": "gt",
    "greater_equal": "ge", "less": "lt", "less_equal": "le", "multiply": "mul", "negative": "neg", "not_equal": "ne",
    "subtract": "sub", "true_divide": "div"}


for _operation, _operator in _OPERATORS.items():
    in_place(f"{_operation.__name__}_", _operation.__name__, _operator)
for _operation in _WITH_WRITES:
    in_place(f"{_operation.__name__}_", _operation.__name__)
extend(fix=trunc, ger=outer)
extend(**{f"{other}_": getattr(Tensor, f"{name}_") for other, name in _OTHER_NAMES.items()})
