"""backward() and grad()."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, extend
from fastnet.autograd.arrays import conjugated, copy, refuse_complex
from fastnet.autograd.completion import progress
from fastnet.autograd.hooks import LeafHooks, hooked, note_hooks, refuse_collected
from fastnet.autograd.leaves import HookedLeaves, accumulate, accumulate_on_tape
from fastnet.autograd.modes import enable_grad, no_grad
from fastnet.autograd.rules import join_entries, plus
from fastnet.autograd.tape import Node
from fastnet.autograd.tensor_walk import walk_on_tape
from fastnet.autograd.walk import gradient_arrays, walk
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["backward", "grad"]

Tensors: TypeAlias = "Tensor | Sequence[Tensor]"
Gradients: TypeAlias = "Tensor | Sequence[Tensor | None] | None"
Roots: TypeAlias = "list[tuple[Tensor, Tensor]]"


def backward(tensors: Tensors, grad_tensors: Gradients = None, retain_graph: bool | None = None,
             create_graph: bool = False, *, inputs: Tensors | None = None) -> None:
    """Compute gradients of tensors, and accumulate them in the `grad` of every leaf that requires one.

    A leaf's `grad` grows by the derivative of sum_i (tensors[i] * grad_tensors[i]).sum() with respect to the leaf.

    Args:
        tensors: a tensor or a sequence of tensors.
        grad_tensors: a gradient for each tensor, of its shape. It may be None for a tensor of one element (then 1).
        retain_graph: keep the saved arrays, so that backward() can be called again; by default `create_graph`.
        create_graph: record the computation of the gradients, so that they have gradients themselves.
        inputs: accumulate gradients in the `grad` of these tensors only.

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
    _backward("backward", "grad_tensors", tensors, grad_tensors, retain_graph, create_graph, inputs)


def _backward(name: str, argument: str, tensors: Tensors, gradients: Gradients, retain_graph: bool | None,
              create_graph: bool, inputs: Tensors | None) -> None:
    roots = _roots(name, argument, tensors, gradients)
    outer, failed = progress.depth, True
    progress.depth = outer + 1
    try:
        if inputs is not None:
            _accumulate_in(_inputs(name, inputs), roots, retain_graph, create_graph)
        else:
            _accumulate_in_leaves(roots, retain_graph, create_graph)
        failed = False
    finally:
        progress.depth = outer
        if not outer and (progress.endings or progress.nested or progress.announced):
            progress.end(failed)


def _accumulate_in_leaves(roots: Roots, retain_graph: bool | None, create_graph: bool) -> None:
    if state.recorder is not None:
        note_hooks()
    if create_graph:
        _accumulate_on_tape(roots)
    elif LeafHooks.exist:
        leaves = HookedLeaves()
        walk(roots, bool(retain_graph), leaves.reach, announces=True)
        leaves.finish()
    else:
        walk(roots, bool(retain_graph), accumulate, announces=True)


def _accumulate_on_tape(roots: Roots) -> None:
    sums: dict[int, tuple[Tensor, Tensor]] = {}

    def reach(leaf: Tensor, gradient: Tensor) -> None:
        sums[id(leaf)] = leaf, plus(sums[id(leaf)][1], gradient) if id(leaf) in sums else gradient
    with enable_grad():
        walk_on_tape(roots, reach)
        for leaf, total in sums.values():
            accumulate_on_tape(leaf, total)


def _accumulate_in(inputs: tuple[Tensor, ...], roots: Roots, retain_graph: bool | None, create_graph: bool) -> None:
    """Accumulate gradients in given tensors only, which need not be leaves."""
    for x in inputs:
        refuse_collected(x, "backward(inputs=)")
    for x, total in zip(inputs, _gradients_of(inputs, roots, retain_graph, create_graph)):
        if total is None:
            continue
        with enable_grad() if create_graph else no_grad():
            if create_graph and x._node is None:
                accumulate_on_tape(x, total)
            elif x._node is None:
                accumulate(x, conjugated(total._data), None)
            else:
                x._grad = total if x._grad is None else plus(x._grad, total)


@overload
def grad(outputs: Tensors, inputs: Tensors, grad_outputs: Gradients = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: Literal[False] | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Tensor, ...]: ...


@overload
def grad(outputs: Tensors, inputs: Tensors, grad_outputs: Gradients = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Tensor | None, ...]: ...


def grad(outputs: Tensors, inputs: Tensors, grad_outputs: Gradients = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Tensor | None, ...]:
    """Compute and return the gradients of `outputs` with respect to `inputs`. No tensor's `grad` changes.

    Args:
        outputs: a tensor or a sequence of tensors.
        inputs: a tensor or a sequence of tensors that require gradients.
        grad_outputs: a gradient for each output, as the `grad_tensors` of `backward`.
        retain_graph: keep the saved arrays, so that the same tape can be used again; by default `create_graph`.
        create_graph: record the computation of the gradients, so that they have gradients themselves. Where an
            operation does not state its second derivative, that gradient of the gradient is an error.
        only_inputs: ignored, as in PyTorch.
        allow_unused: return None for an input that the outputs do not depend on, instead of raising.
        is_grads_batched: `grad_outputs` have one more dimension in front; a gradient is computed for each entry, and
            stacked.
        materialize_grads: return zeros for an input that the outputs do not depend on.

    Returns:
        A tuple with the gradient of each input.

    Raises:
        RuntimeError: as `backward`; an input does not require a gradient, or the outputs do not depend on it.
        ValueError: materialize_grads with allow_unused=False.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> fastnet.grad((x * x).sum(), x)
        (tensor([2., 4.]),)
        >>> slope, = fastnet.grad((x * x * x).sum(), x, create_graph=True)
        >>> fastnet.grad(slope.sum(), x)
        (tensor([ 6., 12.]),)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: expected allow_unused to be True or not given if materialize_grads is True, got False")
    inputs = _inputs("grad", inputs)
    if is_grads_batched:
        return _grad_of_batch(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused,
                              materialize_grads)
    totals = _gradients_of(inputs, _roots("grad", "grad_outputs", outputs, grad_outputs), retain_graph, create_graph)
    for i, (x, total) in enumerate(zip(inputs, totals)):
        if total is None and materialize_grads:
            totals[i] = Tensor._wrap(_full_as(x, 0.0))
        elif total is None and not allow_unused:
            raise RuntimeError(f"grad: the outputs do not depend on input {i}; pass allow_unused=True to get None for "
                               "it")
    return tuple(totals)


def _grad_of_batch(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads):
    """`grad` for each entry of the first dimension of all gradients, stacked."""
    batches = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    count = next(len(b) for b in batches if b is not None)
    entries = []
    for k in range(count):
        parts = [None if b is None else b[k] for b in batches]
        keep = retain_graph or create_graph or k < count - 1
        entries.append(grad(outputs, inputs, parts, keep, create_graph, True, allow_unused, False, materialize_grads))
    return tuple(None if parts[0] is None else join_entries(parts) for parts in zip(*entries))


def _gradients_of(inputs: tuple[Tensor, ...], roots: Roots, retain_graph: bool | None,
               create_graph: bool) -> list[Tensor | None]:
    """The gradient of each input, or None where the roots do not depend on it."""
    targets: list[Any] = [t if t._node is None else t._node for t in inputs]
    if state.recorder is not None:
        note_hooks()
    if create_graph:
        for x in inputs:
            refuse_complex(x)
        totals = _sums_on_tape(roots, frozenset(map(id, targets)))
        return [totals.get(id(target)) for target in targets]
    return [None if array is None else _after_hooks(target, Tensor._wrap(copy(conjugated(array))))
            for target, array in zip(targets, gradient_arrays(targets, roots, bool(retain_graph)))]


def _sums_on_tape(roots: Roots, wanted: frozenset[int]) -> dict[int, Tensor]:
    totals: dict[int, Tensor] = {}
    targets: dict[int, Any] = {}

    def keep(target: Any, gradient: Tensor) -> None:
        if id(target) in wanted:
            targets[id(target)] = target
            totals[id(target)] = plus(totals[id(target)], gradient) if id(target) in totals else gradient
    with enable_grad():
        walk_on_tape(roots, keep, wanted)
        return {i: _after_hooks(targets[i], total) for i, total in totals.items()}


def _after_hooks(target: Tensor | Node, gradient: Tensor) -> Tensor:
    """The gradient of an input after its hooks, if it is a leaf; those of a node were called before."""
    return gradient if isinstance(target, Node) or target._hooks is None else hooked(target._hooks.functions, gradient)


def _inputs(name: str, inputs: Tensors) -> tuple[Tensor, ...]:
    """Tensors whose gradients are asked for, checked."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if not inputs:
        raise RuntimeError(f"{name}: expected at least one input, got none")
    for i, t in enumerate(inputs):
        if not t._requires_grad:
            raise RuntimeError(f"{name}: expected inputs that require gradients, got one that does not, input {i}")
    return inputs


def _roots(name: str, argument: str, tensors: Tensors, gradients: Gradients) -> Roots:
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
    """The checked gradient of a root: ones if a scalar has none."""
    if not tensor._requires_grad:
        raise RuntimeError(f"{name}: this tensor does not require a gradient; compute it from a tensor with "
                           "requires_grad=True, and not under no_grad")
    if given is None:
        if tensor._data.dtype.kind == "c":
            raise RuntimeError(f"{name}() on a complex tensor needs an explicit `{argument}`; use a real loss, such as "
                               "its abs()")
        if tensor._data.size != 1:
            raise RuntimeError(f"{name}() on a non-scalar tensor (shape {shape_text(tensor)}) needs an explicit "
                               f"`{argument}`")
        return Tensor._wrap(_full_as(tensor, 1.0))
    if given.shape != tensor.shape or given.dtype != tensor.dtype:
        raise RuntimeError(f"{name}: expected a gradient of shape {shape_text(tensor)} and dtype {tensor.dtype}, got "
                           f"{shape_text(given)} and {given.dtype}")
    return given if given.dtype.kind != "c" else Tensor._wrap(conjugated(given._data))


def _full_as(like: Tensor, value: float) -> Array:
    array = empty(like._data.shape, like._data.dtype)
    K.fill(array, value)
    return array


def _backward_method(self: Tensor, gradient: Tensor | None = None, retain_graph: bool | None = None,
                     create_graph: bool = False, inputs: Tensors | None = None) -> None:
    """Compute gradients of this tensor, and accumulate them in the `grad` of every leaf that requires one.

    Args:
        gradient: a tensor of the same shape, which the gradients are multiplied by; None only for a tensor of one
            element (then 1).
        retain_graph: keep the saved arrays, so that backward() can be called again; by default `create_graph`.
        create_graph: record the computation of the gradients, so that they have gradients themselves.
        inputs: accumulate gradients in the `grad` of these tensors only.

    Raises:
        RuntimeError: as `fastnet.autograd.backward`.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """
    _backward("backward", "gradient", self, gradient, retain_graph, create_graph, inputs)


extend(backward=_backward_method)
