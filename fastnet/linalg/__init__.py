"""Linear algebra under PyTorch's names, through NumPy and SciPy: solvers, decompositions, determinants and norms."""
from fastnet.backend import LinAlgError
from fastnet.functional.linear import matmul
from fastnet.linalg.decompositions import *
from fastnet.linalg.decompositions import __all__ as _decompositions
from fastnet.linalg.measures import *
from fastnet.linalg.measures import __all__ as _measures
from fastnet.linalg.old_names import *
from fastnet.linalg.old_names import __all__ as _old_names
from fastnet.linalg.products import *
from fastnet.linalg.products import __all__ as _products
from fastnet.linalg.solvers import *
from fastnet.linalg.solvers import __all__ as _solvers

__all__ = ["LinAlgError", "matmul", *_decompositions, *_measures, *_old_names, *_products, *_solvers]


def __dir__() -> list[str]:
    return sorted(__all__)
