"""Smooth functions of two tensors that are not arithmetic."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.tensor import method
from fastnet.autograd import gradient, on_tensors, op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import check_array, operands

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result
    from fastnet._core.tensor import Tensor

__all__ = ["atan2", "logaddexp"]


@op
def _atan2(y: Array, x: Array) -> Result[Array]:
    check_array("atan2", "input", y)
    check_array("atan2", "other", x)
    y, x = operands(y, x, real=True)
    return kernels.binary("atan2", y, x), (gradient(_over_square, x, y), gradient(_minus_over_square, y, x))


def _over_squares(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    squares = a * a + b * b
    return g * (a / squares.where(squares != 0, float("inf")))


@on_tensors(_over_squares, 1, 0)
def _over_square(g: Array, a: Array, b: Array) -> Array:
    """g * a / (a^2 + b^2), and 0 at the origin, where there is no gradient."""
    return kernels.mul(g, kernels.quotient(a, kernels.add(kernels.mul(a, a), kernels.mul(b, b))))


@on_tensors(lambda g, a, b: -_over_squares(g, a, b), 0, 1)
def _minus_over_square(g: Array, a: Array, b: Array) -> Array:
    return kernels.neg(_over_square(g, a, b))


@method("arctan2")
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (x, y) = (other, input), in radians from -pi to pi.

    Example:
        >>> import fastnet
        >>> fastnet.atan2(fastnet.tensor([1.0, -1.0]), fastnet.tensor([0.0, -1.0]))
        tensor([ 1.5708, -2.3562])
    """
    return _atan2(input, other)


@method()
@op
def logaddexp(input: Array, other: Array) -> Result[Array]:
    """log(exp(input) + exp(other)), without overflow.

    Example:
        >>> import fastnet
        >>> fastnet.logaddexp(fastnet.tensor([1000.0]), fastnet.tensor([1000.0]))
        tensor([1000.6932])
    """
    check_array("logaddexp", "input", input)
    check_array("logaddexp", "other", other)
    x, y = operands(input, other, real=True)
    apart = kernels.binary("ne", x, y, dtypes.bool_)             # the distance of equal infinities is 0
    gap = kernels.unary("abs", kernels.masked(apart, kernels.sub(x, y)))
    more = kernels.unary("log1p", kernels.unary("exp", kernels.neg(gap)))
    return kernels.add(kernels.binary("maximum", x, y), more), (gradient(_share_of_first, x, y),
                                                                 gradient(_share_of_second, x, y))


@on_tensors(lambda g, x, y: g * (x - y).sigmoid(), 0, 1)
def _share_of_first(g: Array, x: Array, y: Array) -> Array:
    """g * e^x / (e^x + e^y)"""
    return kernels.mul(g, kernels.call_like("sigmoid", kernels.sub(x, y)))


@on_tensors(lambda g, x, y: g * (y - x).sigmoid(), 0, 1)
def _share_of_second(g: Array, x: Array, y: Array) -> Array:
    """g * e^y / (e^x + e^y)"""
    return kernels.mul(g, kernels.call_like("sigmoid", kernels.sub(y, x)))
