"""The cost of a node: multiply-adds, FLOPs, bytes and parameters.

The FLOPs of one element are those of the kernels that compute the operation: fastnet/_core/kernel_costs.py has them.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from fastnet._core.kernel_costs import flops_per_element
from fastnet.graph.form import Node, Value
from fastnet.graph.operations import ELEMENTWISE

__all__ = ["MULTIPLY_ADDS", "Cost", "cost_of"]


@dataclass(frozen=True)
class Cost:
    """The cost of one call of an operation, in the sizes of the traced run.

    Attributes:
        multiply_adds: of convolutions, matrix products, recurrent layers and attention, without biases.
        flops: two for each multiply-add, and one for each element of an elementwise operation, a reduction or a pool;
            those of a normalization, a softmax or a gate are counted as in `fastnet.graph.KernelCost`.
        bytes_read: of the values that it reads; of a lookup in a table only the rows; none for a view.
        bytes_written: of its result; none for a view.
        parameters: number of elements of the parameters that it reads.

    Example:
        >>> import fastnet
        >>> graph = fastnet.graph.trace(fastnet.nn.Conv2d(3, 8, 3), fastnet.ones(1, 3, 8, 8))
        >>> graph.costs()
        (Cost(multiply_adds=7776, flops=15552, bytes_read=1664, bytes_written=1152, parameters=224),)
    """

    multiply_adds: int
    flops: int
    bytes_read: int
    bytes_written: int
    parameters: int


def cost_of(node: Node) -> Cost:
    """The cost of a node.

    Args:
        node: the node.
    """
    products = MULTIPLY_ADDS[node.operation](node) if node.operation in MULTIPLY_ADDS else 0
    read = () if node.is_view else dict.fromkeys(node.inputs)
    return Cost(products, 2 * products + _other_flops(node), sum(_bytes_read(node, x) for x in read),
                0 if node.is_view else sum(y.nbytes for y in node.outputs),
                sum(_elements(x) for x in dict.fromkeys(node.inputs) if x.kind == "parameter"))


def _elements(x: Value) -> int:
    return math.prod(x.shape)


def _bytes_read(node: Node, x: Value) -> int:
    """The bytes of an input that a node reads: of the table of a lookup those of the result at most."""
    if node.operation in _LOOKUPS and x is node.inputs[0]:
        return min(x.nbytes, node.outputs[0].nbytes)
    return x.nbytes


_LOOKUPS = frozenset(("embedding", "gather", "index", "selected"))


# ---- multiply-adds --------------------------------------------------------------------------------------------------

def _of_conv(node: Node) -> int:
    weight = node.inputs[1]
    return _elements(node.outputs[0]) * math.prod(weight.shape[1:])


def _of_conv_transposed(node: Node) -> int:
    weight = node.inputs[1]
    return _elements(node.inputs[0]) * math.prod(weight.shape[1:])


def _of_linear(node: Node) -> int:
    return _elements(node.outputs[0]) * node.inputs[1].shape[1]


def _of_low_rank(node: Node) -> int:
    """Of a linear layer and its low-rank update: each row of the input times all three matrices."""
    x, *matrices = (node.arguments[name] for name in ("x", "weight", "down", "up"))
    return math.prod(x.shape[:-1]) * sum(map(_elements, matrices))


def _of_mm(node: Node) -> int:
    return _elements(node.outputs[0]) * node.inputs[0].shape[-1]


def _of_attention(node: Node) -> int:
    """Queries times keys, and weights times values."""
    q, k, v = node.inputs[:3]
    return math.prod(q.shape[:3]) * k.shape[2] * (q.shape[3] + v.shape[3])


def _of_self_attention(node: Node) -> int:
    batch, length, _, heads, width = node.inputs[0].shape
    return 2 * batch * heads * length * length * width


def _of_layer(node: Node) -> int:
    """Of a recurrent layer: each row of the input times all matrices."""
    rows = node.arguments["x"].shape[0]
    return rows * sum(_elements(w) for w in node.arguments["weights"] if w is not None and len(w.shape) == 2)


def _of_steps(node: Node) -> int:
    """Of a cell, or of a layer of integers: each row of the input times both matrices."""
    rows, matrices = math.prod(node.arguments["x"].shape[:-1]), (node.arguments["w_ih"], node.arguments["w_hh"])
    return rows * sum(map(_elements, matrices))


MULTIPLY_ADDS: dict[str, Callable[[Node], int]] = {
    "conv": _of_conv, "conv_normed": _of_conv, "conv_transposed": _of_conv_transposed,
    "linear": _of_linear, "linear_activated": _of_linear, "activated": _of_linear, "ended": _of_linear,
    "low_rank_linear": _of_low_rank,
    "mm": _of_mm, "attention": _of_attention, "self_attention": _of_self_attention, "layer": _of_layer,
    "cell": _of_steps, "integer_conv": _of_conv, "quantized_conv": _of_conv, "quantized_linear": _of_mm,
    "dynamic_linear": _of_mm, "weight_only_linear": _of_mm, "integer_matmul": _of_mm, "quantized_layer": _of_steps}


# ---- other operations -----------------------------------------------------------------------------------------------

_REDUCING = frozenset((
    "all", "any", "cumprod", "cumsum", "euclidean", "extreme", "index_of_extreme", "log_sum", "mean", "p_norm", "prod",
    "std", "sum", "var"))
_NORMALIZATIONS = frozenset(("group_norm", "layer_norm", "local_response_norm", "rms_norm", "softmax"))
_SCALE_AND_SHIFT = 2
_CELL_KERNELS = {"LSTM": "lstm_", "GRU": "gru_"}       # mode -> kernel; of all others "rnn"


def _other_flops(node: Node) -> int:
    """The operations on numbers that are not part of a multiply-add."""
    if node.operation in ELEMENTWISE:
        return _elements(node.outputs[0])
    if node.operation in _REDUCING:
        return _elements(node.inputs[0])
    if node.operation in _NORMALIZATIONS:
        return flops_per_element(node.operation) * _elements(node.inputs[0])
    if node.operation == "batch_norm":
        statistics = flops_per_element("channel_norm_stats") if node.arguments["training"] else 0
        return (statistics + _SCALE_AND_SHIFT) * _elements(node.inputs[0])
    if node.operation in ("max_pool", "avg_pool"):
        axes = node.arguments["windows"].axes
        taps = math.prod(axis[0] for axis in axes) if axes else 1
        return max(_elements(node.outputs[0]) * taps, _elements(node.inputs[0]) if axes is None else 0)
    if node.operation in ("layer", "cell"):
        return flops_per_element(_CELL_KERNELS.get(node.arguments["mode"], "rnn")) * _elements(node.outputs[0])
    return 0
