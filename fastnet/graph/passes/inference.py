"""All passes for inference, in order."""
from __future__ import annotations

from fastnet.graph.form import Graph
from fastnet.graph.passes.batch_norm_folding import fold_batch_norm
from fastnet.graph.passes.common_subexpressions import share_subexpressions
from fastnet.graph.passes.constant_folding import fold_constants
from fastnet.graph.passes.dead_code import remove_dead_code
from fastnet.graph.passes.fusion import fuse
from fastnet.graph.passes.shape_folding import fold_shapes

__all__ = ["optimize"]


def optimize(graph: Graph, freeze: bool = True, exact: bool = False) -> Graph:
    """Apply all passes for inference.

    Args:
        graph: the graph.
        freeze: fold operations on parameters and buffers, too.
        exact: keep the bits: batch norms are not folded into weights, but computed in the kernel of the convolution.

    Returns:
        A graph whose outputs differ by rounding, or with `exact` not at all.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
        >>> graph = fastnet.graph.trace(model, fastnet.ones(1, 3, 8, 8))
        >>> [node.operation for node in fastnet.graph.optimize(graph).nodes]
        ['conv_normed', 'view']
    """
    graph = fold_constants(fold_shapes(remove_dead_code(graph)), freeze)
    graph = share_subexpressions(graph if exact else fold_batch_norm(graph))
    return remove_dead_code(fuse(graph))
