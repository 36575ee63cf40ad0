"""Models as graphs of operations, for summaries, exports and passes that rewrite them."""
from fastnet._core.kernel_costs import KernelCost
from fastnet.graph.costs import Cost
from fastnet.graph.counting import CostCounter
from fastnet.graph.dimension import Dim
from fastnet.graph.form import Graph, ModuleCall, Node, Value
from fastnet.graph.lifetime import Lifetime
from fastnet.graph.memory_plan import MemoryPlan, live_bytes, plan_memory
from fastnet.graph.operations import operation
from fastnet.graph.passes import (
    fold_batch_norm,
    fold_constants,
    fold_shapes,
    fuse,
    optimize,
    remove_dead_code,
    share_subexpressions,
)
from fastnet.graph.running import GraphModule
from fastnet.graph.tracing import trace

__all__ = ["Cost", "CostCounter", "Dim", "Graph", "GraphModule", "KernelCost", "Lifetime", "MemoryPlan", "ModuleCall",
           "Node", "Value", "fold_batch_norm", "fold_constants", "fold_shapes", "fuse", "live_bytes", "operation",
           "optimize", "plan_memory", "remove_dead_code", "share_subexpressions", "trace"]
