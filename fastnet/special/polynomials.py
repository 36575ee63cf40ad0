"""Orthogonal polynomials, and the Airy function. They need SciPy, and have no gradient."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from fastnet import dtypes
from fastnet._core.memory import empty_like, empty_result
from fastnet._core.tensor import Tensor
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import describe

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Operand, Result

__all__ = [
    "airy_ai", "chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w",
    "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
    "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
]

Polynomial: TypeAlias = "Callable[[Operand, Operand], Tensor]"


@op
def _polynomial_values(first: Any, second: Any, function: str) -> Result[Array]:
    kernels.check_some_array(function, first, second)
    x, n = kernels.operands(first, second, real=True)
    out = empty_result(kernels.broadcast_shape(x, n), x.dtype, x, n)
    K.special(out, x, n, function)
    return out, None


def _polynomial_of(name: str, doc: str, result: str) -> Polynomial:
    """Define the function `name`; `result` is that for x = 0.5 and n = 2."""
    def call(input: Operand, n: Operand) -> Tensor:
        return _polynomial_values(input, n, name)
    return describe(call, name, f"{doc} of degree n at x; 0 for a negative n. It has no gradient.\n\n    Args:\n"
                    "        input, n: x and n, tensors or one of them a number; shapes broadcast.",
                    f"fastnet.special.{name}(fastnet.tensor([0.5]), 2)", f"tensor([{result}])")


chebyshev_polynomial_t: Polynomial = _polynomial_of(
    "chebyshev_polynomial_t", "Chebyshev polynomial of the first kind", "-0.5")
chebyshev_polynomial_u: Polynomial = _polynomial_of(
    "chebyshev_polynomial_u", "Chebyshev polynomial of the second kind", "0.")
chebyshev_polynomial_v: Polynomial = _polynomial_of(
    "chebyshev_polynomial_v", "Chebyshev polynomial of the third kind", "-1.")
chebyshev_polynomial_w: Polynomial = _polynomial_of(
    "chebyshev_polynomial_w", "Chebyshev polynomial of the fourth kind", "1.")
hermite_polynomial_h: Polynomial = _polynomial_of("hermite_polynomial_h", "Physicist's Hermite polynomial", "-1.")
hermite_polynomial_he: Polynomial = _polynomial_of("hermite_polynomial_he", "Probabilist's Hermite polynomial", "-0.75")
laguerre_polynomial_l: Polynomial = _polynomial_of("laguerre_polynomial_l", "Laguerre polynomial", "0.125")
legendre_polynomial_p: Polynomial = _polynomial_of("legendre_polynomial_p", "Legendre polynomial", "-0.125")
shifted_chebyshev_polynomial_t: Polynomial = _polynomial_of(
    "shifted_chebyshev_polynomial_t", "Chebyshev polynomial of the first kind of 2x - 1", "-1.")
shifted_chebyshev_polynomial_u: Polynomial = _polynomial_of(
    "shifted_chebyshev_polynomial_u", "Chebyshev polynomial of the second kind of 2x - 1", "-1.")
shifted_chebyshev_polynomial_v: Polynomial = _polynomial_of(
    "shifted_chebyshev_polynomial_v", "Chebyshev polynomial of the third kind of 2x - 1", "-1.")
shifted_chebyshev_polynomial_w: Polynomial = _polynomial_of(
    "shifted_chebyshev_polynomial_w", "Chebyshev polynomial of the fourth kind of 2x - 1", "-1.")


def airy_ai(input: Tensor) -> Tensor:
    """Airy function Ai. It has no gradient.

    Example:
        >>> import fastnet
        >>> fastnet.special.airy_ai(fastnet.tensor([0.0]))
        tensor([0.355])
    """
    return _airy_values(input)


@op
def _airy_values(x: Array) -> Result[Array]:
    x = kernels.cast(x, dtypes.float_of(x.dtype))
    out = empty_like(x)
    K.special(out, x, None, "airy_ai")
    return out, None
