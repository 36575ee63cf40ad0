"""The rules of DeepLIFT for the operations of a graph.

A batch holds the inputs in its first half and their baselines in its second. A rule gives the gradient of an argument
x, from x, the result y and its gradient g, so that the differences of the halves are conserved.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import fastnet
from fastnet import Tensor
from fastnet.explain.tracing import Rule, dependent, with_rule
from fastnet.graph import Graph, Node, Value
from fastnet.graph.operations import ELEMENTWISE

__all__ = ["with_rules"]

# Elementwise operations whose gradient conserves differences itself.
_CONSERVING = frozenset(("add", "add_multiple", "div", "mul", "neg", "sub", "sub_multiple"))


def with_rules(graph: Graph, eps: float) -> Graph:
    """A graph whose nonlinear operations have the gradients of DeepLIFT.

    Args:
        graph: the graph.
        eps: differences of arguments below it count as zero; the operation's own gradient then holds.
    """
    inner = dependent(graph)
    return dataclasses.replace(graph, nodes=tuple(_changed(node, inner, eps) for node in graph.nodes))


def _changed(node: Node, inner: set[Value], eps: float) -> Node:
    arguments = [name for name, x in node.arguments.items() if isinstance(x, Value) and x in inner]
    if len(arguments) != 1:
        return node
    rule = _rule_for(node, node.arguments[arguments[0]])
    return node if rule is None else with_rule(node, arguments[0], _bound(rule, node, eps))


def _rule_for(node: Node, x: Value) -> Callable[..., Tensor] | None:
    if node.operation == "max_pool":
        return _max_pool_rule
    if node.operation == "softmax" and node.arguments["kernel"] == "softmax":
        return _softmax_rule
    is_curved = node.operation in ELEMENTWISE - _CONSERVING and x.shape == node.outputs[0].shape
    return _rescale_rule if is_curved and node.outputs[0].dtype.kind == "f" else None


def _bound(rule: Callable[..., Tensor], node: Node, eps: float) -> Rule:
    dim = node.arguments.get("dim")
    return lambda x, y, g: rule(x, y, g, eps, dim)


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    half = x.shape[0] // 2
    return x[:half], x[half:]


def _change_of(x: Tensor) -> Tensor:
    """The inputs minus the baselines, for both halves."""
    first, second = _halves(x.detach())
    change = first - second
    return fastnet.cat([change, change])


def _rescale_rule(x: Tensor, y: Tensor, g: Tensor, eps: float, dim: Any) -> Tensor:
    """The rescale rule: g * (difference of y) / (difference of x)."""
    own, = fastnet.grad(y, x, g)
    change = _change_of(x)
    return fastnet.where(change.abs() < eps, own, g * _change_of(y) / change)


def _softmax_rule(x: Tensor, y: Tensor, g: Tensor, eps: float, dim: Any) -> Tensor:
    """The rescale rule, less its mean over the classes."""
    slope = _rescale_rule(x, y, g, eps, dim)
    return slope - slope.mean(dim, keepdim=True)


def _max_pool_rule(x: Tensor, y: Tensor, g: Tensor, eps: float, dim: Any) -> Tensor:
    """The rise from the baseline to the larger maximum goes to the input's winner, the rest to the baseline's."""
    first, second = _halves(y.detach())
    larger = fastnet.maximum(first, second)
    own, = fastnet.grad(y, x, g, retain_graph=True)
    moved, = fastnet.grad(y, x, g * fastnet.cat([larger - second, first - larger]))
    to_input, to_baseline = _halves(moved)
    total, change = to_input + to_baseline, _change_of(x)
    return fastnet.where(change.abs() < eps, own, fastnet.cat([total, total]) / change)
