"""Copies, and other dtypes."""
from fastnet import dtypes
from fastnet.autograd import op
from fastnet.functional import arrays
from fastnet.functional.description import describe
from fastnet.functional.shape import _copied
from fastnet.tensor import Tensor, method


@method()
def clone(input):
    """A contiguous copy that gradients flow through.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(2)
        >>> y = fastnet.clone(x).zero_()
        >>> x
        tensor([1., 1.])
    """
    return _copied(input)


@method()
def contiguous(input):
    """The tensor in C order: itself where it is, else a copy.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2, 3).t()
        >>> x.is_contiguous(), x.contiguous().is_contiguous()
        (False, True)
    """
    return input if input.is_contiguous() else _copied(input)


@op
def _cast(x, dtype):
    return arrays.cast(x, dtype), (arrays.same, None)


@method("type")
def to(input, *args, dtype=None, copy=False):
    """The tensor in another dtype (itself where it has it already). A device may be named: only "cpu" exists.

    Args:
        input: any shape.
        args: a dtype, "cpu", or a tensor whose dtype to take.
        dtype: the same by name.
        copy: always copy.

    Raises:
        TypeError: a dtype that fastnet does not have, or another device.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1.5, -1.5]).to(fastnet.int64)
        tensor([ 1, -1])
    """
    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, str) and a.partition(":")[0] == "cpu":
            continue
        elif isinstance(a, str) and a not in dtypes.NAMES:
            raise TypeError(f"to: expected a dtype, a tensor or the device 'cpu', got {a!r}")
        else:
            dtype = a
    dtype = input.dtype if dtype is None else dtypes.as_dtype(dtype)
    if dtype == input.dtype:
        return _copied(input) if copy else input
    return _cast(input, dtype)


def _to(name, dtype):
    def function(self):
        return to(self, dtype)
    method()(describe(function, name, f"The tensor as {dtype.name}; itself where it is."))


for _name, _dtype in (("float", dtypes.float32), ("double", dtypes.float64), ("long", dtypes.int64),
                      ("int", dtypes.int32), ("bool", dtypes.bool_), ("byte", dtypes.uint8)):
    _to(_name, _dtype)


@method()
def type_as(input, other):
    """The tensor in the dtype of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).type_as(fastnet.zeros(1))
        tensor([1., 2.])
    """
    return to(input, other.dtype)
