"""Special functions through SciPy, which is imported at the first call."""
import math
from typing import Any

import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.scipy_modules import scipy_module

_FORMULAS: dict[str, Any] = {
    "exp2": lambda _, x, y: np.exp2(x),
    "sinc": lambda _, x, y: np.sinc(x),
    "zeta": lambda s, x, y: s.zeta(x, y),
    "polygamma": lambda s, x, y: s.psi(x) if y == 0 else s.polygamma(int(y), x),
    "multigammaln": lambda s, x, y: _multigammaln(s, x, int(y)),
    "erfcx": lambda s, x, y: np.float64(s.erfcx(np.asarray(x, np.float64))),
    "gammaln": lambda s, x, y: np.where(np.isneginf(x), np.inf, s.gammaln(x)),
    "log_ndtr": lambda s, x, y: s.log_ndtr(x),
    "spherical_jn0": lambda s, x, y: np.sinc(x / np.pi),
    "airy_ai": lambda s, x, y: s.airy(x)[0],
    "chebyshev_polynomial_t": lambda s, x, n: _degree(s.eval_chebyt, n, x),
    "chebyshev_polynomial_u": lambda s, x, n: _degree(s.eval_chebyu, n, x),
    "chebyshev_polynomial_v": lambda s, x, n: _degree(s.eval_chebyu, n, x) - _degree(s.eval_chebyu, np.trunc(n) - 1, x),
    "chebyshev_polynomial_w": lambda s, x, n: _degree(s.eval_chebyu, n, x) + _degree(s.eval_chebyu, np.trunc(n) - 1, x),
    "hermite_polynomial_h": lambda s, x, n: _degree(s.eval_hermite, n, x),
    "hermite_polynomial_he": lambda s, x, n: _degree(s.eval_hermitenorm, n, x),
    "laguerre_polynomial_l": lambda s, x, n: _degree(s.eval_laguerre, n, x),
    "legendre_polynomial_p": lambda s, x, n: _degree(s.eval_legendre, n, x),
    **{f"shifted_chebyshev_polynomial_{kind}": lambda s, x, n, kind=kind: _FORMULAS[f"chebyshev_polynomial_{kind}"](
        s, 2 * x - 1, n) for kind in "tuvw"},
}
_OF_TWO_ARRAYS = ("gammainc", "gammaincc", "xlogy", "xlog1py")

# dy/dx from SciPy's module, x, the parameter y and the result
_SLOPES = {
    "gammaln": lambda s, x, y, out: s.psi(x),
    "psi": lambda s, x, y, out: s.zeta(2.0, x),
    "polygamma": lambda s, x, y, out: s.polygamma(int(y) + 1, x),
    "multigammaln": lambda s, x, y, out: sum(s.psi(x - i / 2) for i in range(int(y))),
    "erfc": lambda s, x, y, out: -2 / math.sqrt(math.pi) * np.exp(-x * x),
    "erfinv": lambda s, x, y, out: math.sqrt(math.pi) / 2 * np.exp(out * out),
    "erfcx": lambda s, x, y, out: 2 * x * out - 2 / math.sqrt(math.pi),
    "ndtr": lambda s, x, y, out: np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "ndtri": lambda s, x, y, out: math.sqrt(2 * math.pi) * np.exp(out * out / 2),
    "log_ndtr": lambda s, x, y, out: math.sqrt(2 / math.pi) / s.erfcx(-x / math.sqrt(2)),
    "entr": lambda s, x, y, out: np.where(x > 0, -np.log(x) - 1, np.where(x == 0, np.inf, np.nan)),
    "exp2": lambda s, x, y, out: out * math.log(2),
    "sinc": lambda s, x, y, out: np.where(x == 0, 0, (np.cos(np.pi * x) - out) / np.where(x == 0, 1, x)),
    "i0": lambda s, x, y, out: s.i1(x),
    "i0e": lambda s, x, y, out: s.i1e(x) - np.sign(x) * out,
    "i1": lambda s, x, y, out: np.where(x == 0, 0.5, s.i0(x) - out / np.where(x == 0, 1, x)),
    "i1e": lambda s, x, y, out: np.where(
        x == 0, 0.5, s.i0e(x) - out * (np.sign(x) + 1 / np.where(x == 0, 1, x))),
}

# dy/d(second argument) from SciPy's module, both arguments and the result
_SECOND_SLOPES = {
    "zeta": lambda s, x, y, out: -x * s.zeta(x + 1, y),
    "gammainc": lambda s, x, y, out: np.exp((x - 1) * np.log(y) - y - s.gammaln(x)),
    "gammaincc": lambda s, x, y, out: -np.exp((x - 1) * np.log(y) - y - s.gammaln(x)),
}


def _degree(polynomial, n, x):
    """polynomial(n, x) of a degree n without its fraction; 0 for a negative one."""
    n = np.trunc(n)
    return np.where(n < 0, 0, polynomial(np.maximum(n, 0).astype(np.int64), x))


def _multigammaln(scipy, x, dimension):
    total = dimension * (dimension - 1) / 4 * math.log(math.pi)
    return total + sum(scipy.gammaln(x - i / 2) for i in range(dimension))


def _value(function, x, y):
    """The function at x (and y), in float64."""
    x = np.asarray(x, np.float64)
    y = np.asarray(y, np.float64) if isinstance(y, np.ndarray) else y
    scipy = None if function in ("exp2", "sinc") else scipy_module("special")
    if function in _FORMULAS:
        return _FORMULAS[function](scipy, x, y)
    return getattr(scipy, function)(*((x, y) if function in _OF_TWO_ARRAYS else (x,)))


@kernel()
def special(out, x, y, function):
    """out = function(x) of scipy.special, or function(x, y) with a number or an array y; computed in float64.

    All arrays broadcast to the shape of out. `polygamma` and `multigammaln` take their order as y.
    """
    out[...] = _value(function, x, y)


def _derivative(table, function, x, y, result):
    x, result = np.asarray(x, np.float64), np.asarray(result, np.float64)
    y = np.asarray(y, np.float64) if isinstance(y, np.ndarray) else y
    return table[function](None if function in ("exp2", "sinc") else scipy_module("special"), x, y, result)


@kernel()
def special_backward(dx, dy, x, y, result, function):
    """dx = dy * the derivative by x of the function in `special`, whose result is `result`."""
    dx[...] = dy * _derivative(_SLOPES, function, x, y, result)


@kernel()
def special_backward_second(d, dy, x, y, result, function):
    """d = dy * the derivative by the array y of the function in `special`, whose result is `result`."""
    d[...] = dy * _derivative(_SECOND_SLOPES, function, x, y, result)
