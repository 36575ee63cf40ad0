"""Models as graphs whose operations have other gradients than their own."""
from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import fastnet
from fastnet import Tensor
from fastnet._core.errors import given_text
from fastnet.autograd import Function
from fastnet.explain.network import Network, slopes_of
from fastnet.graph import Graph, Node, Value, operation, trace
from fastnet.nn import Module

__all__ = ["Rule", "TracedNetwork", "dependent", "with_rule"]

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]       # of the argument, the result and its gradient
_MOST_GRAPHS = 16
_SETTING_TYPES = frozenset((bool, int, float, str))     # of attributes


class TracedNetwork(Network):
    """A Module as a graph, traced once for each shape of its arguments.

    A change of the weights' values is seen. If a module, a parameter, a hook or a plain setting of a module changes,
    such as the active adapters, the model is traced again; other attributes must stay as they are.

    Args:
        model: the Module.
        change: makes the graph to run of the graph of the model.
        compile: see `Network`.
        make: the function to compile, from a function of the model's arguments.

    Raises:
        TypeError: model is not a Module.
    """

    def __init__(self, model: Module, change: Callable[[Graph], Graph], compile: bool = True,
                 make: Callable[..., Callable[..., Any]] = slopes_of) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"expected a Module, whose operations can be traced, got {given_text(model)}")
        super().__init__(model, compile)
        self._change, self._make = change, make
        self._functions: dict[Any, Callable[..., Any]] = {}
        self._parts: list[Any] = []
        self._slopes = self._traced_slopes

    def _traced_slopes(self, inputs: tuple[Tensor, ...], index: Tensor | None, extra: tuple[Any, ...]) -> Any:
        assert isinstance(self.forward, Module)
        parts: list[Any] = [id(p._data) for p in self.forward.parameters()]
        for module in self.forward.modules():
            parts += id(module), _settings(module)
        if parts != self._parts:
            self._functions.clear()
            self._parts = parts
        key = tuple((x.shape, x.dtype) if isinstance(x, Tensor) else (type(x), x) for x in (*inputs, *extra))
        if key not in self._functions:
            if len(self._functions) >= _MOST_GRAPHS:
                self._functions.clear()
            self._functions[key] = self._compiled(self._make(self._run(inputs, extra)))
        return self._functions[key](inputs, index, extra)

    def _run(self, inputs: tuple[Tensor, ...], extra: tuple[Any, ...]) -> Callable[..., Any]:
        """The function of the model's arguments that runs the changed graph."""
        graph = trace(self.forward, *inputs, *extra)                        # type: ignore[arg-type]    # a Module
        if len(graph.inputs) != sum(isinstance(x, Tensor) for x in (*inputs, *extra)):
            raise TypeError("expected additional_forward_args to be tensors and plain values, got tensors inside of "
                            "other values")
        run = self._change(graph).run
        return lambda *arguments: run(*(x for x in arguments if isinstance(x, Tensor)))


def _settings(module: Module) -> list[Any]:
    """The numbers, texts and tuples of such among the attributes of a module, and the identities of its hooks."""
    found: list[Any] = [tuple(map(id, hooks.values())) for hooks in module._hooks or ()]
    found += [value for value in module.__dict__.values() if type(value) in _SETTING_TYPES or (
        type(value) is tuple and _SETTING_TYPES.issuperset(map(type, value)))]
    return found


def dependent(graph: Graph) -> set[Value]:
    """The values of a graph that depend on its inputs.

    Args:
        graph: the graph.

    Example:
        >>> import fastnet
        >>> from fastnet.explain.tracing import dependent
        >>> graph = fastnet.graph.trace(fastnet.nn.Linear(3, 2), fastnet.ones(5, 3))
        >>> sorted(value.name for value in dependent(graph))
        ['input', 'linear_1']
    """
    found = set(graph.inputs)
    for node in graph.nodes:
        if not found.isdisjoint(node.inputs):
            found.update(node.outputs)
    return found


def with_rule(node: Node, argument: str, rule: Rule) -> Node:
    """A node whose gradient with respect to one argument is that of a rule.

    Args:
        node: the node.
        argument: the name of an argument that holds a value.
        rule: the gradient of the argument, from the argument, the result and its gradient. The result is on the tape
            of the argument, so that `fastnet.grad` gives the gradient of the operation itself.
    """
    function = node.function or operation(node.operation)
    signature = inspect.signature(function)
    place = list(signature.parameters).index(argument)

    def ruled(*args: Any, **named: Any) -> Tensor:
        def alone(x: Tensor) -> Tensor:
            return function(*args[:place], x, *args[place + 1:], **named)
        return _Ruled.apply(alone, rule, args[place])
    ruled.__signature__ = signature                     # type: ignore[attr-defined]    # of which the graph binds calls
    return dataclasses.replace(node, function=ruled)


class _Ruled(Function):
    """An operation of one tensor with the gradient of a rule."""

    @staticmethod
    def forward(ctx: Any, function: Callable[[Tensor], Tensor], rule: Rule, x: Tensor) -> Tensor:
        with fastnet.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = function(ctx.x)
        ctx.rule = rule
        return ctx.y.detach()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.rule(ctx.x, ctx.y, g)
