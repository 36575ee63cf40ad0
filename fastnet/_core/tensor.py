"""The Tensor: an array, its storage's version, and its place on the tape. The mathematics is in fastnet/functional."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.placement import check_placement, device
from fastnet._core.spellings import respelled
from fastnet._core.state import forbid_in_recording, state
from fastnet._runtime.native import tape as _tape

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
    """A multi-dimensional array that gradients can flow through.

    Made by `fastnet.tensor`, `fastnet.from_numpy`, `fastnet.zeros` and the like; operations on tensors give tensors.
    Shapes are tuples, dtypes NumPy's. Operations, methods, argument order, defaults and promotion are PyTorch's.

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

    # TensorBase has shape, dtype and ndim, and the fields, which are None where they are not used:
    #   _data           the array
    #   _storage        what it shares with the tensors that lie in the same memory
    #   _requires_grad, _node, _grad
    #   _base           of a view of floating-point numbers: the tensor whose memory it is
    #   _views          of such a tensor: weak references to its views
    #   _slot           of a parameter: (chunk, offset) in its arena
    #   _grad_home      of a leaf: where its gradient is written
    _deepcopy_gradient: bool = True     # whether copy.deepcopy() copies the gradient, too

    _wrap = staticmethod(_tape.wrapped)

    if TYPE_CHECKING:                   # fastnet/_core/construction.py defines it
        def __init__(self, *data: Any, dtype: DTypeLike | None = None, requires_grad: bool = False,
                     device: Device | str | None = None) -> None: ...

    # ---- what it is ----

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    @overload
    def size(self, dim: None = None) -> Shape: ...

    @overload
    def size(self, dim: int) -> int: ...

    def size(self, dim: int | None = None) -> Shape | int:
        """The shape, or its length along `dim`.

        Example:
            >>> import fastnet
            >>> x = fastnet.zeros(2, 3)
            >>> x.size(), x.size(1), x.numel(), x.dim()
            ((2, 3), 3, 6, 2)
        """
        return self._data.shape if dim is None else self._data.shape[dim]

    def numel(self) -> int:
        """The number of elements."""
        return self._data.size

    nelement = numel

    @overload
    def stride(self, dim: None = None) -> Shape: ...

    @overload
    def stride(self, dim: int) -> int: ...

    def stride(self, dim: int | None = None) -> Shape | int:
        """Steps between neighbours along each dimension (or along `dim`), in elements.

        Example:
            >>> import fastnet
            >>> x = fastnet.zeros(2, 3)
            >>> x.stride(), x.t().stride()
            ((3, 1), (1, 3))
        """
        strides = tuple(s // self._data.itemsize for s in self._data.strides)
        return strides if dim is None else strides[dim]

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """The number of bytes of all elements."""
        return self._data.nbytes

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._data.__array_interface__["data"][0]

    def is_contiguous(self, memory_format: object = None) -> bool:
        """Whether the elements are contiguous in row-major order, or for `channels_last` in the order (N, H, W, C).

        Example:
            >>> import fastnet
            >>> x = fastnet.zeros(2, 3)
            >>> x.is_contiguous(), x.t().is_contiguous()
            (True, False)
        """
        check_placement("is_contiguous", memory_format=memory_format)
        last = str(memory_format).removeprefix("torch.").startswith("channels_last")
        return (np.moveaxis(self._data, 1, -1) if last else self._data).flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is float32 or float64."""
        return self._data.dtype.kind == "f"

    def __len__(self) -> int:
        if self._data.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]

    def __repr__(self) -> str:
        body = np.array2string(self._data, separator=", ", prefix="tensor(", precision=4, threshold=1000)
        if self._data.size == 0 and self._data.ndim > 1:
            body += f", shape={shape_text(self)}"
        if self._data.dtype not in (dtypes.float32, dtypes.int64, dtypes.bool_):
            body += f", dtype={self._data.dtype}"
        if self._node is not None:
            body += f", grad_fn={self._node!r}"
        elif self._requires_grad:
            body += ", requires_grad=True"
        return f"tensor({body})"

    __hash__ = object.__hash__

    # ---- out into Python and NumPy ----

    def item(self) -> Any:
        """The value of a tensor of one element, as a Python number.

        Raises:
            RuntimeError: more than one element or none, or inside a compiled function.

        Example:
            >>> import fastnet
            >>> fastnet.tensor([1.5]).item()
            1.5
        """
        forbid_in_recording("item()")
        if self._data.size != 1:
            raise RuntimeError(f"only a tensor of one element has one value; this one has shape {shape_text(self)}")
        return self._data.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers.

        Raises:
            RuntimeError: inside a compiled function.

        Example:
            >>> import fastnet
            >>> fastnet.tensor([[1, 2], [3, 4]]).tolist()
            [[1, 2], [3, 4]]
        """
        forbid_in_recording("tolist()")
        return self._data.tolist()

    def numpy(self) -> Array:
        """The NumPy array that shares this tensor's memory.

        Raises:
            RuntimeError: gradients flow through the tensor (use `detach().numpy()`), or inside a compiled function.

        Example:
            >>> import fastnet
            >>> fastnet.tensor([1, 2]).numpy()
            array([1, 2])
        """
        forbid_in_recording("numpy()")
        if self._requires_grad:
            raise RuntimeError("numpy() on a tensor that requires a gradient; use detach().numpy()")
        return self._data.view()        # an object of its own: assigning to its shape must not change the tensor's

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._data.__dlpack_device__()

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub":
            raise TypeError(f"only an integer tensor of one element can be an index, this one is {self._data.dtype}")
        return int(self.item())

    def __contains__(self, value: Tensor | float) -> bool:
        forbid_in_recording("`in`")
        return bool((self._data == (value._data if isinstance(value, Tensor) else value)).any())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    # ---- its place on the tape ----

    @property
    def requires_grad(self) -> bool:
        """Whether backward() leads to this tensor.

        Raises:
            RuntimeError: setting it True for integers, or False for the result of an operation.
        """
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        value = bool(value)
        if self._node is not None and not value:
            raise RuntimeError("only a leaf's requires_grad can be switched off; use detach() for the result of an "
                               "operation")
        if value and self._data.dtype.kind != "f":
            raise RuntimeError(f"only floating-point tensors can require gradients, this one is {self._data.dtype}")
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
        """Whether no operation on the tape made this tensor: gradients accumulate in leaves."""
        return self._node is None

    @property
    def grad_fn(self) -> _tape.Node | None:
        """The operation on the tape that made this tensor, or None."""
        return self._node

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient, a Tensor, or None before the first backward().

        Raises:
            TypeError: setting something else than a tensor or None.
            RuntimeError: setting one of another shape or dtype.
        """
        if state.recorder is not None:
            state.recorder.note_grad(self, written=False)
            if self._grad is not None:
                state.recorder.exempt(self._grad)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"expected a tensor or None as gradient, got {type(value).__name__}")
        if value is not None and (value.shape != self.shape or value.dtype != self.dtype):
            raise RuntimeError(f"expected a gradient of shape {shape_text(self)} and dtype {self.dtype}, got "
                               f"{shape_text(value)} and {value.dtype}")
        if state.recorder is not None:
            state.recorder.note_grad(self, written=True)
        self._grad = value

    @property
    def data(self) -> Tensor:
        """The same memory off the tape."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        forbid_in_recording("assigning to .data")
        self._data, self._storage = value._data, value._storage
        self._slot = self._grad_home = None

    def detach(self) -> Tensor:
        """A tensor that shares this one's memory and is not on the tape.

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
        """Take this tensor off the tape; returns it."""
        self._node = self._base = None
        self._requires_grad = False
        return self

    @property
    def _version(self) -> int:
        """How often this tensor's memory was written in place."""
        return self._storage.version

    def cpu(self, memory_format: object = None) -> Self:
        """The tensor itself: there is only the CPU."""
        return self

    # ---- copies ----

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise RuntimeError("only leaves can be deep-copied; use detach() or clone()")
        made = self._rebuild(self._data.copy(), self._requires_grad)
        if self._grad is not None and self._deepcopy_gradient:
            made._grad = self._grad.__deepcopy__(memo)
        memo[id(self)] = made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        if self._node is not None:
            raise RuntimeError("only leaves can be pickled; use detach()")
        return self._rebuild, (np.array(self._data), self._requires_grad)

    @classmethod
    def _rebuild(cls, array: Array, requires_grad: bool) -> Tensor:
        made = Tensor._wrap(array)
        made._requires_grad = requires_grad
        return made


_tape.set_tensor_class(Tensor)


def method(*names: str) -> Callable[[_F], _F]:
    """Make a function of a tensor a method too, under its own name and the given ones.

    `fastnet.functional` registers what it defines, so that this module imports nothing above it.
    """
    def register(fn: _F) -> _F:
        member = respelled(fn)
        for name in (fn.__name__, *names):
            setattr(Tensor, name, member)
        return fn
    return register


def extend(**members: Any) -> None:
    """Give Tensor members under names that a function's own name does not tell."""
    for name, member in members.items():
        setattr(Tensor, name, member)
