"""Models without the channels that pruning has set to 0."""
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastnet import nn
from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor
from fastnet._replay.compiled import compile
from fastnet.autograd import no_grad
from fastnet.graph import trace
from fastnet.graph.tracing import tensors_in
from fastnet.models.gpt import Projection
from fastnet.nn.evaluation import evaluating, median_seconds
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, store
from fastnet.prune.analysis import Analysis, Layer
from fastnet.prune.report import CompactLayer, CompactReport
from fastnet.prune.tracing import Analysed, analysed, inputs_of, owner_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["compact"]

_M = TypeVar("_M", bound="Module")
_CLOSE = 1e-4                       # of an output, relative to the largest magnitude, at least 1


def compact(model: _M, example: Any, *, speed: bool = True) -> tuple[_M, CompactReport]:
    """Remove the channels of a model that pruning has set to 0, and report sizes, multiply-adds and time.

    The masks of pruned parameters are applied. Then a channel is removed, with the filters that make it, the entries of
    batch norms and the weights that read it, if the outputs do not depend on it: it is 0 for all inputs, or another
    constant that the bias of the next layer can absorb, or the next layer has only zeros for it. Channels that are tied
    (see `channel_groups`) are removed together, and each layer keeps at least one. The result is a model of the same
    class with smaller layers, which trains, compiles, exports and is saved as any other.

    Args:
        model: the model; it is unchanged.
        example: a tensor, or a tuple of the arguments of its `forward`; the time is that of this batch.
        speed: measure the time.

    Returns:
        (the compacted model, the report). Modes of training are those of the model.

    Raises:
        TypeError: model is not a Module, or the example has no tensor.
        ValueError: outputs for the example are NaN or infinite.
        RuntimeError: the model cannot be traced, or its `forward` needs a fixed number of channels.

    Example:
        >>> import fastnet
        >>> from fastnet import nn, prune
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> for name in "weight", "bias":
        ...     _ = prune.custom_from_mask(model[0], name, fastnet.ones_like(getattr(model[0], name)))
        >>> with fastnet.no_grad():
        ...     model[0].weight_mask[:5] = 0
        ...     model[0].bias_mask[:5] = 0
        >>> small, report = prune.compact(model, fastnet.ones(1, 4))
        >>> small[0].out_features, report.after["parameters"]
        (3, 23)
    """
    found = analysed("compact", model, example)
    inputs = inputs_of(example)
    stays, notes = found.analysis.alive()
    made = _shrunk(found, stays)
    _check_same(model, made, inputs)
    before, after = (_measures(each, inputs, speed) for each in (found.model, made))
    return made, CompactReport(before, after, _layer_rows(found, made, stays, notes))


# ---- removal --------------------------------------------------------------------------------------------------------

def _shrunk(found: Analysed, stays: Array) -> Any:
    """A copy of the model with the channels that stay."""
    parts: dict[str, dict[int, Array]] = {}
    for (name, axis), numbers in found.analysis.axes.items():
        if not stays[numbers].all():
            parts.setdefault(name, {})[axis] = stays[numbers]
    shrunk: dict[int, Any] = {}                         # the copy takes them where it finds the whole ones
    for name, axes in parts.items():
        module, own = owner_of(found.model, name)
        tensor: Tensor = getattr(module, own)
        array = tensor._data
        for axis, kept in axes.items():
            array = np.compress(kept, array, axis)
        part = from_numpy(array)
        shrunk[id(tensor)] = Parameter(part, tensor.requires_grad) if isinstance(tensor, Parameter) else part
    made = copy.deepcopy(found.model, shrunk)
    for layer in found.analysis.layers:
        _fold_constants(made, layer, stays)
    for module in made.modules():
        _set_sizes(module)
    return made


def _fold_constants(made: Any, layer: Layer, stays: Array) -> None:
    """Add what a layer reads from removed channels that are constant to its bias."""
    if layer.inputs is None or layer.sums is None or layer.bias is None:
        return
    values = layer.inputs.values
    gone = ~stays[layer.inputs.numbers] & ~np.isnan(values) & (values != 0)
    if gone.any():
        module, own = owner_of(made, layer.bias)
        bias: Tensor = getattr(module, own)
        shift = (layer.sums[:, gone] @ values[gone])[stays[layer.outputs]]
        store(bias, (bias._data + shift).astype(bias.dtype), bias.dtype)


def _set_sizes(module: Any) -> None:
    """Let the settings of a layer state the sizes of its parameters."""
    for kinds, setter in _SIZE_SETTERS:
        if isinstance(module, kinds) and isinstance(module.weight, Tensor | None):
            setter(module)


def _set_conv(module: Any) -> None:
    outputs, inputs = module.weight.shape[:2]
    if module.groups > 1:
        module.groups = module.groups * outputs // module.out_channels  # whole groups are removed
    module.out_channels, module.in_channels = outputs, inputs * module.groups


def _set_transposed(module: Any) -> None:
    module.in_channels, module.out_channels = module.weight.shape[0], module.weight.shape[1] * module.groups


def _set_linear(module: Any) -> None:
    module.out_features, module.in_features = module.weight.shape


def _set_projection(module: Any) -> None:
    module.inputs, module.outputs = module.weight.shape


def _set_norm(module: Any) -> None:
    for x in (module.weight, module.running_mean):
        if x is not None:
            module.num_features = x.shape[0]


def _set_prelu(module: Any) -> None:
    module.num_parameters = module.weight.shape[0]


_SIZE_SETTERS: tuple[tuple[Any, Callable[[Any], None]], ...] = (
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), _set_conv),
    ((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _set_transposed),
    ((nn.Linear,), _set_linear), ((Projection,), _set_projection),
    ((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _set_norm),
    ((nn.PReLU,), _set_prelu))


# ---- checks and measures --------------------------------------------------------------------------------------------

def _check_same(masked: Module, made: Module, inputs: tuple[Any, ...]) -> None:
    """Refuse a compacted model that does not compute what the masked one does."""
    with no_grad(), evaluating(masked), evaluating(made):
        expected = list(tensors_in([masked(*inputs)]))
        try:
            given = list(tensors_in([made(*inputs)]))
        except (RuntimeError, ValueError, IndexError, TypeError) as e:
            raise RuntimeError(f"compact: the forward() of {type(made).__name__} fails with fewer channels; it may "
                               f"state a number of channels, as a size of view(): {e}") from e
    for x, y in zip(expected, given, strict=True):
        a, b = x.numpy(), y.numpy()
        scale = max(1.0, float(np.abs(a).max(initial=0)))
        if a.dtype.kind == "f" and not np.isfinite(a).all():
            raise ValueError("compact: expected a model and an example with finite outputs, got NaN or infinite ones")
        if a.shape != b.shape or (a.dtype.kind == "f" and not np.abs(a - b).max(initial=0) <= _CLOSE * scale):
            raise RuntimeError(f"compact: {type(made).__name__} computes something else with fewer channels; its "
                               "forward() may depend on their number")


def _measures(model: Module, inputs: tuple[Any, ...], speed: bool) -> dict[str, float]:
    tensors = {id(x): x for x in (*model.parameters(), *model.buffers())}.values()
    found: dict[str, float] = {
        "parameters": sum(x.numel() for x in tensors if isinstance(x, Parameter)),
        "bytes": sum(x._data.nbytes for x in tensors),
        "multiply_adds": sum(cost.multiply_adds for cost in trace(model, *inputs).costs())}
    if speed:
        with no_grad(), evaluating(model):
            found["seconds"] = median_seconds(compile(model.forward), inputs)
    return found


def _layer_rows(found: Analysed, made: Module, stays: Array, notes: dict[int, str]) -> list[CompactLayer]:
    """The row of the report for each layer."""
    rows: dict[str, CompactLayer] = {}
    for layer in found.analysis.layers:
        path = layer.weight.rpartition(".")[0]
        module, after = made.get_submodule(path), int(stays[layer.outputs].sum())
        reason = _why_kept(found.analysis, layer, stays, notes)
        rows.setdefault(path, CompactLayer(path, type(module).__name__, len(layer.outputs), after, reason))
    for name in found.unread:
        path = name.rpartition(".")[0]
        rows.setdefault(path, CompactLayer(path, type(owner_of(made, name)[0]).__name__, 0, 0, "forward() does not "
                                           "read it"))
    return list(rows.values())


def _why_kept(analysis: Analysis, layer: Layer, stays: Array, notes: dict[int, str]) -> str:
    """Why a layer keeps all channels, or some that are constant."""
    roots = analysis.roots[layer.outputs].tolist()
    if all(root in analysis.fixed for root in roots):
        return analysis.fixed[roots[0]]
    output = analysis.of(layer.node.outputs[0])
    assert output is not None
    kept = [root for root, value, here in zip(roots, output.values, stays[layer.outputs])
            if here and not np.isnan(value)]
    return notes.get(kept[0], "channels that are tied to constant ones are not constant") if kept else ""
