"""Parameters: the tensors that a module learns."""
from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor
from fastnet._core.memory import empty, parameter_memory
from fastnet._core.placement import check_placement
from fastnet._core.state import Swapped, forbid_in_recording
from fastnet._core.tensor import Storage, Tensor, new_instance
from fastnet.backend import K

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet._core.annotations import Array, ArrayLike, Device, DType, DTypeLike, Shape

__all__ = ["Buffer", "Parameter", "convert", "floating", "making_outlines", "new_buffer", "new_parameter", "outline_as",
           "outlines", "store"]


class Parameter(Tensor):
    """A tensor that a module learns; assigned to a module's attribute, it appears in `Module.parameters()`.

    Parameters are stored next to each other in arenas that never move, so that an optimizer updates many of them with
    one kernel call. Unlike PyTorch's, a Parameter therefore holds a copy of `data`. As in PyTorch, copy.deepcopy() does
    not copy gradients.

    Args:
        data: a tensor, an array or nested numbers.
        requires_grad: record gradients.

    Raises:
        RuntimeError: requires_grad with an integer dtype, or creation inside a compiled function.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Parameter(fastnet.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    _deepcopy_gradient = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not making_outlines():
            return super().__deepcopy__(memo)
        memo[id(self)] = made = new_parameter(*self.shape, dtype=self.dtype)
        return made

    def __init__(self, data: Tensor | ArrayLike, requires_grad: bool = True) -> None:
        source = as_tensor(data)._data
        _place(self, source.shape, source.dtype)
        K.copy(self._data, source)
        if requires_grad:
            self.requires_grad = True

    @classmethod
    def _rebuild(cls, array: Array, requires_grad: bool) -> Self:
        made = new_instance(cls)
        _place(made, array.shape, dtypes.as_dtype(array.dtype))
        K.copy(made._data, array)
        made._requires_grad = requires_grad
        return made

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a module does not learn; assigned to a module's attribute, it is registered as a buffer.

    `self.mean = nn.Buffer(x)` is `self.register_buffer("mean", x)`. The buffer shares the memory of `data`.

    Args:
        data: a tensor, an array or nested numbers.
        persistent: include it in `state_dict()`.

    Example:
        >>> import fastnet
        >>> class Shift(fastnet.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.shift = fastnet.nn.Buffer(fastnet.ones(2))
        >>> list(Shift().state_dict()), list(Shift().parameters())
        (['shift'], [])
    """

    persistent: bool

    def __init__(self, data: Tensor | ArrayLike, *, persistent: bool = True) -> None:
        source = as_tensor(data)
        self._data, self._storage, self.persistent = source._data, source._storage, persistent

    @classmethod
    def _rebuild(cls, array: Array, requires_grad: bool) -> Self:
        made = cls(Tensor._wrap(array))
        made._requires_grad = requires_grad
        return made

    def __repr__(self) -> str:
        return "Buffer containing:\n" + super().__repr__()


def _place(parameter: Parameter, shape: Shape, dtype: DType) -> None:
    """Give a parameter zeroed memory in an arena, or inside `outlines` no memory."""
    forbid_in_recording("creating a parameter")
    parameter._data, parameter._slot = (_empty_outline(shape, dtype), None) if making_outlines() else parameter_memory(
        shape, dtype)
    parameter._storage, parameter._grad_home = Storage(), None


class _OutlineMode(threading.local):
    # [how many parameters and buffers this thread may yet create without memory, how many at first]
    left: list[int] | None = None


_mode = _OutlineMode()


def outlines(most: int = sys.maxsize) -> AbstractContextManager[object]:
    """Context in which this thread creates parameters and buffers with a shape and a dtype but without memory.

    They cost nothing at any size and cannot be written; `store` gives them memory and values. The functions of
    `fastnet.nn.init` do nothing in this context.

    Args:
        most: their largest number; one more raises a ValueError.
    """
    return Swapped(_mode, "left", [most, most])


def making_outlines() -> bool:
    """Whether this thread creates parameters and buffers without memory."""
    return _mode.left is not None


def _empty_outline(shape: Shape, dtype: DType) -> Array:
    """An array of zeros that share one element."""
    if _mode.left is not None:
        _mode.left[0] -= 1
        if _mode.left[0] < 0:
            raise ValueError(f"expected at most {_mode.left[1]:,} parameters and buffers of networks, got more")
    return np.broadcast_to(np.zeros((), dtype), shape)


def outline_as(tensor: Tensor, dtype: DType) -> None:
    """Give a floating-point parameter or buffer without memory another dtype.

    Args:
        tensor: made inside `outlines`.
        dtype: a floating-point dtype.
    """
    if dtypes.is_floating(tensor.dtype):
        tensor._data = _empty_outline(tensor.shape, dtype)


def new_parameter(*shape: int, device: Device = None, dtype: DTypeLike | None = None) -> Parameter:
    """Create a Parameter of zeros.

    Args:
        shape: the length of each dimension.
        device: "cpu".
        dtype: float32 by default.

    Raises:
        RuntimeError: a device other than the CPU.
        TypeError: a dtype that is not floating-point.
    """
    check_placement("parameter", device=device)
    made = new_instance(Parameter)
    _place(made, shape, floating(dtype))
    made._requires_grad = True
    return made


def new_buffer(make: Callable[..., Tensor], *shape: int, dtype: DTypeLike) -> Tensor:
    """Create a buffer of a module: `make(*shape, dtype=dtype)`, or inside `outlines` an outline of it.

    Args:
        make: `zeros` or `ones`.
        shape: the length of each dimension.
        dtype: of the buffer.
    """
    if making_outlines():
        return Tensor._wrap(_empty_outline(shape, dtypes.as_dtype(dtype)))
    return make(*shape, dtype=dtype)


def floating(dtype: DTypeLike | None) -> DType:
    """Convert to a floating-point dtype of fastnet; None gives the default dtype.

    Args:
        dtype: the dtype or its name.

    Raises:
        TypeError: the dtype is not floating-point.
    """
    dtype = dtypes.DEFAULT[0] if dtype is None else dtypes.as_dtype(dtype)
    if not dtypes.is_floating(dtype):
        raise TypeError(f"expected float16, bfloat16, float32 or float64, got {dtype}")
    return dtype


def convert(tensor: Tensor, dtype: DType) -> None:
    """Convert a parameter or a buffer, and its gradient, to another dtype; the object stays the same.

    Args:
        tensor: the parameter or buffer.
        dtype: the new dtype.
    """
    forbid_in_recording("changing a module's dtype")
    store(tensor, tensor._data, dtype)
    if tensor._grad is not None:
        tensor._grad = tensor._grad.to(dtype)


def store(tensor: Tensor, values: Array, dtype: DType) -> None:
    """Give a parameter or a buffer new memory and copy values into it.

    Args:
        tensor: the parameter or buffer.
        values: an array, cast to the dtype.
        dtype: of the new memory.
    """
    if isinstance(tensor, Parameter):
        _place(tensor, values.shape, dtype)
    else:
        tensor._data, tensor._storage = empty(values.shape, dtype), Storage()
    K.copy(tensor._data, values)
