"""The walk back through the tape, on arrays. fastnet/autograd/tensor_walk.py is the walk that the tape records."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from fastnet._core.state import state
from fastnet.autograd.anomaly import anomaly, checked
from fastnet.autograd.arrays import match_target
from fastnet.autograd.completion import announce, complete_groups, is_watched
from fastnet.autograd.hooks import ArgumentGradient, LeafHooks, is_collected, observed
from fastnet.autograd.regions import GradientSum, region_of
from fastnet.autograd.tape import FREED, Node, gradient

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["check_node", "gradient_arrays", "leads_to", "needed_arguments", "nodes_to_visit", "walk"]

Target: TypeAlias = "Tensor | Node"                             # of an edge: a leaf, or the node of a tensor
Function: TypeAlias = "Callable[[Array], Array] | None"         # computes a contribution; None: it is computed already


def walk(roots: list[tuple[Tensor, Tensor]], retain_graph: bool, reach: Callable[[Any, Array, Function], None],
         wanted: Iterable[int] = (), *, announces: bool = False) -> None:
    """Visit the nodes behind the roots from the latest to the earliest.

    Nodes that save arrays are freed, unless the tape is retained. The others can be visited again, as in PyTorch, but
    not those of a recording, whose results are not to lead back into it.

    Args:
        reach: reach(tensor, array, function) is called for each contribution to a leaf.
        wanted: ids of nodes for whose gradients reach(node, array, None) is called, too. Unless it is empty, only nodes
            that lead to these or to leaves whose ids it holds are visited.
        announces: tell watchers which gradients are complete (`completion.py`).
    """
    sums: dict[Node, GradientSum] = {}
    for t, root in roots:
        array = root._data
        if t._node is None:
            reach(t, array, None)
        elif t._node in sums:
            sums[t._node].add(array)
        else:
            sums[t._node] = GradientSum(array)
    nodes, useful = nodes_to_visit(list(sums), wanted)
    plain = useful is None and not anomaly.enabled
    groups = complete_groups(nodes) if announces and is_watched() else {}
    for node in _audible(nodes):
        if groups and node in groups:
            announce(groups[node])
        total = sums.pop(node, None)
        if total is None:
            continue
        check_node(node)
        array = total.joined()
        if node.hooks is not None:
            array = observed(node, array)
        contributions = _contributions(node, array)
        if not plain:
            if id(node) in wanted:
                reach(node, array, None)
            if useful is not None and not leads_to(node, useful):
                continue
            contributions = _checked_contributions(node, contributions, useful)
        for target, array, function in contributions:
            if not isinstance(target, Node):
                reach(target, array, function)
                continue
            region = region_of(function)
            if region is None:
                array = match_target(array if function is None else function(array), target)
            elif target not in sums:
                sums[target] = GradientSum(None)
            if region is not None:
                sums[target].add_part(region, array)
            elif target in sums:
                sums[target].add(array)
            else:
                sums[target] = GradientSum(array)
        if not retain_graph and (node.saves or state.recorder is not None):
            node.first, node.gradients, node.edges, node.saved = None, FREED, (), ()


def _audible(nodes: list[Node]) -> Iterable[Node]:
    """The nodes; the meters of this thread and the recorder are told of the visit to each."""
    listeners = state.listeners
    return _told(nodes, listeners) if listeners else nodes


def _told(nodes: list[Node], listeners: Sequence[Any]) -> Iterator[Node]:
    for node in nodes:
        for listener in listeners:
            listener.enter_operation(f"{node.name} backward", ())
        try:
            yield node
        finally:
            for listener in listeners:
                listener.leave_operation()


def _checked_contributions(node: Node, contributions: Iterator[tuple[Target, Array, Function]],
                           useful: set[int] | None) -> Iterator[tuple[Target, Array, Function]]:
    """The contributions to useful targets, checked for NaN if that is asked for."""
    if useful is not None:
        contributions = (found for found in contributions if id(found[0]) in useful)
    return checked(node, contributions) if anomaly.enabled else contributions


def gradient_arrays(targets: Sequence[Target], roots: list[tuple[Tensor, Tensor]],
                    retain_graph: bool) -> list[Array | None]:
    """The gradient of each target, or None where the roots do not depend on it, before the hooks of leaves.

    An array may be that of a root's gradient, or one that the tape saves.
    """
    wanted = frozenset(map(id, targets))
    sums: dict[int, GradientSum] = {}

    def keep(target: Target, array: Array, function: Function) -> None:
        if id(target) in wanted:
            array = match_target(array if function is None else function(array), target)
            if id(target) in sums:
                sums[id(target)].add(array)
            else:
                sums[id(target)] = GradientSum(array)
    walk(roots, retain_graph, keep, wanted)
    return [sums[id(target)].array if id(target) in sums else None for target in targets]


def nodes_to_visit(roots: list[Node], wanted: Iterable[int] = ()) -> tuple[list[Node], set[int] | None]:
    """The nodes that the roots lead to, the latest first.

    Args:
        wanted: ids of nodes and leaves. Unless it is empty, only nodes on a way there are returned.

    Returns:
        (nodes, ids of the nodes and leaves on a way to the wanted ones, or None if nothing is wanted).
    """
    seen, stack = set(roots), roots
    while stack:
        for _, target in stack.pop().edges:
            if isinstance(target, Node) and target not in seen:
                seen.add(target)
                stack.append(target)
    nodes = sorted(seen, key=lambda node: -node.order)
    if not wanted:
        return nodes, None
    useful = set(wanted)
    for node in reversed(nodes):
        if leads_to(node, useful):
            useful.add(id(node))
    return [node for node in nodes if id(node) in useful], useful


def leads_to(node: Node, places: set[int]) -> bool:
    """Whether an edge of the node leads to one of some nodes and leaves, given by their ids."""
    return any(id(target) in places for _, target in node.edges)


def _contributions(node: Node, array: Array) -> Iterator[tuple[Target, Array, Function]]:
    """(target, array, function) of each edge. The contribution is function(array), or the array itself for None.

    The caller applies the function, since it may know the memory that the result belongs in.
    """
    if node.first is not None:
        array = node.first(array)
    if type(node.gradients) is tuple:
        for i, target in node.edges:
            if node.gradients[i] is not None:
                yield target, array, node.gradients[i]
        return
    needed = needed_arguments(node)
    if LeafHooks.exist and type(node.gradients) is gradient:
        for i, target in node.edges:
            if is_collected(target):
                needed[i] = False
                yield target, array, ArgumentGradient(node.gradients, i)
    results: Sequence[Any] = _node_gradients(node, array, needed) if True in needed else [None] * len(needed)
    for i, target in node.edges:
        if callable(results[i]):
            yield target, array, results[i]
        elif results[i] is not None:
            yield target, results[i], None


def _node_gradients(node: Node, array: Array, needed: list[bool]) -> Sequence[Any]:
    """Call the one gradient function that a node has for all its arguments.

    Raises:
        TypeError: it does not take (g, needed) and the arrays that it saves.
    """
    function = node.gradients
    try:
        return function(array, needed)
    except TypeError as error:
        saved = getattr(function, "saved", ())             # of a fastnet.autograd.gradient
        if _takes(getattr(function, "function", function), 2 + len(saved)):
            raise
        raise TypeError(f"{node.name}: the operation returned one gradient function, which is called for all arguments "
                        f"as function(g, needed{', *saved' if saved else ''}); for a function of each argument, return "
                        "a tuple, such as (function,)") from error


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function takes this many arguments; True if that is unknown."""
    try:
        inspect.signature(function).bind(*range(count))
    except ValueError:                  # a function in C without a signature
        return True
    except TypeError:
        return False
    return True


def needed_arguments(node: Node) -> list[bool]:
    """Which arguments of a node need a gradient, by position."""
    needed = [False] * (max(i for i, _ in node.edges) + 1)
    for i, _ in node.edges:
        needed[i] = True
    return needed


def check_node(node: Node) -> None:
    """Raise if the arrays that the node saved are freed, or were changed since."""
    if node.gradients is FREED:
        raise RuntimeError("backward() or grad() was already called on this result, a second time needs the saved "
                           "arrays that the first call freed; pass retain_graph=True to the first call")
    for storage, version, i in node.saved:
        if storage.version != version:
            what = "its result" if i < 0 else f"argument {i + 1}"
            raise RuntimeError(f"{node.name}: {what} was changed in place after the forward pass (version "
                               f"{storage.version}, expected {version}), and its gradient needs the old values; change "
                               "a clone() instead")
