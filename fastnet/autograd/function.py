"""Operations with a forward and a backward of the user's: `Function`, as in PyTorch."""
from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd.modes import no_grad
from fastnet.autograd.regions import fills_region
from fastnet.autograd.rules import dead_end, places_of
from fastnet.autograd.tape import Node, gradient
from fastnet.autograd.views import base_of, check_recordable_write, record_write
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class _SavedTensor:
    """A tensor as it was when it was saved: its array, the version of its memory, and its place on the tape.

    Args:
        tensor: the tensor.
        output: its position among the outputs of the forward; None for other tensors.
    """

    __slots__ = ("array", "leaf", "node", "output", "requires_grad", "storage", "version")

    def __init__(self, tensor: Tensor, output: int | None) -> None:
        self.array, self.storage, self.version = tensor._data, tensor._storage, tensor._storage.version
        self.output, self.node, self.requires_grad = output, None if output is not None else tensor._node, False
        self.leaf = tensor if output is None and tensor._node is None else None

    def unpacked(self, ctx: FunctionCtx) -> Tensor:
        if self.storage.version != self.version:
            raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace "
                               f"operation: a tensor of shape {shape_text(self.array)} is at version "
                               f"{self.storage.version}; expected version {self.version}")
        if self.leaf is not None:
            return self.leaf
        tensor = Tensor._wrap(self.array, self.storage)
        tensor._node = self.node if self.output is None else ctx._output_node(self.output)
        tensor._requires_grad = tensor._node is not None
        return tensor


class FunctionCtx:
    """The argument `ctx` of a `Function`: keeps values of the forward for the backward. It takes any attribute.

    Attributes:
        needs_input_grad: a bool for each argument of the forward: whether its gradient is needed.

    Example:
        >>> from fastnet.autograd import FunctionCtx
        >>> ctx = FunctionCtx()
        >>> ctx.factor = 2.0
        >>> ctx.saved_tensors
        ()
    """

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._to_save: tuple[Tensor | None, ...] = ()
        self._saved: tuple[_SavedTensor | None, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._without_gradient: tuple[Tensor, ...] = ()
        self._materialize = True
        self._output_nodes: dict[int, weakref.ref[Node]] = {}

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep arguments, results or other tensors for the backward, which finds them in `saved_tensors`.

        Raises:
            TypeError: an argument is neither a tensor nor None.

        Example:
            >>> from fastnet.autograd import FunctionCtx
            >>> FunctionCtx().save_for_backward(None)
        """
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument {i} is of type "
                                f"{type(t).__name__}")
        self._to_save = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that `save_for_backward` kept.

        Raises:
            RuntimeError: one of them was changed in place since.
        """
        return tuple(None if saved is None else saved.unpacked(self) for saved in self._saved)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """State that the forward changes these arguments in place, and returns them.

        Example:
            >>> from fastnet.autograd import FunctionCtx
            >>> FunctionCtx().mark_dirty()
        """
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """State that these results have no gradient.

        Example:
            >>> from fastnet.autograd import FunctionCtx
            >>> FunctionCtx().mark_non_differentiable()
        """
        self._without_gradient = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Choose what the backward gets for a result that no gradient reached: zeros (the default), or None if False.

        Example:
            >>> from fastnet.autograd import FunctionCtx
            >>> FunctionCtx().set_materialize_grads(False)
        """
        self._materialize = bool(value)

    def _output_node(self, position: int) -> Node | None:
        reference = self._output_nodes.get(position)
        return None if reference is None else reference()


class Function:
    """A differentiable operation by two static methods, `forward` and `backward`, as `torch.autograd.Function`.

    `apply` calls it. `forward(ctx, *args)` computes the results, without recording gradients; `backward(ctx, *grads)`
    takes a gradient for each result and returns one for each argument, or None. Alternatively, `forward(*args)` takes
    no `ctx`, and `setup_context(ctx, inputs, output)` keeps what the backward needs. The backward is recorded under
    `create_graph=True`, so that its operations are differentiated in turn.

    Example:
        >>> import fastnet
        >>> class Cube(fastnet.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x * x
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         x, = ctx.saved_tensors
        ...         return 3 * g * x * x
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> Cube.apply(x).sum().backward()
        >>> x.grad
        tensor([ 3., 12.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"{type(self).__name__}: expected a call of {type(self).__name__}.apply(...); functions with "
                        "non-static methods are not supported")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the results from (ctx, *args), or from (*args) if there is a `setup_context`."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep in `ctx` what the backward needs, after `forward(*inputs)` gave the output."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradient of each argument from those of the results."""
        raise NotImplementedError("You must implement either the backward or vjp method for your custom "
                                  "autograd.Function to use it with backward mode AD.")

    vjp = backward

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call the operation and put it on the tape.

        Args:
            args: as of `forward`, without `ctx`. Tensors among them may have gradients; those in lists have none.

        Returns:
            What `forward` returns: a tensor, or a tuple of tensors and other values.

        Example:
            >>> import fastnet
            >>> class Double(fastnet.autograd.Function):
            ...     @staticmethod
            ...     def forward(ctx, x):
            ...         return x * 2
            ...     @staticmethod
            ...     def backward(ctx, g):
            ...         return g * 2
            >>> Double.apply(fastnet.ones(2))
            tensor([2., 2.])
        """
        ctx = FunctionCtx()
        tracked = state.grad_enabled and any(isinstance(a, Tensor) and a._requires_grad for a in args)
        ctx.needs_input_grad = tuple(tracked and isinstance(a, Tensor) and a._requires_grad for a in args)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        outputs = list(result) if isinstance(result, tuple | list) else [result]
        _check_dirty(cls.__name__, ctx, outputs)
        outputs = [_alias(out, args, ctx) for out in outputs]
        if tracked:
            _attach_call(cls, ctx, args, outputs)
        else:
            for out in ctx._dirty:
                if out._node is not None and state.grad_enabled:
                    record_write(out, base_of(out), None)
        return tuple(outputs) if isinstance(result, tuple | list) else outputs[0]


def _check_dirty(name: str, ctx: FunctionCtx, outputs: list[Any]) -> None:
    for x in ctx._dirty:
        if not any(out is x for out in outputs):
            raise RuntimeError(f"{name}: Some elements marked as dirty during the forward method were not returned as "
                               "output. The inputs that are modified inplace must all be outputs of the Function.")


def _alias(out: Any, args: tuple[Any, ...], ctx: FunctionCtx) -> Any:
    """A result as a separate tensor: a view if the forward returned an argument, or another tensor with a gradient.
    """
    if not isinstance(out, Tensor) or any(out is x for x in ctx._dirty):
        return out
    given = any(out is a for a in args) or out._requires_grad
    return Tensor._wrap(out._data, out._storage) if given else out


class _BackwardCall:
    """The backward of one call, which its node runs.

    Attributes:
        like: of each result that may have a gradient, its (shape, dtype); None for others.
        shapes: of each argument that is a tensor; None for others.
    """

    def __init__(self, cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], outputs: list[Any]) -> None:
        self.name, self.ctx = cls.__name__ + "Backward", ctx
        self.function = cls.vjp if cls.vjp is not Function.vjp else cls.backward
        self.like = [(out._data.shape, out._data.dtype) if isinstance(out, Tensor) else None for out in outputs]
        self.shapes = [a.shape if isinstance(a, Tensor) else None for a in args]

    def __call__(self, grads: Sequence[Tensor | None]) -> list[Tensor | None]:
        """The gradients of the arguments, from those of the results."""
        if self.ctx._materialize:
            grads = [_zeros(*like) if g is None and like is not None else g for g, like in zip(grads, self.like)]
        found = self.function(self.ctx, *grads)
        results = list(found) if isinstance(found, tuple | list) else [found]
        count = len(self.shapes)
        if len(results) < count or any(r is not None for r in results[count:]):
            raise RuntimeError(f"function {self.name} returned an incorrect number of gradients (expected {count}, got "
                               f"{len(results)})")
        for i, (result, shape) in enumerate(zip(results, self.shapes)):
            if result is None:
                continue
            if shape is None:
                raise RuntimeError(f"function {self.name} returned a gradient different from None at position {i + 1}, "
                                   "but the corresponding forward input was not a Variable")
            if not isinstance(result, Tensor):
                raise TypeError(f"function {self.name} returned a gradient of type {type(result).__name__} at position "
                                f"{i + 1}, expected a tensor or None")
            if result.shape != shape and not _expands_to(shape, result.shape):
                raise RuntimeError(f"Function {self.name} returned an invalid gradient at index {i} - got "
                                   f"{[*result.shape]} but expected shape compatible with {[*shape]}")
        return results[:count]


def _zeros(shape: Shape, dtype: DType) -> Tensor:
    array = empty(shape, dtype)
    K.fill(array, 0)
    return Tensor._wrap(array)


def _expands_to(small: Shape, large: Shape) -> bool:
    tail = large[len(large) - len(small):]
    return len(small) <= len(large) and all(n in (1, m) for n, m in zip(small, tail))


def _attach_call(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], outputs: list[Any]) -> None:
    """Put a call on the tape: one node, and with several results a node for each of them, which leads to it."""
    edges = [(i, a if a._node is None else a._node) for i, a in enumerate(args)
             if isinstance(a, Tensor) and a._requires_grad]
    call = _BackwardCall(cls, ctx, args, outputs)
    places = [k for k, out in enumerate(outputs) if isinstance(out, Tensor) and dtypes.is_floating(out._data.dtype)
              and not any(out is x or out._data is x._data for x in ctx._without_gradient)]
    name = cls.__name__
    if len(outputs) == 1:
        nodes = [Node(name, gradient(_of_one_result, call), edges, (), outputs[k]._data) for k in places]
    else:
        hub = Node(name, gradient(_of_results, call), edges, (), _HUB_RESULT)
        nodes = [Node(name, (gradient(_part_of_call, len(outputs), k),), [(0, hub)], (), outputs[k]._data)
                 for k in places]
    ctx._saved = tuple(None if t is None else _SavedTensor(t, _position(t, outputs, args)) for t in ctx._to_save)
    ctx._to_save = ()
    for k, node in zip(places, nodes):
        out = outputs[k]
        ctx._output_nodes[k] = weakref.ref(node)
        if any(out is x for x in ctx._dirty):
            if out._requires_grad and out._node is None:
                raise RuntimeError(f"{name}: a leaf Variable that requires grad is being used in an in-place operation")
            check_recordable_write(name, out, base_of(out))
            record_write(out, base_of(out), node)
        else:
            out._node, out._requires_grad = node, True


def _position(tensor: Tensor, outputs: list[Any], args: tuple[Any, ...]) -> int | None:
    """The position of a saved tensor among the results, unless it is an argument."""
    if any(tensor is a for a in args) and not any(tensor is out for out in outputs):
        return None
    return next((k for k, out in enumerate(outputs) if out is tensor), None)


class _NoArray:
    shape = ()
    dtype = None


_HUB_RESULT: Any = _NoArray()


@fills_region
def _part_of_call(g: Array, count: int, place: int) -> Array:
    """The gradient of one result among several: the walk collects them for the node of the call."""
    raise AssertionError("the walk collects these")


def _of_one_result(g: Array, needed: list[bool], call: _BackwardCall) -> list[Array | None]:
    return _of_results([g], needed, call)


def _of_results(grads: Sequence[Array | None], needed: list[bool], call: _BackwardCall) -> list[Array | None]:
    with no_grad():
        results = call([None if g is None else Tensor._wrap(g) for g in grads])
    return [None if r is None or not need else r._data for r, need in _with_need(results, needed)]


def _with_need(results: list[Any], needed: list[bool]) -> Iterable[tuple[Any, bool]]:
    return zip(results, [*needed, *[False] * (len(results) - len(needed))])


def _one_result_on_tape(g: Tensor, needed: list[bool], call: _BackwardCall) -> list[Tensor | None]:
    return _results_on_tape([g], needed, call)


def _results_on_tape(grads: Sequence[Tensor | None], needed: list[bool], call: _BackwardCall) -> list[Tensor | None]:
    return [r if need else None for r, need in _with_need(call(grads), needed)]


_of_one_result.rule = _one_result_on_tape, ...      # type: ignore[attr-defined]    # a function takes any attribute
_of_results.rule = _results_on_tape, ...            # type: ignore[attr-defined]


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Declare that the backward of a `Function` cannot be differentiated, as a decorator.

    Under `create_graph=True` its gradients are computed as usual; differentiating them raises an error.

    Example:
        >>> import fastnet
        >>> from fastnet.autograd.function import once_differentiable
        >>> class Double(fastnet.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...     @staticmethod
        ...     @once_differentiable
        ...     def backward(ctx, g):
        ...         return g * 2
        >>> x = fastnet.ones(1, requires_grad=True)
        >>> fastnet.grad(Double.apply(x), x)
        (tensor([2.]),)
    """
    @functools.wraps(fn)
    def backward(ctx: FunctionCtx, *grads: Any) -> Any:
        with no_grad():
            results = fn(ctx, *grads)
        if not state.grad_enabled or not any(isinstance(g, Tensor) and g._requires_grad for g in grads):
            return results
        listed = results if isinstance(results, tuple | list) else (results,)
        text = "trying to differentiate twice a function that was marked with @once_differentiable"
        targets = places_of((*grads, *ctx.saved_tensors))
        marked = tuple(dead_end(r._data, targets, text) if isinstance(r, Tensor) else r for r in listed)
        return marked if isinstance(results, tuple | list) else marked[0]
    return backward
