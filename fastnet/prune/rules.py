"""What operations with weights, normalizations, pools and concatenations do to channels."""
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

def _follow_conv(analysis: Analysis, node: Node) -> None:
    a = node.arguments
    x, weight, geometry = a["x"], a["weight"], a["geometry"]
    found = analysis.of(x)
    if not _is_known(weight, a["bias"]) or (found is not None and found.axis != 1):
        analysis.refuse(node, f"the weight of {place_of(node)} is computed")
        return
    inputs, padded = found or _unnumbered(x, 1), any(geometry.padding)
    outputs = _numbered_outputs(analysis, weight, 0, a["bias"])
    per_filter = weight.data.reshape(*weight.shape[:2], -1)
    sums, used = per_filter.sum(-1, dtype=np.float64), (per_filter != 0).any(-1)
    if geometry.groups > 1:
        _tie_groups(analysis, found, outputs, geometry.groups)
        parts = np.split(inputs.values, geometry.groups)
        values = np.concatenate([_constant_outputs(part, u, s, padded) for part, u, s in zip(
            parts, np.split(used, geometry.groups), np.split(sums, geometry.groups))])
        layer = Layer(node, weight.name, _bias_name(a["bias"]), 0, None, outputs)
    else:
        values = _constant_outputs(inputs.values, used, sums, padded)
        layer = _reading_layer(analysis, node, found, outputs, used, sums, (0, 1), padded)
    values = values + _bias_values(a["bias"])
    analysis.layers.append(layer)
    analysis.put(node.outputs[0], 1, outputs, np.maximum(values, 0) if a["activation"] == "relu" else values)


def _follow_transposed(analysis: Analysis, node: Node) -> None:
    a = node.arguments
    x, weight = a["x"], a["weight"]
    found = analysis.of(x)
    if not _is_known(weight, a["bias"]) or a["geometry"].groups > 1 or (found is not None and found.axis != 1):
        analysis.refuse(node, f"{place_of(node)} has groups, or its weight is computed")
        return
    inputs = found or _unnumbered(x, 1)
    outputs = _numbered_outputs(analysis, weight, 1, a["bias"])
    per_filter = weight.data.reshape(*weight.shape[:2], -1).swapaxes(0, 1)
    sums, used = per_filter.sum(-1, dtype=np.float64), (per_filter != 0).any(-1)
    analysis.layers.append(_reading_layer(analysis, node, found, outputs, used, sums, (1, 0), True))
    analysis.put(node.outputs[0], 1, outputs,
                 _constant_outputs(inputs.values, used, sums, True) + _bias_values(a["bias"]))


def _follow_linear(analysis: Analysis, node: Node) -> None:
    a = node.arguments
    x, weight = a["x"], a["weight"]
    found, last = analysis.of(x), len(x.shape) - 1
    if not _is_known(weight, a["bias"]) or (found is not None and found.axis != last):
        analysis.refuse(node, f"the weight of {place_of(node)} is computed, or it mixes another dimension")
        return
    inputs = found or _unnumbered(x, last)
    outputs = _numbered_outputs(analysis, weight, 0, a["bias"])
    sums, used = weight.data.astype(np.float64), weight.data != 0
    analysis.layers.append(_reading_layer(analysis, node, found, outputs, used, sums, (0, 1), False))
    analysis.put(node.outputs[0], last, outputs,
                 _constant_outputs(inputs.values, used, sums, False) + _bias_values(a["bias"]))


def _is_known(weight: Any, bias: Any) -> bool:
    """Whether weight and bias are parameters, not computed from others."""
    return all(isinstance(x, Value) and x.kind == "parameter" for x in (weight, bias) if x is not None)


def _bias_name(bias: Value | None) -> str | None:
    return None if bias is None else bias.name


def _bias_values(bias: Value | None) -> Any:
    return 0.0 if bias is None or bias.data is None else bias.data.astype(np.float64)


def _unnumbered(x: Value, axis: int) -> Channels:
    """The channels of a value without numbers, such as the model's input: all vary."""
    count = int(x.shape[axis])
    return Channels(axis, np.zeros(0, np.int64), np.full(count, np.nan))


def _numbered_outputs(analysis: Analysis, weight: Value, axis: int, bias: Value | None) -> Array:
    """The numbers of a layer's outputs, which are along an axis of its weight, and along its bias."""
    outputs = analysis.numbered(weight, axis)
    analysis.made.add((weight.name, axis))
    if bias is not None:
        analysis.ties.tie(analysis.numbered(bias, 0), outputs)
        analysis.made.add((bias.name, 0))
    return outputs


def _reading_layer(analysis: Analysis, node: Node, inputs: Channels | None, outputs: Array, used: Array, sums: Array,
                   axes: tuple[int, int], padded: bool) -> Layer:
    """A layer each of whose outputs reads all inputs; `axes`: those of its weight with the outputs and the inputs."""
    weight, bias = node.arguments["weight"], node.arguments["bias"]
    if inputs is not None:
        analysis.ties.tie(analysis.numbered(weight, axes[1]), inputs.numbers)
    again = any(layer.weight == weight.name for layer in analysis.layers)
    return Layer(node, weight.name, _bias_name(bias), axes[0], inputs, outputs, used, sums,
                 folds=bias is not None and not padded and not again)


def _constant_outputs(values: Array, used: Array, sums: Array, padded: bool) -> Array:
    """What each output adds to its bias; NaN where it varies: with the input, or near zeros that pad it."""
    varies = np.isnan(values) | ((values != 0) & padded)
    made = sums @ np.where(varies, 0.0, values)
    return np.where(used[:, varies].any(axis=1), np.nan, made)


def _tie_groups(analysis: Analysis, inputs: Channels | None, outputs: Array, groups: int) -> None:
    """Tie the channels of each group; of a depthwise convolution, a group is one channel."""
    for part in np.split(outputs, groups):
        analysis.ties.tie(part[1:], [part[0]] * (len(part) - 1))
    if inputs is None:
        analysis.ties.fix(outputs, "a convolution with groups reads the model's input")
        return
    for own, made in zip(np.split(inputs.numbers, groups), np.split(outputs, groups)):
        analysis.ties.tie(own, [made[0]] * len(own))


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
    "conv": _follow_conv, "conv_transposed": _follow_transposed, "linear": _follow_linear,
    "batch_norm": _follow_batch_norm,
    "max_pool": _follow_pool, "avg_pool": _follow_pool, "cat": _follow_cat, "pad": _follow_pad,
    "interpolate_nearest": _follow_resize, "interpolate_weighted": _follow_resize,
    **dict.fromkeys(("mean", "sum", "extreme", "std", "var", "p_norm", "euclidean"), _follow_reduction),
    **dict.fromkeys(("softmax", "cumsum", "cumprod"), _follow_softmax),
    **dict.fromkeys(("clone", "copied", "channels_last", "dropout", "scaled_channels"), apply_identity),
    **dict.fromkeys(MOVES, follow_move), **ELEMENT_RULES}
