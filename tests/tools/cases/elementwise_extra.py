import numpy as np

from . import Case, garbage
from .elementwise import binary, broken, few, values

WHOLE = (np.int64, np.uint8, np.bool_)


def unary(make_values, out_dtype=None):
    return lambda rng, dtype, n: ((garbage(n, out_dtype or dtype), make_values(rng, n, dtype)), {})


SIZES = (0, 1, 17, 50)
SHAPES = (((5,), (5,)), ((), (3, 4)), ((3, 1), (4,)), ((0,), (1,)))

CASES = [
    *(Case(name, unary(broken), SIZES, None)
      for name in ("floor", "ceil", "round", "trunc", "sign", "log2", "log10", "sin", "cos", "tan", "asin", "acos",
                   "atan", "sinh", "cosh", "acosh", "asinh", "atanh")),
    *(Case(name, unary(broken, np.bool_), SIZES, None)
      for name in ("isnan", "isinf", "isfinite", "logical_not", "signbit")),
    Case("exponent", unary(broken, np.int32), SIZES, None),
    Case("check_divisor", lambda rng, dtype, n: ((np.arange(1, n + 1, dtype=dtype),), {}), SIZES, None,
         dtypes=WHOLE[:1]),
    Case("check_divisor", lambda rng, dtype, n: ((np.arange(n, dtype=dtype),), {}), SIZES[1:], None, note="zero",
         dtypes=WHOLE[:1], raises=RuntimeError),
    Case("bitwise_not", unary(values), SIZES, None, dtypes=WHOLE),
    *(Case(name, binary(few), SHAPES, None) for name in ("floor_divide", "remainder", "fmod", "atan2", "copysign",
                                                            "fmax", "fmin", "heaviside", "hypot", "nextafter")),
    *(Case(name, binary(few), SHAPES, None, dtypes=WHOLE[:2]) for name in ("gcd", "lcm", "left_shift", "right_shift")),
    *(Case(name, binary(few, np.bool_), SHAPES, None) for name in ("logical_and", "logical_or", "logical_xor")),
    *(Case(name, binary(values), SHAPES, None, dtypes=WHOLE) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")),
]
