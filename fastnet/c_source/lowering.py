"""From the graph of a model to C statements on values."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.c_source import emitters as _emitters  # noqa: F401  (they register themselves)
from fastnet.c_source.program import Code
from fastnet.c_source.rules import EMITTERS

if TYPE_CHECKING:
    from fastnet.graph import Graph

__all__ = ["lowered"]

_HINTS = {"low_rank_linear": "; fastnet.lora.merge_and_unload merges adapters into the weights"}


def lowered(graph: Graph, streaming: bool) -> Code:
    """The statements of a graph's nodes.

    Args:
        graph: the graph, whose outputs need all of its nodes.
        streaming: whether the state of recurrent layers and of causal padding is kept between calls.

    Raises:
        NotImplementedError: an operation without a rule for C; the message names it and its module.
        ValueError: streaming, but nothing in the model keeps a state.
    """
    code = Code(graph, streaming)
    for node in graph.nodes:
        code.node = node
        if node.operation not in EMITTERS:
            raise code.unsupported("has no rule for C" + _HINTS.get(node.operation, ""))
        code.check_dtypes([*node.inputs, *node.outputs])
        EMITTERS[node.operation](node, code)
    code.node = None
    if streaming and not code.states:
        raise ValueError("export_c: streaming=True, but the model has nothing that continues from call to call: "
                         "recurrent layers, or causal padding nn.functional.pad(x, (past, 0)) before a convolution")
    return code
