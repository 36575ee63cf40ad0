"""Special functions, under PyTorch's names. Most of them need SciPy, which is loaded at the first call."""
from fastnet.functional.activation import log_softmax, sigmoid, sigmoid as expit, softmax
from fastnet.functional.pointwise import erf, expm1, log1p, round
from fastnet.functional.reduction import logsumexp
from fastnet.special.functions import *
from fastnet.special.functions import __all__ as _functions, digamma as psi, lgamma as gammaln
from fastnet.special.polynomials import *
from fastnet.special.polynomials import __all__ as _polynomials

__all__ = ["erf", "expit", "expm1", "gammaln", "log1p", "log_softmax", "logsumexp", "psi", "round", "softmax",
           *_functions, *_polynomials]


def __dir__() -> list[str]:
    return sorted(__all__)
