"""Outlines of modules, which have no memory, and the differences between a module and the outline made for it."""
from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from fastnet import dtypes, nn
from fastnet.nn.hooks import has_hooks
from fastnet.nn.parameter import outline_as, outlines
from fastnet.nn.schema import json_value, schema
from fastnet.nn.state_dict import join

__all__ = ["COMPOSED", "CONTAINERS", "HOLD_MODULES", "MODULES", "changed", "class_name", "difference", "is_network",
           "module_class", "module_outline", "network_class"]

HOLD_MODULES = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
CONTAINERS = (*HOLD_MODULES, nn.ParameterList)          # constructed empty and filled afterwards
COMPOSED = ("fastnet.nn.adaptive_softmax", "fastnet.nn.attention", "fastnet.nn.transformer")
# whose modules consist of others, as networks do

MODULES: dict[str, type[nn.Module]] = {
    name: found for name, found in ((name, getattr(nn, name)) for name in nn.__all__)
    if isinstance(found, type) and issubclass(found, nn.Module) and found is not nn.Module
    and found.__module__ not in COMPOSED}

# the packages are above this module, and imported when a file names one of their classes
_NETWORKS = ("fastnet.models", "fastnet.audio", "fastnet.quantization", *COMPOSED)
_WITH_PREFIX = {"quantized.dynamic": "fastnet.nn.quantized.dynamic", "quantized": "fastnet.nn.quantized",
                "qat": "fastnet.nn.qat"}                # whose classes have names of classes of `fastnet.nn`
_REGISTRIES = ("_parameters", "_buffers")
_NOT_COMPARED = {*_REGISTRIES, "_modules", "_prepared", "_training", "_frozen", "_recorded", "_hooks",
                 "_gradient_hooks", "_state_hooks", "_compiled_call", "__orig_class__"}


def class_name(cls: type) -> str:
    """The name of a module class in files: "quantized.Linear" for one of `fastnet.nn.quantized`.

    Args:
        cls: the class.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.nn.outline import class_name
        >>> class_name(nn.Linear)
        'Linear'
    """
    for prefix, package in _WITH_PREFIX.items():
        if _is_in(cls, package):
            return f"{prefix}.{cls.__name__}"
    return cls.__name__


def _is_in(cls: type, package: str) -> bool:
    return f"{cls.__module__}.".startswith(f"{package}.")


def network_class(name: Any) -> type[nn.Module] | None:
    """The class of `fastnet.models` or `fastnet.audio`, or the composed one of `fastnet.nn`, with this name, or None.

    Args:
        name: from a file; see `class_name`.
    """
    if type(name) is not str:
        return None
    prefix, _, name = name.rpartition(".")
    packages = _NETWORKS if not prefix else [_WITH_PREFIX[prefix]] if prefix in _WITH_PREFIX else []
    for package in map(importlib.import_module, packages):
        found = getattr(package, name, None) if name in package.__all__ else None
        if isinstance(found, type) and issubclass(found, nn.Module):
            return found
    return None


def module_class(name: str) -> type[nn.Module] | None:
    """The class of a module that files can hold, or None.

    Args:
        name: from a file.

    Example:
        >>> from fastnet.nn.outline import module_class
        >>> module_class("Linear").__name__, module_class("Unknown")
        ('Linear', None)
    """
    return MODULES.get(name) or network_class(name)


def is_network(cls: type) -> bool:
    """Whether a class is one that `network_class` finds, and a file can hold its arguments."""
    if not any(_is_in(cls, package) for package in (*_NETWORKS, *_WITH_PREFIX.values())):
        return False
    try:
        schema(cls)
    except TypeError:                   # an argument of another kind, such as a dictionary
        return False
    return network_class(class_name(cls)) is cls


def module_outline(cls: Any, arguments: dict[str, Any], dtype: Any = None, **most: int) -> Any:
    """A module without memory and initial values: see `parameter.outlines`.

    Args:
        cls: its class.
        arguments: of the constructor.
        dtype: of the floating-point parameters and buffers; None leaves the constructor's.
        most: as in `outlines`.
    """
    module = cls.__new__(cls)
    module.__dict__["reset_parameters"] = _nothing
    with outlines(**most):
        cls.__init__(module, **arguments)
    del module.__dict__["reset_parameters"]
    for x in [*module.parameters(), *module.buffers()] if dtype is not None else ():
        outline_as(x, dtype)
    return module


def _nothing() -> None:
    """Replaces `reset_parameters` of an outline, which has nothing to initialize."""


def difference(module: Any, outline: Any) -> str:
    """The first difference between a module and an outline, submodules apart, in words; "" if there is none.

    Args:
        module: the module.
        outline: made by a constructor with the module's arguments.
    """
    for name in {**module.__dict__, **outline.__dict__}:
        if name not in _NOT_COMPARED and (name not in module.__dict__ or name not in outline.__dict__ or json_value(
                module.__dict__[name]) != json_value(outline.__dict__[name])):
            return f"attribute {name!r}"
    if not isinstance(module, CONTAINERS):
        for name in {**module._modules, **outline._modules}:
            if name not in module._modules or name not in outline._modules:
                return f"module {name!r}"
    for registry in _REGISTRIES:
        own, made = ({name: x is not None and (x.shape, x.dtype) for name, x in m.__dict__[registry].items()}
                     for m in (module, outline))
        if isinstance(module, nn.ParameterList) and registry == "_parameters":
            made = {name: x for name, x in zip(map(str, range(len(own))), own.values())
                    if x and dtypes.is_floating(x[1])}
        if own != made:
            return f"its {registry[1:]} {', '.join({**own, **made})}"
    return ""


def changed(module: Any, outline: Any, path: str = "") -> Iterator[str]:
    """Iterate over the paths of the outermost submodules that differ from those of an outline.

    Args:
        module: a network, or None.
        outline: made by its constructor with the same arguments.
        path: of both.
    """
    if module is None or outline is None:
        if module is not outline:
            yield path
    elif (type(module) is not type(outline) or has_hooks(module) or difference(module, outline)
          or list(module._modules) != list(outline._modules)):
        yield path
    else:
        for name, child in module._modules.items():
            yield from changed(child, outline._modules[name], join(path, name))
