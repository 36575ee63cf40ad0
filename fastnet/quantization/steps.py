"""Models that are a list of steps over named values: what quantisation makes of a traced graph.

A step calls a module or an operation of `fastnet.graph` with values that come before it. The steps, the constructor
arguments of the modules and the shapes of all tensors are one JSON text, the only argument of the model, so that files
hold a quantised model with its architecture:

    {"inputs": [{"name": "input", "shape": [{"dim": [2, "batch", 1, 1, 0]}, 3], "dtype": "float32"}],
     "outputs": ["linear_1"],
     "modules": {"fc": {"class": "quantized.Linear", "arguments": {...}}},
     "tensors": {"scale": {"kind": "buffer", "shape": [3], "dtype": "float32"}},
     "shared": {"fc2.weight": "fc.weight"},
     "steps": [{"out": "linear_1", "module": "fc", "inputs": ["input"]},
               {"out": "add_1", "op": "add", "arguments": {"x": {"value": "input"}, "y": {"tensor": "scale"}}}]}

A step may name a FakeQuantize in "quantize", which rounds its result.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet import dtypes
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet._io.tensor_file import parse_json
from fastnet.functional.creation import zeros
from fastnet.graph.dimension import Dim, mapped
from fastnet.graph.open_dimensions import checked_sizes
from fastnet.graph.operations import bound, operation
from fastnet.nn.module import Module
from fastnet.nn.outline import class_name, module_class
from fastnet.nn.parameter import Parameter, new_buffer, new_parameter
from fastnet.nn.schema import schema, value_text
from fastnet.quantization.encoding import ArrayOf, MemberOf, ValueOf, decoded, encoded

if TYPE_CHECKING:
    from fastnet._core.annotations import DType

__all__ = ["Step", "StepModel"]

_PROGRAM_ENTRIES = {"inputs": list, "outputs": list, "modules": dict, "tensors": dict, "steps": list, "notes": dict,
                    "shared": dict}
_MAY_BE_MISSING = "notes", "shared"


class Step(NamedTuple):
    """One step, prepared for calls.

    Attributes:
        out: the name of its result.
        module: the path of the module that it calls; "" for an operation.
        function: the operation; None for a module.
        positional, named: arguments, with `ValueOf` and the like in place of tensors.
        quantize: the path of a FakeQuantize that rounds the result; "" for none.
        observe: whether that FakeQuantize also observes the result.
        entry: the step as in the JSON text.
        last: the names of the values that no later step reads.
    """

    out: str
    module: str
    function: Callable[..., Tensor] | None
    positional: list[Any]
    named: dict[str, Any]
    quantize: str
    observe: bool
    entry: dict[str, Any]
    last: tuple[str, ...]


class _Input(NamedTuple):
    """An input of a program."""

    name: str
    shape: tuple[int, ...]
    dtype: DType


class _Prepared(NamedTuple):
    """The parsed text of a model."""

    inputs: list[_Input]
    outputs: list[str]
    steps: list[Step]
    notes: dict[str, Any]


class StepModel(Module):
    """A model that runs steps over named values.

    Args:
        program: the JSON text.

    Raises:
        ValueError: the text is damaged, or names a module or an operation that fastnet does not have.

    Example:
        >>> import fastnet, json
        >>> from fastnet.quantization import StepModel
        >>> step = {"out": "y", "op": "relu", "arguments": {"input": {"value": "x"}}}
        >>> model = StepModel(json.dumps({"inputs": [{"name": "x", "shape": [2], "dtype": "float32"}],
        ...     "outputs": ["y"], "modules": {}, "tensors": {}, "steps": [step]}))
        >>> model(fastnet.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    def __init__(self, program: str) -> None:
        super().__init__()
        described = _checked_program(parse_json(program, "the program of a quantised model"))
        for path, entry in described["modules"].items():
            self.place(path, _new_module_of(path, entry))
        for path, entry in described["tensors"].items():
            self.place(path, _new_tensor(path, entry))
        for path, earlier in described["shared"].items():
            self._share(path, earlier)
        self.__dict__["_prepared"] = _prepared_of(described)

    @classmethod
    def assembled(cls, program: Mapping[str, Any], members: Mapping[str, Module | Tensor]) -> Any:
        """A model of existing modules and tensors.

        Args:
            program: the description without its entries "modules" and "tensors".
            members: modules, parameters and buffers by path.
        """
        model = cls(json.dumps({**program, "modules": {}, "tensors": {}}))
        tensors = [path for path, member in members.items() if not isinstance(member, Module)]
        tensors.sort(key=lambda path: not isinstance(members[path], Parameter))
        for path in (*model.module_paths, *tensors):        # in the order of the description
            model.place(path, members[path])
        return model

    def place(self, path: str, member: Module | Tensor) -> None:
        """Register a module, a parameter or a buffer at a path, in modules that stand for the traced model's.

        Args:
            path: with dots.
            member: the module or the tensor.
        """
        *parents, name = path.split(".")
        module: Module = self
        for part in parents:
            if part not in module._modules:
                module.add_module(part, Module())
            module = module._modules[part]      # type: ignore[assignment]      # just added
        if isinstance(member, Module):
            module.add_module(name, member)
        elif isinstance(member, Parameter):
            module.register_parameter(name, member)
        else:
            module.register_buffer(name, member)

    def _share(self, path: str, earlier: Any) -> None:
        """Put the tensor at an earlier path in place of the one at a path."""
        parent, _, name = path.rpartition(".")
        try:
            old, new = self.get_buffer(path), self.get_buffer(earlier)      # or parameters
        except AttributeError:
            raise ValueError(f"the program shares {value_text(earlier)} with {value_text(path)}, and has no such "
                             "tensor") from None
        if type(old) is not type(new) or (old.shape, old.dtype) != (new.shape, new.dtype):
            raise ValueError(f"the program shares {value_text(earlier)} with {value_text(path)}, which differs in "
                             "kind, shape or dtype")
        setattr(self.get_submodule(parent), name, new)

    @property
    def steps(self) -> list[Step]:
        """The steps, in order."""
        return self.__dict__["_prepared"].steps

    @property
    def module_paths(self) -> list[str]:
        """The paths of the modules that the steps call."""
        paths = [step.module for step in self.steps] + [step.quantize for step in self.steps]
        return list(dict.fromkeys(path for path in paths if path))

    @property
    def notes(self) -> dict[str, Any]:
        """Remarks on the layers, which files keep, such as why a layer stays float32."""
        return self.__dict__["_prepared"].notes

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in order."""
        return [x.name for x in self.__dict__["_prepared"].inputs]

    @property
    def description(self) -> dict[str, Any]:
        """The program as JSON data, with the present arguments of all modules."""
        prepared: _Prepared = self.__dict__["_prepared"]
        modules = {path: self.get_submodule(path) for path in self.module_paths}
        inner = tuple(f"{path}." for path in modules)
        parameters, buffers = (find(remove_duplicate=False) for find in (self.named_parameters, self.named_buffers))
        everything = dict((*parameters, *buffers))
        first: dict[int, str] = {}
        shared = {path: first[id(x)] for path, x in everything.items() if first.setdefault(id(x), path) != path}
        tensors = {path: x for path, x in everything.items() if not path.startswith(inner)}
        return {
            "inputs": [{"name": x.name, "shape": [encoded(n) for n in x.shape], "dtype": x.dtype.name}
                       for x in prepared.inputs],
            "outputs": prepared.outputs,
            "modules": {path: _described_module(module) for path, module in modules.items()},
            "tensors": {path: {"kind": "parameter" if isinstance(x, Parameter) else "buffer", "shape": list(x.shape),
                               "dtype": x.dtype.name} for path, x in tensors.items()},
            "shared": shared, "steps": [step.entry for step in prepared.steps], "notes": prepared.notes}

    @property
    def saved_arguments(self) -> dict[str, Any]:
        """The constructor's argument, for files."""
        return {"program": json.dumps(self.description, separators=(",", ":"))}

    def forward(self, *inputs: Tensor) -> Any:
        """The output, or a tuple of several."""
        found = self.values(*inputs)
        results = tuple(found[name] for name in self.__dict__["_prepared"].outputs)
        return results[0] if len(results) == 1 else results

    def values(self, *inputs: Tensor, keep: bool = False) -> dict[str, Tensor]:
        """The values of a run by name.

        Args:
            inputs: of the model.
            keep: all of them; by default the outputs alone.
        """
        prepared: _Prepared = self.__dict__["_prepared"]
        sizes = checked_sizes("quantised model", prepared.inputs, inputs)
        found: dict[str, Tensor] = {x.name: t for x, t in zip(prepared.inputs, inputs)}
        for step in prepared.steps:
            with self._traced_layer(step):
                result = self._result(step, found, sizes)
            if step.quantize:
                rounding: Any = self.get_submodule(step.quantize)
                result = rounding(result) if step.observe else rounding.shared(result)
            found[step.out] = result
            for name in () if keep else step.last:
                del found[name]
        return found

    def _traced_layer(self, step: Step) -> AbstractContextManager[None]:
        """Context in which a trace names the layer that an operation was a part of."""
        note = self.notes.get(step.out)
        if state.tracer is None or note is None:
            return nullcontext()
        layer: AbstractContextManager[None] = state.tracer.within_layer(note["module"])
        return layer

    def _result(self, step: Step, found: Mapping[str, Tensor], sizes: Mapping[str, int]) -> Tensor:
        positional = [_with_tensors(x, self, found, sizes) for x in step.positional]
        if step.function is None:
            return self.get_submodule(step.module)(*positional)
        named = {name: _with_tensors(x, self, found, sizes) for name, x in step.named.items()}
        return step.function(*positional, **named)

    def extra_repr(self) -> str:
        return f"{len(self.steps)} steps"


def _with_tensors(x: Any, model: Module, found: Mapping[str, Tensor], sizes: Mapping[str, int]) -> Any:
    """An argument with tensors, and the integers that depend on the input, in place of their names."""
    if isinstance(x, ValueOf):
        return found[x.name]
    if isinstance(x, MemberOf):
        return _member_of(model, x.name)
    if not isinstance(x, tuple | list | dict | slice | Dim):
        return x

    def leaf(entry: Any) -> Any:
        if isinstance(entry, ArrayOf):
            return _member_of(model, entry.name)._data
        return entry.at(sizes) if isinstance(entry, Dim) else _with_tensors(entry, model, found, sizes)
    return mapped(x, leaf)


def _member_of(model: Module, path: str) -> Tensor:
    parent, _, name = path.rpartition(".")
    found: Tensor = getattr(model.get_submodule(parent), name)
    return found


# ---- from and to JSON -----------------------------------------------------------------------------------------------

def _checked_program(described: Any) -> dict[str, Any]:
    """The entries of a program; ValueError for a wrong name or type."""
    if not isinstance(described, dict):
        raise ValueError(f"expected a program with {', '.join(_PROGRAM_ENTRIES)}, got {value_text(described)}")
    for name, value in described.items():
        if name not in _PROGRAM_ENTRIES or type(value) is not _PROGRAM_ENTRIES[name]:
            raise ValueError(f"the program has an invalid entry {name!r}: {value_text(value)}")
    missing = [name for name in _PROGRAM_ENTRIES if name not in described and name not in _MAY_BE_MISSING]
    if missing:
        raise ValueError(f"the program has no {missing[0]}")
    return {**{name: {} for name in _MAY_BE_MISSING}, **described}


def _field(entry: Any, name: str, kind: type, default: Any = None) -> Any:
    if not isinstance(entry, dict) or type(entry.get(name, default)) is not kind:
        raise ValueError(f"the program is damaged: expected {name} of a {kind.__name__} in {value_text(entry)}")
    return entry.get(name, default)


def _path_of(path: str) -> str:
    if not path or not all(part.isidentifier() or part.isdigit() for part in path.split(".")):
        raise ValueError(f"the program has an invalid path {value_text(path)}")
    return path


def _new_module_of(path: str, entry: Any) -> Module:
    name, arguments = _field(entry, "class", str), _field(entry, "arguments", dict)
    cls: Any = module_class(name)
    if cls is None:
        raise ValueError(f"there is no module {name!r} in this version of fastnet")
    expected = schema(cls)
    try:
        return cls(**{argument: expected[argument].read(value) for argument, value in arguments.items()})
    except KeyError as e:
        raise ValueError(f"module {_path_of(path)!r}: {name} takes no argument {e}") from None
    except (TypeError, ValueError, RuntimeError, OverflowError) as e:
        raise ValueError(f"module {_path_of(path)!r}: {e}") from None


def _described_module(module: Module) -> dict[str, Any]:
    cls: Any = type(module)
    arguments = {argument.name: argument.value_of(module) for argument in schema(cls).values()}
    return {"class": class_name(cls), "arguments": arguments}


def _new_tensor(path: str, entry: Any) -> Tensor:
    shape, dtype = tuple(_field(entry, "shape", list)), dtypes.as_dtype(_field(entry, "dtype", str))
    if not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise ValueError(f"tensor {_path_of(path)!r} has the shape {value_text(list(shape))}")
    if _field(entry, "kind", str) == "parameter":
        return new_parameter(*shape, dtype=dtype)
    return new_buffer(zeros, *shape, dtype=dtype)


def _prepared_of(described: dict[str, Any]) -> _Prepared:
    inputs = [_Input(_field(x, "name", str), tuple(decoded(_field(x, "shape", list))),
                     dtypes.as_dtype(_field(x, "dtype", str))) for x in described["inputs"]]
    if not all(isinstance(name, str) for name in described["outputs"]):
        raise ValueError(f"the program has invalid outputs {value_text(described['outputs'])}")
    read = set(described["outputs"])
    known = {x.name for x in inputs} | {_field(x, "out", str) for x in described["steps"]}
    if not read <= known:
        raise ValueError(f"the program has no value {value_text(next(iter(read - known)))}")
    steps: list[Step] = []
    for entry in reversed(described["steps"]):
        step = _read_step(entry)
        names = [x.name for x in _tensor_leaves((step.positional, step.named)) if isinstance(x, ValueOf)]
        last = tuple(name for name in dict.fromkeys((*names, step.out)) if name not in read)
        read.update(last)
        steps.append(step._replace(last=last))
    steps.reverse()
    _check_order(inputs, steps)
    return _Prepared(inputs, described["outputs"], steps, described["notes"])


def _check_order(inputs: list[_Input], steps: list[Step]) -> None:
    """Raise if a step reads a value that neither an input nor an earlier step gives."""
    known = {x.name for x in inputs}
    for step in steps:
        for x in _tensor_leaves((step.positional, step.named)):
            if isinstance(x, ValueOf) and x.name not in known:
                raise ValueError(f"the program has no value {value_text(x.name)} before the step "
                                 f"{value_text(step.out)}")
        known.add(step.out)


def _tensor_leaves(x: Any) -> list[Any]:
    found: list[Any] = []
    mapped(x, found.append)
    return found


def _read_step(entry: Any) -> Step:
    out, quantize = _field(entry, "out", str), _field(entry, "quantize", str, "")
    observe = _field(entry, "observe", bool, True)
    if "module" in entry:
        inputs = [ValueOf(name) for name in _field(entry, "inputs", list)]
        return Step(out, _field(entry, "module", str), None, inputs, {}, quantize, observe, entry, ())
    name = _field(entry, "op", str)
    try:
        function = operation(name)
    except KeyError as e:
        raise ValueError(e.args[0]) from None
    positional, named = bound(function, {key: decoded(x) for key, x in _field(entry, "arguments", dict).items()})
    return Step(out, "", function, positional, named, quantize, observe, entry, ())
