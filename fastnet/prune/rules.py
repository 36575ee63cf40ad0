"""Rules of channels for operations with weights, normalizations, pools and concatenations."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.graph import Node, Value
from fastnet.prune.analysis import Analysis, Channels, Layer, Rule, place_of
from fastnet.prune.elements import ELEMENT_RULES, apply_identity
from fastnet.prune.movement import MOVES, follow_move

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["RULES"]


# ---- layers ---------------------------------------------------------------------------------------------------------

class _Filters:
    """A weight as filters (outputs, inputs, kernel).

    Args:
        weight: the parameter.
        axis: 0 or 1, where the outputs are; the inputs are in the other dimension.
        padded: whether zeros pad the input, so that a constant input does not make a constant output.
    """

    def __init__(self, weight: Value, axis: int, padded: bool) -> None:
        data: Any = weight.data
        filters = data.swapaxes(0, axis)
        filters = filters.reshape(*filters.shape[:2], -1)
        self.weight, self.axis, self.padded = weight, axis, padded
        single = filters.shape[-1] == 1                     # a reduction of one element for each result is slow
        self.used: Array = filters[..., 0] != 0 if single else (filters != 0).any(-1)
        self.sums: Array = filters[..., 0] if single else filters.sum(-1, dtype=np.float64)

    def constants(self, values: Array, group: slice = slice(None)) -> Array:
        """The constant that each output adds to its bias; NaN where it varies.

        Args:
            values: of the input channels that the outputs of the group read.
            group: of outputs.
        """
        varies = np.isnan(values) | ((values != 0) & self.padded)
        constant = ~varies & (values != 0)
        made = self.sums[group][:, constant] @ values[constant]
        return np.where((self.used[group] & varies).any(axis=1), np.nan, made)


def _follow_conv(analysis: Analysis, node: Node) -> None:
    geometry = node.arguments["geometry"]
    follow = _follow_groups if geometry.groups > 1 else _follow_filters
    follow(analysis, node, _Filters(node.arguments["weight"], 0, any(geometry.padding)), 1)


def _follow_transposed(analysis: Analysis, node: Node) -> None:
    if node.arguments["geometry"].groups > 1:
        analysis.refuse_layer(node, 1, f"{place_of(node)} has groups")
    else:
        _follow_filters(analysis, node, _Filters(node.arguments["weight"], 1, True), 1)


def _follow_linear(analysis: Analysis, node: Node) -> None:
    given, axis = node.arguments["weight"], len(node.arguments["x"].shape) - 1
    weight = analysis.transposed.get(given, given)      # (inputs, outputs), as GPT-2 stores it
    _follow_filters(analysis, node, _Filters(weight, int(weight is not given), False), axis)


def _of_parameters(follow: Rule) -> Rule:
    """A rule for layers whose weight and bias are parameters; others are refused."""
    def rule(analysis: Analysis, node: Node) -> None:
        given = [analysis.transposed.get(x, x) for x in (node.arguments["weight"], node.arguments["bias"])]
        if all(isinstance(x, Value) and x.kind == "parameter" for x in given if x is not None):
            follow(analysis, node)
        else:
            axis = len(node.arguments["x"].shape) - 1 if node.operation == "linear" else 1
            analysis.refuse_layer(node, axis, f"the weight of {place_of(node)} is computed, for example by weight_norm")
    return rule


def _follow_filters(analysis: Analysis, node: Node, filters: _Filters, axis: int) -> None:
    """Number the outputs of a layer that reads all input channels, which are along a dimension of its input."""
    x, weight, bias = node.arguments["x"], filters.weight, node.arguments["bias"]
    found = analysis.of(x)
    if found is not None and found.axis != axis:
        analysis.refuse_layer(node, axis, f"{place_of(node)} mixes another dimension")
        return
    read = analysis.numbered(weight, 1 - filters.axis)
    if found is None:                                   # another call of the layer may read channels
        analysis.ties.fix(read, f"{place_of(node)} also reads an input whose channels are fixed")
    else:
        analysis.ties.tie(read, found.numbers)
    folds = bias is not None and not filters.padded and len(analysis.readers[bias]) == 1
    outputs = _numbered_outputs(analysis, node, filters)
    analysis.layers.append(Layer(node, weight.name, None if bias is None else bias.name, filters.axis, found, outputs,
                                 filters.used, filters.sums, folds))
    values = filters.constants(np.full(x.shape[axis], np.nan) if found is None else found.values)
    _put_outputs(analysis, node, axis, outputs, values)


def _follow_groups(analysis: Analysis, node: Node, filters: _Filters, axis: int) -> None:
    """Number the outputs of a convolution with groups; of a depthwise one, a group is one channel."""
    x, weight, bias, groups = (*(node.arguments[name] for name in ("x", "weight", "bias")),
                               node.arguments["geometry"].groups)
    found = analysis.of(x)
    if found is not None and found.axis != axis:
        analysis.refuse_layer(node, axis, f"{place_of(node)} mixes another dimension")
        return
    outputs = _numbered_outputs(analysis, node, filters)
    analysis.layers.append(Layer(node, weight.name, None if bias is None else bias.name, 0, None, outputs))
    made = np.split(outputs, groups)
    for part in made:
        analysis.ties.tie(part[1:], [part[0]] * (len(part) - 1))
    if found is None:
        analysis.ties.fix(outputs, "a convolution with groups reads the model's input")
        _put_outputs(analysis, node, axis, outputs, np.full(len(outputs), np.nan))
        return
    for own, part in zip(np.split(found.numbers, groups), made):
        analysis.ties.tie(own, [part[0]] * len(own))
    size = len(outputs) // groups
    values = [filters.constants(part, slice(i * size, (i + 1) * size))
              for i, part in enumerate(np.split(found.values, groups))]
    _put_outputs(analysis, node, axis, outputs, np.concatenate(values))


def _numbered_outputs(analysis: Analysis, node: Node, filters: _Filters) -> Array:
    """The numbers of a layer's outputs, which are along an axis of its weight, and along its bias."""
    weight, bias = filters.weight, node.arguments["bias"]
    outputs = analysis.numbered(weight, filters.axis)
    analysis.made.add((weight.name, filters.axis))
    if bias is not None:
        analysis.ties.tie(analysis.numbered(bias, 0), outputs)
        analysis.made.add((bias.name, 0))
    return outputs


def _put_outputs(analysis: Analysis, node: Node, axis: int, outputs: Array, values: Array) -> None:
    """Set the channels of a layer's result, for values without the bias and a fused activation."""
    bias = node.arguments["bias"]
    values = values if bias is None else values + bias.data
    fused = node.arguments.get("activation") == "relu"
    analysis.put(node.outputs[0], axis, outputs, np.maximum(values, 0) if fused else values)


# ---- normalization --------------------------------------------------------------------------------------------------

def _follow_batch_norm(analysis: Analysis, node: Node) -> None:
    a = node.arguments
    found = analysis.of(a["x"])
    if found is None:
        return
    named = {name: a[name] for name in ("weight", "bias", "running_mean", "running_var") if a[name] is not None}
    if found.axis != 1 or not named or any(x.kind not in ("parameter", "buffer") for x in named.values()) or (
            a["residual"] is not None):
        analysis.refuse(node, f"{place_of(node)} has no parameters and no running statistics of its own")
        return
    for value in named.values():
        analysis.ties.tie(analysis.numbered(value, 0), found.numbers)
    analysis.made |= {(named[name].name, 0) for name in ("weight", "bias") if name in named}
    analysis.put(node.outputs[0], 1, found.numbers, _normed_values(found.values, named, a["eps"]))


def _normed_values(values: Array, named: dict[str, Any], eps: float) -> Array:
    """The constant channels after a batch norm in evaluation mode."""
    data = {name: x.data.astype(np.float64) for name, x in named.items()}
    scale, shift = data.get("weight", np.ones(len(values))), data.get("bias", np.zeros(len(values)))
    if "running_mean" not in data:
        return np.where(scale == 0, shift, np.nan)
    factor = scale / np.sqrt(data["running_var"] + eps)
    return np.where(scale == 0, shift, (values - data["running_mean"]) * factor + shift)


# ---- pools, concatenation and others that keep channels apart -------------------------------------------------------

def _follow_pool(analysis: Analysis, node: Node) -> None:
    found = analysis.of(node.inputs[0])
    if found is None:
        return
    if found.axis != 1 or len(node.outputs) > 1:
        analysis.refuse(node, f"{place_of(node)} returns positions, or pools another dimension")
        return
    keeps = node.operation != "avg_pool" or _averages_all(node.arguments)
    analysis.put(node.outputs[0], 1, found.numbers, found.values if keeps else _zeros_of(found.values))


def _averages_all(a: dict[str, Any]) -> bool:
    """Whether an average pool keeps constants: no zeros of a padding count."""
    axes = a["windows"].axes
    unpadded = axes is None or not any(padding for _, _, padding, _ in axes)
    return a["divisor_override"] is None and (unpadded or not a["count_include_pad"])


def _zeros_of(values: Array) -> Array:
    """The channels that are 0; the others are taken to vary."""
    return np.where(values == 0, 0.0, np.nan)


def _follow_cat(analysis: Analysis, node: Node) -> None:
    a = node.arguments
    parts = [x for x in a["parts"] if len(x.shape) == len(a["shape"])]
    found = [analysis.of(x) for x in parts]
    known = [x for x in found if x is not None]
    if not known:
        return
    if all(x.axis == a["dim"] for x in known):
        joined = [x or _fixed_part(analysis, part, a["dim"]) for x, part in zip(found, parts)]
        analysis.put(node.outputs[0], a["dim"], np.concatenate([x.numbers for x in joined]),
                     np.concatenate([x.values for x in joined]))
    elif len(known) == len(parts) and len({x.axis for x in known}) == 1:
        for x in known[1:]:
            analysis.ties.tie(x.numbers, known[0].numbers)
        same = np.all([x.values == known[0].values for x in known], axis=0)
        analysis.put(node.outputs[0], known[0].axis, known[0].numbers, np.where(same, known[0].values, np.nan))
    else:
        analysis.refuse(node, f"{place_of(node)} joins them with others along another dimension")


def _fixed_part(analysis: Analysis, part: Value, axis: int) -> Channels:
    numbers = analysis.ties.new(int(part.shape[axis]))
    analysis.ties.fix(numbers, "they are not made by a layer")
    return Channels(axis, numbers, np.full(len(numbers), np.nan))


def _follow_reduction(analysis: Analysis, node: Node) -> None:
    value, a = node.inputs[0], node.arguments
    found = analysis.of(value)
    if found is None:
        return
    n, dim = len(value.shape), a.get("dim")
    dims = set(range(n)) if dim is None else {d % n for d in (dim if isinstance(dim, tuple | list) else (dim,))}
    if found.axis in dims:
        analysis.refuse(node, f"{place_of(node)} combines them")
        return
    axis = found.axis if a.get("keepdim") else found.axis - sum(d < found.axis for d in dims)
    keeps = node.operation in ("mean", "extreme")
    analysis.put(node.outputs[0], axis, found.numbers, found.values if keeps else _zeros_of(found.values))


def _follow_softmax(analysis: Analysis, node: Node) -> None:
    """A softmax, or a running sum, over another dimension than that of the channels."""
    value = node.inputs[0]
    found, dim = analysis.of(value), node.arguments.get("dim")
    if found is None:
        return
    if not isinstance(dim, int) or dim % len(value.shape) == found.axis:
        analysis.refuse(node, f"{place_of(node)} combines them")
        return
    analysis.put(node.outputs[0], found.axis, found.numbers)


def _follow_pad(analysis: Analysis, node: Node) -> None:
    a = node.arguments
    found = analysis.of(a["x"])
    if found is None:
        return
    place = found.axis - (len(a["x"].shape) - len(a["pads"]))
    if place >= 0 and any(a["pads"][place]):
        analysis.refuse(node, f"{place_of(node)} adds a fixed number of channels to them")
        return
    keeps = (found.values == a["value"]) | (a["mode"] != "constant")
    analysis.put(node.outputs[0], found.axis, found.numbers, np.where(keeps, found.values, np.nan))


def _follow_resize(analysis: Analysis, node: Node) -> None:
    found = analysis.of(node.inputs[0])
    if found is not None:
        keeps = node.operation == "interpolate_nearest"
        analysis.put(node.outputs[0], found.axis, found.numbers, found.values if keeps else _zeros_of(found.values))


RULES: dict[str, Rule] = {
    "conv": _of_parameters(_follow_conv), "conv_transposed": _of_parameters(_follow_transposed),
    "linear": _of_parameters(_follow_linear), "batch_norm": _follow_batch_norm,
    "max_pool": _follow_pool, "avg_pool": _follow_pool, "cat": _follow_cat, "pad": _follow_pad,
    "interpolate_nearest": _follow_resize, "interpolate_weighted": _follow_resize,
    **dict.fromkeys(("mean", "sum", "extreme", "std", "var", "p_norm", "euclidean"), _follow_reduction),
    **dict.fromkeys(("softmax", "cumsum", "cumprod"), _follow_softmax),
    **dict.fromkeys(("clone", "copied", "channels_last", "dropout", "scaled_channels"), apply_identity),
    **dict.fromkeys(MOVES, follow_move), **ELEMENT_RULES}
