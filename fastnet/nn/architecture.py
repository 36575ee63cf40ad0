"""The architecture of a model as JSON data, and the model that such data describes.

A module is described by its class, the arguments of its constructor and its contents:

    {"class": "Linear", "arguments": {"in_features": 3, "out_features": 2, "bias": true, "dtype": "float32"}}
    {"class": "Sequential", "modules": {"0": ..., "act": ..., "2": {"same": 0}}}
    {"class": "ParameterList", "parameters": 2}

"same" refers to an earlier module that appears again; modules are numbered in the order in which they are complete. A
module may also have "frozen", a list of its parameters that record no gradients, and "tied", a dictionary from its
parameters to the keys under which the same parameters appeared before.

A class of `fastnet.models`, `fastnet.audio` or `fastnet.quantization`, or one of `fastnet.nn` that consists of others
or is quantised ("quantized.Linear" for one of `fastnet.nn.quantized`), is described by its arguments, too, with the
"dtype" of its weights if it is not float32; "modules" then has only the submodules, by path, that were replaced since,
such as a new last layer:

    {"class": "ResNet", "arguments": {"block": "basic", ...}, "modules": {"fc": {"class": "Linear", ...}}}

Class names are looked up among the modules of `fastnet.nn`, `fastnet.models` and `fastnet.audio`, and
`fastnet.nn.schema` checks the arguments, so a description can do nothing but create these modules.
"""
from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes, nn
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.nn.hooks import has_hooks
from fastnet.nn.outline import (
    CONTAINERS,
    HOLD_MODULES,
    MODULES,
    changed,
    class_name,
    difference,
    is_network,
    module_class,
    module_outline,
)
from fastnet.nn.parameter import Parameter, new_parameter, outlines, store
from fastnet.nn.schema import Argument, schema, value_text
from fastnet.nn.state_dict import join, named_state

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["MODULES", "build", "describe"]

_MAX_NESTING = 64                         # of nested modules
_MAX_MODULES = 10_000                   # of a model; a module that appears twice counts twice
_MAX_REPLACED = 10_000                  # parameters and buffers of networks that were replaced by fewer
_ENTRIES = {"class": str, "arguments": dict, "modules": dict, "parameters": int, "tied": dict, "frozen": list,
            "dtype": str}
_REGISTRIES = ("_parameters", "_buffers")
_NETWORK_DTYPES = (None, "float16", "bfloat16", "float64")              # None: float32


def _arguments_of(cls: Any) -> Iterable[Argument]:
    return () if issubclass(cls, CONTAINERS) else schema(cls).values()


# ---- from a model to its description --------------------------------------------------------------------------------

def describe(model: nn.Module) -> dict[str, Any]:
    """Describe the architecture of a model as JSON data.

    Args:
        model: consists of modules of `fastnet.nn`.

    Raises:
        ValueError: a module cannot be described; the message says which one and why.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.nn.architecture import describe
        >>> describe(nn.Sequential(nn.Tanh()))
        {'class': 'Sequential', 'modules': {'0': {'class': 'Tanh'}}}
    """
    return _Describer().describe(model, ())


class _Counter:
    """Counts the modules of a model."""

    def __init__(self) -> None:
        self.count = 0

    def enter(self, path: tuple[str, ...], count: int = 1) -> None:
        """Count modules at a path."""
        self.expect(path, count)
        self.count += count

    def expect(self, path: tuple[str, ...], count: int) -> None:
        """Raise ValueError if this many more modules would be too many."""
        if self.count + count > _MAX_MODULES or len(path) > _MAX_NESTING:
            raise ValueError(f"the model has more than {_MAX_MODULES:,} modules, or more than {_MAX_NESTING} nested in "
                             "each other")


class _Describer(_Counter):

    def __init__(self) -> None:
        super().__init__()
        self.complete: dict[nn.Module, tuple[int, int]] = {}        # module: (its number, how many modules it has)
        self.keys: dict[Parameter, str] = {}                        # parameter: its first key

    def describe(self, module: nn.Module, path: tuple[str, ...]) -> dict[str, Any]:
        if module in self.complete:
            number, count = self.complete[module]
            self.enter(path, count)
            return {"same": number}
        before = self.count
        self.enter(path)
        if is_network(type(module)):
            described, children = self._network(module, path)
        else:
            described = self._own(module, path)
            children = module._modules if isinstance(module, HOLD_MODULES) else None
        described = {"class": class_name(type(module)), **described}
        if children is not None:
            described["modules"] = {name: None if child is None else self.describe(child, (*path, *name.split(".")))
                                    for name, child in children.items()}
        self.complete[module] = len(self.complete), self.count - before
        return described

    def _network(self, module: nn.Module, path: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The entries that describe a network of `fastnet.models`, and its submodules that were replaced, by path."""
        where = _subject(path)
        arguments = {argument.name: argument.value_of(module) for argument in _arguments_of(type(module))}
        dtype = next((p.dtype for p in module.parameters()), dtypes.float32)
        outline = module_outline(type(module), _constructor_arguments(module, arguments), dtype)
        paths = list(changed(module, outline))
        if "" in paths:
            raise ValueError(f"{where} differs from a new one with the same arguments, or has hooks")
        replaced = {inner: _at(module, inner) for inner in paths}
        kept = {name: p for name, p in module.named_parameters(remove_duplicate=False)
                if not _is_below(name, paths)}
        self.enter(path, sum(not _is_below(inner, paths) for inner, _ in module.named_modules()) - 1)
        made: dict[Parameter, str] = {}
        first = {name: made.setdefault(p, name) for name, p in outline.named_parameters(remove_duplicate=False)}
        for name, p in kept.items():            # what the constructor ties, it ties again
            if self.keys.setdefault(p, _key(path, name)) != _key(path, first[name]):
                raise ValueError(f"{where} shares a parameter with another module")
        found = {"arguments": arguments, "frozen": [name for name, p in kept.items() if not p.requires_grad],
                 "dtype": dtype.name if dtype != dtypes.float32 else ""}
        return {name: value for name, value in found.items() if value}, replaced or None

    def _own(self, module: nn.Module, path: tuple[str, ...]) -> dict[str, Any]:
        """The entries that describe a module itself, without its submodules."""
        where = _subject(path)
        if MODULES.get(type(module).__name__) is not type(module):
            why = getattr(module, "without_architecture", "which is not one of fastnet.nn's modules")
            raise ValueError(f"{where} is a {type(module).__name__}, {why}")
        if has_hooks(module):
            raise ValueError(f"{where} has hooks")
        try:
            arguments = {argument.name: argument.value_of(module) for argument in _arguments_of(type(module))}
            differs = difference(module, module_outline(type(module), _constructor_arguments(module, arguments)))
        except (TypeError, ValueError, RuntimeError) as e:
            differs = str(e)
        if differs:
            raise ValueError(f"{where}, a {type(module).__name__}, differs from a new one with the same arguments: "
                             f"{differs}")
        parameters = {name: p for name, p in module._parameters.items() if p is not None}
        keys = {name: self.keys.setdefault(p, _key(path, name)) for name, p in parameters.items()}
        found = {
            "arguments": arguments,
            "parameters": len(parameters) if isinstance(module, nn.ParameterList) else 0,
            "tied": {name: key for name, key in keys.items() if key != _key(path, name)},
            "frozen": [name for name, p in parameters.items() if not p.requires_grad],
        }
        return {name: value for name, value in found.items() if value}


def _subject(path: tuple[str, ...]) -> str:
    return f"module {'.'.join(path)!r}" if path else "the model"


def _at(module: nn.Module, path: str) -> nn.Module | None:
    """The submodule at a path; None where there is none."""
    parent, _, name = path.rpartition(".")
    return module.get_submodule(parent)._modules[name]


def _is_below(path: str, others: Iterable[str]) -> bool:
    """Whether a path is one of others or leads to something inside it."""
    return any(f"{path}.".startswith(f"{other}.") for other in others)


def _constructor_arguments(module: nn.Module, described: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a description, with the module's own tensors."""
    return {argument.name: getattr(module, argument.name) if argument.is_tensor(described[argument.name])
            else argument.read(described[argument.name]) for argument in _arguments_of(type(module))}


def _key(path: tuple[str, ...], name: str) -> str:
    return ".".join((*path, name))


# ---- from a description to the model --------------------------------------------------------------------------------

def build(description: Any, arrays: dict[str, Array]) -> nn.Module:
    """Build the described model with the given weights, in evaluation mode, without drawing random numbers.

    A module gets memory only after the shapes and dtypes of its arrays are checked, so a model is never larger than the
    arrays. Networks create all of their parameters without memory before some are replaced; their number is limited.

    Args:
        description: from a file, as `describe` returns it; it may be damaged.
        arrays: NumPy arrays by the keys of the model's `state_dict`; they are removed from the dictionary.

    Raises:
        ValueError: the description is damaged, or the arrays do not fit it.

    Example:
        >>> from fastnet.nn.architecture import build
        >>> build({"class": "Dropout", "arguments": {"p": 0.25, "inplace": False}}, {})
        Dropout(p=0.25, inplace=False)
    """
    model = _Builder(arrays).build(description, ())
    if arrays:
        raise ValueError(f"the model has no tensors {', '.join(map(repr, arrays))}")
    return model.eval()


class _Builder(_Counter):

    def __init__(self, arrays: dict[str, Array]) -> None:
        super().__init__()
        self.arrays, self.left = arrays, len(arrays) + _MAX_REPLACED    # left: parameters and buffers of networks
        self.complete: list[tuple[nn.Module, int]] = []             # (module, how many modules it has)
        self.parameters: dict[str, Tensor] = {}                     # by key

    def build(self, described: Any, path: tuple[str, ...]) -> Any:
        if not isinstance(described, dict):
            raise ValueError(f"expected an object that describes a module, got {value_text(described)}")
        if "same" in described:
            return self._again(path, _checked_entries(described, {"same": int})["same"])
        before = self.count
        self.enter(path)
        entries = _checked_entries(described, _ENTRIES)
        module = self._new_module(path, entries)
        children = entries["modules"] or {}
        if is_network(type(module)):
            self._fill_network(module, path, children, entries["frozen"] or [])
        else:
            self._fill(module, path, entries["tied"] or {}, entries["frozen"] or [])
        self.expect(path, len(children))
        for name, child in children.items():
            inner = name.split(".") if is_network(type(module)) else [name]
            child = None if child is None else self.build(child, (*path, *inner))
            try:
                module.get_submodule(".".join(inner[:-1])).add_module(inner[-1], child)
            except KeyError as e:
                raise ValueError(e.args[0]) from None
        self.complete.append((module, self.count - before))
        return module

    def _new_module(self, path: tuple[str, ...], entries: dict[str, Any]) -> Any:
        """The module as an outline, without its submodules."""
        name = entries["class"]
        cls = module_class(name)
        if cls is None:
            raise ValueError(f"there is no module {name!r} in this version of fastnet")
        if (entries["modules"] is not None and cls not in HOLD_MODULES and name in MODULES) or (
                entries["parameters"] is not None and cls is not nn.ParameterList):
            raise ValueError(f"a {name} holds no other modules or parameters")
        if entries["dtype"] not in _NETWORK_DTYPES or (entries["dtype"] and name in MODULES):
            raise ValueError(f"a {name} cannot have the dtype {entries['dtype']!r}")
        if (entries["parameters"] or 0) < 0:
            raise ValueError(f"a {name} cannot hold {entries['parameters']} parameters")
        try:
            module = module_outline(cls, self._arguments(cls, path, entries["arguments"] or {}),
                                    entries["dtype"] and dtypes.as_dtype(entries["dtype"]),
                                    most=sys.maxsize if name in MODULES else self.left)
            with outlines():
                for i in range(entries["parameters"] or 0):
                    values = self._named(path, str(i))
                    module.append(new_parameter(*values.shape, dtype=values.dtype))
        except (TypeError, ValueError, RuntimeError, OverflowError) as e:
            raise ValueError(f"module {'.'.join(path)!r}: {e}") from None
        return module

    def _arguments(self, cls: type[Any], path: tuple[str, ...], described: dict[str, Any]) -> dict[str, Any]:
        """The constructor's arguments, checked.

        Arguments with a default may be missing, since the file may come from a version that did not have them.
        """
        expected = {argument.name: argument for argument in _arguments_of(cls)}
        required = {argument.name for argument in expected.values() if argument.required}
        if not required <= set(described) <= set(expected):
            raise ValueError(f"{cls.__name__} takes the arguments {', '.join(expected) or 'none'}; the description has "
                             f"{', '.join(map(repr, described)) or 'none'}")
        made = {}
        for name, value in described.items():
            try:
                made[name] = expected[name].read(value)
            except ValueError as e:
                raise ValueError(f"{cls.__name__}: {e}") from None
            if expected[name].is_tensor(value):
                made[name] = Tensor._wrap(self._named(path, name))
        return made

    def _named(self, path: tuple[str, ...], name: str) -> Array:
        array = self.arrays.get(_key(path, name))
        if array is None:
            raise ValueError(f"there is no tensor {_key(path, name)!r}")
        return array

    def _fill(self, module: Any, path: tuple[str, ...], tied: dict[str, Any], frozen: list[Any]) -> None:
        """Give a module's tensors memory and values, and replace tied parameters by the earlier ones."""
        for name, tensor in [item for registry in _REGISTRIES for item in module.__dict__[registry].items()]:
            if tensor is None:
                continue
            values = self._pop_array(_key(path, name), tensor)
            if name in tied and isinstance(tensor, Parameter):
                module.register_parameter(name, self._earlier(tied[name], values))
            else:
                store(tensor, values, values.dtype)
        self.parameters |= {_key(path, name): p for name, p in module._parameters.items() if p is not None}
        for name in (*tied, *frozen):
            if not isinstance(name, str) or module._parameters.get(name) is None:
                raise ValueError(f"module {'.'.join(path)!r} has no parameter {value_text(name)} to be tied or frozen")
        for name in frozen:
            module._parameters[name].requires_grad = False

    def _fill_network(self, network: nn.Module, path: tuple[str, ...], replaced: dict[str, Any],
                      frozen: list[Any]) -> None:
        """Fill all modules of a network except those that are replaced."""
        modules = {inner: module for inner, module in network.named_modules() if not _is_below(inner, replaced)}
        self.enter(path, len(modules) - 1)
        self.left -= sum(1 for _ in (*network.parameters(), *network.buffers()))
        places = {join(inner, name) for inner, module in modules.items() for name in module._parameters}
        unknown = [name for name in frozen if type(name) is not str or name not in places] + [
            inner for inner in replaced if inner.rpartition(".")[0] not in modules or not _is_child(network, inner)]
        if unknown:
            raise ValueError(f"module {'.'.join(path)!r} has no {value_text(unknown[0])}")
        for inner, module in modules.items():
            own = [name for name in module._parameters if join(inner, name) in frozen]
            self._fill(module, (*path, *(inner.split(".") if inner else ())), {}, own)

    def _pop_array(self, key: str, tensor: Tensor) -> Array:
        """Remove the array of a tensor from the dictionary and return it."""
        values = self.arrays.pop(key, None)
        if values is None:
            raise ValueError(f"there is no tensor {key!r}")
        if values.dtype == dtypes.float32 and dtypes.is_floating(tensor.dtype) and tensor.dtype.itemsize == 2:
            values = values.astype(tensor.dtype)        # files are read as float32; the numbers fit
        if values.shape != tensor.shape or values.dtype != tensor.dtype:
            raise ValueError(f"tensor {key!r} has shape {shape_text(values)} and dtype {values.dtype}, the model "
                             f"described {shape_text(tensor)} and {tensor.dtype}")
        return values

    def _earlier(self, key: Any, values: Array) -> Tensor:
        """The parameter at an earlier key; it must have the same values."""
        earlier = self.parameters.get(key) if isinstance(key, str) else None
        if earlier is None or not _same_bits(earlier, values):
            raise ValueError(f"a parameter is tied to {value_text(key)}, which does not exist or has other values")
        return earlier

    def _again(self, path: tuple[str, ...], same: int) -> Any:
        """An earlier module that appears again."""
        if not 0 <= same < len(self.complete):
            raise ValueError(f"a module refers to module number {same}, which does not exist")
        module, count = self.complete[same]
        self.enter(path, count)
        for name, tensor in named_state(module):
            key = _key(path, name)
            if not _same_bits(tensor, self._pop_array(key, tensor)):
                raise ValueError(f"tensor {key!r} belongs to a module that appears twice, but its values differ")
            if isinstance(tensor, Parameter):
                self.parameters[key] = tensor
        return module


def _is_child(network: nn.Module, path: str) -> bool:
    parent, _, name = path.rpartition(".")
    return name in network.get_submodule(parent)._modules


def _same_bits(tensor: Tensor, values: Array) -> bool:
    """Whether a tensor has exactly these values. Bits are compared, since NaN is not equal to itself."""
    return tensor.shape == values.shape and tensor.dtype == values.dtype and bool(
        (tensor._data.reshape(-1).view(np.uint8) == values.reshape(-1).view(np.uint8)).all())


def _checked_entries(described: dict[str, Any], types: dict[str, type]) -> dict[str, Any]:
    """The entries of a description by name, None for those it lacks; ValueError for a wrong name or type."""
    for name, value in described.items():
        if name not in types or type(value) is not types[name]:
            raise ValueError(f"the description of a module has an invalid entry {name!r}: {value_text(value)}")
    return {name: described.get(name) for name in types}
