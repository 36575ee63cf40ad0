"""The tape: which operation made a tensor.

`op` turns a function on arrays into a differentiable operation on tensors. The function returns its result and its
gradients: one function of the result's gradient for each positional argument (None where there is none to give), or one
function of (gradient, which arguments need one) that returns them all, or such functions for them. A gradient function
with a parameter `out=None` may write into the array it is given, which saves a copy where the argument is a parameter.
"""
import functools

from fastnet._native import tape as _tape
from fastnet.errors import explain_none

Node, differentiable, node_number = _tape.Node, _tape.differentiable, _tape.node_number
CLOSED = ()                             # the gradients of a node whose backward has run


# ---- recording operations -------------------------------------------------------------------------------------------

def op(fn=None, *, view=False):
    """Make a differentiable operation of `fn(*arrays, **attributes) -> (result, gradients)`.

    Tensors among the positional arguments reach `fn` as arrays. `gradients` may be None for a result that has none.
    Inside a compiled function the arrays must come from kernels, as those of `fastnet.functional` do.

    Args:
        fn: the function.
        view: the result shares its first argument's memory.

    Example:
        >>> import fastnet
        >>> @fastnet.autograd.op
        ... def double(x):
        ...     return x * 2, (lambda g: g * 2,)
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> double(x).sum().backward()
        >>> x.grad
        tensor([2., 2.])
    """
    if fn is None:
        return functools.partial(op, view=view)
    return functools.wraps(fn)(differentiable(fn, fn.__name__.strip("_"), view, explain_none))


def holds(node, storage, since):
    """Whether a node, or one behind it that is later than the node number `since`, saved something of `storage`."""
    if not isinstance(node, Node) or node.order < since:
        return False
    return any(saved is storage for saved, _, _ in node.saved) or any(holds(n, storage, since) for _, n in node.edges)
