"""Errors in units in the last place."""
import numpy as np
from kernel_tools import REFERENCE

BOUNDED = {name: fn.ulp for name, fn in REFERENCE.items() if fn.ulp}
ATTRS = {"softplus": {"beta": 1.0, "threshold": np.inf}}     # without its short cut for large x
EXPONENT = np.int64(0x7FF << 52)                                # those bits of a float64


def ulp_errors(got, true, rest=0.0):
    """How far `got` is from `true` + `rest`, element by element; rest is what rounding to float64 left of the truth.

    In units in the last place that got's dtype has in the true value's binade. What is wrong in kind (NaN, infinite)
    is inf or NaN. 0 where the truth is below the smallest normal number and got differs from it by no more than that.
    """
    dtype = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        difference = np.abs(got - true - rest)
        error = difference / (true.view(np.int64) & EXPONENT).view(np.float64)
        error *= 2.0 ** dtype.nmant
        size = np.abs(true)
        if size.min() >= dtype.smallest_normal and size.max() <= dtype.max:      # false where there is a NaN
            return error
        rounded = true.astype(got.dtype)
        right = (got == rounded) | np.isnan(got) & np.isnan(rounded) | (difference <= dtype.smallest_normal)
    normal = (size >= dtype.smallest_normal) & np.isfinite(rounded)
    return np.where(normal, error, np.where(right, 0, np.inf))
