"""Special functions of one or two tensors. Integers are converted to float32; results are computed in float64."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor
from fastnet._core.memory import empty_like, empty_result
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels, where
from fastnet.functional.description import UnaryOperation, describe
from fastnet.functional.pointwise import isnan, log, log1p

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Operand, Result
    from fastnet._core.tensor import Tensor

__all__ = [
    "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "digamma", "entr", "erfc", "erfcx", "erfinv", "exp2",
    "gammainc", "gammaincc", "i0", "i0e", "i1", "i1e", "lgamma", "log_ndtr", "logit", "modified_bessel_i0",
    "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "multigammaln", "ndtr", "ndtri", "polygamma",
    "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "sinc", "spherical_bessel_j0", "xlog1py", "xlogy", "zeta",
]


def _float_array(x: Array) -> Array:
    return kernels.cast(x, dtypes.float_of(x.dtype))


@op
def _special(input: Array, function: str, parameter: int | None = None) -> Result[Array]:
    """A function of the kernel `special`, and its gradient."""
    x = _float_array(input)
    y = empty_like(x)
    K.special(y, x, parameter, function)
    return y, (gradient(_by_first, x, y, function, parameter), None, None)


def _by_first(g: Array, x: Array, y: Array, function: str, parameter: int | None) -> Array:
    out = empty_like(x)
    K.special_backward(out, g, x, parameter, y, function)
    return out


@op
def _special_values(input: Array, function: str) -> Result[Array]:
    x = _float_array(input)
    out = empty_like(x)
    K.special(out, x, None, function)
    return out, None


@op
def _of_two(first: Any, second: Any, function: str) -> Result[Array]:
    """A function of two arrays, differentiable by the second."""
    kernels.check_some_array(function, first, second)
    x, y = kernels.operands(first, second, real=True)
    out = empty_result(kernels.broadcast_shape(x, y), x.dtype, x, y)
    K.special(out, x, y, function)
    return out, (None, gradient(_by_second, x, y, out, function), None)


def _by_second(g: Array, x: Array, y: Array, result: Array, function: str) -> Array:
    out = empty_like(result)
    K.special_backward_second(out, g, x, y, result, function)
    return out


def _refuse_number(name: str, argument: str, x: object) -> None:
    if not hasattr(x, "_data"):
        raise not_a_tensor(name, argument, x)


def _special_function(name: str, function: str, doc: str, given: str, result: str,
                      smooth: bool = True) -> UnaryOperation:
    """Define the function `name` by one of the kernel `special`. `given` and `result` are an example."""
    def call(input: Tensor) -> Tensor:
        _refuse_number(name, "input", input)
        return _special(input, function) if smooth else _special_values(input, function)
    return describe(call, name, doc + ("" if smooth else ". It has no gradient") + ". It needs SciPy.",
                    f"fastnet.special.{name}(fastnet.tensor({given}))", f"tensor({result})")


def _numpy(name: str, doc: str, given: str, result: str) -> UnaryOperation:
    """Define a function that NumPy has."""
    defined = _special_function(name, name, doc, given, result)
    defined.__doc__ = (defined.__doc__ or "").replace(" It needs SciPy.", "")
    return defined


# ---- the gamma function ---------------------------------------------------------------------------------------------

lgamma: UnaryOperation = _special_function(
    "lgamma", "gammaln", "The logarithm of |gamma(x)|", "[0.5, 1.0, 10.0]", "[ 0.5724,  0.    , 12.8018]")
digamma: UnaryOperation = _special_function(
    "digamma", "psi", "The derivative of lgamma", "[0.5, 1.0, 10.0]", "[-1.9635, -0.5772,  2.2518]")


def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of the digamma function. It needs SciPy.

    Args:
        n: 0 (the digamma function itself) or more.
        input: any shape; integers give float32.

    Raises:
        RuntimeError: a negative n.

    Example:
        >>> import fastnet
        >>> fastnet.special.polygamma(1, fastnet.tensor([1.0, 2.0]))
        tensor([1.6449, 0.6449])
    """
    if not isinstance(n, int):
        if not hasattr(n, "_data"):
            raise TypeError(f"polygamma: expected n to be an integer, got {n!r}")
        n, input = input, n                 # PyTorch's method: x.polygamma(n)
    _refuse_number("polygamma", "input", input)
    if n < 0:
        raise RuntimeError(f"polygamma: expected n of 0 or more, got {n}")
    return _special(input, "polygamma", n)


def multigammaln(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function.

    It is log(pi) p (p - 1) / 4 + sum over i < p of lgamma(x - i / 2).

    Args:
        input: numbers greater than (p - 1) / 2; NaN elsewhere.
        p: the dimension, 1 or more.

    Raises:
        RuntimeError: p below 1.

    Example:
        >>> import fastnet
        >>> fastnet.special.multigammaln(fastnet.tensor([2.0, 3.0]), 2)
        tensor([0.4516, 1.5502])
    """
    _refuse_number("multigammaln", "input", input)
    if p < 1:
        raise RuntimeError(f"multigammaln: expected p of 1 or more, got {p}")
    return _special(input, "multigammaln", int(p))


def gammainc(input: Operand, other: Operand) -> Tensor:
    """The regularized lower incomplete gamma function.

    It is the integral of t^(a-1) e^-t from 0 to x, divided by gamma(a). Its gradient is that of x alone.

    Args:
        input, other: a and x, tensors or one of them a number; shapes broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.special.gammainc(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 1.0]))
        tensor([0.6321, 0.2642])
    """
    return _of_two(input, other, "gammainc")


def gammaincc(input: Operand, other: Operand) -> Tensor:
    """The regularized upper incomplete gamma function, 1 - gammainc(input, other).

    Its gradient is that of x alone. It needs SciPy.

    Args:
        input, other: a and x, tensors or one of them a number; shapes broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.special.gammaincc(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 1.0]))
        tensor([0.3679, 0.7358])
    """
    return _of_two(input, other, "gammaincc")


def zeta(input: Operand, other: Operand) -> Tensor:
    """The Hurwitz zeta function, sum over k of (k + q)^-x. Its gradient is that of q alone. It needs SciPy.

    Args:
        input, other: x and q, tensors or one of them a number; shapes broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.special.zeta(fastnet.tensor([2.0, 4.0]), 1)
        tensor([1.6449, 1.0823])
    """
    return _of_two(input, other, "zeta")


# ---- the normal distribution ----------------------------------------------------------------------------------------

erfc: UnaryOperation = _special_function(
    "erfc", "erfc", "1 - erf(x), exact for large x", "[0.0, 1.0]", "[1.    , 0.1573]")
erfcx: UnaryOperation = _special_function(
    "erfcx", "erfcx", "exp(x^2) * erfc(x), without overflow", "[0.0, 10.0]", "[1.    , 0.0561]")
erfinv: UnaryOperation = _special_function(
    "erfinv", "erfinv", "The inverse of erf; inf at 1", "[0.0, 0.5]", "[0.    , 0.4769]")
ndtr: UnaryOperation = _special_function(
    "ndtr", "ndtr", "The standard normal distribution function", "[0.0, 1.0]", "[0.5   , 0.8413]")
ndtri: UnaryOperation = _special_function(
    "ndtri", "ndtri", "The inverse of ndtr: quantiles of the standard normal distribution", "[0.5, 0.9]",
    "[0.    , 1.2816]")
log_ndtr: UnaryOperation = _special_function(
    "log_ndtr", "log_ndtr", "The logarithm of ndtr, exact for small x", "[0.0, -10.0]", "[ -0.6931, -53.2313]")


# ---- Bessel functions -----------------------------------------------------------------------------------------------

i0: UnaryOperation = _special_function(
    "i0", "i0", "The modified Bessel function of the first kind of order 0", "[0.0, 1.0]", "[1.    , 1.2661]")
i0e: UnaryOperation = _special_function("i0e", "i0e", "exp(-|x|) * i0(x)", "[0.0, 1.0]", "[1.    , 0.4658]")
i1: UnaryOperation = _special_function(
    "i1", "i1", "The modified Bessel function of the first kind of order 1", "[0.0, 1.0]", "[0.    , 0.5652]")
i1e: UnaryOperation = _special_function("i1e", "i1e", "exp(-|x|) * i1(x)", "[0.0, 1.0]", "[0.    , 0.2079]")
bessel_j0: UnaryOperation = _special_function(
    "bessel_j0", "j0", "The Bessel function of the first kind of order 0", "[0.0, 1.0]", "[1.    , 0.7652]", False)
bessel_j1: UnaryOperation = _special_function(
    "bessel_j1", "j1", "The Bessel function of the first kind of order 1", "[0.0, 1.0]", "[0.    , 0.4401]", False)
bessel_y0: UnaryOperation = _special_function(
    "bessel_y0", "y0", "The Bessel function of the second kind of order 0", "[1.0, 2.0]", "[0.0883, 0.5104]", False)
bessel_y1: UnaryOperation = _special_function(
    "bessel_y1", "y1", "The Bessel function of the second kind of order 1", "[1.0, 2.0]", "[-0.7812, -0.107 ]", False)
modified_bessel_i0: UnaryOperation = _special_function(
    "modified_bessel_i0", "i0", "i0 as PyTorch also names it", "[0.0, 1.0]", "[1.    , 1.2661]", False)
modified_bessel_i1: UnaryOperation = _special_function(
    "modified_bessel_i1", "i1", "i1 as PyTorch also names it", "[0.0, 1.0]", "[0.    , 0.5652]", False)
modified_bessel_k0: UnaryOperation = _special_function(
    "modified_bessel_k0", "k0", "The modified Bessel function of the second kind of order 0", "[1.0, 2.0]",
    "[0.421 , 0.1139]", False)
modified_bessel_k1: UnaryOperation = _special_function(
    "modified_bessel_k1", "k1", "The modified Bessel function of the second kind of order 1", "[1.0, 2.0]",
    "[0.6019, 0.1399]", False)
scaled_modified_bessel_k0: UnaryOperation = _special_function(
    "scaled_modified_bessel_k0", "k0e", "exp(x) * modified_bessel_k0(x)", "[1.0, 2.0]", "[1.1445, 0.8416]", False)
scaled_modified_bessel_k1: UnaryOperation = _special_function(
    "scaled_modified_bessel_k1", "k1e", "exp(x) * modified_bessel_k1(x)", "[1.0, 2.0]", "[1.6362, 1.0335]", False)
spherical_bessel_j0: UnaryOperation = _special_function(
    "spherical_bessel_j0", "spherical_jn0", "The spherical Bessel function of the first kind of order 0, sin(x) / x",
    "[0.0, 1.0]", "[1.    , 0.8415]", False)


# ---- exponentials, logarithms, entropy ------------------------------------------------------------------------------

exp2: UnaryOperation = _numpy("exp2", "2^x", "[0.0, 3.0]", "[1., 8.]")
sinc: UnaryOperation = _numpy("sinc", "sin(pi x) / (pi x), and 1 at 0", "[0.0, 0.5]", "[1.    , 0.6366]")
entr: UnaryOperation = _special_function("entr", "entr", "-x log(x); 0 at 0, -inf below",
                                         "[0.0, 0.5]", "[0.    , 0.3466]")


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of the sigmoid.

    Args:
        input: numbers from 0 to 1; NaN elsewhere.
        eps: limit x to [eps, 1 - eps] first.

    Example:
        >>> import fastnet
        >>> fastnet.special.logit(fastnet.tensor([0.5, 0.9]))
        tensor([0.    , 2.1972])
    """
    _refuse_number("logit", "input", input)
    x = input if input.is_floating_point() else input.float()
    if eps is not None:
        x = x.clamp(eps, 1 - eps)
    return log(x / (1 - x))


def xlogy(input: Operand, other: Operand) -> Tensor:
    """x * log(y), and 0 where x is 0 and y is not NaN.

    Args:
        input, other: x and y, tensors or one of them a number; shapes broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.special.xlogy(fastnet.tensor([0.0, 2.0]), fastnet.tensor([0.0, fastnet.e]))
        tensor([0., 2.])
    """
    return _times_log(input, other, log, 0.0)


def xlog1py(input: Operand, other: Operand) -> Tensor:
    """x * log(1 + y), and 0 where x is 0 and y is not NaN.

    Args:
        input, other: x and y, tensors or one of them a number; shapes broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.special.xlog1py(fastnet.tensor([0.0, 2.0]), fastnet.tensor([-1.0, 1.0]))
        tensor([0.    , 1.3863])
    """
    return _times_log(input, other, log1p, -1.0)


def _times_log(x: Any, y: Any, logarithm: UnaryOperation, pole: float) -> Tensor:
    if not (hasattr(x, "_data") or hasattr(y, "_data")):
        raise TypeError(f"expected at least one tensor, got {type(x).__name__} and {type(y).__name__}")
    if not hasattr(y, "_data"):
        y = x.new_full((), y, dtype=dtypes.float_of(x.dtype))
    zero = (x == 0) & ~isnan(y)
    safe = where(zero & (y <= pole), 1.0 + pole, y)              # its logarithm, 0, has a finite slope
    return x * logarithm(safe)
