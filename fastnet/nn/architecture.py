"""The architecture of a model as plain data for JSON, and the model from it.

A module is described by the name of its class, by what its constructor is to be given, and by what it holds:

    {"class": "Linear", "arguments": {"in_features": 3, "out_features": 2, "bias": true, "dtype": "float32"}}
    {"class": "Sequential", "modules": {"0": ..., "act": ..., "2": {"same": 0}}}
    {"class": "ParameterList", "parameters": 2}

"same" is the number of a module that came before and is here again, counted in the order in which they are complete. A
module may also have "frozen", a list of its parameters that record no gradients, and "tied", the keys under which
parameters of its came before.

A name is looked up among the modules that `fastnet.nn` offers, and the arguments are numbers, strings and lists of
integers: a description cannot make anything else happen.
"""
import functools
import inspect
import math
import numbers

import numpy as np

from fastnet import nn
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.nn.parameter import Parameter, new_parameter, outlines, store

MODULES = {name: cls for name in nn.__all__
           if isinstance(cls := getattr(nn, name), type) and issubclass(cls, nn.Module) and cls is not nn.Module}

_DEEPEST = 64                           # modules in modules
_DIMENSIONS = 64                        # of an array: NumPy's most
_MOST = 10_000                          # modules of a model, each counted as often as it is there
_HOLD_MODULES = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_CONTAINERS = (*_HOLD_MODULES, nn.ParameterList)
_ENTRIES = {"class": str, "arguments": dict, "modules": dict, "parameters": int, "tied": dict, "frozen": list}
_TENSOR = "tensor"                      # the argument that is a tensor of the module's own
_DTYPES = ("float32", "float64", None)
_REAL = ("eps", "max_norm")             # arguments that are numbers or None
_REGISTRIES = ("_parameters", "_buffers")
_NOT_COMPARED = {*_REGISTRIES, "_modules", "_training", "_recorded", "_hooks"}


# ---- what constructors take -----------------------------------------------------------------------------------------

@functools.cache
def _signature(cls):
    """{argument: its default} of what a description gives to a constructor."""
    if issubclass(cls, _CONTAINERS):    # they are filled afterwards
        return {}
    return {name: p.default for name, p in inspect.signature(cls).parameters.items()
            if name != "device" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def _fits(name, default, value):
    """Whether an argument can have a plain value: it is of its default's kind, or of one that other modules take."""
    if name == "dtype":
        return value in _DTYPES
    if value is None:
        return default is None or name == "momentum"
    if isinstance(default, bool | str):
        return type(value) is type(default)
    if isinstance(default, float) or name in _REAL:
        return type(value) is float or _is_whole(value)
    return _is_whole(value) or (default is inspect.Parameter.empty and isinstance(value, list)
                                and len(value) <= _DIMENSIONS and all(map(_is_whole, value)))


def _is_whole(value):
    return type(value) is int and abs(value) < 1 << 63


def _outline(cls, arguments):
    """A module of the class without memory and initial values: see `parameter.outlines`."""
    module = cls.__new__(cls)
    module.__dict__["reset_parameters"] = _nothing
    with outlines():
        cls.__init__(module, **arguments)
    del module.__dict__["reset_parameters"]
    return module


def _nothing():
    """Instead of drawing the parameters of an outline."""


# ---- a model described ----------------------------------------------------------------------------------------------

def describe(model):
    """The description of a model.

    Raises:
        ValueError: saying which module cannot be described, and why.

    Example:
        >>> import fastnet
        >>> fastnet.nn.architecture.describe(fastnet.nn.Sequential(fastnet.nn.Tanh()))
        {'class': 'Sequential', 'modules': {'0': {'class': 'Tanh'}}}
    """
    return _Describer().describe(model, ())


class _Counter:
    """Counts modules on the way through a model, and numbers those that are complete."""

    def __init__(self):
        self.count = 0

    def enter(self, path, count=1):
        """Count modules in at a path."""
        self.expect(path, count)
        self.count += count

    def expect(self, path, count):
        """Check that so many modules more are not too many."""
        if self.count + count > _MOST or len(path) > _DEEPEST:
            raise ValueError(f"there are more than {_MOST:,} modules, or more than {_DEEPEST} in each other")


class _Describer(_Counter):

    def __init__(self):
        super().__init__()
        self.complete = {}              # module: (its number, how many modules it is)
        self.keys = {}                  # parameter: its first key

    def describe(self, module, path):
        if module in self.complete:
            number, count = self.complete[module]
            self.enter(path, count)
            return {"same": number}
        before = self.count
        self.enter(path)
        described = {"class": type(module).__name__, **self._own(module, path)}
        if isinstance(module, _HOLD_MODULES):
            described["modules"] = {name: None if child is None else self.describe(child, (*path, name))
                                    for name, child in module._modules.items()}
        self.complete[module] = len(self.complete), self.count - before
        return described

    def _own(self, module, path):
        """What a description says of a module itself."""
        where = f"module {'.'.join(path)!r}" if path else "the model"
        if MODULES.get(type(module).__name__) is not type(module):
            raise ValueError(f"{where} is a {type(module).__name__}, which is not one of fastnet.nn's modules")
        if any(module._hooks or ()):
            raise ValueError(f"{where} has hooks")
        try:
            arguments, tensors = _arguments(module)
            difference = _difference(module, _outline(type(module), arguments | tensors))
        except (TypeError, ValueError, RuntimeError) as e:
            difference = str(e)
        if difference:
            raise ValueError(f"{where}, a {type(module).__name__}, is not as its constructor makes it: {difference}")
        parameters = {name: p for name, p in module._parameters.items() if p is not None}
        keys = {name: self.keys.setdefault(p, _key(path, name)) for name, p in parameters.items()}
        found = {
            "arguments": {name: _written(value) for name, value in arguments.items()} | dict.fromkeys(tensors, _TENSOR),
            "parameters": len(parameters) if isinstance(module, nn.ParameterList) else 0,
            "tied": {name: key for name, key in keys.items() if key != _key(path, name)},
            "frozen": [name for name, p in parameters.items() if not p.requires_grad],
        }
        return {name: value for name, value in found.items() if value}


def _arguments(module):
    """What the constructor is to be given for a module as it is: plain values, and tensors."""
    arguments, tensors = {}, {}
    for name, default in _signature(module.__class__).items():
        if name == "dtype":
            own = [x for registry in _REGISTRIES for x in module.__dict__[registry].values() if x is not None]
            arguments[name] = own[0].dtype.name if own else None
        elif name in module._parameters:
            arguments[name] = module._parameters[name] is not None
        elif isinstance(getattr(module, name, None), Tensor):
            tensors[name] = getattr(module, name)
        else:
            value = _plain(getattr(module, name, None))
            arguments[name] = bool(value) if isinstance(default, bool) else value
            if not _fits(name, default, arguments[name]):
                raise ValueError(f"{name} is {_kind(value)}")
    return arguments, tensors


def _difference(module, outline):
    """In words, the first thing in which a module differs from the outline made for it; "" if there is none."""
    for name in {**module.__dict__, **outline.__dict__}:
        if name not in _NOT_COMPARED and (name not in module.__dict__ or name not in outline.__dict__ or _plain(
                module.__dict__[name]) != _plain(outline.__dict__[name])):
            return f"attribute {name!r}"
    if not isinstance(module, _CONTAINERS) and module._modules:
        return f"module {next(iter(module._modules))!r}"
    for registry in _REGISTRIES:
        own, made = ({name: x is not None and (x.shape, x.dtype) for name, x in m.__dict__[registry].items()}
                     for m in (module, outline))
        if isinstance(module, nn.ParameterList) and registry == "_parameters":
            made = {name: x for name, x in zip(map(str, range(len(own))), own.values()) if x and x[1].kind == "f"}
        if own != made:
            return f"its {registry[1:]} {', '.join({**own, **made})}"
    return ""


def _plain(value):
    """A value as JSON would give it back; one that equals nothing, if it is of no kind that descriptions have."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral | np.bool_):
        return value.item() if isinstance(value, np.generic) else int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return [] if isinstance(value, set) and not value else object()


def _written(value):
    """A plain value in JSON, which has no infinity and no NaN."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _key(path, name):
    return ".".join((*path, name))


# ---- a model from its description -----------------------------------------------------------------------------------

def build(description, arrays):
    """The model that was described, with these weights, in evaluation mode. Nothing is drawn from any generator.

    A module gets memory when the arrays are seen to be those that it needs, so a model is never larger than these.

    Args:
        description: as `describe` gives it, or anything else.
        arrays: a dictionary from the keys of the model's `state_dict` to NumPy arrays; it is used up.

    Raises:
        ValueError: this is no description, or the arrays are not those of what it describes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.architecture.build({"class": "Dropout", "arguments": {"p": 0.25, "inplace": False}}, {})
        Dropout(p=0.25, inplace=False)
    """
    model = _Builder(arrays).build(description, ())
    if arrays:
        raise ValueError(f"there are tensors that the model has no place for: {', '.join(map(repr, arrays))}")
    return model.eval()


class _Builder(_Counter):

    def __init__(self, arrays):
        super().__init__()
        self.arrays = arrays
        self.complete = []              # (module, how many modules it is)
        self.parameters = {}            # by key

    def build(self, described, path):
        if not isinstance(described, dict):
            raise ValueError(f"a module should be an object, got {_kind(described)}")
        if "same" in described:
            return self._again(path, _entries(described, {"same": int})["same"])
        before = self.count
        self.enter(path)
        entries = _entries(described, _ENTRIES)
        module = self._made(path, entries)
        self._fill(module, path, entries["tied"] or {}, entries["frozen"] or [])
        children = entries["modules"] or {}
        self.expect(path, len(children))
        for name, child in children.items():
            child = None if child is None else self.build(child, (*path, name))
            try:
                module.add_module(name, child)
            except KeyError as e:
                raise ValueError(e.args[0]) from None
        self.complete.append((module, self.count - before))
        return module

    def _made(self, path, entries):
        """The module alone, as an outline."""
        name = entries["class"]
        if name not in MODULES:
            raise ValueError(f"there is no module {name!r} in this version of fastnet")
        cls = MODULES[name]
        if (entries["modules"] is not None and cls not in _HOLD_MODULES) or (
                entries["parameters"] is not None and cls is not nn.ParameterList):
            raise ValueError(f"a {name} holds no other modules or parameters")
        if (entries["parameters"] or 0) < 0:
            raise ValueError(f"a {name} cannot hold {entries['parameters']} parameters")
        try:
            module = _outline(cls, self._arguments(cls, path, entries["arguments"] or {}))
            with outlines():
                for i in range(entries["parameters"] or 0):
                    values = self._named(path, str(i))
                    module.append(new_parameter(*values.shape, dtype=values.dtype))
        except (TypeError, ValueError, RuntimeError, OverflowError) as e:
            raise ValueError(f"module {'.'.join(path)!r}: {e}") from None
        return module

    def _arguments(self, cls, path, described):
        """The arguments in a description, each of a kind that the constructor takes.

        Those that have defaults may be lacking: an older version may not have known them.
        """
        expected = _signature(cls)
        needed = {name for name, default in expected.items() if default is inspect.Parameter.empty}
        if not needed <= set(described) <= set(expected):
            raise ValueError(f"{cls.__name__} takes the arguments {', '.join(expected) or 'none'}; described are "
                             f"{', '.join(map(repr, described)) or 'none'}")
        made = {}
        for name, value in described.items():
            default = expected[name]
            if value == _TENSOR and default is None:
                value = Tensor._wrap(self._named(path, name))
            elif isinstance(default, float) and value in ("inf", "-inf", "nan"):
                value = float(value)
            elif not _fits(name, default, value):
                raise ValueError(f"{cls.__name__} cannot have a {name} of {_kind(value)}")
            made[name] = value
        return made

    def _named(self, path, name):
        array = self.arrays.get(_key(path, name))
        if array is None:
            raise ValueError(f"there is no tensor {_key(path, name)!r}")
        return array

    def _fill(self, module, path, tied, frozen):
        """Give a module's tensors their memory and values, or let earlier ones take their place."""
        for name, tensor in [item for registry in _REGISTRIES for item in module.__dict__[registry].items()]:
            if tensor is None:
                continue
            values = self._taken(_key(path, name), tensor)
            if name in tied and isinstance(tensor, Parameter):
                module.register_parameter(name, self._earlier(tied[name], values))
            else:
                store(tensor, values, values.dtype)
        self.parameters |= {_key(path, name): p for name, p in module._parameters.items() if p is not None}
        for name in (*tied, *frozen):
            if not isinstance(name, str) or module._parameters.get(name) is None:
                raise ValueError(f"module {'.'.join(path)!r} has no parameter to be tied or frozen that fits")
        for name in frozen:
            module._parameters[name].requires_grad = False

    def _taken(self, key, tensor):
        """The array for a tensor of the model, used up."""
        values = self.arrays.pop(key, None)
        if values is None:
            raise ValueError(f"there is no tensor {key!r}")
        if values.shape != tensor.shape or values.dtype != tensor.dtype:
            raise ValueError(f"tensor {key!r} has shape {shape_text(values)} and dtype {values.dtype}, the model "
                             f"described {shape_text(tensor)} and {tensor.dtype}")
        return values

    def _earlier(self, key, values):
        """The parameter at an earlier key, which must have these values too."""
        earlier = self.parameters.get(key) if isinstance(key, str) else None
        if earlier is None or not _same(earlier, values):
            raise ValueError(f"a parameter is tied to one that is not there, or has other values: {_kind(key)}")
        return earlier

    def _again(self, path, same):
        """A module that is complete, at another place."""
        if not 0 <= same < len(self.complete):
            raise ValueError(f"a module should be the same as number {same}, which is not there")
        module, count = self.complete[same]
        self.enter(path, count)
        for name, tensor in module._state():
            key = _key(path, name)
            if not _same(tensor, self._taken(key, tensor)):
                raise ValueError(f"tensor {key!r} belongs to a module that is there twice, and differs from its other")
            if isinstance(tensor, Parameter):
                self.parameters[key] = tensor
        return module


def _same(tensor, values):
    """Whether a tensor has exactly these values: bits are compared, as NaN equals nothing."""
    return tensor.shape == values.shape and tensor.dtype == values.dtype and bool(
        (tensor._data.reshape(-1).view(np.uint8) == values.reshape(-1).view(np.uint8)).all())


def _entries(described, kinds):
    """The entries of a description by name, None for those it lacks, each of its kind."""
    for name, value in described.items():
        if name not in kinds or type(value) is not kinds[name]:
            raise ValueError(f"the description of a module has an entry {name!r} with {_kind(value)}")
    return {name: described.get(name) for name in kinds}


def _kind(value):
    """What a value from a file is, in a few words."""
    plain = isinstance(value, str | int | float | None)
    return repr(value)[:60] if plain else f"an object of type {type(value).__name__}"
