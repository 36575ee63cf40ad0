"""The class Tensor: an array, the version of its storage, and its place on the tape.

Its operations are in fastnet/functional, which registers them here with `method` and `extend`.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import naming_none, shape_text, takes_tensors
from fastnet._core.placement import channels_last, channels_last_3d, check_placement, device, placement_name
from fastnet._core.print_options import tensor_text
from fastnet._core.size import Size
from fastnet._core.spellings import respelled
from fastnet._core.state import forbid_in_recording, forbid_reading, state
from fastnet._core.torch_types import TorchSize
from fastnet._runtime.native import dialect as _dialect, tape as _tape

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet._core.annotations import Array, DTypeLike, Shape
    from fastnet._core.placement import device as Device
    from fastnet._core.tensor_methods import TensorMethods  # a stub: what `method` and `extend` add
else:
    TensorMethods = _tape.TensorBase

Storage = _tape.Storage
new_instance = _tape.new_instance
_F = TypeVar("_F", bound=Callable[..., Any])


class Tensor(TensorMethods):
    """A multi-dimensional array with automatic differentiation.

    `fastnet.tensor`, `fastnet.from_numpy`, `fastnet.zeros` and others make tensors; operations on tensors return
    tensors. Shapes are tuples, dtypes are NumPy's. Names, argument order, defaults and promotion are PyTorch's.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([[2., 4.],
                [6., 8.]])
    """

    __array_priority__ = 1000           # NumPy leaves `array * tensor` to the tensor
    device: Device = device("cpu")

    # TensorBase has shape, dtype and ndim, and these fields, which are None if they are not used:
    #   _data           the array
    #   _storage        the version of its memory, shared by all tensors over this memory
    #   _requires_grad, _node, _grad
    #   _base           of a floating-point view: the tensor whose memory it shares
    #   _views          of a base: weak references to its views
    #   _slot           of a parameter: (chunk, offset) in its arena
    #   _grad_home      of a leaf: the array of its gradient's memory
    _hooks: Any = None                  # of a leaf: fastnet.autograd.hooks.LeafHooks
    _deepcopy_gradient: bool = True     # whether copy.deepcopy() copies the gradient, too

    _wrap = staticmethod(_tape.wrapped)

    if TYPE_CHECKING:                   # fastnet/_core/construction.py defines it
        def __init__(self, *data: Any, dtype: DTypeLike | None = None, requires_grad: bool = False,
                     device: Device | str | None = None) -> None: ...

    # ---- shape and memory ----

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    @overload
    def size(self, dim: None = None) -> Size: ...

    @overload
    def size(self, dim: int) -> int: ...

    def size(self, dim: int | None = None) -> Size | int:
        """The shape, or the length of dimension `dim`.

        Example:
            >>> import fastnet
            >>> x = fastnet.zeros(2, 3)
            >>> x.size(), x.size(1), x.numel(), x.dim()
            ((2, 3), 3, 6, 2)
        """
        if dim is not None:
            return self._data.shape[dim]
        return (TorchSize if _dialect.is_for_torch(sys._getframe(1).f_globals) else Size)(self._data.shape)

    def numel(self) -> int:
        """The number of elements."""
        return self._data.size

    nelement = numel

    @overload
    def stride(self, dim: None = None) -> Shape: ...

    @overload
    def stride(self, dim: int) -> int: ...

    def stride(self, dim: int | None = None) -> Shape | int:
        """The strides of all dimensions, or of dimension `dim`, in elements.

        Example:
            >>> import fastnet
            >>> x = fastnet.zeros(2, 3)
            >>> x.stride(), x.t().stride()
            ((3, 1), (1, 3))
        """
        strides = tuple(s // self._data.itemsize for s in self._data.strides)
        return strides if dim is None else strides[dim]

    def element_size(self) -> int:
        """The size of an element in bytes."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """The size of all elements in bytes."""
        return self._data.nbytes

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._data.__array_interface__["data"][0]

    def is_contiguous(self, memory_format: object = None) -> bool:
        """Whether the elements are contiguous in row-major order; for `channels_last`, 4-d and in (N, H, W, C) order.

        Example:
            >>> import fastnet
            >>> x = fastnet.zeros(2, 3)
            >>> x.is_contiguous(), x.t().is_contiguous()
            (True, False)
        """
        check_placement("is_contiguous", memory_format=memory_format)
        ndim = {channels_last: 4, channels_last_3d: 5}.get(placement_name(memory_format))
        x = self._data if ndim is None else np.moveaxis(self._data, 1, -1) if ndim == self.ndim else None
        return x is not None and x.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is float16, bfloat16, float32 or float64."""
        return dtypes.is_floating(self._data.dtype)

    def __len__(self) -> int:
        if self._data.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]

    def __repr__(self) -> str:
        return tensor_text(self, _dialect.is_for_torch(sys._getframe(1).f_globals))

    __hash__ = object.__hash__

    # ---- conversion to Python and NumPy ----

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number.

        Raises:
            RuntimeError: another number of elements, or a call inside a compiled function.

        Example:
            >>> import fastnet
            >>> fastnet.tensor([1.5]).item()
            1.5
        """
        return self._one_number("item()")

    def _one_number(self, call: str) -> Any:
        forbid_reading(call)
        if self._data.size != 1:
            raise RuntimeError(f"{call}: expected a tensor of one element, got shape {shape_text(self)}")
        return self._data.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers.

        Raises:
            RuntimeError: a call inside a compiled function.

        Example:
            >>> import fastnet
            >>> fastnet.tensor([[1, 2], [3, 4]]).tolist()
            [[1, 2], [3, 4]]
        """
        forbid_reading("tolist()")
        return self._data.tolist()

    def numpy(self) -> Array:
        """The NumPy array that shares this tensor's memory.

        Raises:
            RuntimeError: the tensor requires a gradient (use `detach().numpy()`), or a call inside a compiled function.

        Example:
            >>> import fastnet
            >>> fastnet.tensor([1, 2]).numpy()
            array([1, 2])
        """
        forbid_reading("numpy()")
        if self._requires_grad:
            raise RuntimeError("numpy: expected a tensor that does not require a gradient; use detach().numpy()")
        return self._data.view()        # a new object: assigning to its shape must not change the tensor's

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._data.__dlpack_device__()

    def __bool__(self) -> bool:
        return bool(self._one_number("bool() or `if`"))

    def __float__(self) -> float:
        return float(self._one_number("float()"))

    def __int__(self) -> int:
        return int(self._one_number("int()"))

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub":
            raise TypeError(f"expected an integer tensor of one element as an index, got dtype {self._data.dtype}")
        return int(self.item())

    def __contains__(self, value: Tensor | float) -> bool:
        forbid_reading("`in`")
        return bool((self._data == (value._data if isinstance(value, Tensor) else value)).any())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    # ---- gradients ----

    @property
    def requires_grad(self) -> bool:
        """Whether backward() computes a gradient for this tensor.

        Raises:
            RuntimeError: set to True on integers, or to False on the result of an operation.
        """
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        value = bool(value)
        if self._node is not None and not value:
            raise RuntimeError("requires_grad: expected a leaf, got the result of an operation, which keeps its "
                               "gradient; use detach()")
        if value and dtypes.category(self._data.dtype) < 2:
            raise RuntimeError(f"requires_grad: expected a floating-point tensor, got dtype {self._data.dtype}")
        if state.recorder is not None:
            state.recorder.note_requires_grad(self)
        self._requires_grad = value

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` and return the tensor.

        Example:
            >>> import fastnet
            >>> fastnet.zeros(2).requires_grad_()
            tensor([0., 0.], requires_grad=True)
        """
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this tensor is a leaf, which no operation on the tape made. backward() sets the `grad` of leaves."""
        return self._node is None

    @property
    def grad_fn(self) -> _tape.Node | None:
        """The node of the operation that made this tensor, or None for a leaf."""
        return self._node

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient, a tensor; None before the first backward().

        Raises:
            TypeError: set to a value that is neither a tensor nor None.
            RuntimeError: set to a tensor of another shape or dtype.
        """
        if state.recorder is not None:
            state.recorder.note_grad(self, written=False)
            if self._grad is not None:
                state.recorder.exempt(self._grad)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"grad: expected a tensor or None, got {type(value).__name__}")
        if value is not None and (value.shape != self.shape or value.dtype != self.dtype):
            raise RuntimeError(f"grad: expected a tensor of shape {shape_text(self)} and dtype {self.dtype}, got "
                               f"{shape_text(value)} and {value.dtype}")
        if state.recorder is not None:
            state.recorder.note_grad(self, written=True)
        self._grad = value

    @property
    def data(self) -> Tensor:
        """A tensor that shares this one's memory and has no gradient."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        forbid_in_recording("assigning to .data")
        self._data, self._storage = value._data, value._storage
        self._slot = self._grad_home = None

    def detach(self) -> Tensor:
        """A tensor that shares this one's memory and has no gradient.

        Example:
            >>> import fastnet
            >>> x = fastnet.ones(2, requires_grad=True)
            >>> (x * 2).detach()
            tensor([2., 2.])
        """
        if state.recorder is not None:
            state.recorder.note_tensors((self,))
        return Tensor._wrap(self._data, self._storage)

    def detach_(self) -> Self:
        """Make this tensor a leaf without a gradient; returns it."""
        self._node, self._base, self._requires_grad = None, None, False
        return self

    @property
    def _version(self) -> int:
        """The number of in-place writes into this tensor's memory."""
        return self._storage.version

    def cpu(self, memory_format: object = None) -> Tensor:
        """The tensor itself, or as `to` with a memory format: the CPU is the only device."""
        return self.to(memory_format=memory_format)

    # ---- copies ----

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise RuntimeError("deepcopy: expected a leaf, got the result of an operation; use detach() or clone()")
        made = self._rebuild(self._data.copy(), self._requires_grad)
        if self._grad is not None and self._deepcopy_gradient:
            made._grad = self._grad.__deepcopy__(memo)
        memo[id(self)] = made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        if self._node is not None:
            raise RuntimeError("pickle: expected a leaf, got the result of an operation; use detach()")
        return self._rebuild, (np.array(self._data), self._requires_grad)

    @classmethod
    def _rebuild(cls, array: Array, requires_grad: bool) -> Tensor:
        made = Tensor._wrap(array)
        made._requires_grad = requires_grad
        return made


_tape.set_tensor_class(Tensor)


def method(*names: str) -> Callable[[_F], _F]:
    """Register a function of a tensor as a method of Tensor, too, as a decorator.

    `fastnet.functional` registers its functions, so that this module imports nothing from above.

    Args:
        names: further names of the method.
    """
    def register(fn: _F) -> _F:
        is_operator = any(name.startswith("__") for name in names)      # operators check their arguments themselves
        member = respelled(naming_none(fn) if takes_tensors(fn) and not is_operator else fn)
        extend(**dict.fromkeys((fn.__name__, *names), member))
        return fn
    return register


def extend(**members: Any) -> None:
    """Register members of Tensor under names that differ from the functions' own."""
    for name, member in members.items():
        setattr(Tensor, name, member)
