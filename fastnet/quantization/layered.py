"""Linear layers for models without layers: the products in the graphs of loaded ONNX files."""
from __future__ import annotations

from typing import Any

import numpy as np

from fastnet import nn
from fastnet._core.construction import as_tensor
from fastnet.autograd import no_grad
from fastnet.graph import Value
from fastnet.nn.module import Module
from fastnet.quantization.handlers import weight_reason
from fastnet.quantization.prepare import Rewriter, traced
from fastnet.quantization.replace import REPLACED
from fastnet.random import fork_rng

__all__ = ["has_layers", "with_layers"]


def has_layers(model: Module) -> bool:
    """Whether modules of a model compute with its weights; those of a graph only hold them.

    Args:
        model: the model.

    Example:
        >>> import fastnet
        >>> from fastnet.quantization.layered import has_layers
        >>> model = fastnet.nn.Sequential(fastnet.nn.Linear(3, 2))
        >>> has_layers(model), has_layers(fastnet.graph.GraphModule(fastnet.graph.trace(model, fastnet.ones(1, 3))))
        (True, False)
    """
    return isinstance(model, REPLACED) or any(type(module) is not Module for module in model.modules()
                                              if module is not model)


def with_layers(model: Module, example: tuple[Any, ...]) -> Module:
    """The traced graph of a model as a model of steps, whose linear maps are `nn.Linear`.

    Args:
        model: the model, in evaluation mode.
        example: the arguments of its `forward`.

    Raises:
        RuntimeError: the model cannot be traced.
    """
    rewriter = Rewriter(traced(model, example))
    paths: dict[tuple[Any, Any], str] = {}      # (weight, bias): the layer, which several nodes can call
    with fork_rng():                    # new layers draw weights, which those of the model replace
        for node in rewriter.graph.nodes:
            a = node.arguments
            if node.operation == "linear" and weight_reason(a["weight"], a["bias"], a["x"]) is None:
                key = a["weight"], a["bias"]
                if key not in paths:
                    paths[key] = rewriter.path_for(node, *key)
                    rewriter.members[paths[key]] = _layer_of(rewriter, *key)
                rewriter.steps.append({"out": node.outputs[0].name, "module": paths[key], "inputs": [a["x"].name]})
            else:
                rewriter.add_operation(node.outputs[0], node.operation, node.arguments)
        return rewriter.finish()


def _layer_of(rewriter: Rewriter, weight: Value, bias: Value | None) -> nn.Linear:
    """A layer with a weight that other operations may share, and a copy of the bias, which ONNX files often share."""
    outputs, inputs = weight.shape
    layer = nn.Linear(inputs, outputs, bias=bias is not None)
    layer.weight = rewriter.tensor_for(weight)
    if bias is not None and layer.bias is not None:
        with no_grad():
            layer.bias.copy_(as_tensor(np.asarray(bias.data)))
    return layer
