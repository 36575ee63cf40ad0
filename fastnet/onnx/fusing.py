"""Fusion for inference: a convolution or a matrix product with the nodes after it, as one operation.

A chain is a Conv, Gemm or MatMul, then a batch norm or an addition of a bias, then an addition of a residual, then an
activation, of which all but the first may be missing. Nobody else reads the values in between. In training, in a trace
and while gradients are recorded, the nodes of a chain run separately.
"""
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.functional.conv_arrays import Paddings
from fastnet.functional.convolution import conv_normed
from fastnet.functional.linear import linear_activated
from fastnet.nn import functional as F
from fastnet.onnx.program import Program
from fastnet.onnx.registry import Node, Operator
from fastnet.onnx.windows import window_settings

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["FusedNode", "with_fused_nodes"]

_STARTS = frozenset(("Conv", "Gemm", "MatMul"))
_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "HardSwish": "hardswish"}
_GATES = {"Sigmoid": "silu", "HardSigmoid": "hardswish"}        # x * gate(x)


class FusedNode(Node):
    """A chain of nodes that one operation computes, if it applies.

    Args:
        parts: the nodes, in order.
        roles: "norm", "bias" and "residual" with the name of what is added or the node, where they are.
        activation: as the kernels name it, or "none".
    """

    def __init__(self, parts: Sequence[Node], roles: Mapping[str, Any], activation: str) -> None:
        own = {y for part in parts for y in part.outputs}
        inputs = tuple(dict.fromkeys(x for part in parts for x in part.inputs if x and x not in own))
        name = "+".join(part.operator.name for part in parts)
        operator = Operator(name, "fastnet", 1, self.run, frozenset())
        super().__init__(parts[0].name, operator, parts[0].opset, inputs, parts[-1].outputs[:1], {})
        self.parts, self._roles, self._activation = tuple(parts), roles, activation

    def run(self, value: Callable[[str], Any]) -> Tensor | None:
        """The output; None if the nodes must run separately.

        Args:
            value: gives the Tensor of a name.
        """
        start = self.parts[0]
        if state.grad_enabled or state.tracer is not None or start.training:
            return None
        x, weight, *bias = (value(name) if name else None for name in start.inputs)
        residual = value(self._roles["residual"]) if "residual" in self._roles else None
        if not isinstance(x, Tensor) or x.dtype.kind != "f" or (residual is not None and residual.dtype != x.dtype):
            return None
        if start.operator.name == "Conv":
            return self._convolved(x, weight, bias[0] if bias else None, residual, value)
        if start.operator.name == "MatMul":
            return self._product(x, weight.t(), value(self._roles["bias"])) if weight.ndim == 2 else None
        return self._product(x, weight if start.attribute("transB", 0) else weight.t(), bias[0] if bias else None)

    def _convolved(self, x: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None,
                   value: Callable[[str], Any]) -> Tensor | None:
        node = self.parts[0]
        if not 3 <= x.ndim <= 5:
            return None
        settings = window_settings(node, x.shape[2:], node.attribute("kernel_shape", weight.shape[2:]))
        shape = (x.shape[0], weight.shape[0], *settings.counts(x.shape[2:]))
        if min(settings.before + settings.after) < 0 or (residual is not None and residual.shape != shape):
            return None
        padding = Paddings(settings.before, settings.after)
        statistics = None
        if "norm" in self._roles:
            norm = self._roles["norm"]
            scale, shift, mean, var = (value(name) for name in norm.inputs[1:5])
            statistics = mean, var, scale, shift, norm.attribute("epsilon", 1e-5)
        return conv_normed(x, weight, bias, settings.strides, padding, settings.dilations, node.attribute("group", 1),
                           statistics, self._activation, residual)

    def _product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor | None:
        if bias is not None and bias.shape != weight.shape[:1]:
            return None
        if self._activation == "none":
            return F.linear(x, weight, bias)
        return linear_activated(x, weight, bias, self._activation)


def with_fused_nodes(nodes: Sequence[Node], outputs: Collection[str], constants: Mapping[str, Array]) -> list[Node]:
    """The nodes of a graph with its chains as fused nodes.

    Args:
        nodes: in order.
        outputs: the names of the values that the graph computes.
        constants: weights and constants by name.
    """
    finder = _ChainFinder(nodes, outputs, constants)
    chains: dict[int, FusedNode] = {}                   # by id of the last node
    taken: set[int] = set()
    for node in nodes:
        if id(node) not in taken:
            made = finder.chain(node)
            if made is not None:
                chains[id(made.parts[-1])] = made
                taken.update(map(id, made.parts))
    return [chains.get(id(node), node) for node in nodes if id(node) in chains or id(node) not in taken]


class _ChainFinder:
    """Finds the chains of a graph."""

    def __init__(self, nodes: Sequence[Node], outputs: Collection[str], constants: Mapping[str, Array]) -> None:
        self._outputs, self._constants = outputs, constants
        self._readers: dict[str, list[Node]] = {}
        for node in nodes:
            bodies = [body for body in node.attributes.values() if isinstance(body, Program)]
            for name in (*node.inputs, *(x for body in bodies for x in body.captures)):
                self._readers.setdefault(name, []).append(node)

    def chain(self, start: Node) -> FusedNode | None:
        """The chain that starts with a node, of two nodes or more."""
        if start.operator.name not in _STARTS or start.operator.domain or not self._is_plain(start):
            return None
        parts, roles = [start], {}
        for role, found in (("norm", self._norm), ("bias", self._bias), ("residual", self._residual)):
            value = parts[-1].outputs[0]
            node = self._only_reader(value)
            given = found(start, node, value) if node is not None else None
            if node is not None and given is not None:
                parts.append(node)
                roles[role] = given
        last, activation = self._activation(parts[-1].outputs[0])
        parts += last
        if len(parts) == 1 or (start.operator.name == "MatMul" and "bias" not in roles):
            return None
        return FusedNode(parts, roles, activation)

    @staticmethod
    def _is_plain(node: Node) -> bool:
        if node.operator.name != "Gemm":
            return True
        bias = len(node.inputs) > 2
        return not node.attribute("transA", 0) and node.attribute("alpha", 1.0) == 1 and (
            not bias or node.attribute("beta", 1.0) == 1)

    def _only_reader(self, value: str) -> Node | None:
        readers = self._readers.get(value, [])
        return readers[0] if len(readers) == 1 and value not in self._outputs else None

    def _norm(self, start: Node, node: Node, value: str) -> Node | None:
        fits = (start.operator.name == "Conv" and node.operator.name == "BatchNormalization"
                and node.inputs[0] == value and not node.attribute("training_mode", 0) and node.attribute("spatial", 1)
                and not any(node.outputs[1:]))
        return node if fits else None

    def _other_operand(self, node: Node, value: str) -> str | None:
        """The other operand of an addition."""
        if node.operator.name != "Add" or node.opset < 7:
            return None
        first, second = node.inputs
        return second if first == value else first

    def _bias(self, start: Node, node: Node, value: str) -> str | None:
        other = self._other_operand(node, value) if start.operator.name == "MatMul" else None
        return other if other in self._constants and self._constants[other].ndim == 1 else None

    def _residual(self, start: Node, node: Node, value: str) -> str | None:
        other = self._other_operand(node, value) if start.operator.name == "Conv" else None
        return None if other in self._constants else other

    def _activation(self, value: str) -> tuple[list[Node], str]:
        node = self._only_reader(value)
        if node is not None:
            name = self._activation_name(node)
            return ([node], name) if name else ([], "none")
        readers = self._readers.get(value, [])
        if len(readers) == 2 and value not in self._outputs:
            gate, product = sorted(readers, key=lambda node: node.operator.name == "Mul")
            if (self._is_gate(gate) and product.operator.name == "Mul" and product.opset >= 7
                    and set(product.inputs) == {value, gate.outputs[0]}
                    and self._only_reader(gate.outputs[0]) is product):
                return [gate, product], _GATES[gate.operator.name]
        return [], "none"

    def _activation_name(self, node: Node) -> str | None:
        if node.operator.name == "HardSigmoid":
            return "hardsigmoid" if self._is_gate(node) else None
        if node.operator.name == "Clip" and len(node.inputs) == 3:
            low, high = (self._constants.get(name) for name in node.inputs[1:])
            return "relu6" if low is not None and high is not None and (low.item(), high.item()) == (0, 6) else None
        return _ACTIVATIONS.get(node.operator.name)

    @staticmethod
    def _is_gate(node: Node) -> bool:
        if node.operator.name == "HardSigmoid":
            return abs(node.attribute("alpha", 0.2) - 1 / 6) < 1e-6 and node.attribute("beta", 0.5) == 0.5
        return node.operator.name == "Sigmoid"
