"""Passes: functions that return a graph with the same outputs and fewer or cheaper operations.

Each takes a graph and returns another one, so that they can be composed; the given graph is unchanged.
"""
from fastnet.graph.passes.batch_norm_folding import fold_batch_norm
from fastnet.graph.passes.common_subexpressions import share_subexpressions
from fastnet.graph.passes.constant_folding import fold_constants
from fastnet.graph.passes.dead_code import remove_dead_code
from fastnet.graph.passes.fusion import fuse
from fastnet.graph.passes.inference import optimize
from fastnet.graph.passes.linear_fusion import fuse_linear
from fastnet.graph.passes.shape_folding import fold_shapes

__all__ = ["fold_batch_norm", "fold_constants", "fold_shapes", "fuse", "fuse_linear", "optimize", "remove_dead_code",
           "share_subexpressions"]
