"""The walk back through the tape on tensors, which the tape records: `create_graph=True`."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd.arrays import cast, sum_broadcast
from fastnet.autograd.hooks import observed_on_tape
from fastnet.autograd.regions import region_of
from fastnet.autograd.rules import apply_rule, linear_map, plus
from fastnet.autograd.tape import Node
from fastnet.autograd.walk import check_node, leads_to, needed_arguments, nodes_to_visit
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape

__all__ = ["walk_on_tape"]


def walk_on_tape(roots: Sequence[tuple[Tensor, Tensor]], reach: Callable[[Any, Tensor], None],
                 wanted: Iterable[int] = ()) -> None:
    """Visit the nodes as `fastnet.autograd.walk.walk` does. All gradients are tensors on the tape; nothing is freed.

    Args:
        reach: reach(target, gradient) is called for each contribution to a leaf, and for each node that is wanted.
        wanted: ids of nodes and leaves.
    """
    sums: dict[Any, Any] = {}           # of a node: a tensor; of the call of a Function: a list of them

    def add(target: Node, gradient: Tensor) -> None:
        sums[target] = plus(sums[target], gradient) if target in sums else gradient
    for t, gradient in roots:
        if t._node is None:
            reach(t, gradient)
        else:
            add(t._node, gradient)
    nodes, useful = nodes_to_visit(list(sums), wanted)
    for node in nodes:
        total = sums.pop(node, None)
        if total is None:
            continue
        check_node(node)
        if node.hooks is not None:
            total = observed_on_tape(node, total)
        if id(node) in wanted:
            reach(node, total)
        if useful is not None and not leads_to(node, useful):
            continue
        place = _place_in_call(node)
        if place is not None:
            sums.setdefault(node.edges[0][1], [None] * place[0])[place[1]] = total
            continue
        for target, gradient in _tensors_of_edges(node, total):
            if useful is not None and id(target) not in useful:
                continue
            if isinstance(target, Node):
                add(target, _match_on_tape(gradient, target))
            else:
                reach(target, _match_on_tape(gradient, target))


def _place_in_call(node: Node) -> tuple[int, int] | None:
    """(number of results, position) if the node is one of several results of a Function's call."""
    region: Any = region_of(node.gradients[0]) if type(node.gradients) is tuple else None
    return region if region is not None and type(region[0]) is int else None


def _tensors_of_edges(node: Node, g: Tensor) -> Iterator[tuple[Any, Tensor]]:
    """(target, gradient) of each edge."""
    if node.first is not None:
        g = apply_rule(node, node.first, g)
    results = (node.gradients if type(node.gradients) is tuple
               else apply_rule(node, node.gradients, g, needed_arguments(node)))
    for i, target in node.edges:
        result = results[i]
        if result is not None:
            yield target, result if isinstance(result, Tensor) else apply_rule(node, result, g)


def _match_on_tape(gradient: Tensor, target: Any) -> Tensor:
    """A gradient in its target's shape and dtype, where the operation has broadcast or converted its argument."""
    if gradient.shape != target.shape:
        gradient = linear_map(gradient, _sum_to, _repeat_to, target.shape, target.shape, gradient.shape)
    if gradient.dtype != target.dtype:
        gradient = linear_map(gradient, _cast_to, _cast_back, None, target.dtype, gradient.dtype)
    return gradient


def _sum_to(x: Array, small: Shape, large: Shape) -> Array:
    return sum_broadcast(x, small)


def _repeat_to(x: Array, small: Shape, large: Shape) -> Array:
    out = empty(large, x.dtype)
    K.copy(out, x)
    return out


def _cast_to(x: Array, dtype: DType, before: DType) -> Array:
    return cast(x, dtype)


def _cast_back(x: Array, dtype: DType, before: DType) -> Array:
    return cast(x, before)
