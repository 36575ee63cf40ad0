"""Fusion: neighbouring nodes that one kernel computes, for inference without gradients.

`fused` finds chains of nodes whose inner values nobody else reads, and replaces each by one node of the domain
"fastnet". To fuse others, write a function on a `_Chains` and list it in `_FUSIONS`.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet.nn.fusion import FUSED_ACTIVATIONS
from fastnet.onnx.graphs import finished
from fastnet.onnx.operators.fused import DOMAIN
from fastnet.onnx.program import Program, names_read
from fastnet.onnx.registry import Node, find_operator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Constants", "constants_of", "fused"]

_FUSED_VERSION = 1                            # of the operators of the domain


class Constants(NamedTuple):
    """The constants of a model.

    Attributes:
        arrays: those that training does not change, by name.
        shapes: of all constants, by name.
    """

    arrays: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]


def constants_of(arrays: Mapping[str, Array], tensors: Mapping[str, Any]) -> Constants:
    """The constants of a model, for `fused`.

    Args:
        arrays: those that training does not change, by name.
        tensors: parameters and buffers, by name.
    """
    return Constants(arrays, {name: tuple(x.shape) for found in (tensors, arrays) for name, x in found.items()})


def fused(program: Program, constants: Constants) -> Program:
    """The program with fused nodes, also in subgraphs. The nodes are copies.

    Args:
        program: of a model or a subgraph.
        constants: of the model.
    """
    chains = _Chains(program, constants)
    for rule in _FUSIONS:
        for node in chains.nodes:
            if chains.holds(node):
                rule(chains, node)
    return finished(program.name, program.inputs, program.outputs, chains.nodes)


def _with_fused_bodies(node: Node, constants: Constants) -> Node:
    """A node whose subgraphs are fused."""
    attributes = {name: fused(value, constants) if isinstance(value, Program) else value
                  for name, value in node.attributes.items()}
    made = Node(node.name, node.operator, node.opset, node.inputs, node.outputs, attributes)
    made.model, made.generator = node.model, node.generator
    return made


class _Chains:
    """The nodes of a program while they are being fused.

    Attributes:
        constants: of the model.
        makers: the node that computes a value, by name.
        readers: the nodes that read a value, as keys, by name.
    """

    def __init__(self, program: Program, constants: Constants) -> None:
        self.constants = constants
        self.makers: dict[str, Node] = {}
        self.readers: dict[str, dict[Node, None]] = {}
        self._outside = set(program.outputs)
        self._places: list[Node | None] = []
        self._place_of: dict[Node, int] = {}
        for node in program.nodes:
            self._places.append(None)
            self._put(_with_fused_bodies(node, constants), len(self._places) - 1)

    @property
    def nodes(self) -> list[Node]:
        """The nodes in order."""
        return [node for node in self._places if node is not None]

    def holds(self, node: Node) -> bool:
        """Whether a node is still in the program."""
        return node in self._place_of

    def _put(self, node: Node, place: int) -> None:
        self._places[place] = node
        self._place_of[node] = place
        self.makers.update((name, node) for name in node.outputs if name)
        for name in names_read(node):
            self.readers.setdefault(name, {})[node] = None

    def _take(self, node: Node) -> None:
        self._places[self._place_of.pop(node)] = None
        for name in names_read(node):
            self.readers[name].pop(node, None)

    def _is_read_once(self, node: Node) -> bool:
        """Whether one node reads the first output of a node, and nobody reads the others."""
        first, *others = node.outputs
        return (len(self.readers.get(first, ())) == 1 and not any(self.readers.get(name) for name in others)
                and self._outside.isdisjoint(node.outputs))

    def maker(self, name: str, kind: str) -> Node | None:
        """The node of an operator that makes a value, which one node alone reads.

        Args:
            name: of the value.
            kind: of the operator.
        """
        node = self.makers.get(name)
        return node if node is not None and _is(node, kind) and self._is_read_once(node) else None

    def reader(self, node: Node) -> Node | None:
        """The one node that reads what a node computes, or None."""
        return next(iter(self.readers[node.outputs[0]])) if self._is_read_once(node) else None

    def replace(self, removed: Iterable[Node], kind: str, inputs: tuple[str, ...], output: str,
                attributes: Mapping[str, Any]) -> None:
        """Put one node in place of several, the last of which makes its output.

        Args:
            removed: the nodes.
            kind: of the new node's operator.
            inputs, output, attributes: of the new node.
        """
        last, operator = self.makers[output], find_operator(kind, DOMAIN, _FUSED_VERSION)
        assert operator is not None
        made = Node(last.name, operator, last.opset, inputs, (output,), dict(attributes))
        made.model = last.model
        place = self._place_of[last]
        for node in removed:
            self._take(node)
        self._put(made, place)

    def number(self, name: str) -> float | None:
        """The value of a constant of one element that training does not change, or None."""
        array = self.constants.arrays.get(name)
        is_number = array is not None and array.size == 1 and array.ndim <= 1 and array.dtype.kind in "fi"
        return float(array.ravel()[0]) if array is not None and is_number else None

    def is_number(self, name: str, value: float) -> bool:
        """Whether a value is a constant of one element that is this number in float32."""
        found = self.number(name)
        return found is not None and math.isclose(found, value, rel_tol=1e-6)

    @staticmethod
    def other(node: Node, name: str) -> str:
        """The operand of a node with two that is not this one."""
        return node.inputs[1] if node.inputs[0] == name else node.inputs[0]


def _is(node: Node, kind: str) -> bool:
    return node.operator.name == kind and node.operator.domain in ("", DOMAIN)


# ---- activations of several nodes ------------------------------------------------------------------------------------

class _Product(NamedTuple):
    """coefficient * the product of the factors, which the nodes compute."""

    coefficient: float
    factors: tuple[str, ...]
    nodes: tuple[Node, ...]


def _factors_of(chains: _Chains, node: Node, depth: int = 2) -> _Product:
    """The product that a Mul or Div computes, with those that it alone reads."""
    coefficient = 1.0
    factors: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = (node,)
    for i, name in enumerate(node.inputs):
        number = chains.number(name)
        divides = _is(node, "Div") and i == 1
        inner = None if divides or not depth else chains.maker(name, "Mul") or chains.maker(name, "Div")
        if number:
            coefficient *= 1 / number if divides else number
        elif inner is not None:
            part = _factors_of(chains, inner, depth - 1)
            coefficient, factors, nodes = coefficient * part.coefficient, factors + part.factors, nodes + part.nodes
        else:
            factors += (name, "") if divides else (name,)           # an empty name matches nothing
    return _Product(coefficient, factors, nodes)


def _gated(chains: _Chains, node: Node) -> None:
    """x * sigmoid(x), x * hardsigmoid(x), x * clip(x + 3, 0, 6) / 6, x * (1 + erf(x / sqrt(2))) / 2, or by tanh"""
    if not (_is(node, "Mul") or _is(node, "Div")):
        return
    coefficient, factors, nodes = _factors_of(chains, node)
    if len(factors) != 2:
        return
    for x, gate in (factors, factors[::-1]):
        for wanted, kind, match in _GATES:
            found = match(chains, x, gate) if math.isclose(coefficient, wanted, rel_tol=1e-3) else None
            if found is not None:
                chains.replace([*nodes, *found], kind, (x,), node.outputs[0], {})
                return


def _sigmoid_gate(chains: _Chains, x: str, gate: str) -> list[Node] | None:
    node = chains.maker(gate, "Sigmoid")
    return [node] if node is not None and node.inputs == (x,) else None


def _hard_gate(chains: _Chains, x: str, gate: str) -> list[Node] | None:
    node = chains.maker(gate, "HardSigmoid")
    return [node] if node is not None and node.inputs == (x,) and _is_sixth(node) else None


def _is_sixth(node: Node) -> bool:
    return math.isclose(node.attribute("alpha", 0.2), 1 / 6, rel_tol=1e-3) and node.attribute("beta", 0.5) == 0.5


def _clipped_gate(chains: _Chains, x: str, gate: str) -> list[Node] | None:
    clip = chains.maker(gate, "Clip")
    shifted = None if clip is None or not _is_clip6(chains, clip) else chains.maker(clip.inputs[0], "Add")
    if clip is None or shifted is None or x not in shifted.inputs or not chains.is_number(chains.other(shifted, x), 3):
        return None
    return [clip, shifted]


def _is_clip6(chains: _Chains, clip: Node) -> bool:
    low, high = (chains.number(clip.inputs[i]) if len(clip.inputs) > i else clip.attribute(name)
                 for i, name in ((1, "min"), (2, "max")))
    return low == 0 and high == 6


def _erf_gate(chains: _Chains, x: str, gate: str) -> list[Node] | None:
    one = chains.maker(gate, "Add")
    inner = [] if one is None else [name for name in one.inputs if chains.is_number(chains.other(one, name), 1)]
    erf = chains.maker(inner[0], "Erf") if inner else None
    scaled = None if erf is None else chains.maker(erf.inputs[0], "Div") or chains.maker(erf.inputs[0], "Mul")
    if one is None or erf is None or scaled is None:
        return None
    coefficient, factors, nodes = _factors_of(chains, scaled)
    return [one, erf, *nodes] if factors == (x,) and math.isclose(coefficient, math.sqrt(0.5), rel_tol=1e-3) else None


def _tanh_gate(chains: _Chains, x: str, gate: str) -> list[Node] | None:
    """1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))"""
    one = chains.maker(gate, "Add")
    inner = [] if one is None else [name for name in one.inputs if chains.is_number(chains.other(one, name), 1)]
    tanh = chains.maker(inner[0], "Tanh") if inner else None
    scaled = None if tanh is None else chains.maker(tanh.inputs[0], "Mul")
    if one is None or tanh is None or scaled is None:
        return None
    outer = _factors_of(chains, scaled)
    total = chains.maker(outer.factors[0], "Add") if len(outer.factors) == 1 else None
    cube = chains.maker(chains.other(total, x), "Mul") if total is not None and x in total.inputs else None
    if total is None or cube is None or not math.isclose(outer.coefficient, math.sqrt(2 / math.pi), rel_tol=1e-3):
        return None
    power = _factors_of(chains, cube)
    fits = power.factors == (x, x, x) and math.isclose(power.coefficient, 0.044715, rel_tol=1e-3)
    return [one, tanh, *outer.nodes, total, *power.nodes] if fits else None


# coefficient of the product, the operator that it is, the nodes that compute the gate of x
_GATES: tuple[tuple[float, str, Callable[[_Chains, str, str], list[Node] | None]], ...] = (
    (1.0, "Silu", _sigmoid_gate), (1.0, "HardSwish", _hard_gate), (1 / 6, "HardSwish", _clipped_gate),
    (0.5, "Gelu", _erf_gate), (0.5, "GeluTanh", _tanh_gate))


def _relu6(chains: _Chains, node: Node) -> None:
    """clip(x, 0, 6)"""
    if _is(node, "Clip") and _is_clip6(chains, node):
        chains.replace([node], "Relu6", node.inputs[:1], node.outputs[0], {})


# ---- one node with a constant ----------------------------------------------------------------------------------------

def _power(chains: _Chains, node: Node) -> None:
    """x ** 2, x ** 0.5"""
    if _is(node, "Pow"):
        for exponent, kind in ((2, "Square"), (0.5, "Sqrt")):
            if chains.is_number(node.inputs[1], exponent):
                chains.replace([node], kind, node.inputs[:1], node.outputs[0], {})
                return


def _selection(chains: _Chains, node: Node) -> None:
    """The entry of an axis at a constant index, a view."""
    index = chains.constants.arrays.get(node.inputs[1]) if _is(node, "Gather") else None
    if index is not None and index.size == 1 and index.ndim <= 1 and index.dtype.kind == "i":
        attributes = {"axis": node.attribute("axis", 0), "index": int(index.ravel()[0]), "keep": index.ndim}
        chains.replace([node], "Select", node.inputs[:1], node.outputs[0], attributes)


# ---- convolutions and matrix products --------------------------------------------------------------------------------

def _conv_chain(chains: _Chains, node: Node) -> None:
    """A convolution with a bias, a batch norm, a residual and an activation."""
    if not _is(node, "Conv"):
        return
    removed, last = [node], node
    weight = chains.constants.shapes.get(node.inputs[1])
    bias = node.inputs[2] if len(node.inputs) > 2 else ""
    statistics: tuple[str, ...] = ("",) * 4
    residual, attributes = "", dict(node.attributes)
    following = chains.reader(last)
    if weight is not None and not bias and following is not None and _is(following, "Add"):
        shape = chains.constants.shapes.get(chains.other(following, last.outputs[0]))
        if shape is not None and len(shape) >= len(weight) - 1 and math.prod(shape) == weight[0] == \
                shape[len(shape) - len(weight) + 1]:
            bias, last = chains.other(following, last.outputs[0]), following
            removed.append(following)
            following = chains.reader(last)
    if following is not None and _normalizes(following, last.outputs[0]):
        statistics, attributes["epsilon"] = following.inputs[1:5], following.attribute("epsilon", 1e-5)
        last = following
        removed.append(following)
        following = chains.reader(last)
    if following is not None and _is(following, "Add") and len(set(following.inputs)) == 2:
        other = chains.other(following, last.outputs[0])
        if other not in chains.constants.shapes:
            residual, last = other, following
            removed.append(following)
            following = chains.reader(last)
    activation = _epilogue(following)
    if activation is not None and following is not None:
        attributes["activation"], last = activation, following
        removed.append(following)
    if len(removed) > 1:
        chains.replace(removed, "Conv", (node.inputs[0], node.inputs[1], bias, *statistics, residual),
                       last.outputs[0], attributes)


def _normalizes(node: Node, name: str) -> bool:
    """Whether a node is a batch norm of a value by running statistics, each of one number for each channel."""
    return _is(node, "BatchNormalization") and node.inputs[0] == name and bool(node.attribute("spatial", 1))


def _epilogue(node: Node | None) -> str | None:
    """The name of a node's activation in kernels, or None."""
    if node is None or node.operator.domain not in ("", DOMAIN):
        return None
    name = node.operator.name.lower()
    return name if name in FUSED_ACTIVATIONS and (name != "hardsigmoid" or _is_sixth(node)) else None


def _linear_chain(chains: _Chains, node: Node) -> None:
    """A matrix product with a constant, a bias and an activation."""
    is_gemm = _is(node, "Gemm")
    weight = chains.constants.shapes.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if not (is_gemm or _is(node, "MatMul")) or weight is None or len(weight) != 2:
        return
    removed, last, bias = [node], node, ""
    transposed = bool(node.attribute("transB", 0))
    if is_gemm:
        if node.attribute("transA", 0) or node.attribute("alpha", 1.0) != 1 or node.attribute("beta", 1.0) != 1:
            return
        bias = node.inputs[2] if len(node.inputs) > 2 else ""
    following = chains.reader(last)
    if not bias and following is not None and _is(following, "Add"):
        other = chains.other(following, last.outputs[0])
        if chains.constants.shapes.get(other) == (weight[0 if transposed else 1],):
            bias, last = other, following
            removed.append(following)
            following = chains.reader(last)
    if bias and chains.constants.shapes.get(bias) != (weight[0 if transposed else 1],):
        return
    attributes: dict[str, Any] = {"transposed": transposed}
    activation = _epilogue(following)
    if activation is not None and following is not None:
        attributes["activation"], last = activation, following
        removed.append(following)
    if len(removed) > 1:
        chains.replace(removed, "Linear", (*node.inputs[:2], bias), last.outputs[0], attributes)


_FUSIONS: tuple[Callable[[_Chains, Node], None], ...] = (_gated, _relu6, _power, _selection, _conv_chain, _linear_chain)
