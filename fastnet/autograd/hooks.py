"""Hooks of tensors, which backward() calls with gradients, and handles that remove hooks."""
from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from fastnet._core.changes import changes
from fastnet._core.errors import shape_text
from fastnet._core.reprs import repr_of
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.autograd.arrays import copy
from fastnet.autograd.modes import no_grad

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.autograd.tape import Node

__all__ = ["ArgumentGradient", "Collector", "Contribution", "LeafHooks", "NodeHooks", "RemovableHandle",
           "collect_gradients", "hooked", "is_collected", "note_hooks", "observed", "observed_on_tape",
           "refuse_collected", "retain_grad", "retain_node"]

# A share of a leaf's gradient that is not computed yet: (leaf, array, function); it is function(array).
Contribution: TypeAlias = "tuple[Tensor, Array, Callable[[Array], Array] | None]"
Collector: TypeAlias = "Callable[[list[Contribution]], None]"

_numbers = itertools.count()


class RemovableHandle:
    """Removes a hook: what `register_hook`, `register_forward_hook` and the like return.

    Args:
        hooks: the dictionary that the hook is added to.
        hook: the function.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(2, requires_grad=True)
        >>> with x.register_hook(lambda gradient: gradient * 10):
        ...     x.sum().backward()
        >>> x.sum().backward()
        >>> x.grad
        tensor([11., 11.])
    """

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self._hooks, self._key = hooks, next(_numbers)
        hooks[self._key] = hook

    @property
    def id(self) -> int:
        """The number of the hook, which no other hook has."""
        return self._key

    def remove(self) -> None:
        """Remove the hook; calling it again has no effect."""
        if self._hooks.pop(self._key, None) is not None:
            changes.value += 1

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return repr_of(self, registered=self._key in self._hooks)


class NodeHooks:
    """Hooks on the gradient of a node's result; backward() calls them before it computes those of the arguments.

    Attributes:
        functions: the hooks of the tensor, in the order of their registration.
        retained: a weak reference to the tensor whose `retain_grad()` was called, or None.
    """

    __slots__ = ("functions", "retained")

    def __init__(self) -> None:
        self.functions: dict[int, Callable[[Tensor], Tensor | None]] = {}
        self.retained: weakref.ref[Tensor] | None = None


class LeafHooks:
    """The hooks of a leaf: of its gradient before it is added to `grad`, and of the leaf afterwards.

    Attributes:
        functions: the hooks of the gradient, in the order of their registration.
        after: the hooks of the leaf.
        collector: computes the gradient of the leaf, see `collect_gradients`; None: backward() does.
    """

    __slots__ = ("after", "collector", "functions")

    exist = False                       # whether any leaf ever had a hook: backward() asks each leaf only then

    def __init__(self) -> None:
        self.functions: dict[int, Callable[[Tensor], Tensor | None]] = {}
        self.after: dict[int, Callable[[Tensor], None]] = {}
        self.collector: Collector | None = None


class ArgumentGradient:
    """The gradient of one argument of a node, whose function computes those of all arguments.

    Args:
        function: the node's `gradients`, a function of (g, needed).
        position: of the argument.
    """

    __slots__ = ("function", "position")

    def __init__(self, function: Callable[..., Sequence[Any]], position: int) -> None:
        self.function, self.position = function, position

    def __call__(self, g: Array) -> Array:
        """The gradient of the argument."""
        found = self.function(g, [i == self.position for i in range(self.position + 1)])[self.position]
        return found(g) if callable(found) else found


def collect_gradients(leaves: Iterable[Tensor], collector: Collector | None) -> None:
    """Let a function compute the gradients of some leaves from what backward() would have computed them from.

    backward() computes all other gradients first. Then it calls `collector` once, with the contributions to all of
    these leaves, and the collector sets or adds to their `grad` (`fastnet.autograd.leaves.accumulate`). The gradient
    functions of `functional` tell by their saved arrays which operation they belong to.

    Args:
        leaves: tensors that require gradients.
        collector: a function of a list of (leaf, array, function), where `function(array)` is the contribution; None
            lets backward() compute the gradients again.
    """
    for leaf in leaves:
        _new_leaf_hooks(leaf).collector = collector


def is_collected(target: Any) -> bool:
    """Whether a target of the tape is a leaf with a collector."""
    hooks = getattr(target, "_hooks", None)
    return hooks is not None and hooks.collector is not None


def refuse_collected(leaf: Tensor, call: str) -> None:
    """Refuse a call that would set the gradient of a leaf without its collector."""
    if is_collected(leaf):
        raise RuntimeError(f"{call}: expected leaves whose gradients backward() computes; the gradient of this one, of "
                           f"shape {shape_text(leaf)}, is computed by a collector, such as that of a PrivacyEngine, "
                           "which needs a plain backward()")


def _node_hooks(node: Any) -> NodeHooks:
    if node.hooks is None:
        node.hooks = NodeHooks()
    return node.hooks


def _new_leaf_hooks(leaf: Tensor) -> LeafHooks:
    LeafHooks.exist = True
    if leaf._hooks is None:
        leaf._hooks = LeafHooks()
    if state.recorder is None:
        changes.value += 1              # a recording without the hook is no longer valid
    return leaf._hooks


def note_hooks() -> None:
    """Guard the recording in progress against new hooks of leaves."""
    state.recorder.note_changes(changes, "the hooks of tensors")


def hooked(functions: dict[int, Callable[[Tensor], Tensor | None]], gradient: Tensor) -> Tensor:
    """A gradient after the hooks of its tensor, each of which may replace it."""
    for hook in list(functions.values()):
        changed = hook(gradient)
        if changed is None:
            continue
        name = getattr(hook, "__name__", type(hook).__name__)
        if not isinstance(changed, Tensor):
            raise TypeError(f"hook {name!r}: expected a tensor or None as its result, got {type(changed).__name__}")
        if changed.shape != gradient.shape or changed.dtype != gradient.dtype:
            raise RuntimeError(f"hook {name!r} has changed the size of value: expected a gradient of shape "
                               f"{shape_text(gradient)} and dtype {gradient.dtype}, got {shape_text(changed)} and "
                               f"{changed.dtype}")
        gradient = changed
    return gradient


def observed(node: Node, array: Array) -> Array:
    """The gradient of a node's result after its hooks, kept where `retain_grad()` asks for it."""
    hooks: NodeHooks = node.hooks
    if hooks.functions:
        with no_grad():
            array = hooked(hooks.functions, Tensor._wrap(array))._data
    _keep(hooks, Tensor._wrap(copy(array)) if hooks.retained is not None else None)
    return array


def observed_on_tape(node: Node, gradient: Tensor) -> Tensor:
    """`observed` for a gradient that is a tensor on the tape."""
    hooks: NodeHooks = node.hooks
    gradient = hooked(hooks.functions, gradient)
    _keep(hooks, gradient)
    return gradient


def _keep(hooks: NodeHooks, gradient: Tensor | None) -> None:
    tensor = None if hooks.retained is None else hooks.retained()
    if tensor is not None:
        tensor._grad = gradient


@method()
def register_hook(tensor: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call hook(gradient) whenever backward() or grad() has computed the gradient of this tensor.

    The hook may return a new gradient, which takes the place of the old one. It must not change its argument.

    Args:
        tensor: a tensor that requires a gradient.
        hook: a function of the gradient, a tensor of the same shape.

    Returns:
        A handle whose `remove()` removes the hook.

    Raises:
        RuntimeError: the tensor does not require a gradient; in backward(), if the hook returns a tensor of another
            shape or dtype.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda gradient: gradient * 10)
        >>> (x * 3).sum().backward()
        >>> x.grad
        tensor([30., 30.])
    """
    if not tensor._requires_grad:
        raise RuntimeError("register_hook: cannot register a hook on a tensor that doesn't require gradient")
    hooks = _new_leaf_hooks(tensor) if tensor._node is None else _node_hooks(tensor._node)
    return RemovableHandle(hooks.functions, hook)


@method()
def register_post_accumulate_grad_hook(tensor: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Call hook(tensor) whenever backward() has added to the `grad` of this leaf, at the end of backward().

    Args:
        tensor: a leaf that requires a gradient.
        hook: a function of the tensor. It may read, change or drop `tensor.grad`.

    Returns:
        A handle whose `remove()` removes the hook.

    Raises:
        RuntimeError: the tensor is not a leaf, or does not require a gradient.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> def descend(w):
        ...     with fastnet.no_grad():
        ...         w -= 0.1 * w.grad
        ...     w.grad = None
        >>> handle = w.register_post_accumulate_grad_hook(descend)
        >>> (w * 5).sum().backward()
        >>> w
        tensor([0.5, 0.5], requires_grad=True)
    """
    if not tensor._requires_grad:
        raise RuntimeError("register_post_accumulate_grad_hook: cannot register a hook on a tensor that doesn't "
                           "require gradient")
    if tensor._node is not None:
        raise RuntimeError("register_post_accumulate_grad_hook: post accumulate grad hooks cannot be registered on "
                           "non-leaf tensors; use register_hook")
    return RemovableHandle(_new_leaf_hooks(tensor).after, hook)


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
        retain_node(tensor._node, tensor)


def retain_node(node: Node, tensor: Tensor) -> None:
    """Keep the gradient of a node's result as the `grad` of this tensor."""
    _node_hooks(node).retained = weakref.ref(tensor)
