"""Modules from ONNX files."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from fastnet._core.errors import printable
from fastnet.onnx import tensors
from fastnet.onnx.external import ExternalFiles
from fastnet.onnx.files import read_model
from fastnet.onnx.forms import Model, ValueInfo
from fastnet.onnx.graphs import GraphReader
from fastnet.onnx.messages import decode
from fastnet.onnx.module import Input, OnnxModel
from fastnet.onnx.operators import Node, UnsupportedError  # registers the operators
from fastnet.onnx.wire import DamagedFileError

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["load", "module_of"]

_OLDEST_IR = 3
_NO_INPUTS = frozenset(("INT4", "UINT4", "INT2", "UINT2", "STRING"))       # types that inputs cannot have
_STATISTICS = {"BatchNormalization": (3, 4)}            # operator -> positions of statistics that training updates
_FROZEN = frozenset((                                   # operators whose floating-point constants are not learned
    "Clip", "DequantizeLinear", "DynamicQuantizeLinear", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
    "OneHot", "Pad", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "Range", "Resize", "Upsample", "Where"))
_LEARNED = frozenset((                                  # operators that learn even a single number
    "Add", "Attention", "BatchNormalization", "Conv", "ConvTranspose", "GRU", "Gemm", "GroupNormalization",
    "InstanceNormalization", "LSTM", "LayerNormalization", "MatMul", "PRelu", "RMSNormalization", "RNN"))

_Readers: TypeAlias = "list[tuple[Node, int]]"             # the nodes that read a constant, and the positions


def load(path: StrPath | bytes) -> OnnxModel:
    """Make a Module of an ONNX file.

    Floating-point initializers, and constants of this kind, become parameters under their names in the file, if a node
    uses them as weights; statistics of batch norm become buffers. Numbers that nodes read as settings (shapes, axes,
    scales of quantisation) stay constants. The model is in evaluation mode; after `model.train()` it can be trained
    further. Subgraphs (If, Loop, Scan) and functions are supported.

    Args:
        path: of the file, or its content as bytes. Weights in other files must lie in the folder of the file.

    Returns:
        The model; it takes the tensors of the file's inputs by position or name and returns a tensor, or a tuple of
        several.

    Raises:
        UnsupportedError: the file uses operators or types that fastnet does not support; the message lists all of them
            with the names of their nodes.
        DamagedFileError: the file is truncated, damaged, or not an ONNX model, or its graph is not valid.
        OSError: the file cannot be read.

    Example:
        >>> import fastnet, os, tempfile
        >>> from fastnet import nn
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "m.onnx")
        ...     fastnet.onnx.export(nn.Linear(3, 2), fastnet.ones(5, 3), path)
        ...     model = fastnet.onnx.load(path)
        >>> model(fastnet.ones(4, 3)).shape, sorted(model.state_dict())
        ((4, 2), ['bias', 'weight'])
    """
    if isinstance(path, bytes):
        return module_of(decode(Model, path))
    model = read_model(path)
    try:
        return module_of(model, os.path.dirname(os.path.abspath(os.fsdecode(path))))
    except (DamagedFileError, UnsupportedError) as e:
        raise type(e)(f"{os.fsdecode(path)}: {e}") from None


def module_of(model: Model, folder: str | None = None) -> OnnxModel:
    """Make a Module of the content of an ONNX file.

    Args:
        model: the content.
        folder: of the file, for weights in other files; None without one.

    Raises:
        UnsupportedError, DamagedFileError: as `load` does.
    """
    if model.graph is None:
        raise DamagedFileError("the model has no graph")
    if model.ir_version < _OLDEST_IR:
        raise UnsupportedError(f"the file has the IR version {model.ir_version}; expected {_OLDEST_IR} or newer")
    given = {tensor.name for tensor in model.graph.initializer}
    inputs = [_input(x) for x in model.graph.input if x.name not in given]
    with ExternalFiles(folder) as files:
        reader = GraphReader(model, files)
        try:
            program = reader.program(model.graph)
        except NotImplementedError as e:                # of a type of elements
            raise UnsupportedError(str(e)) from None
    _refuse_unsupported(reader.unsupported)
    weights, statistics, kept = _roles(reader)
    made = OnnxModel(program, tuple(inputs), reader.constants, weights, statistics, kept)
    for node in reader.nodes:
        node.model = made
    return made


def _input(info: ValueInfo) -> Input:
    """The input that a file describes."""
    what = f"input {printable(info.name)!r}"
    type = info.type.tensor_type if info.type is not None else None
    if type is None:
        kinds = [name for name in ("sequence", "map", "optional", "sparse_tensor")
                 if info.type is not None and getattr(info.type, f"{name}_type") is not None]
        raise UnsupportedError(f"{what}: expected a tensor, got {kinds[0] if kinds else 'a value without a type'}, "
                               "which fastnet does not support")
    try:
        dtype = tensors.dtype_of(type.elem_type, what)
    except NotImplementedError as e:
        raise UnsupportedError(str(e)) from None
    kind = tensors.DataType(type.elem_type).name
    if kind in _NO_INPUTS:
        raise UnsupportedError(f"{what} has the type {kind}, which fastnet does not support")
    shape = None if type.shape is None else tuple(d.dim_param or d.dim_value for d in type.shape.dim)
    return Input(info.name, dtype, shape)


def _refuse_unsupported(unsupported: dict[str, list[str]]) -> None:
    """One error that lists all operators that are not supported."""
    if unsupported:
        lines = [f"{name} ({len(nodes)} node{'s' * (len(nodes) > 1)}: {', '.join(map(repr, nodes[:3]))}"
                 f"{', ...' if len(nodes) > 3 else ''})" for name, nodes in sorted(unsupported.items())]
        raise UnsupportedError("the model uses operators that fastnet does not support: " + "; ".join(lines))


# ---- the roles of constants ------------------------------------------------------------------------------------------

def _roles(reader: GraphReader) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names of the constants that are weights, statistics, and other members of the state_dict."""
    uses: dict[str, _Readers] = {name: [] for name in reader.constants}
    for node in reader.nodes:
        for i, name in enumerate(node.inputs):
            if name in uses:
                uses[name].append((node, i))
    statistics = {name for name, found in uses.items() if found and all(_is_statistic(*use) for use in found)}
    weights = {name for name, array in reader.constants.items()
               if name not in statistics and _is_weight(array, uses[name])}
    kept = {name for name in reader.initializers if any(i not in node.operator.known for node, i in uses[name])}
    return frozenset(weights), frozenset(statistics), frozenset(kept - weights - statistics)


def _is_statistic(node: Node, position: int) -> bool:
    return position in _STATISTICS.get(node.operator.name, ())


def _is_weight(array: Array, uses: _Readers) -> bool:
    if array.dtype.kind != "f" or array.ndim == 0 or not uses:
        return False
    if any(i in node.operator.known or node.operator.name in _FROZEN or _is_statistic(node, i) for node, i in uses):
        return False
    return array.size > 1 or any(node.operator.name in _LEARNED for node, _ in uses)

