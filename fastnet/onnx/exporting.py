"""Export of a model as an ONNX file."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import fastnet
from fastnet._core.annotations import StrPath
from fastnet._core.errors import did_you_mean
from fastnet.graph import Graph, Node, Value, trace
from fastnet.graph.dimension import is_open
from fastnet.nn.module import Module
from fastnet.onnx.emitters import ExportError, find_emitter  # registers the emitters
from fastnet.onnx.emitting import export_error
from fastnet.onnx.files import write_model
from fastnet.onnx.forms import Graph as OnnxGraph, Model, OperatorSet, ValueInfo, value_info
from fastnet.onnx.tensors import data_type_of
from fastnet.onnx.writer import Writer

if TYPE_CHECKING:
    from fastnet.onnx.forms import Node as OnnxNode

__all__ = ["NEWEST_OPSET", "OLDEST_OPSET", "ExportError", "export", "onnx_model"]

OLDEST_OPSET, NEWEST_OPSET = 13, 22
# opset -> the version of the file format that came with it
_IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10}

DynamicAxes: TypeAlias = "Mapping[str, Mapping[int, str] | Sequence[int]]"


def export(model: Module, example_inputs: Any, path: StrPath, *, input_names: Sequence[str] | None = None,
           output_names: Sequence[str] | None = None, dynamic_axes: DynamicAxes | None = None,
           opset_version: int = 18) -> None:
    """Write a model as an ONNX file, https://onnx.ai, for ONNX Runtime and other engines.

    The file holds what the model computes in evaluation mode, as `fastnet.graph.trace` sees it, and all weights under
    the names of `state_dict`. It is replaced atomically; equal models give equal files.

    Args:
        model: the model.
        example_inputs: a tensor, a tuple of the positional arguments of `forward`, or a dictionary of its keyword
            arguments. Their shapes and dtypes are those of the file's inputs; their values do not matter.
        path: of the file.
        input_names: of the inputs; by default the names of the arguments of `forward`, or those of the file for a
            loaded model and those of the original model for a quantised one.
        output_names: of the outputs; by default those of the file for a model that `load` returned, for others
            "output", or "output_0", "output_1" and so on.
        dynamic_axes: the dimensions whose size is open, by the name of an input: `{"input": {0: "batch"}}`, or
            `{"input": [0]}`. Dimensions of one name have one size. Outputs can be listed, too, as for PyTorch, but what
            is open in them follows from the inputs.
        opset_version: the version of ONNX's operators, 13 to 22. Engines read old versions, but not always new ones.

    Raises:
        ExportError: an operation, or an option of one, that ONNX cannot express; with the module that calls it.
        RuntimeError: the model cannot be traced: it reads values of tensors, or writes in place.
        ValueError: another number of names, an unknown name or dimension, or an opset_version out of range.
        OSError: naming `path`.

    Example:
        >>> import os, tempfile
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> path = os.path.join(tempfile.mkdtemp(), "model.onnx")
        >>> fastnet.onnx.export(model, fastnet.ones(1, 4), path, dynamic_axes={"input": {0: "batch"}})
        >>> os.path.getsize(path) > 4 * 67
        True
    """
    write_model(path, onnx_model(model, example_inputs, input_names=input_names, output_names=output_names,
                                 dynamic_axes=dynamic_axes, opset_version=opset_version))


def onnx_model(model: Module, example_inputs: Any, *, input_names: Sequence[str] | None = None,
               output_names: Sequence[str] | None = None, dynamic_axes: DynamicAxes | None = None,
               opset_version: int = 18) -> Model:
    """The content of the file that `export` writes. Arguments and errors are those of `export`."""
    if not isinstance(opset_version, int) or not OLDEST_OPSET <= opset_version <= NEWEST_OPSET:
        raise ValueError(f"export: expected opset_version from {OLDEST_OPSET} to {NEWEST_OPSET}, got {opset_version!r}")
    args, named = _arguments(example_inputs)
    graph = trace(model, *args, **named)
    inputs = _wanted_names("input", input_names, [x.name for x in graph.inputs])
    open_dims = _open_dimensions(graph, inputs, output_names or (), dynamic_axes or {})
    if open_dims:
        graph = trace(model, *args, dynamic=open_dims, **named)
    outputs = _wanted_names("output", output_names, _default_outputs(model, len(graph.outputs), inputs))
    if both := set(inputs) & set(outputs):
        raise ValueError(f"export: an input and an output have the same name {min(both)!r}")
    writer = Writer(opset_version, graph.inputs)
    for x, name in zip(graph.inputs, inputs):
        writer.bind(x, writer.unique(name))
    for name in outputs:
        writer.unique(name)
    _write_nodes(writer, graph)
    _name_outputs(writer, graph, outputs)
    return Model(
        ir_version=_IR_VERSIONS[opset_version], producer_name="fastnet", producer_version=fastnet.__version__,
        opset_import=[OperatorSet(version=opset_version)],
        graph=OnnxGraph(name=type(model).__name__, node=_live_nodes(writer, outputs),
                        initializer=list(_read_initializers(writer, outputs)),
                        input=[_onnx_info(name, x) for name, x in zip(inputs, graph.inputs)],
                        output=[_onnx_info(name, x) for name, x in zip(outputs, graph.outputs)]))


# ---- arguments -------------------------------------------------------------------------------------------------------

def _arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and the keyword arguments of `forward`."""
    if isinstance(example, Mapping):
        return (), dict(example)
    return tuple(example) if isinstance(example, tuple | list) else (example,), {}


def _default_outputs(model: Module, count: int, inputs: list[str]) -> list[str]:
    """The names of the outputs: those in `model.output_names`, if they differ from each other and from the inputs."""
    known = getattr(model, "output_names", None)
    if isinstance(known, list | tuple) and count == len(known) == len({*known} - {*inputs}):
        return list(known)
    return ["output"] if count == 1 else [f"output_{i}" for i in range(count)]


def _wanted_names(what: str, given: Sequence[str] | None, default: list[str]) -> list[str]:
    if given is None:
        return default
    if isinstance(given, str) or len(given) != len(default):
        raise ValueError(f"export: expected {len(default)} {what}_names, for {', '.join(default)}; got {given!r}")
    if len(set(given)) < len(given) or "" in given:
        raise ValueError(f"export: expected {what}_names that differ and are not empty, got {list(given)}")
    return list(given)


def _open_dimensions(graph: Graph, inputs: list[str], outputs: Sequence[str],
                     axes: DynamicAxes) -> dict[str, dict[int, str]]:
    """{name of an input of the graph: {dimension: name of the open dimension}}."""
    found: dict[str, dict[int, str]] = {}
    for name, dims in axes.items():
        if name not in inputs:
            if name in outputs or name.startswith("output"):
                continue                                        # follows from the inputs
            raise ValueError(f"export: dynamic_axes has {name!r}, which is not an input"
                             f"{did_you_mean(name, inputs, 'the inputs are')} {', '.join(inputs)}")
        x = graph.inputs[inputs.index(name)]
        named = dims if isinstance(dims, Mapping) else {d: re.sub(r"\W", "_", f"{name}_{d}") for d in dims}
        for d, dimension in named.items():
            if not isinstance(d, int) or not -len(x.shape) <= d < len(x.shape) or not isinstance(dimension, str):
                raise ValueError(f"export: dynamic_axes[{name!r}] has {d!r}: {dimension!r}, expected a dimension of "
                                 f"shape {x.shape} and its name")
            found.setdefault(x.name, {})[d % len(x.shape)] = dimension
    return found


# ---- nodes -----------------------------------------------------------------------------------------------------------

def _write_nodes(writer: Writer, graph: Graph) -> None:
    for node in _needed(graph):
        emitter = find_emitter(node.operation)
        writer.node = node
        if emitter is None:
            raise export_error("this operation cannot be written as ONNX", node)
        results = emitter(writer, *node.arguments.values())
        if results is None:                                     # the emitter has bound the results
            continue
        for value, name in zip(node.outputs, (results,) if isinstance(results, str) else results):
            writer.bind(value, name)


def _needed(graph: Graph) -> list[Node]:
    """The nodes that the outputs depend on, in order."""
    read, kept = set(map(id, graph.outputs)), []
    for node in reversed(graph.nodes):
        if any(id(y) in read for y in node.outputs):
            kept.append(node)
            read.update(map(id, node.inputs))
    return kept[::-1]


def _name_outputs(writer: Writer, graph: Graph, names: list[str]) -> None:
    """Give the outputs their names: that of the node which computes the value, or else an Identity node."""
    makers = {output: node for node in writer.nodes for output in node.output}
    writer.node = None                                          # type: ignore[assignment]
    renamed: dict[str, str] = {}                                # values can share a name
    for value, name in zip(graph.outputs, names):
        given = writer.name(value)
        if given in makers and given not in renamed:
            _rename(writer.nodes, makers[given], given, name)
            renamed[given] = name
        else:
            given = renamed.get(given, given)
            identity = writer.add("Identity", given)
            _rename(writer.nodes, writer.nodes[-1], identity, name)


def _rename(nodes: list[OnnxNode], maker: OnnxNode, old: str, new: str) -> None:
    maker.output = [new if x == old else x for x in maker.output]
    for node in nodes:
        node.input = [new if x == old else x for x in node.input]


def _live_nodes(writer: Writer, outputs: list[str]) -> list[OnnxNode]:
    """The nodes that the outputs depend on: an emitter can write more than is read."""
    read, kept = set(outputs), []
    for node in reversed(writer.nodes):
        if read.intersection(node.output):
            kept.append(node)
            read.update(node.input)
    writer.nodes = kept[::-1]
    return writer.nodes


def _read_initializers(writer: Writer, outputs: list[str]) -> Any:
    read = {name for node in writer.nodes for name in node.input} | set(outputs)
    return (tensor for name, tensor in writer.initializers.items() if name in read)


def _onnx_info(name: str, x: Value) -> ValueInfo:
    """The type and shape of an input or output; a dimension that follows from an open one is named so."""
    return value_info(name, int(data_type_of(x.dtype)),
                      [repr(n) if is_open(n) else n for n in x.shape])
