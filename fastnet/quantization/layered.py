"""Layers of models that have none: the products in the graphs of loaded ONNX files."""
from __future__ import annotations

from typing import Any

from fastnet import nn
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
    with fork_rng():                    # new layers draw weights, which those of the model replace
        for node in rewriter.graph.nodes:
            a = node.arguments
            if node.operation == "linear" and weight_reason(a["weight"], a["bias"], a["x"]) is None:
                outputs, inputs = a["weight"].shape
                layer = nn.Linear(inputs, outputs, bias=a["bias"] is not None)
                layer.weight = rewriter.tensor_for(a["weight"])
                layer.bias = a["bias"] and rewriter.tensor_for(a["bias"])
                rewriter.add_float_module(node.outputs[0], rewriter.path_for(node, a["weight"], a["bias"]), layer,
                                          a["x"])
            else:
                rewriter.add_operation(node.outputs[0], node.operation, node.arguments)
        return rewriter.finish()
