"""The tape: which operation made a tensor.

`op` turns a function on arrays into a differentiable operation on tensors; `gradient` states what a gradient reads.
"""
import functools
import inspect
import re

from fastnet._core.errors import explain_none
from fastnet._runtime.native import tape as _tape

Node, differentiable, gradient, node_number = _tape.Node, _tape.differentiable, _tape.gradient, _tape.node_number
written = _tape.written
CLOSED = ()                             # the gradients of a node whose backward has run


# ---- recording operations -------------------------------------------------------------------------------------------

def op(fn=None, *, view=False):
    """Make a differentiable operation of `fn(*arrays, **attributes) -> (result, gradients)`.

    Tensors reach `fn` as arrays; one given by keyword is moved to its position. `gradients` is one of

    - a tuple with a function for each positional argument, from the result's gradient to the argument's, or None where
      there is no gradient;
    - one function of (gradient, a bool for each argument: whether its gradient is needed) that returns all of them, or
      functions of the gradient that compute them;
    - `gradient(first, *saved).then(...)`: functions as in the tuple, which take the result of `first` instead;
    - None, for a result that has no gradient.

    A gradient function that reads arrays states them: `gradient(function, *saved)` is called as
    `function(g, *saved)`. backward() raises if one of them that is an argument or the result was changed in place
    since, and nothing else is kept alive. A function whose closure or default values hold an array, or an object that
    may have one in it, such as a list, is a TypeError when the operation is recorded.

    A gradient function with an optional parameter named `out` may write its result into the array that it is given
    there, and returns it. That saves a copy where the argument is a leaf. A gradient may have the shape that the
    arguments were broadcast to.

    Inside a compiled function the arrays must come from kernels, as those of `fastnet.functional` do.

    Args:
        fn: the function.
        view: the result shares its first argument's memory.

    Example:
        >>> import fastnet
        >>> @fastnet.autograd.op
        ... def times(x, y):
        ...     multiply = lambda g, other: g * other
        ...     return x * y, (fastnet.autograd.gradient(multiply, y), fastnet.autograd.gradient(multiply, x))
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> times(x, fastnet.tensor([3.0, 4.0])).sum().backward()
        >>> x.grad
        tensor([3., 4.])
    """
    if fn is None:
        return functools.partial(op, view=view)
    operation = functools.wraps(fn)(differentiable(fn, fn.__name__.strip("_"), view, _bound, explain_none))
    fn.__annotations__ = {name: _on_tensors(annotation) for name, annotation in fn.__annotations__.items()}
    return operation


def _on_tensors(annotation):
    """The type of an operation's argument or result, from that of its function: arrays become tensors.

    Example:
        >>> _on_tensors("Array | None"), _on_tensors("Result[tuple[Array, Array]]")
        ('Tensor | None', 'tuple[Tensor, Tensor]')
    """
    if not isinstance(annotation, str):         # without `from __future__ import annotations`: as the user wrote it
        return annotation
    if annotation.startswith("Result["):
        annotation = annotation.removeprefix("Result[").removesuffix("]")
    return re.sub(r"\bArray\b", "Tensor", annotation)


def _bound(fn, args, attributes):
    """(arguments by position, those by keyword) of a call of an operation that names some of its tensors."""
    try:
        call = inspect.signature(fn).bind(*args, **attributes)
    except TypeError as error:
        raise TypeError(f"{fn.__name__.strip('_')}: {error}") from None
    call.apply_defaults()
    for argument, value in call.kwargs.items():
        if isinstance(value, _tape.TensorBase):
            raise TypeError(f"{fn.__name__.strip('_')}: {argument} cannot be a tensor, since the operation's function "
                            "takes it by keyword only; gradients belong to arguments by position")
    return call.args, call.kwargs


def holds(node, storage, since):
    """Whether a node, or one behind it that is later than the node number `since`, saved something of `storage`."""
    if not isinstance(node, Node) or node.order < since:
        return False
    return any(saved is storage for saved, _, _ in node.saved) or any(holds(n, storage, since) for _, n in node.edges)
