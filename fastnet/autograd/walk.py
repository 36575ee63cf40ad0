"""The walk back through the tape: backward() and grad()."""
from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.shapes import collapse_shape
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd.arrays import cast, channel_rows, contiguous, copy
from fastnet.autograd.leaves import gradient_home
from fastnet.autograd.regions import GradientSum, region_of
from fastnet.autograd.sparse import SparseGradient
from fastnet.autograd.tape import FREED, Node, call_into
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["backward", "grad", "retain_grad"]

Target: TypeAlias = "Tensor | Node"                             # of an edge: a leaf, or the node of a tensor
Function: TypeAlias = "Callable[[Array], Array] | None"         # computes a contribution; None: it is computed already


def backward(tensors: Tensor | Sequence[Tensor], grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
             retain_graph: bool = False) -> None:
    """Compute gradients of tensors, and accumulate them in the `grad` of every leaf that requires one.

    A leaf's `grad` grows by the derivative of sum_i (tensors[i] * grad_tensors[i]).sum() with respect to the leaf.

    Args:
        tensors: a tensor or a sequence of tensors.
        grad_tensors: a gradient for each tensor, of its shape. It may be None for a tensor of one element (then 1).
        retain_graph: keep the saved arrays, so that backward() can be called again.

    Raises:
        RuntimeError: a tensor does not require a gradient; a non-scalar tensor has no gradient; a gradient has another
            shape or dtype than its tensor; the saved arrays are freed; a saved array was changed in place.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> fastnet.autograd.backward(x * x, fastnet.tensor([1.0, 10.0]))
        >>> x.grad
        tensor([ 2., 40.])
    """
    _walk(_roots("backward", "grad_tensors", tensors, grad_tensors), retain_graph, _accumulate)


@overload
def grad(outputs: Tensor | Sequence[Tensor], inputs: Tensor | Sequence[Tensor],
         grad_outputs: Tensor | Sequence[Tensor | None] | None = None, retain_graph: bool = False, *,
         allow_unused: Literal[False] = False) -> tuple[Tensor, ...]: ...


@overload
def grad(outputs: Tensor | Sequence[Tensor], inputs: Tensor | Sequence[Tensor],
         grad_outputs: Tensor | Sequence[Tensor | None] | None = None, retain_graph: bool = False, *,
         allow_unused: bool) -> tuple[Tensor | None, ...]: ...


def grad(outputs: Tensor | Sequence[Tensor], inputs: Tensor | Sequence[Tensor],
         grad_outputs: Tensor | Sequence[Tensor | None] | None = None, retain_graph: bool = False, *,
         allow_unused: bool = False) -> tuple[Tensor | None, ...]:
    """Compute and return the gradients of `outputs` with respect to `inputs`. No tensor's `grad` changes.

    Args:
        outputs: a tensor or a sequence of tensors.
        inputs: a tensor or a sequence of tensors that require gradients.
        grad_outputs: a gradient for each output, as the `grad_tensors` of `backward`.
        retain_graph: keep the saved arrays, so that the same tape can be used again.
        allow_unused: return None for an input that the outputs do not depend on, instead of raising.

    Returns:
        A tuple with the gradient of each input.

    Raises:
        RuntimeError: as `backward`; an input does not require a gradient, or the outputs do not depend on it.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> fastnet.grad((x * x).sum(), x)
        (tensor([2., 4.]),)
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    for i, t in enumerate(inputs):
        if not t._requires_grad:
            raise RuntimeError(f"grad: expected inputs that require gradients, got one that does not, input {i}")
    targets: list[Target] = [t if t._node is None else t._node for t in inputs]
    sums: dict[int, GradientSum | None] = {id(target): None for target in targets}

    def keep(target: Target, array: Array, function: Function) -> None:
        if id(target) in sums:
            array = _match_target(array if function is None else function(array), target)
            total = sums[id(target)]
            if total is None:
                sums[id(target)] = GradientSum(array)
            else:
                total.add(array)
    _walk(_roots("grad", "grad_outputs", outputs, grad_outputs), retain_graph, keep, sums)
    return tuple(_kept_gradient(i, sums[id(target)], allow_unused) for i, target in enumerate(targets))


def _kept_gradient(i, total, allow_unused):
    """The gradient of input number i as a tensor; None if it is unused."""
    if total is None and not allow_unused:
        raise RuntimeError(f"grad: the outputs do not depend on input {i}; pass allow_unused=True to get None for it")
    return None if total is None else Tensor._wrap(copy(total.array))


def _roots(name: str, argument: str, tensors: Tensor | Sequence[Tensor],
           gradients: Tensor | Sequence[Tensor | None] | None) -> list[tuple[Tensor, Array]]:
    """(tensor, gradient) of each tensor that the walk starts from.

    Args:
        name: the function that was called, for errors.
        argument: the name of its argument `gradients`.
    """
    tensors = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    if gradients is None:
        gradients = (None,) * len(tensors)
    elif isinstance(gradients, Tensor):
        gradients = (gradients,)
    if len(gradients) != len(tensors):
        raise RuntimeError(f"{name}: expected {argument} to have {len(tensors)} entries, one for each tensor, got "
                           f"{len(gradients)}")
    return [(t, _root_gradient(name, argument, t, g)) for t, g in zip(tensors, gradients)]


def _root_gradient(name, argument, tensor, given):
    """The checked gradient of a root, as an array: ones if a scalar has none."""
    if not tensor._requires_grad:
        raise RuntimeError(f"{name}: this tensor does not require a gradient; compute it from a tensor with "
                           "requires_grad=True, and not under no_grad")
    if given is None:
        if tensor._data.size != 1:
            raise RuntimeError(f"{name}() on a non-scalar tensor (shape {shape_text(tensor)}) needs an explicit "
                               f"`{argument}`")
        array = empty(tensor._data.shape, tensor._data.dtype)
        K.fill(array, 1.0)
        return array
    if given.shape != tensor.shape or given.dtype != tensor.dtype:
        raise RuntimeError(f"{name}: expected a gradient of shape {shape_text(tensor)} and dtype {tensor.dtype}, got "
                           f"{shape_text(given)} and {given.dtype}")
    return given._data


def _walk(roots: list[tuple[Tensor, Array]], retain_graph: bool, reach: Callable[[Any, Array, Function], None],
          wanted: dict[int, GradientSum | None] | None = None) -> None:
    """Visit the nodes behind the roots from the latest to the earliest.

    Args:
        reach: reach(tensor, array, function) is called for each contribution to a leaf.
        wanted: ids of nodes for whose gradients reach(node, array, None) is called, too.
    """
    sums: dict[Node, GradientSum] = {}
    for t, array in roots:
        if t._node is None:
            reach(t, array, None)
        elif t._node in sums:
            sums[t._node].add(array)
        else:
            sums[t._node] = GradientSum(array)
    for node in _descending(list(sums)):
        total = sums.pop(node, None)
        if total is None:
            continue
        if node.gradients is FREED:
            raise RuntimeError("backward() or grad() was already called on this result, a second time needs the saved "
                               "arrays that the first call freed; pass retain_graph=True to the first call")
        _check_versions(node)
        gradient = total.joined()
        _keep_retained(node, gradient)
        if wanted and id(node) in wanted:
            reach(node, gradient, None)
        for target, array, function in _contributions(node, gradient):
            if not isinstance(target, Node):
                reach(target, array, function)
                continue
            region = region_of(function)
            if region is None:
                array = _match_target(array if function is None else function(array), target)
            elif target not in sums:
                sums[target] = GradientSum(None)
            if region is not None:
                sums[target].add_part(region, array)
            elif target in sums:
                sums[target].add(array)
            else:
                sums[target] = GradientSum(array)
        if not retain_graph:
            node.first, node.gradients, node.edges, node.saved = None, FREED, (), ()


def _descending(roots: list[Node]) -> list[Node]:
    """All nodes that the roots lead to, the latest first."""
    seen, stack = set(roots), roots
    while stack:
        for _, target in stack.pop().edges:
            if isinstance(target, Node) and target not in seen:
                seen.add(target)
                stack.append(target)
    return sorted(seen, key=lambda node: -node.order)


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
    needed = [False] * (max(i for i, _ in node.edges) + 1)
    for i, _ in node.edges:
        needed[i] = True
    results = _node_gradients(node, array, needed)
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


def _check_versions(node: Node) -> None:
    """Raise if an array that the node saved was changed since."""
    for storage, version, i in node.saved:
        if storage.version != version:
            what = "its result" if i < 0 else f"argument {i + 1}"
            raise RuntimeError(f"{node.name}: {what} was changed in place after the forward pass (version "
                               f"{storage.version}, expected {version}), and its gradient needs the old values; change "
                               "a clone() instead")


def _keep_retained(node: Node, array: Array) -> None:
    """Set the `grad` of the node's tensor if its retain_grad() was called."""
    tensor = node.retained() if node.retained is not None else None
    if tensor is not None:
        tensor._grad = Tensor._wrap(copy(array))


def _match_target(array: Array, target: Tensor | Node | Array) -> Array:
    """A gradient in its target's shape and dtype, where the operation has broadcast or converted its argument."""
    if array.shape != target.shape:
        array = _sum_broadcast(array, target.shape)
    return array if array.dtype == target.dtype else cast(array, target.dtype)


def _sum_broadcast(array: Array, shape: Shape) -> Array:
    """The sum of a gradient over the dimensions that its argument, of this shape, was broadcast along."""
    extra = array.ndim - len(shape)
    axes = [i for i in range(array.ndim) if i < extra or (shape[i - extra] == 1 and array.shape[i] != 1)]
    while axes:
        last = axes.pop() + 1
        first = last - 1
        while axes and axes[-1] == first - 1:           # adjacent dimensions at once
            first = axes.pop()
        array = _sum_dimensions(array, first, last)
    return array.reshape(shape)


def _sum_dimensions(array: Array, first: int, last: int) -> Array:
    """The sum over adjacent dimensions, which remain with length 1."""
    kept = array.shape[:first] + (1,) * (last - first) + array.shape[last:]
    across = channel_rows(array, range(first, last))
    if across is not None:
        rows, axis = across
        total = empty((rows.shape[0], rows.shape[3 - axis]), array.dtype)
        K.sum_across(total, rows, axis)
    else:
        outer, n, inner = collapse_shape(array.shape, first, last)
        total = empty((outer, inner), array.dtype)
        K.sum(total, contiguous(array).reshape(outer, n, inner))    # or reshape would copy without a kernel call
    return total.reshape(kept)


# ---- leaves ---------------------------------------------------------------------------------------------------------

def _accumulate(leaf: Tensor, array: Array, function: Function) -> None:
    """Add a contribution to a leaf's gradient. The first one is written into the memory that the gradient always has.
    """
    recorder = state.recorder
    if recorder is not None:
        recorder.note_grad(leaf, written=False)
    if leaf._grad is not None:
        if isinstance(leaf._grad, SparseGradient):
            leaf._grad = leaf._grad.to_dense()
        if function is not None:
            array = function(array)
        total = leaf._grad._data
        K.add(total, total, _match_target(array, total))
        leaf._grad._storage.version += 1
        return
    home = gradient_home(leaf)
    if function is not None:
        array = call_into(function, array, home)
    if array is not home:
        K.copy(home, _match_target(array, home))
    leaf._grad = Tensor._wrap(home)
    if recorder is not None:
        recorder.exempt(leaf._grad)


@method()
def retain_grad(tensor: Tensor) -> None:
    """Keep the gradient of a tensor that is not a leaf: backward() then sets its `grad`, too.

    Raises:
        RuntimeError: the tensor does not require a gradient.

    Example:
        >>> import fastnet
        >>> y = fastnet.ones(2, requires_grad=True) * 2
        >>> y.retain_grad()
        >>> (y * y).sum().backward()
        >>> y.grad
        tensor([4., 4.])
    """
    if not tensor._requires_grad:
        raise RuntimeError("retain_grad: expected a tensor that requires a gradient")
    if tensor._node is not None:
        tensor._node.retained = weakref.ref(tensor)


def _backward_method(self: Tensor, gradient: Tensor | None = None, retain_graph: bool = False) -> None:
    """Compute gradients of this tensor, and accumulate them in the `grad` of every leaf that requires one.

    Args:
        gradient: a tensor of the same shape, which the gradients are multiplied by; None only for a tensor of one
            element (then 1).
        retain_graph: keep the saved arrays, so that backward() can be called again.

    Raises:
        RuntimeError: as `fastnet.autograd.backward`.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """
    _walk(_roots("backward", "gradient", self, gradient), retain_graph, _accumulate)


extend(backward=_backward_method)
