"""Tensor constructors from data: numbers, sequences, NumPy arrays, arrays of other libraries."""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from numbers import Complex
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor
from fastnet._core.memory import empty
from fastnet._core.placement import check_placement
from fastnet._core.shapes import uneven
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor, extend

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from fastnet._core.annotations import Array, ArrayLike, DType, DTypeLike

    class SupportsDLPack(Protocol):
        """An array that can be exchanged by DLPack."""

        @property
        def __dlpack__(self) -> Callable[..., Any]: ...

_PYTHON_NUMBERS = frozenset((bool, int, float, complex))


def tensor(data: ArrayLike, dtype: DTypeLike | None = None, requires_grad: bool = False, *, device: str | None = None,
           layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Make a tensor with a copy of `data`: a number, a nested sequence, a NumPy array or a tensor.

    Args:
        data: the values.
        dtype: one of the six dtypes. By default, that of an array or tensor; float32 for Python floats, int64 for
            integers, bool for booleans.
        requires_grad: record gradients for the tensor.
        device, layout, pin_memory, memory_format: see `fastnet.device`.

    Raises:
        TypeError: a dtype that fastnet does not have, or values that are not real numbers.
        ValueError: a ragged sequence.
        RuntimeError: a number that the dtype cannot hold; another device than "cpu"; a call inside a compiled function,
            which would use the same values in every replay.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        tensor([[1., 2.],
                [3., 4.]])
        >>> fastnet.tensor([1, 2], dtype=fastnet.float64)
        tensor([1., 2.], dtype=float64)
    """
    if not (device is None and layout is None and memory_format is None):
        check_placement("tensor", device=device, layout=layout, memory_format=memory_format)
    forbid_in_recording("tensor()")
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    source = _array_of(data, wanted)
    array = empty(source.shape, wanted or dtypes.as_dtype(source.dtype))
    array[...] = source
    made = Tensor._wrap(array)
    if requires_grad:
        made.requires_grad = True
    return made


def _array_of(data: Any, dtype: DType | None) -> Array:
    """The values of `data` as an array, in `dtype` or in the default dtype of `tensor`."""
    if isinstance(data, Tensor):
        return data._data
    if hasattr(data, "__array__"):              # NumPy's and other libraries' arrays and numbers keep their dtype
        return np.asarray(data)
    given: list[DType] = []
    if isinstance(data, list | tuple):
        data = _with_arrays(data, given)
    else:
        _check_value(data)
    try:
        array = np.asarray(data, dtype)
    except (OverflowError, ValueError) as error:
        return _wrapped_integers(data, dtype, error)
    if dtype is None and array.dtype in (object, np.uint64):
        raise RuntimeError(f"tensor: expected integers that fit int64, got {data!r}")
    if dtype is None and array.dtype == np.complex128:
        return array.astype(dtypes.complex_of(functools.reduce(dtypes.promote, given, dtypes.DEFAULT[0])))
    if dtype is None and (array.dtype == np.float64 or array.size == 0):
        widest = functools.reduce(dtypes.promote, given) if given else dtypes.DEFAULT[0]
        return array.astype(dtypes.float_of(widest))        # Python floats are float32, as in PyTorch
    return array


def _check_value(x: Any) -> None:
    """Refuse values that are neither numbers nor sequences: NumPy converts None to NaN, and text to numbers."""
    if isinstance(x, str | bytes | dict) or not (isinstance(x, Complex) or hasattr(x, "__getitem__")):
        raise TypeError(f"tensor: expected numbers or a sequence of them, got {x!r} ({type(x).__name__})")


def _wrapped_integers(data: Any, dtype: Any, error: Exception) -> Array:
    """Integers that NumPy does not convert: as in PyTorch, negative ones wrap in an unsigned dtype.

    Raises:
        ValueError: a ragged sequence.
        RuntimeError: numbers that `dtype` cannot hold.
    """
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError(f"expected a rectangular nested sequence of numbers: {uneven(data) or error}") from None
    most = np.iinfo(dtype).max if dtype.kind in "iu" else 0
    if array.dtype.kind != "i" or not -most <= array.min() <= array.max() <= most:
        raise RuntimeError(f"tensor: expected values that fit {dtype}, got {data!r}")
    return array.astype(dtype)


def _with_arrays(sequence: Sequence[Any], given: list[DType]) -> Sequence[Any]:
    """A nested sequence with arrays in place of tensors. The dtypes of tensors and arrays are appended to `given`."""
    if _PYTHON_NUMBERS.issuperset(map(type, sequence)):        # the usual case, without a check of each value
        return sequence
    parts = []
    for x in sequence:
        if isinstance(x, list | tuple):
            x = _with_arrays(x, given)
        elif hasattr(x, "__array__"):
            x = x._data if isinstance(x, Tensor) else np.asarray(x)
            given.append(x.dtype)
        else:
            _check_value(x)
        parts.append(x)
    return parts


def from_numpy(ndarray: Array) -> Tensor:
    """Make a tensor that shares the memory of a NumPy array. A write into one changes the other.

    Raises:
        TypeError: not an array, or an array of a dtype that fastnet does not have.
        RuntimeError: a call inside a compiled function, which would use the same values in every replay.

    Example:
        >>> import numpy as np, fastnet
        >>> a = np.zeros(2, np.float32)
        >>> fastnet.from_numpy(a)[0] = 1
        >>> float(a[0])
        1.0
    """
    forbid_in_recording("from_numpy()")
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected a numpy.ndarray, got {type(ndarray).__name__}")
    if ndarray.dtype not in dtypes.ALL:             # a dataset calls this for every sample
        dtypes.as_dtype(ndarray.dtype)
    return Tensor._wrap(ndarray.view(np.ndarray))


def from_dlpack(ext_tensor: SupportsDLPack) -> Tensor:
    """Make a tensor that shares the memory of an array of another library (PyTorch, JAX, ...), exchanged by DLPack.

    https://dmlc.github.io/dlpack/latest/python_spec.html.

    Raises:
        TypeError: a dtype that fastnet does not have.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.from_dlpack(np.arange(3))
        tensor([0, 1, 2])
    """
    array: Any = ext_tensor
    return from_numpy(np.from_dlpack(array))


def as_tensor(data: ArrayLike, dtype: DTypeLike | None = None, device: str | None = None) -> Tensor:
    """Convert data to a tensor, without a copy if it is an array or a tensor of the requested dtype.

    The result then shares its memory. Arguments and errors are those of `tensor`.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2)
        >>> fastnet.as_tensor(x) is x, fastnet.as_tensor([1, 2])
        (True, tensor([1, 2]))
    """
    check_placement("as_tensor", device=device)
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if hasattr(data, "__array__") and not isinstance(data, Tensor | np.generic):
        data = np.asarray(data)                 # another library's array: without a copy, if possible
    if isinstance(data, Tensor | np.ndarray) and wanted in (None, data.dtype):
        return data if isinstance(data, Tensor) else from_numpy(data)
    return tensor(data, dtype)


def is_tensor(obj: object) -> TypeIs[Tensor]:
    """Whether `obj` is a Tensor.

    Example:
        >>> import fastnet
        >>> fastnet.is_tensor(fastnet.zeros(1)), fastnet.is_tensor([0.0])
        (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether a tensor's dtype is float16, bfloat16, float32 or float64.

    Example:
        >>> import fastnet
        >>> fastnet.is_floating_point(fastnet.zeros(1)), fastnet.is_floating_point(fastnet.tensor([1]))
        (True, False)
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("is_floating_point", "input", input)
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """The number of a tensor's elements.

    Example:
        >>> import fastnet
        >>> fastnet.numel(fastnet.zeros(2, 3))
        6
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("numel", "input", input)
    return input.numel()


def _init(self: Tensor, *data: Any, dtype: DTypeLike | None = None, requires_grad: bool = False,
          device: str | None = None) -> None:
    """Tensor([1, 2]) holds these values in float32; Tensor(2, 3) has this shape and is uninitialised."""
    check_placement("Tensor", device=device)
    if all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in data):
        shape = tuple(map(int, data)) if data else (0,)
        check_sizes("Tensor", size=shape)
        made = Tensor._wrap(empty(shape, dtypes.DEFAULT[0] if dtype is None else dtypes.as_dtype(dtype)))
    else:
        made = _of_values(data, dtype)
    self._data, self._storage, self.requires_grad = made._data, made._storage, requires_grad


def _of_values(given: tuple[Any, ...], dtype: DTypeLike | None) -> Tensor:
    """A copy of the single element of `given`, a tensor, or an array or sequence, which becomes float32."""
    data = given[0]
    if len(given) == 1 and isinstance(data, Tensor):
        return tensor(data, dtype=dtype)
    if len(given) != 1 or isinstance(data, str) or not np.iterable(data):
        raise TypeError(f"Tensor: expected a shape, or one sequence, array or tensor, got {given!r}; for a number, use "
                        "fastnet.tensor")
    values: Any = data
    return tensor(values, dtype=dtypes.DEFAULT[0] if dtype is None else dtype)


extend(__init__=_init)
