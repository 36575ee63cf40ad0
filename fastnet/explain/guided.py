"""Gradients that pass ReLU by other rules: GuidedBackprop, Deconvolution."""
from __future__ import annotations

import dataclasses
from typing import Any

import fastnet
from fastnet import Tensor
from fastnet.explain.attribution import Attribution
from fastnet.explain.samples import Inputs, Target, in_form
from fastnet.explain.tracing import Rule, TracedNetwork, with_rule
from fastnet.graph import Graph
from fastnet.nn import Module

__all__ = ["Deconvolution", "GuidedBackprop"]


class _ModifiedRelu(Attribution):
    """Gradients of the inputs, with a rule for the gradient of each ReLU."""

    _rule: Rule

    def __init__(self, model: Module, *, compile: bool = True) -> None:
        super().__init__(model, compile=compile)
        self._network = TracedNetwork(model, self._with_rules, compile)

    def _with_rules(self, graph: Graph) -> Graph:
        rule = type(self)._rule
        return dataclasses.replace(graph, nodes=tuple(
            with_rule(node, next(iter(node.arguments)), rule) if node.operation == "relu" else node
            for node in graph.nodes))

    def attribute(self, inputs: Inputs, target: Target = None, additional_forward_args: Any = None) -> Any:
        """Compute the modified gradients. Arguments, result and errors are those of `Saliency.attribute`."""
        samples = self._samples(inputs, target, additional_forward_args)
        return in_form(self._network.slopes(samples, self._network.limit(samples)), inputs)


def _guided(x: Tensor, y: Tensor, g: Tensor) -> Tensor:
    return fastnet.grad(y, x, g)[0].clamp(min=0)


def _deconvolved(x: Tensor, y: Tensor, g: Tensor) -> Tensor:
    return g.clamp(min=0)


class GuidedBackprop(_ModifiedRelu):
    """The gradient, where only positive gradients pass a ReLU.

    Each call of ReLU in the traced model is modified, as a module or as a function, also if a module is called
    several times. Springenberg et al. 2014, "Striving for Simplicity", https://arxiv.org/abs/1412.6806.

    Args:
        model: a Module.
        compile: see `Attribution`.

    Raises:
        TypeError: model is not a Module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.explain import GuidedBackprop
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> GuidedBackprop(model).attribute(fastnet.ones(1, 2), target=1).shape
        (1, 2)
    """

    _rule = staticmethod(_guided)


class Deconvolution(_ModifiedRelu):
    """The gradient, where a ReLU passes all positive gradients, also where its input is negative.

    Zeiler and Fergus 2013, "Visualizing and Understanding Convolutional Networks", https://arxiv.org/abs/1311.2901.

    Args:
        model: a Module.
        compile: see `Attribution`.

    Raises:
        TypeError: model is not a Module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.explain import Deconvolution
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> Deconvolution(model).attribute(fastnet.ones(1, 2), target=1).shape
        (1, 2)
    """

    _rule = staticmethod(_deconvolved)
