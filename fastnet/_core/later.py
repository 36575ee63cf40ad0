"""Functions and methods of Tensor whose module is imported at the first call, so that `import fastnet` stays fast."""
from __future__ import annotations

import importlib
import types
from typing import Any

from fastnet._core.tensor import Tensor, extend

__all__ = ["FUNCTIONS", "ImportedMethod"]

# name -> (module, its attribute) of functions of `fastnet`; Tensor has methods of these names
FUNCTIONS: dict[str, tuple[str, str]] = {
    **{name: ("fastnet.special", name) for name in (
        "digamma", "erfc", "erfinv", "exp2", "i0", "lgamma", "logit", "polygamma", "sinc", "xlogy")},
    **{name: ("fastnet.linalg", name) for name in (
        "cholesky_inverse", "cholesky_solve", "det", "logdet", "matrix_exp", "matrix_power", "slogdet",
        "triangular_solve")},
    **{name: ("fastnet.linalg", f"old_{name}") for name in ("cholesky", "lu", "lu_solve", "qr", "svd")},
    "inverse": ("fastnet.linalg", "inv"),
    "pinverse": ("fastnet.linalg", "pinv"),
    "igamma": ("fastnet.special", "gammainc"),
    "igammac": ("fastnet.special", "gammaincc"),
    "mvlgamma": ("fastnet.special", "multigammaln"),
}


class ImportedMethod:
    """A method of Tensor that is a function of a module, which the first access imports.

    Args:
        module: the name of the module.
        attribute: the function's name there.
    """

    def __init__(self, module: str, attribute: str) -> None:
        self.module, self.attribute = module, attribute

    def function(self) -> Any:
        """The function."""
        return getattr(importlib.import_module(self.module), self.attribute)

    def __get__(self, instance: Tensor | None, owner: type | None = None) -> Any:
        return self.function() if instance is None else types.MethodType(self.function(), instance)


extend(**{name: ImportedMethod(*place) for name, place in FUNCTIONS.items()})
