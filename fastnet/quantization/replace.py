"""Models whose linear and recurrent layers are replaced: dynamic and weight-only quantisation."""
from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.models.gpt import Projection
from fastnet.nn.module import Module
from fastnet.nn.quantized import WeightOnlyLinear, dynamic
from fastnet.nn.quantized.weight_only import fitting_group
from fastnet.quantization.measure import Batch, relative_error
from fastnet.quantization.report import LayerReport
from fastnet.quantization.weights import gptq, round_to_nearest

__all__ = ["REPLACED", "replaced_dynamic", "replaced_weights"]

_MATRIX_LAYERS = nn.Linear, Projection  # a Projection holds its weight transposed
REPLACED = *_MATRIX_LAYERS, nn.LSTM, nn.GRU
_LEAST_WEIGHTS = 1024                   # of a layer; smaller ones stay as they are


def replaced_dynamic(model: Module, faster_only: bool) -> tuple[Module, list[LayerReport]]:
    """A copy of a model with int8 weights in its Linear, LSTM and GRU layers.

    Args:
        model: the model.
        faster_only: leave small linear layers in float32.
    """
    made: Any = copy.deepcopy(model).eval()
    layers = []
    for path, layer in list(_replaceable(made, REPLACED)):
        new, reason = _dynamic(layer, faster_only)
        if new is not None:
            made = _with_layer(made, path, new)
        layers.append(LayerReport(path, type(layer).__name__, "float32" if new is None else "int8", None, reason))
    return made.eval(), layers


def _dynamic(layer: Any, faster_only: bool) -> tuple[Module | None, str]:
    if isinstance(layer, nn.LSTM | nn.GRU):
        if layer.proj_size:
            return None, "it has a projection"
        if not layer.bias:
            return None, "it has no biases"
        return (dynamic.LSTM if isinstance(layer, nn.LSTM) else dynamic.GRU).from_float(layer), ""
    weight = _matrix_of(layer)
    if faster_only and weight.size < _LEAST_WEIGHTS:
        return None, "it is small"
    made = dynamic.Linear(weight.shape[1], weight.shape[0])
    made.set_weight(weight, layer.bias)
    return made, ""


def replaced_weights(model: Module, batches: list[Batch], bits: int, group_size: int,
                     method: str, faster_only: bool) -> tuple[Module, list[LayerReport]]:
    """A copy of a model with weights of few bits in its linear layers.

    Args:
        model: the model.
        batches: whose inputs GPTQ reads; the errors of layers are measured on the first.
        bits: 4 or 8.
        group_size: weights that share a scale.
        method: "rtn" or "gptq".
        faster_only: leave small layers in float32.
    """
    made: Any = copy.deepcopy(model).eval()
    layers = []
    for path, layer in list(_replaceable(made, _MATRIX_LAYERS)):
        weight = _matrix_of(layer)
        group = fitting_group(weight.shape[1], group_size)
        if not group or (faster_only and weight.size < _LEAST_WEIGHTS):
            reason = "it is small" if group else f"{weight.shape[1]} inputs have no groups of even size"
            layers.append(LayerReport(path, type(layer).__name__, "float32", None, reason))
            continue
        if method == "gptq":
            hessian = _hessian(made, layer, batches)
            found = gptq(weight, hessian, bits, group)
            shown: Any = _product_error(weight, found.real(), hessian)
        else:
            found = round_to_nearest(weight, bits, group)
            shown = relative_error(found.real(), weight)
        new = WeightOnlyLinear(weight.shape[1], weight.shape[0], bits, group)
        new.set_integers(*found, None if layer.bias is None else layer.bias.detach().numpy())
        made = _with_layer(made, path, new)
        layers.append(LayerReport(path, type(layer).__name__, f"int{bits}", shown))
    return made.eval(), layers


def _product_error(weight: Any, real: Any, hessian: Any) -> float:
    """The relative error of the layer's products with the inputs of a Hessian."""
    change = real - weight
    size = float(((weight @ hessian) * weight).sum())
    return float(np.sqrt(max(float(((change @ hessian) * change).sum()), 0.0) / size)) if size > 0 else 0.0


def _replaceable(model: Module, types: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """(path, layer) of the layers of some types whose weights no other module shares."""
    seen: dict[int, int] = {}
    for _, p in model.named_parameters(remove_duplicate=False):
        seen[id(p)] = seen.get(id(p), 0) + 1
    for path, module in model.named_modules():
        if type(module) in types and all(seen[id(p)] == 1 for p in module.parameters()):
            yield path, module


def _matrix_of(layer: Any) -> Any:
    """The weight of a linear layer as (outputs, inputs)."""
    weight = layer.weight.detach().numpy()
    return weight.T if isinstance(layer, Projection) else weight


def _with_layer(model: Module, path: str, layer: Module) -> Module:
    if not path:
        return layer
    parent, _, name = path.rpartition(".")
    model.get_submodule(parent).add_module(name, layer)
    return model


def _hessian(model: Module, layer: Module, batches: list[Batch]) -> Any:
    """The sum of x x' over the inputs x of a layer."""
    columns = _matrix_of(layer).shape[1]
    total = np.zeros((columns, columns))        # as it stays for a layer that the model does not call

    def note(module: Module, args: tuple[Tensor, ...]) -> None:
        nonlocal total
        rows = args[0].numpy().reshape(-1, columns).astype(np.float64)
        total += rows.T @ rows
    handle = layer.register_forward_pre_hook(note)
    try:
        with no_grad():
            for inputs, _ in batches:
                model(*inputs)
    finally:
        handle.remove()
    return total


