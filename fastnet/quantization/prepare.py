"""Models prepared for quantisation: the traced graph with observers at the values that become int8.

`fastnet.quantization.handlers` has a function for each operation that int8 models have.
"""
from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from fastnet._core.construction import as_tensor
from fastnet._core.tensor import Tensor
from fastnet.dtypes import float32
from fastnet.graph import Graph, Node, Value, trace
from fastnet.graph.dimension import mapped
from fastnet.graph.passes import fuse_linear
from fastnet.graph.rewriting import readers
from fastnet.nn import qat
from fastnet.nn.module import Module
from fastnet.nn.outline import class_name
from fastnet.nn.parameter import Parameter
from fastnet.quantization.encoding import ArrayOf, MemberOf, ValueOf, encoded
from fastnet.quantization.handlers import HANDLERS, add_recurrent, recurrent_calls
from fastnet.quantization.steps import StepModel
from fastnet.random import fork_rng

__all__ = ["Rewriter", "check_float_model", "prepare", "traced"]

_OF_LAYERS = "weight", "bias"           # the names of the tensors of a model that is a layer
_QUANTIZED = "quantized.", "qat."      # the names of layers that are not of float32 begin so


def check_float_model(function: str, model: Module) -> None:
    """Refuse what cannot be quantised.

    Args:
        function: that was called, for errors.
        model: the model.

    Raises:
        TypeError: not a Module, or not of float32.
        ValueError: a model that is quantised or prepared already, or a parameter with NaN or infinity; the first such
            layer or parameter is named.
    """
    if not isinstance(model, Module):
        raise TypeError(f"{function}: expected a Module, got {type(model).__name__}")
    for path, layer in model.named_modules():
        name = class_name(type(layer))
        if name.startswith(_QUANTIZED):
            raise ValueError(f"{function}: expected a model of float32, got one with a quantised layer, {path!r} "
                             f"({name}); quantise the model from which it was made")
    for path, parameter in model.named_parameters():
        if parameter.is_floating_point() and parameter.dtype != float32:
            raise TypeError(f"{function}: expected a model of float32, got {parameter.dtype} for {path!r}; convert the "
                            "model and the data with .float()")
        if (found := _bad_number(parameter)) is not None:
            raise ValueError(f"{function}: expected finite weights, got {found} in {path!r}")


def _bad_number(parameter: Parameter) -> float | None:
    """The first NaN or infinity; None for finite numbers, and for a mask of 0 and -inf, as a loaded model can add."""
    if not parameter.is_floating_point():
        return None
    array = parameter.detach().numpy()
    wrong = array[~np.isfinite(array)]
    is_mask = bool(np.isneginf(wrong).all()) and not array[np.isfinite(array)].any()
    return None if len(wrong) == 0 or is_mask else float(wrong[0])


def prepare(model: Module, example: tuple[Any, ...], observer: Any = "MinMax", learnable: bool = False,
            faster_only: bool = True, folds: bool = True) -> StepModel:
    """The model as steps, with fake quantisation of weights and activations, which is on.

    Args:
        model: traced in evaluation mode.
        example: the arguments of its `forward`. The first dimension of each tensor is open.
        observer: of the activations; see `fastnet.nn.qat.FakeQuantize`.
        learnable: learn the scales.
        faster_only: leave operations in float32 that would be slower in int8.
        folds: fold batch norms into convolutions that stay float32; False lets them learn.

    Raises:
        RuntimeError: the model cannot be traced.
    """
    graph = traced(model, example)
    rewriter = Rewriter(graph, {"observer": observer, "learnable": learnable}, faster_only, folds)
    recurrent = recurrent_calls(model, graph)
    with fork_rng():                    # new layers draw weights, which those of the model replace
        for node in graph.nodes:
            if node in recurrent and node not in rewriter.absorbed:
                add_recurrent(rewriter, *recurrent[node])
            rewriter.add(node)
        return rewriter.finish()


def traced(model: Module, example: tuple[Any, ...]) -> Graph:
    """The graph of a model, with its products as linear layers.

    The dimensions that an ONNX file names are open, or else the first one of each input. If the model cannot be traced
    so, all sizes are fixed.

    Args:
        model: the model.
        example: the arguments of its `forward`.

    Raises:
        RuntimeError: the model cannot be traced.
    """
    graph = trace(model, *example)
    sizes = {value.shape[0] for value in graph.inputs if value.shape}
    choices = [getattr(model, "open_axes", {})]
    if len(sizes) == 1:
        choices.append({value.name: {0: "batch"} for value in graph.inputs if value.shape})
    for dynamic in filter(None, choices):
        try:
            return fuse_linear(trace(model, *example, dynamic=dynamic))
        except (RuntimeError, ValueError):              # the model or the example needs fixed sizes
            continue
    return fuse_linear(graph)


def _is_attribute(path: str) -> bool:
    """Whether models of steps have an attribute of this name, as an initializer of a file can have it."""
    first = path.partition(".")[0]
    return first == "training" or hasattr(StepModel, first)


class Rewriter:
    """Makes the steps of a prepared model from the nodes of a graph.

    Args:
        graph: of the model.
        settings: arguments of FakeQuantize.
        faster_only, folds: as of `prepare`.
    """

    def __init__(self, graph: Graph, settings: Mapping[str, Any] = MappingProxyType({}), faster_only: bool = False,
                 folds: bool = False) -> None:
        self.graph, self.settings, self.faster_only, self.folds = graph, settings, faster_only, folds
        self.steps: list[dict[str, Any]] = []
        self.members: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}
        self.tensors: dict[Value, Tensor] = {}  # the parameters and buffers that stand for those of the model
        self.scales: dict[Value, str] = {}      # values that int8 steps compute: the path of their FakeQuantize
        self.rounded: dict[Value, str] = {}     # other values that int8 steps read: the name of their rounded form
        self.absorbed: set[Node] = set()
        self.users = readers(graph)
        for node in graph.nodes:
            if any(y in self.users or y in graph.outputs for y in node.outputs[1:]):
                raise NotImplementedError(f"quantize: operation {node.operation!r} of module {node.module!r} has "
                                          "several results, and a quantised model computes only the first one")

    def add(self, node: Node) -> None:
        """Add the steps of a node."""
        if node in self.absorbed:
            return
        handler = HANDLERS.get(node.operation)
        reason = handler(self, node) if handler is not None else "no int8 form"
        if reason is None:
            return
        if reason:
            self.note(node, reason)
        self.add_operation(node.outputs[0], node.operation, node.arguments)

    def note(self, node: Node, reason: str, out: Value | None = None) -> None:
        """Remember why a node stays float32, under the name of its result or of another one."""
        name = (out or node.outputs[0]).name
        self.notes[name] = {"module": node.module, "operation": node.operation, "reason": reason}

    # ---- values ----

    def sole_user(self, value: Value) -> Node | None:
        """The only node that reads a value; None if several do, or if it is an output."""
        users = self.users.get(value, [])
        return users[0] if len(users) == 1 and value not in self.graph.outputs else None

    def in_int8(self, value: Any) -> bool:
        """Whether int8 steps compute a value."""
        return value in self.scales

    def int8_name(self, value: Value) -> str:
        """The name of a value for int8 steps; a value of float32 is rounded for them."""
        if value in self.scales:
            return value.name
        if value not in self.rounded:
            self.rounded[value] = f"{value.name}_int8"
            self.steps.append({"out": self.rounded[value], "module": self.new_scale(value), "inputs": [value.name]})
        return self.rounded[value]

    def new_scale(self, value: Value) -> str:
        """The path of a new FakeQuantize for a value."""
        path = "activations." + value.name.replace(".", "_")
        self.members[path] = qat.FakeQuantize(**self.settings)
        return path

    # ---- steps ----

    def add_module(self, out: Value, path: str, module: Module, *inputs: Value) -> None:
        """Add a step that computes a value in int8 by a module."""
        names = [self.int8_name(x) for x in inputs]
        self.members[path] = module
        self.scales[out] = self.new_scale(out)
        self.steps.append({"out": out.name, "module": path, "inputs": names, "quantize": self.scales[out]})

    def add_operation(self, out: Value, operation: str, arguments: dict[str, Any], like: Value | None = None,
                      rounds: bool = False) -> None:
        """Add a step that computes a value by an operation.

        Args:
            out: the value.
            operation: its name.
            arguments: of the node.
            like: a value of int8, whose scale the result has; None for float32.
            rounds: whether the result must be rounded.
        """
        step: dict[str, Any] = {"out": out.name, "op": operation,
                                "arguments": {name: encoded(self.referring(x)) for name, x in arguments.items()}}
        if like is not None:
            step["int8"], self.scales[out] = True, self.scales[like]
            if rounds:
                step |= {"quantize": self.scales[like], "observe": False}
        self.steps.append(step)

    def add_move(self, operation: str, x: Value, name: str, **arguments: Any) -> Value:
        """Add a step that moves the elements of an int8 value, and return the result.

        Args:
            operation: its name.
            x: the value.
            name: of the result.
            arguments: of the operation, after x.
        """
        y = Value(name, "result", (), x.dtype)
        self.add_operation(y, operation, {"x": x, **arguments}, x)
        return y

    def referring(self, x: Any) -> Any:
        """An argument with references in place of values; constants in tuples are read as arrays."""
        if isinstance(x, Value):
            return self._reference(x, MemberOf)
        return mapped(x, lambda leaf: self._reference(leaf, ArrayOf) if isinstance(leaf, Value) else leaf)

    def _reference(self, value: Value, constant: Any) -> Any:
        if value.data is None:
            return ValueOf(value.name)
        if value.kind == "constant":
            name = f"constants.{value.name}"
        elif _is_attribute(value.name):
            name = f"tensor_{value.name}"
        elif any(isinstance(self.members.get(path), Module)             # a layer with the same weight
                 for path in (value.name, value.name.rpartition(".")[0])):
            name = f"shared.{value.name}"
        else:
            name = value.name
        if name not in self.members:
            self.members[name] = self.tensor_for(value)
        return (constant if value.kind == "constant" else MemberOf)(name)

    def tensor_for(self, value: Value) -> Any:
        """The tensor that stands for a parameter, a buffer or a constant of the model."""
        made = self.tensors.get(value)
        if made is None:
            assert value.data is not None
            tensor = as_tensor(value.data)
            made = Parameter(tensor) if value.kind == "parameter" else tensor.clone()
            self.keep(value, made)
        return made

    def keep(self, value: Value, tensor: Tensor) -> None:
        """Remember the tensor that stands for a value of the model, which other layers may share."""
        if value.kind != "constant":
            self.tensors[value] = tensor

    def path_for(self, node: Node, *tensors: Value | None) -> str:
        """A path for a step's module: that of a tensor in the model, its name, or that of the result.

        Args:
            node: that the step stands for.
            tensors: the weight and the bias of the module.
        """
        names = [x.name for x in tensors if x is not None]
        paths = [name.rpartition(".")[0] for name in names]
        paths += [name for name in names if "." not in name and name not in _OF_LAYERS]
        free = (path for path in paths if path and not _is_attribute(path)
                and not any(name == path or name.startswith(f"{path}.") for name in self.members))
        return next(free, node.outputs[0].name)

    def finish(self) -> StepModel:
        """The prepared model."""
        program = {"inputs": [{"name": x.name, "shape": [encoded(n) for n in x.shape], "dtype": x.dtype.name}
                              for x in self.graph.inputs],
                   "outputs": [y.name for y in self.graph.outputs], "steps": self.steps, "notes": self.notes}
        made: StepModel = StepModel.assembled(program, self.members)
        return made.eval()
