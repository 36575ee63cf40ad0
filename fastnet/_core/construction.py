"""Tensors from what is not yet one: numbers, sequences, NumPy arrays, arrays of other libraries."""
import functools
from numbers import Real

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor
from fastnet._core.memory import empty
from fastnet._core.placement import check_placement, placed
from fastnet._core.shapes import uneven
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor, extend

_NUMBERS = frozenset((bool, int, float))


@placed
def tensor(data, dtype=None, requires_grad=False):
    """A new tensor with a copy of `data`: a number, a nested sequence, a NumPy array or a tensor.

    Args:
        data: the values.
        dtype: one of the six dtypes; by default that of an array or tensor, float32 for Python floats, int64 for
            integers, bool for booleans.
        requires_grad: record gradients for it.
        device, layout, pin_memory, memory_format: see `fastnet.device`.

    Raises:
        TypeError: a dtype that fastnet has none for, or values that are no real numbers.
        ValueError: a ragged sequence.
        RuntimeError: a number that the dtype cannot hold; another device than "cpu"; inside a compiled function, where
            the values would be fixed into the recording.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        tensor([[1., 2.],
                [3., 4.]])
        >>> fastnet.tensor([1, 2], dtype=fastnet.float64)
        tensor([1., 2.], dtype=float64)
    """
    forbid_in_recording("tensor()")
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    source = _as_array(data, wanted)
    array = empty(source.shape, wanted or dtypes.as_dtype(source.dtype))
    array[...] = source
    made = Tensor._wrap(array)
    if requires_grad:
        made.requires_grad = True
    return made


def _as_array(data, dtype):
    """`data` as an array, in `dtype` or in the one that `tensor` promises."""
    if isinstance(data, Tensor):
        return data._data
    if hasattr(data, "__array__"):              # NumPy's and other libraries' arrays and numbers keep their dtype
        return np.asarray(data)
    given = []
    if isinstance(data, list | tuple):
        data = _plain(data, given)
    else:
        _check_value(data)
    try:
        array = np.asarray(data, dtype)
    except (OverflowError, ValueError) as error:
        return _wrapped(data, dtype, error)
    if dtype is None and array.dtype in (object, np.uint64):
        raise RuntimeError(f"tensor: expected integers that fit int64, got {data!r}")
    if dtype is None and (array.dtype == np.float64 or array.size == 0):
        widest = functools.reduce(dtypes.promote, given) if given else dtypes.float32
        return array.astype(dtypes.float_of(widest))        # Python floats are float32, as in PyTorch
    return array


def _check_value(x):
    """Refuse what is neither a real number nor a sequence: NumPy makes NaN of None, and numbers of text."""
    if isinstance(x, str | bytes | dict) or not (isinstance(x, Real) or hasattr(x, "__getitem__")):
        raise TypeError(f"tensor: expected real numbers or a sequence of them, got {x!r} ({type(x).__name__})")


def _wrapped(data, dtype, error):
    """Values that NumPy does not convert: negative integers wrap in a dtype without sign, as in PyTorch.

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


def _plain(sequence, given):
    """A nested sequence with the tensors in it as arrays; the dtypes of what has one are appended to `given`."""
    if _NUMBERS.issuperset(map(type, sequence)):        # most of the time, and then worth no look at each
        return sequence
    parts = []
    for x in sequence:
        if isinstance(x, list | tuple):
            x = _plain(x, given)
        elif hasattr(x, "__array__"):
            x = x._data if isinstance(x, Tensor) else np.asarray(x)
            given.append(x.dtype)
        else:
            _check_value(x)
        parts.append(x)
    return parts


def from_numpy(ndarray):
    """A tensor that shares the memory of a NumPy array: what is written to one is seen in the other.

    Raises:
        TypeError: not an array, or of a dtype that fastnet has none for.
        RuntimeError: inside a compiled function, where the values would be fixed into the recording.

    Example:
        >>> import numpy as np, fastnet
        >>> a = np.zeros(2, np.float32)
        >>> fastnet.from_numpy(a)[0] = 1
        >>> float(a[0])
        1.0
    """
    forbid_in_recording("from_numpy()")
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected a numpy.ndarray, got {type(ndarray).__name__}")
    dtypes.as_dtype(ndarray.dtype)
    return Tensor._wrap(ndarray.view(np.ndarray))


def from_dlpack(ext_tensor):
    """A tensor that shares the memory of any array that speaks DLPack (PyTorch, JAX, NumPy ...).

    https://dmlc.github.io/dlpack/latest/python_spec.html.

    Raises:
        TypeError: a dtype that fastnet has none for.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.from_dlpack(np.arange(3))
        tensor([0, 1, 2])
    """
    return from_numpy(np.from_dlpack(ext_tensor))


def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor, sharing its memory where it is an array or a tensor of the wanted dtype.

    Arguments and errors are those of `tensor`.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2)
        >>> fastnet.as_tensor(x) is x, fastnet.as_tensor([1, 2])
        (True, tensor([1, 2]))
    """
    check_placement("as_tensor", device=device)
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if hasattr(data, "__array__") and not isinstance(data, Tensor | np.generic):
        data = np.asarray(data)                 # another library's: its memory, where it lends it
    if isinstance(data, Tensor | np.ndarray) and wanted in (None, data.dtype):
        return data if isinstance(data, Tensor) else from_numpy(data)
    return tensor(data, dtype)


def is_tensor(obj):
    """Whether `obj` is a Tensor.

    Example:
        >>> import fastnet
        >>> fastnet.is_tensor(fastnet.zeros(1)), fastnet.is_tensor([0.0])
        (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input):
    """Whether a tensor's dtype is float32 or float64.

    Example:
        >>> import fastnet
        >>> fastnet.is_floating_point(fastnet.zeros(1)), fastnet.is_floating_point(fastnet.tensor([1]))
        (True, False)
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("is_floating_point", "input", input)
    return input.is_floating_point()


def numel(input):
    """The number of a tensor's elements.

    Example:
        >>> import fastnet
        >>> fastnet.numel(fastnet.zeros(2, 3))
        6
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("numel", "input", input)
    return input.numel()


def _init(self, *data, dtype=None, requires_grad=False, device=None):
    """Tensor([1, 2]) holds the values in float32; Tensor(2, 3) has that shape and uninitialised values."""
    check_placement("Tensor", device=device)
    if all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in data):
        shape = tuple(map(int, data)) if data else (0,)
        check_sizes("Tensor", size=shape)
        made = Tensor._wrap(empty(shape, dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)))
    else:
        made = _of_values(data, dtype)
    self._data, self._storage, self.requires_grad = made._data, made._storage, requires_grad


def _of_values(given, dtype):
    """A copy of the one sequence, array or tensor in the tuple `given`, in float32 unless it is a tensor."""
    data = given[0]
    if len(given) == 1 and isinstance(data, Tensor):
        return tensor(data, dtype=dtype)
    if len(given) != 1 or isinstance(data, str) or not np.iterable(data):
        raise TypeError(f"Tensor: expected a shape, or one sequence, array or tensor, got {given!r}; fastnet.tensor "
                        "makes a tensor of a number")
    return tensor(data, dtype=dtypes.float32 if dtype is None else dtype)


extend(__init__=_init)
