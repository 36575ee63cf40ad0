"""Models as graphs of operations, for summaries, exports and passes that rewrite them."""
from fastnet.graph.form import Graph, ModuleCall, Node, Value
from fastnet.graph.tracing import trace

__all__ = ["Graph", "ModuleCall", "Node", "Value", "trace"]
