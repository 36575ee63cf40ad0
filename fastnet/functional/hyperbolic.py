"""Inverse hyperbolic functions, and conversions of angles."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.tensor import method
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import UnaryOperation
from fastnet.functional.kernel_calls import add, mul, scalar, sub
from fastnet.functional.pointwise import smooth

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["acosh", "asinh", "atanh", "deg2rad", "rad2deg"]


def _rsqrt_of(x: Array) -> Array:
    return kernels.unary("reciprocal", kernels.unary("sqrt", x))


acosh: UnaryOperation = smooth(
    "acosh", "The inverse hyperbolic cosine, 0 or more; NaN below 1", "[1.0, 2.0]", "[0.   , 1.317]",
    lambda x: _rsqrt_of(sub(mul(x, x), scalar(1, x.dtype))), lambda x: (x * x - 1).rsqrt(), "arccosh")
asinh: UnaryOperation = smooth(
    "asinh", "The inverse hyperbolic sine", "[0.0, 1.0]", "[0.    , 0.8814]",
    lambda x: _rsqrt_of(add(mul(x, x), scalar(1, x.dtype))), lambda x: (x * x + 1).rsqrt(), "arcsinh")
atanh: UnaryOperation = smooth(
    "atanh", "The inverse hyperbolic tangent; NaN outside [-1, 1]", "[0.0, 0.5]", "[0.    , 0.5493]",
    lambda x: kernels.unary("reciprocal", sub(scalar(1, x.dtype), mul(x, x))), lambda x: (1 - x * x).reciprocal(),
    "arctanh")


@method()
def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians: x * pi / 180. Integers give float32.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import fastnet
        >>> fastnet.deg2rad(fastnet.tensor([180.0]))
        tensor([3.1416])
    """
    return _multiplied("deg2rad", input, math.pi / 180)


@method()
def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees: x * 180 / pi. Integers give float32.

    Raises:
        RuntimeError: a bool tensor.

    Example:
        >>> import fastnet
        >>> fastnet.rad2deg(fastnet.tensor([fastnet.pi]))
        tensor([180.])
    """
    return _multiplied("rad2deg", input, 180 / math.pi)


def _multiplied(name: str, input: Tensor, factor: float) -> Tensor:
    kernels.refuse_bool(name, input)
    return input.to(dtypes.float_of(input.dtype)) * factor
