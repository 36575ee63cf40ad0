"""Matrix products with a parameter as linear layers, as models loaded from ONNX compute them."""
from __future__ import annotations

from typing import Any

import numpy as np

from fastnet.graph.form import Graph, Node, Value
from fastnet.graph.rewriting import graph_pass, makers, readers, rebuilt, without_unread

__all__ = ["fuse_linear"]


@graph_pass
def fuse_linear(graph: Graph) -> Graph:
    """Write each product with a matrix of parameters as the operation "linear", with the bias that is added to it.

    The two views around a product of a tensor with more than two dimensions are removed. A matrix (inputs, outputs)
    becomes a transposed copy under its name. Its products stay if other operations read it or if it is an output.

    Args:
        graph: the graph.

    Returns:
        A graph whose outputs differ by rounding.

    Example:
        >>> import fastnet
        >>> from fastnet.graph.passes import fuse_linear
        >>> class Net(fastnet.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.weight = fastnet.nn.Parameter(fastnet.ones(3, 2))
        ...         self.bias = fastnet.nn.Parameter(fastnet.ones(2))
        ...     def forward(self, x):
        ...         return x @ self.weight + self.bias
        >>> fuse_linear(fastnet.graph.trace(Net(), fastnet.ones(4, 5, 3)))
        Graph(x (4, 5, 3)):
          add_1 (4, 5, 2) = linear(x, weight, bias)
          return add_1
    """
    layers = _LayerFinder(graph)
    for node in graph.nodes:
        layers.add(node)
    nodes = [layers.made.get(node, node) for node in graph.nodes if node not in layers.absorbed]
    return without_unread(rebuilt(graph, nodes), lambda node: node in layers.passed)


class _LayerFinder:
    """Finds the linear layers of a graph.

    Attributes:
        made: the layers, by the last node that they replace.
        absorbed: the other nodes that they replace.
        passed: the views and transpositions before them, which are removed if nothing else reads them.
    """

    def __init__(self, graph: Graph) -> None:
        self.made: dict[Node, Node] = {}
        self.absorbed: set[Node] = set()
        self.passed: set[Node] = set()
        self._outputs = graph.outputs
        self._makers = makers(graph)
        self._readers = readers(graph)
        self._transposed: dict[Value, Value] = {}

    def add(self, node: Node) -> None:
        """Note the layer that a node begins, if it begins one."""
        weight = self._weight_of(node)
        if weight is None or node.inputs[0].data is not None:
            return
        x, bias, last = next(iter(node.arguments.values())), node.arguments.get("bias"), node
        before, after = self._makers.get(x), self._only_reader(node)
        if before is not None and after is not None and _are_opposite(before, after):
            x, last = before.inputs[0], after
            self.absorbed.add(node)
            self.passed.add(before)
        following = self._only_reader(last)
        added = None if bias is not None or following is None else _added_bias(following, last.outputs[0], weight)
        if added is not None and following is not None:
            self.absorbed.add(last)
            bias, last = added, following
        self.made[last] = Node("linear", {"x": x, "weight": weight, "bias": bias}, last.outputs, node.module)

    def _only_reader(self, node: Node) -> Node | None:
        """The only node that reads the result of a node."""
        found = self._readers.get(node.outputs[0], [])
        return found[0] if len(found) == 1 and node.outputs[0] not in self._outputs else None

    def _weight_of(self, node: Node) -> Value | None:
        """The weight (outputs, inputs) if a node is a product with a matrix of parameters, which is not a layer yet."""
        if node.operation not in ("mm", "linear"):
            return None
        right = list(node.arguments.values())[1]
        maker = self._makers.get(right)
        turned = maker is not None and maker.operation == "transposed" and maker.arguments["order"] == (1, 0)
        stored = maker.inputs[0] if maker is not None and turned else right
        if stored.kind != "parameter" or len(stored.shape) != 2:
            return None
        self.passed |= {maker} if maker is not None and turned else set()
        if node.operation == "linear":
            return self._transpose(stored) if turned else None
        return stored if turned else self._transpose(stored)

    def _transpose(self, weight: Value) -> Value | None:
        """A transposed copy of a matrix; None if anything else reads the matrix, which then stays."""
        if (weight not in self._transposed and weight not in self._outputs
                and all(map(self._multiplies, self._readers[weight]))):
            assert weight.data is not None
            data = np.ascontiguousarray(weight.data.T)
            self._transposed[weight] = Value(weight.name, weight.kind, data.shape, weight.dtype, data)
        return self._transposed.get(weight)

    def _multiplies(self, reader: Node) -> bool:
        """Whether a node that reads a weight multiplies a computed value by it, or transposes it for linear layers."""
        if reader.operation != "transposed":
            return reader.operation == "mm" and reader.inputs[0].data is None
        turned = reader.outputs[0]
        products = self._readers.get(turned, [])
        return bool(products) and turned not in self._outputs and all(
            node.operation == "linear" and node.arguments["weight"] is turned and node.arguments["x"] is not turned
            and node.arguments["x"].data is None for node in products)


def _are_opposite(before: Node, after: Node) -> bool:
    """Whether two views make rows of the dimensions before the last one, and these of the rows again."""
    if not before.operation == after.operation == "view":
        return False
    x, rows, products, y = before.inputs[0], before.outputs[0], after.inputs[0], after.outputs[0]
    return (repr(x.shape[:-1]) == repr(y.shape[:-1]) and x.shape[-1:] == rows.shape[-1:]
            and products.shape[-1:] == y.shape[-1:])


def _added_bias(node: Node, x: Value, weight: Value) -> Value | None:
    """The bias that a node adds to x."""
    values: list[Any] = list(node.arguments.values())
    if node.operation != "add" or x not in values[:2]:
        return None
    other = values[1] if values[0] is x else values[0]
    fits = isinstance(other, Value) and other.kind == "parameter" and other.shape == weight.shape[:1]
    return other if fits and other.dtype == weight.dtype else None
