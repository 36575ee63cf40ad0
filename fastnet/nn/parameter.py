"""Parameters: tensors that a module learns."""
import threading

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor
from fastnet._core.memory import empty, parameter_memory
from fastnet._core.placement import check_placement
from fastnet._core.state import Swapped, forbid_in_recording
from fastnet._core.tensor import Storage, Tensor, new_instance
from fastnet.backend import K


class Parameter(Tensor):
    """A tensor that a module learns: assigned to a module's attribute, it is among its `parameters()`.

    Parameters lie one behind the other in memory of their own that never moves, so that optimizers update long spans.
    Unlike PyTorch's, a Parameter therefore holds a copy of `data`. As there, copy.deepcopy() leaves gradients behind.

    Args:
        data: a tensor, an array or nested numbers.
        requires_grad: record gradients for it.

    Raises:
        RuntimeError: integers with requires_grad, or made inside a compiled function.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Parameter(fastnet.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    _deepcopy_gradient = False

    def __init__(self, data, requires_grad=True):
        source = as_tensor(data)._data
        _place(self, source.shape, source.dtype)
        K.copy(self._data, source)
        if requires_grad:
            self.requires_grad = True

    @classmethod
    def _rebuild(cls, array, requires_grad):
        made = new_instance(cls)
        _place(made, array.shape, dtypes.as_dtype(array.dtype))
        K.copy(made._data, array)
        made._requires_grad = requires_grad
        return made

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()


def _place(parameter, shape, dtype):
    """Give a parameter memory of its own, all zeros; inside `outlines`, none."""
    forbid_in_recording("making a parameter")
    parameter._data, parameter._slot = (_outline(shape, dtype), None) if _mode.outlines else parameter_memory(
        shape, dtype)
    parameter._storage, parameter._grad_home = Storage(), None


class _Mode(threading.local):
    outlines = False                    # whether this thread makes parameters and buffers without memory


_mode = _Mode()


def outlines():
    """Inside, this thread makes parameters and buffers of modules that have a shape and a dtype but no memory.

    However large they are said to be, they cost nothing. They cannot be written: `store` gives them memory and values.
    """
    return Swapped(_mode, "outlines", True)


def _outline(shape, dtype):
    """An array of zeros, all of them one element."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def new_parameter(*shape, device=None, dtype=None):
    """A Parameter of zeros.

    Raises:
        RuntimeError: a device that is not the CPU.
        TypeError: a dtype that is not floating-point.
    """
    check_placement("parameter", device=device)
    made = new_instance(Parameter)
    _place(made, shape, floating(dtype))
    made._requires_grad = True
    return made


def new_buffer(make, *shape, dtype=None):
    """A tensor for a module to keep: `make(*shape, dtype=dtype)`; inside `outlines`, an outline of it.

    Args:
        make: `zeros` or `ones`.
    """
    return Tensor._wrap(_outline(shape, dtypes.as_dtype(dtype))) if _mode.outlines else make(*shape, dtype=dtype)


def floating(dtype):
    """A floating-point dtype, float32 by default.

    Raises:
        TypeError: any other.
    """
    dtype = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"expected float32 or float64, got {dtype}")
    return dtype


def convert(tensor, dtype):
    """Turn a parameter or a buffer, and its gradient, into another dtype: the same object in new memory."""
    forbid_in_recording("changing a module's dtype")
    store(tensor, tensor._data, dtype)
    if tensor._grad is not None:
        tensor._grad = tensor._grad.to(dtype)


def store(tensor, values, dtype):
    """Give a parameter or a buffer new memory of the dtype, which holds the array `values`."""
    if isinstance(tensor, Parameter):
        _place(tensor, values.shape, dtype)
    else:
        tensor._data, tensor._storage = empty(values.shape, dtype), Storage()
    K.copy(tensor._data, values)
