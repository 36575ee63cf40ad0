"""Differentiable operations: `op` makes them from functions on arrays, `gradient` declares the arrays to save."""
from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from fastnet._core.errors import explain_none
from fastnet._runtime.native import pointwise as _pointwise, saved as _saved, tape as _tape

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["FREED", "OPERATIONS", "Along", "Choice", "Node", "Pointwise", "call_into", "gradient",
           "is_saved_by", "node_number", "op", "writes_out"]

_F = TypeVar("_F", bound=Callable[..., Any])
_OPERATION_MODULES = "fastnet."
_ARRAY = re.compile(r"\bArray\b")

Node = _tape.Node
Along = _pointwise.Along
Choice = _pointwise.Choice
Pointwise = _pointwise.Pointwise
gradient = _saved.gradient
call_into: Callable[[Callable[..., Array], Array, Array], Array] = _saved.call_into
node_number: Callable[[], int] = _tape.node_number
OPERATIONS: dict[str, Callable[..., Any]] = {}          # fastnet's own by name, as far as their modules are imported
FREED: tuple[()] = ()                   # the `gradients` of a node that backward() has visited


@overload
def op(fn: Callable[..., Any], *, view: bool = False,
       pointwise: Pointwise | None = None) -> Callable[..., Tensor]: ...


@overload
def op(fn: None = None, *, view: bool = False,
       pointwise: Pointwise | None = None) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]: ...


def op(fn: Callable[..., Any] | None = None, *, view: bool = False,
       pointwise: Pointwise | None = None) -> Callable[..., Any]:
    """Make a differentiable operation on tensors of a function on NumPy arrays, as a decorator.

    **The call.** The operation passes its arguments on to `fn`: tensors as their arrays, everything else (numbers,
    strings, None, ...) unchanged. It moves a tensor that is given by keyword to its position. The result is a tensor
    over the array that `fn` computed. It requires a gradient if one of the tensors does.

    **What `fn` returns.** `(result, gradients)`: the array, and how gradients flow back. With `g` for the gradient of
    the result, `gradients` is one of

    - a tuple with an entry for each positional argument: a function that takes `g` and returns the gradient of the
      argument, or None for an argument without a gradient;
    - one function of `(g, needed)` for all arguments, where `needed` has a bool for each argument: whether its gradient
      is needed. It returns a sequence with the gradient of each argument, or a function of `g` that computes it, or
      None;
    - `gradient(first, *saved).then(*functions)`: `first` runs once, and the functions, one for each argument, take its
      result in place of `g`;
    - None, if the result has no gradient.

    A gradient has the shape of the result or of the argument: backward() sums it over broadcast dimensions and converts
    it to the argument's dtype. It is not written to later and may be `g` itself or a view of it.

    **Saved arrays.** A gradient function that reads arrays declares them: `gradient(function, *saved)` is called as
    `function(g, *saved)`. Nothing else is kept alive. backward() raises a RuntimeError if a saved array is an argument
    or the result, and was changed in place after the forward pass. A function that holds an array undeclared, in its
    closure or its defaults, is a TypeError when the operation is called; so is one that holds an object that may
    contain an array, such as a list.

    **Memory.** A gradient function under `fastnet.autograd.writes_out` takes `out`, the memory of a leaf's gradient,
    and writes its result there.

    **Compiled functions.** A replay repeats kernels, not calls of NumPy: an operation inside a function under
    `fastnet.compile` computes its arrays with the operations of `fastnet.functional`.

    Args:
        fn: the function. Its signature and docstring become the operation's; annotations with `Array` are read as
            `Tensor`.
        view: whether the result shares the memory of the first argument.
        pointwise: the kernel that computes the result for contiguous floating-point arguments of one dtype. It is
            called directly, without `fn`, where no gradient is needed.

    Returns:
        The operation; without `fn`, a decorator.

    Raises:
        TypeError: when the operation is called, for a gradient function that reads undeclared arrays.
        RuntimeError: when the operation is called, if `gradients` has no entry for an argument that needs a gradient.

    Example:
        A product, whose gradient functions read the other factor:

        >>> import fastnet
        >>> from fastnet.autograd import gradient, op
        >>> def multiply(g, other):
        ...     return g * other
        >>> @op
        ... def times(x, y):
        ...     return x * y, (gradient(multiply, y), gradient(multiply, x))
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> times(x, fastnet.tensor([3.0, 4.0])).sum().backward()
        >>> x.grad
        tensor([3., 4.])

        A scaled cube, which saves its argument and the number `scale`, and writes its gradient into given memory:

        >>> import numpy as np
        >>> @fastnet.autograd.writes_out
        ... def cube_slope(g, x, scale, *, out=None):
        ...     return np.multiply(g, 3 * scale * x * x, out=out)
        >>> @op
        ... def cube(x, scale=1.0):
        ...     return scale * x**3, (gradient(cube_slope, x, scale), None)
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> y = cube(x, scale=10.0)
        >>> y
        tensor([10., 80.], grad_fn=<cube backward>)
        >>> y.sum().backward()
        >>> x.grad
        tensor([ 30., 120.])
    """
    if fn is not None and not callable(fn):
        raise TypeError(f"op: expected a function, got {type(fn).__name__}")
    if fn is None:
        return functools.partial(op, view=view, pointwise=pointwise)
    operation = functools.wraps(fn)(
        _tape.differentiable(fn, fn.__name__.strip("_"), view, _by_position, explain_none, pointwise))
    fn.__annotations__ = {name: _on_tensors(annotation) for name, annotation in fn.__annotations__.items()}
    if (fn.__module__ or "").startswith(_OPERATION_MODULES):
        OPERATIONS.setdefault(fn.__name__.strip("_"), operation)
    return operation


def _on_tensors(annotation: Any) -> Any:
    """The annotation of an operation's argument or result, from that of its function: arrays become tensors.

    Example:
        >>> _on_tensors("Array | None"), _on_tensors("Result[tuple[Array, Array]]")
        ('Tensor | None', 'tuple[Tensor, Tensor]')
    """
    if not isinstance(annotation, str):         # without `from __future__ import annotations`: as the user wrote it
        return annotation
    if annotation.startswith("Result["):
        annotation = annotation.removeprefix("Result[").removesuffix("]")
    return _ARRAY.sub("Tensor", annotation) if "Array" in annotation else annotation


def _by_position(fn, args, attributes):
    """(positional arguments, keyword arguments) of a call of an operation that names some of its tensors."""
    name = fn.__name__.strip("_")
    try:
        call = inspect.signature(fn).bind(*args, **attributes)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    call.apply_defaults()
    for argument, value in call.kwargs.items():
        if isinstance(value, _tape.TensorBase):
            raise TypeError(f"{name}: expected {argument} not to be a tensor; only positional arguments can have "
                            "gradients, and the operation's function takes this one by keyword only")
    return call.args, call.kwargs


def writes_out(function: _F) -> _F:
    """Declare that a gradient function can write its result into given memory, as a decorator.

    backward() calls the function with `out=`, the memory of a leaf's gradient, which saves a copy. The function takes
    `out` by keyword, None by default, and returns its result. It must ignore `out` if the result has another shape or
    dtype, since the operation may broadcast or convert the argument.

    Args:
        function: a gradient function (see `op`). Its attribute `writes_out` becomes True.

    Returns:
        The function itself.

    Example:
        >>> import fastnet
        >>> import numpy as np
        >>> @fastnet.autograd.writes_out
        ... def twice(g, *, out=None):
        ...     return np.multiply(g, 2.0, out=out)
        >>> double = fastnet.autograd.op(lambda x: (x * 2.0, (twice,)))
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> double(x).sum().backward()
        >>> x.grad
        tensor([2., 2.])
    """
    function.writes_out = True          # type: ignore[attr-defined]    # a function takes any attribute
    return function


def is_saved_by(node: object, storage: _tape.Storage, since: int) -> bool:
    """Whether a node, or one of its arguments' nodes down to the number `since`, saved an array in this storage."""
    if not isinstance(node, Node) or node.order < since:
        return False
    return (any(saved is storage for saved, _, _ in node.saved)
            or any(is_saved_by(target, storage, since) for _, target in node.edges))
