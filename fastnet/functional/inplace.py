"""In-place operations: the methods that end in _ and the augmented operators.

Every write increments the version of the storage, so that backward() raises if it needs the old values. A write that
gradients flow through gives the tensor a new node on the tape, from which its views are derived again.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import is_channels_last
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet._runtime.native import untaped as _untaped
from fastnet.autograd import Node, gradient, op, transposes
from fastnet.autograd.tape import is_saved_by, node_number
from fastnet.autograd.views import base_of, check_recordable_write, record_write
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import describe

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike, Number, Result, Shape, TensorOrNumber

__all__ = ["apply_to", "can_hold", "compute_into", "copy_", "fill_", "in_place", "replace_value", "writable", "write",
           "write_result", "zero_"]


def writable(name: str, x: Tensor) -> None:
    """Refuse a write that is impossible or would lose a gradient.

    Raises:
        RuntimeError: repeated elements or read-only memory; while gradients are recorded, a leaf that requires one, or
            a view of one.
    """
    if not x._data.flags.writeable:
        _refuse_read_only(name, x._data)
    if not state.grad_enabled:
        return
    base = base_of(x)
    if (x._requires_grad and x._node is None) or (base._requires_grad and base._node is None):
        raise RuntimeError(f"{name}: a leaf that requires a gradient, or a view of one, cannot be written in place; do "
                           "it under fastnet.no_grad(), or use the form that returns its result")
    if base._requires_grad and not x._requires_grad:
        raise RuntimeError(f"{name}: a view of a tensor that gradients flow through, but made under no_grad, cannot be "
                           "written in place while gradients are recorded; make the view again, or use detach()")


def _refuse_read_only(name: str, array: Array) -> None:
    if any(n > 1 and stride == 0 for n, stride in zip(array.shape, array.strides)):
        raise RuntimeError(f"{name}: a tensor of shape {shape_text(array)} that repeats its elements, as expand() "
                           "makes it, cannot be written in place; write into a clone()")
    raise RuntimeError(f"{name}: the memory of this tensor is read-only, as that of the copy that view() makes of a "
                       "channels-last tensor, of an array that NumPy may not write or of a part of an expanded tensor; "
                       "write into a clone(), or use reshape() instead of view()")


def write(name: str, x: Tensor, run: Callable[[], Any], sources: Sequence[Any] = (),
          node: Node | None = None) -> Tensor:
    """Call `run`, which reads `sources` and writes into x, and update the place of x on the tape.

    Args:
        name: of the operation, for errors.
        x: the tensor that is written.
        run: does the write.
        sources: the tensors that `run` reads.
        node: the operation that computed the values; None if they have no gradient.
    """
    if state.tracer is not None:
        state.tracer.note_write(name, x)
    return _write(name, x, run, sources, node)


def _write(name, x, run, sources, node):
    """`write`, without a note in a trace."""
    base = base_of(x)
    followed = state.grad_enabled and (node is not None or base._requires_grad)
    if followed and node is None and base is x:             # as in PyTorch, the inputs of x get zeros
        node = Node(name, (kernels.zeros_like,), [(0, x._node)], (), x._data)
    if followed:
        check_recordable_write(name, x, base)
    if state.recorder is not None:
        state.recorder.note_tensors((x, *sources))
    run()
    x._storage.version += 1
    if followed:
        record_write(x, base, node)
    return x


def write_result(name: str, out: Tensor, inputs: Sequence[Tensor], run: Callable[[], Any]) -> None:
    """Call `run`, which writes the result of an operation into `out`, off the tape."""
    for x in (out, *inputs):
        if x._requires_grad and state.grad_enabled:
            raise RuntimeError(f"{name}: out= does not support gradients; leave it out, or use fastnet.no_grad()")
    writable(name, out)
    write(name, out, run, inputs)


def replace_value(name: str, x: Tensor, result: Tensor) -> Tensor:
    """Write the tensor `result` into x, and give x its place on the tape."""
    writable(name, x)
    if result.shape != x.shape:
        raise RuntimeError(f"{name}: the result has shape {shape_text(result)}, the tensor {shape_text(x)}; a write in "
                           "place cannot change the shape")
    if dtypes.category(result.dtype) > dtypes.category(x.dtype):
        raise RuntimeError(f"{name}: a result of dtype {result.dtype} cannot be written into {x.dtype}")
    if state.tracer is not None:
        state.tracer.note_replaced(name, x, result)
    return _write(name, x, lambda: K.copy(x._data, result._data), (), result._node)


def apply_to(name: str, function: Callable[..., Tensor], input: Tensor, inplace: bool, *args: Any) -> Tensor:
    """function(input, *args), written into the input if `inplace`; the gradient then reads a copy of the input."""
    if not inplace:
        return function(input, *args)
    return replace_value(name, input, function(input.clone(), *args))


# ---- operations that compute in the memory of their first argument -------------------------------------------------

@op
def _relu_into(x: Array) -> Result[Array]:
    K.relu(x, x)
    return x, (gradient(_of_relu, x),)


def _of_relu(g: Array, y: Array) -> Array:
    return kernels.call_like("relu_backward", y, g)


transposes(_of_relu)


@op
def _add_into(x: Array, y: Array | Number) -> Result[Array]:
    K.add(x, *kernels.operands(x, y))
    return x, (kernels.same, kernels.same)


@op
def _sub_into(x: Array, y: Array | Number) -> Result[Array]:
    K.sub(x, *kernels.operands(x, y))
    return x, (kernels.same, kernels.neg)


_INTO: dict[str, Callable[..., Tensor]] = {"relu": _relu_into, "add": _add_into, "sub": _sub_into}
# {operation that the kernel of its name computes: its operands}
_KERNELS = {"add": 2, "sub": 2, "mul": 2, "div": 2, "abs": 1, "exp": 1, "log": 1, "neg": 1, "reciprocal": 1, "relu": 1,
            "sigmoid": 1, "sqrt": 1, "square": 1, "tanh": 1}


def compute_into(name: str, x: Tensor, operation: Callable[..., Tensor], *args: Any) -> Tensor:
    """Call an operation that writes its result into the memory of x, and give x its place on the tape.

    Args:
        name: of the method, for errors.
        x: the tensor that is written.
        operation: operation(x, *args), whose gradients read none of the old values of x.
        args: its other arguments.
    """
    writable(name, x)
    if state.grad_enabled and (base_of(x)._requires_grad or any(getattr(a, "_requires_grad", False) for a in args)):
        check_recordable_write(name, x, base_of(x))
    result = operation(x, *args)
    node = result._node
    if node is not None:                # it saves the result as the tensor x, whose version `write` counts up
        node.saved = tuple([(x._storage, x._storage.version + 1, i) if i < 0 else (storage, version, i)
                            for storage, version, i in node.saved])
    return write(name, x, lambda: None, [a for a in args if isinstance(a, Tensor)], node)


def can_hold(x: Tensor, *operands: Any) -> bool:
    """Whether an elementwise kernel can write its result, of x and these operands, into the memory of x.

    Not during a trace, whose graph holds operations that return their result.
    """
    dense = state.tracer is None and (x._data.flags.c_contiguous or is_channels_last(x._data, True))
    return dense and dtypes.is_floating(x.dtype) and all(
        type(y) in (int, float) or (isinstance(y, Tensor) and y.dtype == x.dtype and _fits(y.shape, x.shape))
        for y in operands)


def _is_multiple(x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call, not in a trace, adds or subtracts a number times a tensor of the floating-point dtype of x."""
    return (len(args) == len(kwargs) == 1 and type(kwargs.get("alpha")) in (int, float) and state.tracer is None
            and isinstance(args[0], Tensor) and args[0].dtype == x.dtype and dtypes.is_floating(x.dtype))


def _fits(shape: Shape, whole: Shape) -> bool:
    """Whether a shape broadcasts to another one."""
    lead = len(whole) - len(shape)
    return lead >= 0 and all(n in (1, whole[lead + i]) for i, n in enumerate(shape))


def in_place(name: str, plain: str, *operators: str) -> Callable[..., Tensor]:
    """Define the method `name`, which writes the result of the method `plain` into its tensor."""
    into, operands = _INTO.get(plain), _KERNELS.get(plain)

    def function(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not kwargs and len(args) + 1 == operands and _untaped.write_pointwise(plain, self, args):
            return self
        if kwargs and into is not None and _is_multiple(self, args, kwargs):
            if _untaped.write_pointwise(plain, self, args, kwargs["alpha"]):
                return self
            args, kwargs = (args[0] * kwargs["alpha"],), {}
        if into is not None and state.tracer is None and not kwargs and can_hold(self, *args):
            return compute_into(name, self, into, *args)
        writable(name, self)
        before = node_number()
        result = getattr(self, plain)(*args, **kwargs)
        if is_saved_by(result._node, self._storage, before):    # a gradient needs the old values: compute from a copy
            result = getattr(self.clone(), plain)(*args, **kwargs)
        return replace_value(name, self, result)
    function.__wrapped__ = getattr(Tensor, plain)           # type: ignore[attr-defined]   # it has the same signature
    describe(function, name, f"""As `{plain}`, but write the result into the tensor and return the tensor.

    Raises:
        RuntimeError: a result of another shape or of a higher dtype, a leaf that requires a gradient or a view of one,
            or a tensor that repeats elements.
    """)
    return method(*operators)(function)


@method()
def copy_(self: Tensor, src: Tensor | ArrayLike, non_blocking: bool = False) -> Tensor:
    """Write the elements of `src`, broadcast and cast, into the tensor and return it. Gradients flow to `src`.

    Args:
        src: a tensor, a NumPy array or a number.
        non_blocking: ignored; there is one device.

    Raises:
        RuntimeError: a shape that does not broadcast (both are named), or a tensor that cannot be written in place.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2, 2).copy_(fastnet.tensor([1, 2]))
        tensor([[1., 2.],
                [1., 2.]])
    """
    src = src if isinstance(src, Tensor) else Tensor._wrap(np.asarray(src))
    writable("copy_", self)
    if kernels.broadcast_shape(self._data, src._data) != self.shape:
        raise RuntimeError(f"copy_: a source of shape {shape_text(src)} does not broadcast to {shape_text(self)}")
    if (src._requires_grad and state.grad_enabled) or state.tracer is not None:
        return replace_value("copy_", self, src.to(self.dtype).expand(self.shape).clone())
    return write("copy_", self, lambda: K.copy(self._data, src._data), (src,))


@method()
def fill_(self: Tensor, value: TensorOrNumber) -> Tensor:
    """Write one value everywhere and return the tensor.

    Args:
        value: a number or a tensor of one element.

    Raises:
        RuntimeError: a tensor that cannot be written in place, such as a leaf that requires a gradient.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2).fill_(3)
        tensor([3., 3.])
    """
    writable("fill_", self)
    if isinstance(value, Tensor):
        return copy_(self, value)

    def run() -> None:
        if self._data.flags.c_contiguous or is_channels_last(self._data, True):
            kernels.fill(self._data, value)
        else:
            K.copy(self._data, kernels.full((), value, self.dtype))
    return write("fill_", self, run)


@method()
def zero_(self: Tensor) -> Tensor:
    """Write zeros and return the tensor. Errors are those of `fill_`.

    Example:
        >>> import fastnet
        >>> fastnet.ones(2).zero_()
        tensor([0., 0.])
    """
    return fill_(self, 0)
