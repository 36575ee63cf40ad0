"""Members of `tensor.grad_fn`, as PyTorch has them: names that can be called, functions that lead to leaves."""
from __future__ import annotations

from typing import Any

__all__ = ["AccumulateGrad", "NodeName", "next_functions"]


class NodeName(str):
    """The name of an operation, which `grad_fn.name` holds; called, it gives the name in PyTorch's style.

    Example:
        >>> NodeName("log_softmax"), NodeName("log_softmax")()
        ('log_softmax', 'LogSoftmaxBackward0')
    """

    __slots__ = ()

    def __call__(self) -> str:
        if self.endswith("Backward") or not self.islower():
            return str(self) if self.endswith("Backward") else f"{self}Backward"
        return "".join(part.capitalize() for part in self.replace(" ", "_").split("_")) + "Backward0"


class AccumulateGrad:
    """Stands in `next_functions` for the place where backward() adds to the `grad` of a leaf.

    Attributes:
        variable: the leaf.
    """

    next_functions = ()

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def name(self) -> str:
        """Its name."""
        return "struct torch::autograd::AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


def next_functions(edges: tuple[tuple[int, Any], ...], node_class: type) -> tuple[tuple[Any, int], ...]:
    """(function, 0) of each argument that needs a gradient.

    Args:
        edges: of a node.
        node_class: the class of nodes; other targets are leaves.
    """
    return tuple((target if isinstance(target, node_class) else AccumulateGrad(target), 0) for _, target in edges)
