"""Tracing: run a model once and note the operations that it calls.

**The hook.** `apply` in `_runtime/tape.pyx`, which runs every operation, ends with one test of a pointer of the thread:
`state.tracer`, NULL unless a trace is in progress. It costs about a nanosecond. Replacing the function behind `op`
during a trace would save this test, but every module has imported its operations by name; and the note of a recording
(`state.recorder`) would not do, since a trace keeps nothing of a recording: no memory, no guards, no launches.

**Fused layers.** The path of the module that calls an operation comes from hooks on all modules of the model. Hooks
also turn the fusion of a Sequential off, so a graph holds the separate operations. A pass or an export can then fold a
batch norm or fuse an activation by its own rules, and the operations of a graph are those of the functional interface;
a fused operation would need a rule in each of them.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.state import UPDATE_IN_TRACE, Finally, forbid_in_trace, inside, state, traced
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad, op
from fastnet.autograd.tape import OPERATIONS
from fastnet.graph.dimension import mapped
from fastnet.graph.form import Graph, ModuleCall, Node, Value
from fastnet.graph.open_dimensions import Fit, axes_by_name, lengths_of, resized, traced_lengths
from fastnet.graph.unification import unified
from fastnet.nn.module import Module
from fastnet.nn.state_dict import join
from fastnet.random import get_rng_state, set_rng_state

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["tensors_in", "trace"]


def trace(model: Module, *example: Any, training: bool = False,
          dynamic: Mapping[str, Mapping[int, str] | Sequence[int]] | None = None, **named: Any) -> Graph:
    """Run a model on example arguments and return the graph of its operations.

    The graph holds the operations of this run: branches that depend on shapes or settings are decided, loops are
    unrolled, and shapes are those of the example. Reading the values of a tensor in `forward` (`item()`, `if`,
    `numpy()`), tensors of random numbers (`randn()`) and updates of buffers are errors that name the line. Operations
    that draw random numbers, such as dropout in a trace in training mode, are nodes. Other tensors that `forward`
    creates are constants of the graph. A compiled function in the model is traced as the function itself. The graph
    keeps no results, and the model, its modes and buffers, and the random state are unchanged.

    Inputs have the names of the arguments of `forward`. A model whose `forward` is `forward(self, *inputs)` names them
    in its attribute `input_names`, a list of strings; without it they are "inputs.0" and so on.

    With `dynamic`, dimensions of inputs are open: the graph is for any length of them. The model runs three times or
    more, at other lengths than that of the example, and integers that differ become `Dim` objects: see
    `fastnet.graph.open_dimensions`.

    Args:
        model: the model. No other thread may use it meanwhile.
        example: the positional arguments of its `forward`: tensors, or lists, tuples and dictionaries with tensors, and
            any other values.
        training: trace it in training mode instead of evaluation mode.
        dynamic: the open dimensions by the names of the graph's inputs, as {"input": {0: "batch"}}; a list of axes, as
            {"input": [0]}, names them "input_0". Dimensions of one name have the same length.
        named: the keyword arguments of its `forward`.

    Returns:
        The graph.

    Raises:
        TypeError: model is not a Module.
        ValueError: dynamic names an input or an axis that does not exist.
        RuntimeError: the model reads values, makes tensors of random numbers, updates a buffer, writes in place in
            another way that a graph does not hold, or depends on an open dimension in another way than linearly; the
            message names the line, or the operation and its module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> graph = fastnet.graph.trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), fastnet.ones(5, 3))
        >>> graph
        Graph(input (5, 3)):
          0: linear_1 (5, 2) = linear(input, 0.weight, 0.bias)
          1: relu_1 (5, 2) = relu(linear_1)
          return relu_1
        >>> graph.nodes[0].inputs
        (Value(input: float32 (5, 3)), Value(0.weight: float32 (2, 3)), Value(0.bias: float32 (2,)))
        >>> fastnet.graph.trace(nn.Flatten(), fastnet.ones(5, 3, 2), dynamic={"input": {0: "batch", 1: "time"}})
        Graph(input (batch, time, 2)):
          view_1 (batch, 2*time) = view(input, shape=(batch, 2*time))
          return view_1
    """
    if not isinstance(model, Module):
        raise TypeError(f"trace: expected a Module, got {type(model).__name__}; trace the module itself, not a "
                        "function of it")
    example, named = _separate_inputs(model, (example, named))
    if not dynamic:
        return _traced(model, example, named, training)
    inputs = list(_named_tensors(_names(model, example, named)))
    axes = axes_by_name(dynamic, inputs)
    lengths = lengths_of(axes, inputs)
    fit = Fit(traced_lengths(axes, lengths), lengths)
    graphs = []
    for each in fit.traced:
        given, by_name = resized((example, named), inputs, axes, each)
        try:
            graphs.append(_traced(model, given, by_name, training))
        except RuntimeError as e:
            lengths_text = ", ".join(f"{name}={n}" for name, n in each.items())
            e.args = (f"{e} (traced with {lengths_text}, to see what depends on an open dimension)",)
            raise
    return unified(graphs, fit)


def _separate_inputs(model: Module, arguments: Any) -> Any:
    """The arguments with copies of tensors that are given twice, or are the model's: each is an input of the graph."""
    known = {id(x) for members in (model.parameters(), model.buffers()) for x in members}

    def leaf(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        if id(x) in known:
            x = Tensor._wrap(x._data.copy())
        known.add(id(x))
        copies.append(x)
        return x
    copies: list[Tensor] = []           # keeps their ids in use
    return mapped(arguments, leaf)


def _traced(model: Module, example: tuple[Any, ...], named: dict[str, Any], training: bool) -> Graph:
    """The graph of one run."""
    tracer = _Tracer(model, example, named)
    return inside(Finally(_restorer(model)), _run, model, tracer, example, named, training)


def _run(model: Module, tracer: _Tracer, example: tuple[Any, ...], named: dict[str, Any], training: bool) -> Graph:
    model.train(training)
    for path, module in model.named_modules():
        before, after = module._hooks or ({}, {})
        enter, leave = tracer.hooks(path)
        module.__dict__["_hooks"] = {-1: enter, **before}, {**after, -1: leave}
    with no_grad():
        return tracer.graph(traced(tracer, model, *example, **named))


def _restorer(model: Module) -> Callable[[], None]:
    """A function that gives the modules of a model their present hooks, modes and buffers, and the random state."""
    modules = [(module, module._hooks, module.training) for module in model.modules()]
    buffers = [(buffer, buffer._data.copy()) for buffer in model.buffers()]
    random = get_rng_state()

    def restore() -> None:
        for module, hooks, training in modules:
            module.__dict__.pop("_hooks", None)
            if hooks is not None:
                module.__dict__["_hooks"] = hooks
            module.training = training
        for buffer, values in buffers:
            if not np.array_equal(buffer._data, values, equal_nan=buffer.dtype.kind == "f"):
                buffer._data[...] = values
                buffer._storage.version += 1
        set_rng_state(random)
    return restore


class _Tracer:
    """Makes the nodes and values of a graph from the calls of operations.

    Args:
        model: the model.
        example: its positional arguments.
        named: its keyword arguments.
    """

    def __init__(self, model: Module, example: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.nodes: list[Node] = []
        self.calls: list[Any] = []                              # [path, type, inputs, outputs]
        self.open: list[int] = []                               # indices of the calls that have not ended
        self._layer = ""                                        # a part of the open call that is not a module
        self.values: dict[int, tuple[Any, Value]] = {}          # by id: the tensor or array, kept alive, and its value
        self.storages: dict[int, list[Tensor]] = {}             # by id: the tensors with a value that share a storage
        self.constants: dict[str, Value] = {}
        self.numbers: dict[str, int] = {}                       # how many values each operation has computed
        self.signatures: dict[Callable[..., Any], inspect.Signature] = {}
        for members, kind in ((model.named_parameters(), "parameter"), (model.named_buffers(), "buffer")):
            for name, x in members:
                self._add(x, name, kind, x._data)
        self.given = {value.name for _, value in self.values.values()}
        self.inputs = [self._add(x, self._free(name), "input")
                       for name, x in _named_tensors(_names(model, example, named))]

    def _free(self, name: str) -> str:
        """The name of an input, with a sign if a parameter or a buffer has the same one."""
        while name in self.given:
            name += "_"
        self.given.add(name)
        return name

    def _add(self, x: Tensor, name: str, kind: Any, data: Array | None = None) -> Value:
        value = Value(name, kind, x._data.shape, x._data.dtype, data, None if data is None else x._storage)
        self.values[id(x)] = x, value
        self.storages.setdefault(id(x._storage), []).append(x)
        return value

    # ---- operations ----

    def note_call(self, fn: Callable[..., Any], name: str, args: tuple[Any, ...], attributes: dict[str, Any],
                  result: Tensor) -> None:
        """Add the node of a call that has ended."""
        signature = self.signatures.get(fn) or self.signatures.setdefault(fn, inspect.signature(fn))
        call = signature.bind(*args, **attributes)
        call.apply_defaults()
        lists = {argument: x for argument, x in call.arguments.items()
                 if isinstance(x, list) and any(isinstance(entry, np.ndarray) for entry in x)}
        arguments = {argument: True if argument in lists else mapped(x, self._valued)
                     for argument, x in call.arguments.items()}
        outputs = [self._add(result, self._numbered(name), "result")]
        outputs += [self._further_result(name, array) for x in lists.values() for array in x]
        is_view = bool(args) and isinstance(args[0], Tensor) and args[0]._storage is result._storage
        path = self.calls[self.open[-1]][0] if self.open else ""
        path = join(path, self._layer) if self._layer else path
        self.nodes.append(Node(name, arguments, tuple(outputs), path, is_view, _own_operation(fn, name, is_view)))

    @contextmanager
    def within_layer(self, layer: str) -> Iterator[None]:
        """Context in which operations of the open call belong to a layer of it that is not a module any more."""
        self._layer = layer
        try:
            yield
        finally:
            self._layer = ""

    def _further_result(self, name: str, array: Array) -> Value:
        """The value of an array that an operation has appended to a list among its arguments."""
        value = Value(self._numbered(name), "result", array.shape, array.dtype)
        self.values[id(array)] = array, value
        return value

    def _numbered(self, name: str) -> str:
        """A name that no other value has."""
        while True:
            self.numbers[name] = self.numbers.get(name, 0) + 1
            if f"{name}_{self.numbers[name]}" not in self.given:
                return f"{name}_{self.numbers[name]}"

    def _valued(self, x: Any) -> Any:
        """The value of a tensor or an array; other arguments stay as they are."""
        if isinstance(x, Tensor):
            return self._value_of(x)
        return self._constant(x, x) if isinstance(x, np.ndarray) else x

    def _value_of(self, x: Tensor) -> Value:
        if id(x) in self.values:
            return self.values[id(x)][1]
        if id(x._data) in self.values:                          # a further result of an operation
            return self.values[id(x._data)][1]
        for other in self.storages.get(id(x._storage), ()):     # detach() makes another tensor over the same array
            if _is_same_memory(x._data, other._data):
                return self.values[id(other)][1]
        return self._constant(x, x._data)

    def _constant(self, x: Any, array: Array) -> Value:
        if id(x) not in self.values:
            value = Value(self._numbered("constant"), "constant", array.shape, array.dtype, array.copy())
            self.constants[value.name] = value
            self.values[id(x)] = x, value
        return self.values[id(x)][1]

    def note_write(self, name: str, x: Tensor) -> None:
        """Refuse a write into a tensor that has a value; the graph would not know of it."""
        if id(x) in self.values or id(x._storage) in self.storages:
            raise RuntimeError(f"trace: {name} writes in place into a tensor of the graph; use the form that returns "
                               "its result")

    def note_replaced(self, name: str, x: Tensor, result: Tensor) -> None:
        """Let a tensor that `result` will be written into have its value from now on."""
        known = self.values.get(id(x))
        if known is not None and known[1].kind in ("parameter", "buffer"):
            forbid_in_trace(f"{name} of the {known[1].kind} {known[1].name!r}", UPDATE_IN_TRACE)
        if any(other is not x for other in self.storages.get(id(x._storage), ())):
            raise RuntimeError(f"trace: {name} writes in place into a tensor that shares its memory with another one; "
                               "use the form that returns its result")
        if result.dtype != x.dtype or result.shape != x.shape:
            raise RuntimeError(f"trace: {name} converts its result from {result.dtype} to {x.dtype}; use the form that "
                               "returns its result")
        self.values[id(x)] = x, self._value_of(result)
        self.storages.setdefault(id(x._storage), [x])

    # ---- modules ----

    def hooks(self, path: str) -> tuple[Callable[..., None], Callable[..., None]]:
        """The functions to call before and after `forward` of the module at a path."""
        def enter(module: Module, args: tuple[Any, ...]) -> None:
            if state.tracer is self:
                self.open.append(len(self.calls))
                inputs = tuple(self._value_of(x) for x in tensors_in(args))
                self.calls.append([path, type(module).__name__, inputs, ()])

        def leave(module: Module, args: tuple[Any, ...], output: Any) -> None:
            if state.tracer is self:
                self.calls[self.open.pop()][3] = tuple(self._value_of(x) for x in tensors_in([output]))
        return enter, leave

    def graph(self, result: Any) -> Graph:
        """The graph of a run that returned `result`."""
        outputs = tuple(self._value_of(x) for x in tensors_in([result]))
        read = {id(value): value for node in self.nodes for value in node.inputs} | {id(y): y for y in outputs}
        found = {kind: {value.name: value for value in read.values() if value.kind == kind}
                 for kind in ("parameter", "buffer", "constant")}
        return Graph(tuple(self.nodes), tuple(self.inputs), outputs, found["parameter"], found["buffer"],
                     found["constant"], tuple(ModuleCall(*call) for call in self.calls))


def _own_operation(fn: Callable[..., Any], name: str, is_view: bool) -> Callable[..., Tensor] | None:
    """The operation of a function that is not fastnet's; None for those that have their name in fastnet."""
    return None if getattr(OPERATIONS.get(name), "__wrapped__", None) is fn else op(fn, view=is_view)


def _is_same_memory(a: Array, b: Array) -> bool:
    return a.ctypes.data == b.ctypes.data and (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)


def tensors_in(x: Iterable[Any]) -> Iterator[Any]:
    """Iterate over the tensors in nested lists, tuples and dictionaries, in order.

    Args:
        x: such as a list of the results of a model.
    """
    return (tensor for _, tensor in _named_tensors([("", entry) for entry in x]))


def _named_tensors(named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """(name, tensor) of the tensors in nested arguments: an entry of a list is named "x.0", of a dictionary "x.key"."""
    for name, x in named:
        if isinstance(x, Tensor):
            yield name, x
        elif isinstance(x, list | tuple):
            yield from _named_tensors((f"{name}.{i}", entry) for i, entry in enumerate(x))
        elif isinstance(x, dict):
            yield from _named_tensors((f"{name}.{key}", entry) for key, entry in x.items())


def _names(model: Module, example: tuple[Any, ...], named: dict[str, Any]) -> list[tuple[str, Any]]:
    """(name, argument) by the names of the parameters of `forward`; for `*args`, by those in `model.input_names`."""
    signature = inspect.signature(model.forward)
    try:
        arguments = signature.bind(*example, **named).arguments
    except TypeError as e:
        raise TypeError(f"trace: the forward() of this {type(model).__name__}: {e}") from None
    known = getattr(model, "input_names", None)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if isinstance(known, list | tuple) and kinds <= {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        return [*zip(known, example), *named.items()]
    return list(arguments.items())
