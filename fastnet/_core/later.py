"""Names of modules, and methods of Tensor, that are imported on first use, so that `import fastnet` stays fast."""
from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from fastnet._core.tensor import Tensor, extend

__all__ = ["FUNCTIONS", "PLACES", "ImportedMethod", "Places", "imported_on_use", "load", "modules_of", "places_of"]

Places: TypeAlias = Mapping[str, tuple[str, str | None]]        # name -> (module, its attribute; None: the module)

PLACES: dict[str, Places] = {}          # module -> its names that are imported on first use


def places_of(package: str, modules: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, str | None]]:
    """The places of names that are written as {module: names}.

    Args:
        package: the package of the modules.
        modules: the names that each module of the package provides.

    Example:
        >>> from fastnet._core.later import places_of
        >>> places_of("fastnet.nn", {"flatten": ("Flatten", "Unflatten")})
        {'Flatten': ('fastnet.nn.flatten', 'Flatten'), 'Unflatten': ('fastnet.nn.flatten', 'Unflatten')}
    """
    return {name: (f"{package}.{module}", name) for module, names in modules.items() for name in names}


def modules_of(package: str, names: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """The places of modules of a package.

    Example:
        >>> from fastnet._core.later import modules_of
        >>> modules_of("fastnet.nn", ["init"])
        {'init': ('fastnet.nn.init', None)}
    """
    return {name: (f"{package}.{name}", None) for name in names}


def imported_on_use(namespace: dict[str, Any], places: Places,
                    finished: Callable[[Any, str], Any] = lambda found, module: found) -> Callable[[str], Any]:
    """The `__getattr__` of a module (PEP 562), which imports a name on its first use and keeps it in the module.

    Args:
        namespace: the variables of the module.
        places: where its names come from.
        finished: finished(found, module) is the object that the module of this name keeps for one that was found.

    Example:
        >>> from fastnet._core.later import imported_on_use
        >>> getter = imported_on_use({"__name__": "some.module"}, {"Linear": ("fastnet.nn.linear", "Linear")})
        >>> getter("Linear")
        <class 'fastnet.nn.linear.Linear'>
    """
    module = namespace["__name__"]
    PLACES[module] = places

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        where, attribute = places[name]
        found = importlib.import_module(where)
        if attribute is not None:
            found = finished(getattr(found, attribute), module)
        return namespace.setdefault(name, found)        # one object, whichever thread comes first
    return get


def load(module: types.ModuleType, name: str) -> None:
    """Import a name of a module now, if it is one that would be imported on first use.

    The packages in `fastnet` still wait for their use, since attributes of other objects have the same names (`data`,
    `training`), and a caller may know only the name.
    """
    place = PLACES.get(module.__name__, {}).get(name)
    if place is not None and (place[1] is not None or module.__name__ != "fastnet"):
        getattr(module, name)


# the functions of `fastnet` that are imported on first use; Tensor has methods of these names
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
# the methods of Tensor that are no functions of `fastnet`
_FURTHER_METHODS = {name: ("fastnet.nn.functional", name) for name in ("hardshrink", "prelu")}


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


extend(**{name: ImportedMethod(*place) for name, place in {**FUNCTIONS, **_FURTHER_METHODS}.items()})
