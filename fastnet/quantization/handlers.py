"""The operations that int8 models have.

The table `HANDLERS` has a function for each of them. It adds steps to the prepared model, or returns the reason for
which the operation stays float32: "" for one that only follows its input.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import nn
from fastnet._core.construction import as_tensor
from fastnet.autograd import no_grad
from fastnet.functional.conv_windows import window_count
from fastnet.functional.windows import Windows
from fastnet.graph import Graph, ModuleCall, Node, Value
from fastnet.graph.dimension import is_open
from fastnet.graph.operations import MOVES
from fastnet.graph.passes.fusion import activation_of
from fastnet.nn import qat
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter
from fastnet.nn.qat.operations import FUNCTIONS
from fastnet.quantization.choice import slower_in_int8
from fastnet.quantization.encoding import MemberOf, encoded

if TYPE_CHECKING:
    from fastnet.quantization.prepare import Rewriter

__all__ = ["HANDLERS", "add_recurrent", "recurrent_calls", "weight_reason"]

_IMAGE_DIMENSIONS = 5                   # of the largest image that is pooled, (N, C, D, H, W)
_FLOAT = np.dtype(np.float32)
_CONVS: tuple[Any, ...] = (None, qat.Conv1d, qat.Conv2d, qat.Conv3d)


# ---- operations with weights ----------------------------------------------------------------------------------------

def _absorbed_end(rewriter: Rewriter, node: Node, allow_norm: bool) -> tuple[Value, Node | None, str, list[Node]]:
    """(result, batch norm, activation, nodes) of what follows a node and can be computed with it."""
    out, norm, activation, nodes = node.outputs[0], None, "none", []
    following = rewriter.sole_user(out)
    if allow_norm and following is not None and _is_foldable(following, out):
        norm, out = following, following.outputs[0]
        nodes.append(following)
        activation = following.arguments["activation"]
        following = rewriter.sole_user(out)
    if activation == "none" and following is not None:
        activation = _clamp_of(following)
        if activation != "none":
            out = following.outputs[0]
            nodes.append(following)
    return out, norm, activation, nodes


def _is_foldable(node: Node, input: Value) -> bool:
    a = node.arguments
    return (node.operation == "batch_norm" and a["x"] is input and not a["training"] and a["residual"] is None
            and a["activation"] in ("none", "relu") and all(
                isinstance(a[name], Value) and a[name].data is not None
                for name in ("weight", "bias", "running_mean", "running_var")))


def _clamp_of(node: Node) -> str:
    """The activation "relu" or "relu6" that a node is; "none" for other nodes."""
    found = activation_of(node)
    return found if found in ("relu", "relu6") else "none"


def weight_reason(weight: Any, bias: Any, x: Any) -> str | None:
    """Why an operation with a weight has no int8 form, or None if it has one.

    Args:
        weight, bias, x: its arguments; the bias can be None.
    """
    if not isinstance(x, Value) or x.dtype != _FLOAT:
        return "the input is not float32"
    if x.data is not None:
        return "the input is a constant"
    if not isinstance(weight, Value) or weight.kind != "parameter":
        return "the weight is computed"
    if bias is not None and bias.data is None:
        return "the bias is computed"
    return None


def _fill_layer(rewriter: Rewriter, layer: Any, weight: Value, bias: Value | None, norm: Node | None) -> None:
    """Give a layer the values of the model's; tensors that several layers of the model share are shared here, too."""
    values: list[tuple[Any, str, Any]] = [(layer, "weight", weight)]
    if bias is not None:
        values.append((layer, "bias", bias))
    if norm is not None:
        values += [(layer.norm, name, norm.arguments[name])
                   for name in ("weight", "bias", "running_mean", "running_var")]
    with no_grad():
        for owner, name, value in values:
            own, shared = getattr(owner, name), rewriter.tensors.get(value)
            if type(shared) is type(own):
                setattr(owner, name, shared)
            else:
                own.copy_(as_tensor(value.data))
                rewriter.keep(value, own)
        layer.weight_fake_quant.reset_scale(layer.folded()[0])


def _add_weighted(rewriter: Rewriter, node: Node, make: Callable[..., Any]) -> None:
    a = node.arguments
    out, norm, activation, nodes = _absorbed_end(rewriter, node, node.operation == "conv" or len(a["x"].shape) == 2)
    numbers = {} if norm is None else {"eps": norm.arguments["eps"], "momentum": norm.arguments["momentum"] or 0.1}
    layer = make(bias=a["bias"] is not None, norm=norm is not None, activation=activation,
                 learnable=rewriter.settings["learnable"], **numbers)
    _fill_layer(rewriter, layer, a["weight"], a["bias"], norm)
    rewriter.absorbed.update(nodes)
    rewriter.add_module(out, rewriter.path_for(node, a["weight"], a["bias"]), layer, a["x"])


def _quantize_conv(rewriter: Rewriter, node: Node) -> str | None:
    a = node.arguments
    x, weight, bias, geometry = a["x"], a["weight"], a["bias"], a["geometry"]
    reason = weight_reason(weight, bias, x)
    if reason is None and a["activation"] != "none":
        reason = "it is fused with an activation"
    if reason is not None:
        return reason
    n = len(weight.shape) - 2
    kernel = weight.shape[2:]
    stride, padding, dilation = (tuple(part[3 - n:]) for part in geometry[:3])
    sizes = tuple(map(window_count, x.shape[2:], kernel, stride, padding, dilation))
    if tuple(a["sizes"][3 - n:]) != sizes:
        return "its padding differs before and after"
    def make(**options: Any) -> Any:
        return _CONVS[n](x.shape[1], weight.shape[0], kernel, stride, padding, dilation, geometry.groups, **options)
    if rewriter.faster_only:
        reason = slower_in_int8("conv", x.shape, weight.shape, sizes, geometry.groups)
    if reason is None:
        _add_weighted(rewriter, node, make)
    elif rewriter.folds:
        _add_folded(rewriter, node, make, reason)
        return None
    return reason


def _add_folded(rewriter: Rewriter, node: Node, make: Callable[..., Any], reason: str) -> None:
    """Add a convolution in float32 with its batch norm folded in and a ReLU."""
    a = node.arguments
    out, norm, activation, nodes = _absorbed_end(rewriter, node, True)
    if activation == "relu6":
        nodes, activation = nodes[:-1], "none"
        out = nodes[-1].outputs[0] if nodes else node.outputs[0]
    numbers = {} if norm is None else {"eps": norm.arguments["eps"]}
    layer = make(bias=a["bias"] is not None, norm=norm is not None, **numbers)
    _fill_layer(rewriter, layer, a["weight"], a["bias"], norm)
    path = rewriter.path_for(node, a["weight"], a["bias"])
    with no_grad():
        weight, bias = (None if x is None else Parameter(x.detach(), False) for x in layer.folded())
    names = {"weight": f"{path}.weight", "bias": None if bias is None else f"{path}.bias"}
    rewriter.members |= {name: x for name, x in zip(names.values(), (weight, bias)) if name is not None}
    rewriter.absorbed.update(nodes)
    rewriter.note(node, reason, out)
    arguments = {"x": rewriter.referring(a["x"]), "geometry": a["geometry"], "sizes": a["sizes"],
                 "activation": activation, **{key: name and MemberOf(name) for key, name in names.items()}}
    rewriter.steps.append({"out": out.name, "op": "conv",
                           "arguments": {name: encoded(arguments[name]) for name in a}})


def _quantize_linear(rewriter: Rewriter, node: Node) -> str | None:
    a = node.arguments
    reason = weight_reason(a["weight"], a["bias"], a["x"])
    if reason is None and rewriter.faster_only:
        reason = slower_in_int8("linear", a["x"].shape, a["weight"].shape)
    if reason is not None:
        return reason
    outputs, inputs = a["weight"].shape
    _add_weighted(rewriter, node, lambda **options: qat.Linear(inputs, outputs, **options))
    return None


def recurrent_calls(model: Module, graph: Graph) -> dict[Node, tuple[Any, ModuleCall]]:
    """{the first node of a call of an LSTM or a GRU that has an int8 form: (the layer, the call)}.

    Args:
        model: the traced model.
        graph: of the model.
    """
    found = {}
    for call in graph.calls:
        if call.type not in ("LSTM", "GRU") or len(call.inputs) != 1 or len(call.inputs[0].shape) != 3:
            continue
        layer: Any = model.get_submodule(call.path)
        nodes = graph.nodes_of(call.path)
        inside = set(nodes)
        read_later = {x for node in graph.nodes if node not in inside for x in node.inputs} | set(graph.outputs)
        others = [y for node in nodes for y in node.outputs if y is not call.outputs[0] and y in read_later]
        alone = sum(other.path == call.path for other in graph.calls) == 1
        plain = layer.bias and not (layer.bidirectional or layer.proj_size) and type(layer) in _RECURRENT
        if alone and plain and nodes and not others and layer.weight_ih_l0.dtype == _FLOAT:
            found[nodes[0]] = layer, call
    return found


def add_recurrent(rewriter: Rewriter, layer: Any, call: ModuleCall) -> None:
    """Add the step of a recurrent layer.

    Args:
        rewriter: of the graph.
        layer: an LSTM or a GRU.
        call: of it.
    """
    made = _RECURRENT[type(layer)](layer.input_size, layer.hidden_size, layer.num_layers, layer.batch_first)
    made.load_state_dict(layer.state_dict(), strict=False)
    rewriter.absorbed.update(rewriter.graph.nodes_of(call.path))
    path = call.path if call.path and call.path not in rewriter.members else call.outputs[0].name
    rewriter.add_module(call.outputs[0], path, made, call.inputs[0])


_RECURRENT: dict[type, Any] = {nn.LSTM: qat.LSTM, nn.GRU: qat.GRU}


# ---- operations on int8 values --------------------------------------------------------------------------------------

def _operand_reason(values: Iterable[Any]) -> str | None:
    """Why operands cannot be int8, or None if they can."""
    for x in values:
        if not isinstance(x, Value) or x.data is not None:
            return "an operand is a constant"
        if x.dtype != _FLOAT:
            return f"an operand is {x.dtype}"
    return None


def _two(make: Callable[[Any], Module]) -> Callable[[Rewriter, Node], str | None]:
    """The handler of an operation on two values, of which one at least is int8 and has the shape of the result."""
    def handle(rewriter: Rewriter, node: Node) -> str | None:
        values = list(node.arguments.values())[:2]
        reason = _operand_reason(values)
        if reason is not None:
            return reason
        if not any(rewriter.in_int8(x) and x.shape == node.outputs[0].shape for x in values):
            return "its inputs are float32"
        out, _, activation, nodes = _absorbed_end(rewriter, node, False)
        rewriter.absorbed.update(nodes)
        rewriter.add_module(out, rewriter.path_for(node), make(activation), *values)
        return None
    return handle


def _quantize_cat(rewriter: Rewriter, node: Node) -> str | None:
    parts = node.arguments["parts"]
    reason = _operand_reason(parts)
    if reason is not None:
        return reason
    if not any(map(rewriter.in_int8, parts)):
        return "its inputs are float32"
    rewriter.add_module(node.outputs[0], rewriter.path_for(node), qat.Concat(node.arguments["dim"]), *parts)
    return None


def _function(name: str) -> Callable[[Rewriter, Node], str | None]:
    """The handler of a function of each element, which int8 models read from a table."""
    def handle(rewriter: Rewriter, node: Node) -> str | None:
        value = next(iter(node.arguments.values()))
        if not rewriter.in_int8(value):
            return "its input is float32"
        numbers = [number for x in node.attributes.values() for number in (x if isinstance(x, tuple) else (x,))]
        rewriter.add_module(node.outputs[0], rewriter.path_for(node), qat.Function(name, numbers), value)
        return None
    return handle


def _quantize_mean(rewriter: Rewriter, node: Node) -> str | None:
    """A mean over dimensions is an average pooling: over the whole image, or over rows of the averaged elements."""
    x, dim, y = next(iter(node.arguments.values())), node.arguments["dim"], node.outputs[0]
    n = len(x.shape)
    dims = sorted(d % n for d in ([dim] if isinstance(dim, int) else dim or range(n)))
    if not rewriter.in_int8(x):
        return "its input is float32"
    if y.dtype != _FLOAT:
        return f"its result is {y.dtype}"
    sizes = tuple(x.shape[d] for d in dims)
    if len(sizes) > _IMAGE_DIMENSIONS - 2:
        if is_open(sizes):
            return f"it averages over {len(sizes)} dimensions, of which one is open"
        sizes = (math.prod(sizes),)
    if dims != list(range(2, n)) or n > _IMAGE_DIMENSIONS:
        order = (*(d for d in range(n) if d not in dims), *dims)
        if order != tuple(range(n)):
            x = rewriter.add_move("transposed", x, f"{y.name}_transposed", order=order)
        x = rewriter.add_move("view", x, f"{y.name}_rows", shape=(-1, 1, *sizes))
    windows = Windows(((1, 1, 0, 1),) * (3 - len(sizes)) + tuple((k, k, 0, 1) for k in sizes), (1, 1, 1))
    pooled = Value(f"{y.name}_pooled", "result", (), y.dtype)
    rewriter.add_operation(pooled, "avg_pool", {"x": x, "windows": windows, "count_include_pad": True}, x, rounds=True)
    rewriter.add_operation(y, "view", {"x": pooled, "shape": y.shape}, pooled)
    return None


def _same_scale(rounds: bool = False) -> Callable[[Rewriter, Node], str | None]:
    """The handler of an operation that moves elements, or computes one of the same scale."""
    def handle(rewriter: Rewriter, node: Node) -> str | None:
        value = next(iter(node.arguments.values()))
        if not rewriter.in_int8(value):
            return ""
        rewriter.add_operation(node.outputs[0], node.operation, node.arguments, value, rounds)
        return None
    return handle


def _pool(rewriter: Rewriter, node: Node) -> str | None:
    arguments, x = dict(node.arguments), node.arguments["x"]
    if not rewriter.in_int8(x):
        return ""
    if arguments.get("indices") is not None or arguments.get("divisor_override") is not None:
        return "no int8 form with indices or a divisor"
    windows = _as_sliding(arguments["windows"], x.shape)
    if windows is None:
        return "windows of several sizes"
    arguments["windows"] = windows
    rewriter.add_operation(node.outputs[0], node.operation, arguments, x, rounds=node.operation == "avg_pool")
    return None


def _as_sliding(windows: Windows, shape: tuple[int, ...]) -> Windows | None:
    """Windows of one size: those of adaptive pooling, too, if they divide the image evenly."""
    if windows.axes is not None:
        return windows
    sizes = (1,) * (_IMAGE_DIMENSIONS - len(shape)) + tuple(shape[2:])
    if any(length == 0 or size % length or (length != 1 and is_open(size))
           for size, length in zip(sizes, windows.lengths)):
        return None
    steps = (size if length == 1 else size // length for size, length in zip(sizes, windows.lengths))
    return Windows(tuple((step, step, 0, 1) for step in steps), windows.lengths)


def _quantize_pad(rewriter: Rewriter, node: Node) -> str | None:
    if node.arguments["mode"] == "constant" and node.arguments["value"] != 0:
        return "it pads with another number than 0"
    return _same_scale()(rewriter, node)


def _refuse_recurrent(rewriter: Rewriter, node: Node) -> str | None:
    return "int8 has only an LSTM or GRU of one direction, without first states, whose last states are not read"


HANDLERS: dict[str, Callable[[Rewriter, Node], str | None]] = {
    "conv": _quantize_conv, "linear": _quantize_linear, "cat": _quantize_cat, "pad": _quantize_pad,
    "add": _two(qat.Add), "mul": _two(qat.Mul), "max_pool": _pool, "avg_pool": _pool,
    "mean": _quantize_mean, "layer": _refuse_recurrent, **{name: _function(name) for name in FUNCTIONS},
    **{name: _same_scale() for name in MOVES}}


