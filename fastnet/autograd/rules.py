"""Gradient functions as operations on tensors: what `create_graph=True` records, and derivatives of any order."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from fastnet import dtypes
from fastnet._core.memory import empty, empty_result
from fastnet._core.tensor import Storage, Tensor
from fastnet.autograd.arrays import contiguous, same, sum_broadcast
from fastnet.autograd.tape import Node, gradient, op
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape

__all__ = ["RESULT", "apply_rule", "dead_end", "join_entries", "linear_map", "on_tensors", "places_of", "plus",
           "transposes"]

_F = TypeVar("_F", bound=Callable[..., Any])
Linear: TypeAlias = "Callable[..., Array]"
Source: TypeAlias = "int | tuple[int, Callable[[Array, Shape], gradient]]"

RESULT = -1                             # the source of a saved array that is the operation's result


def on_tensors(form: Callable[..., Any], *sources: Source | None) -> Callable[[_F], _F]:
    """State a gradient function as operations on tensors, as a decorator, so that `create_graph=True` can record it.

    Args:
        form: takes tensors where the gradient function takes arrays, and returns what it returns, as tensors.
        sources: for each saved value, the argument of the operation that it holds, by position; `RESULT` for its
            result; None for a constant, through which no gradient flows. Values without a source must not be
            floating-point arrays. A saved array may have another shape or memory layout than the argument, if it holds
            the same elements in the same order. If it holds a function of the argument, its source is a pair: the
            argument, and way(array, shape), which returns the gradient function from that array's gradient to that of
            the argument, of this shape.

    Returns:
        A decorator that returns the gradient function itself.

    Example:
        >>> import fastnet
        >>> from fastnet.autograd import gradient, on_tensors, op
        >>> @on_tensors(lambda g, x: 3 * g * x * x, 0)
        ... def of_cube(g, x):
        ...     return 3 * g * x * x
        >>> cube = op(lambda x: (x * x * x, (gradient(of_cube, x),)))
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> slope, = fastnet.grad(cube(x).sum(), x, create_graph=True)
        >>> fastnet.grad(slope.sum(), x)
        (tensor([ 6., 12.]),)
    """
    def state_form(function: _F) -> _F:
        function.rule = form, sources           # type: ignore[attr-defined]    # a function takes any attribute
        return function
    return state_form


def transposes(function: Linear, transposed: Linear | None = None) -> None:
    """State that two gradient functions are linear in their first argument, and each other's transpose.

    Both take the same saved values, which are constants. Each is the gradient of the other, to any order.

    Args:
        function: a gradient function, function(g, *saved).
        transposed: transposed(v, *saved); by default the function itself, as for a product with a mask. Its result may
            have another shape than the argument of `function`, if it has the same elements in the same order, or if
            the function broadcasts its argument.

    Example:
        >>> import fastnet
        >>> from fastnet.autograd import gradient, op, transposes
        >>> def flipped(g):
        ...     return g[::-1]
        >>> transposes(flipped)
        >>> flip = op(lambda x: (x[::-1], (flipped,)))
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> slope, = fastnet.grad((flip(x) * x).sum(), x, create_graph=True)
        >>> fastnet.grad(slope[0], x)
        (tensor([0., 2.]),)
    """
    transposed = function if transposed is None else transposed
    for one, other in ((function, transposed), (transposed, function)):
        one.rule = _form_of(one, other), ...            # type: ignore[attr-defined]    # a function takes any attribute


def _form_of(function: Linear, transposed: Linear) -> Callable[..., Tensor]:
    return lambda g, *saved: linear_map(g, function, transposed, None, *saved)


@op
def linear_map(x: Array, function: Linear, transposed: Linear, shape: Shape | None, *saved: Any) -> Result[Array]:
    """function(x, *saved), a linear function of x, in a shape (None: as it is); `transposed` is its transpose."""
    out = function(x, *saved)
    out = out if shape is None else _in_shape(out, shape)
    return out, (gradient(_mapped_back, function, transposed, x.shape, *saved),)


def _mapped_back(g: Array, function: Linear, transposed: Linear, shape: Shape, *saved: Any) -> Array:
    return _in_shape(transposed(g, *saved), shape)


def _in_shape(x: Array, shape: Shape) -> Array:
    """x in a shape with as many elements, or summed to a shape that a function broadcasts."""
    if x.shape == shape:
        return x
    return contiguous(x).reshape(shape) if x.size == math.prod(shape) else sum_broadcast(x, shape)


_mapped_back.rule = (           # type: ignore[attr-defined]    # a function takes any attribute
    lambda g, function, transposed, shape, *saved: linear_map(g, transposed, function, shape, *saved)), ...
transposes(same)


@op
def plus(a: Array, b: Array) -> Result[Array]:
    """The sum of two gradients."""
    total = empty_result(a.shape, a.dtype, a, b)
    K.add(total, a, b)
    return total, (same, same)


@op
def _join_entries(*parts: Array) -> Result[Array]:
    out = empty((len(parts), *parts[0].shape), parts[0].dtype)
    K.join(out, 0, *parts)
    return out, tuple(gradient(_entry, k, len(parts)) for k in range(len(parts)))


def _entry(g: Array, k: int, count: int) -> Array:
    return g[k]


def _only_entry(v: Array, k: int, count: int) -> Array:
    out = empty((count, *v.shape), v.dtype)
    K.fill(out, 0.0)
    K.copy(out[k], v)
    return out


transposes(_entry, _only_entry)


def join_entries(parts: Sequence[Tensor]) -> Tensor:
    """Tensors of one shape, stacked along a new first dimension."""
    return _join_entries(*parts)


# ---- the use of rules -----------------------------------------------------------------------------------------------

def apply_rule(node: Node, function: Any, g: Tensor, *more: Any) -> Any:
    """The result of a gradient function of a node for g, as tensors on the tape.

    A function without a rule is called on arrays. Its result raises an error when a gradient is to flow through it.

    Args:
        more: further leading arguments of the function.
    """
    plain, saved = (function.function, function.saved) if type(function) is gradient else (function, ())
    form, sources = getattr(plain, "rule", (None, ()))
    if form is None:
        return _without_rule(node, function, g, *more)
    return form(g, *more, *_linked(node, saved, sources))


def _linked(node: Node, saved: tuple[Any, ...], sources: Any) -> list[Any]:
    """The saved values of a gradient function, with tensors in place of arrays, on the tape where they have a source.
    """
    if sources is ...:
        sources = (None,) * len(saved)
    linked: list[Any] = []
    for k, value in enumerate(saved):
        if not isinstance(value, np.ndarray):
            linked.append(value)
        elif k < len(sources):
            linked.append(Tensor._wrap(value) if sources[k] is None else _link(node, value, sources[k]))
        elif dtypes.is_floating(value.dtype):
            raise RuntimeError(f"{node.name}: its gradient on tensors states no source of saved value {k + 1}")
        else:
            linked.append(Tensor._wrap(value))
    return linked


def _link(node: Node, array: Array, source: Source) -> Tensor:
    """A tensor over a saved array with the place on the tape that its source has."""
    source, way = source if isinstance(source, tuple) else (source, None)
    storage = next((storage for storage, _, i in node.saved if i == source), None)
    tensor = Tensor._wrap(array, Storage() if storage is None else storage)
    target = node if source == RESULT else dict(node.edges).get(source)
    if target is not None:
        shape = target.shape if array.size == math.prod(target.shape) else array.shape      # else it is broadcast
        back = gradient(_mapped_back, same, same, shape) if way is None else way(array, target.shape)
        tensor._node, tensor._requires_grad = Node("saved", (back,), [(0, target)], (), array), True
    return tensor


def _without_rule(node: Node, function: Any, g: Tensor, *more: Any) -> Any:
    results = function(g._data, *more)
    targets = [*(target for _, target in node.edges), *places_of((g,))]
    naming = getattr(getattr(function, "function", function), "naming", None)
    name = node.name if naming is None else naming(*function.saved)
    text = (f"{name}: expected an operation that states its second derivative, and this one does not; compute the "
            "gradient without create_graph=True, or compose the operation of others")
    if not more:
        return None if results is None else dead_end(results, targets, text)
    results = [result(g._data) if callable(result) else result for result in results]
    return [None if result is None else dead_end(result, targets, text) for result in results]


def places_of(tensors: Iterable[Any]) -> list[Node | Tensor]:
    """The places on the tape of the tensors among some values that require gradients: their nodes, or leaves."""
    return [t if t._node is None else t._node for t in tensors if isinstance(t, Tensor) and t._requires_grad]


def dead_end(array: Array, targets: Iterable[Node | Tensor], text: str) -> Tensor:
    """A tensor that depends on the targets, and raises a RuntimeError with this text when a gradient reaches it."""
    tensor = Tensor._wrap(array)
    edges = [(0, target) for target in targets]
    if edges:
        tensor._node = Node("without second derivative", (gradient(_raise, text),), edges, (), array)
        tensor._requires_grad = True
    return tensor


def _raise(g: Array, text: str) -> Array:
    raise RuntimeError(text)
