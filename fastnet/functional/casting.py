"""Copies, and other dtypes.

`memory_format` and `non_blocking` are taken as PyTorch's arguments: see `fastnet.device`.
"""
from fastnet import dtypes
from fastnet._core.placement import check_placement
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import describe
from fastnet.functional.shape import copied


@method()
def clone(input, *, memory_format=None):
    """A contiguous copy that gradients flow through.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(2)
        >>> y = fastnet.clone(x).zero_()
        >>> x
        tensor([1., 1.])
    """
    check_placement("clone", memory_format=memory_format)
    return copied(input)


@method()
def contiguous(input, memory_format=None):
    """The tensor in C order: itself where it is, else a copy.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2, 3).t()
        >>> x.is_contiguous(), x.contiguous().is_contiguous()
        (False, True)
    """
    check_placement("contiguous", memory_format=memory_format)
    return input if input.is_contiguous() else copied(input)


@op
def _cast(x, dtype):
    return kernels.cast(x, dtype), (kernels.same, None)


@method()
def to(input, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None):
    """The tensor in another dtype (itself where it has it already).

    Args:
        input: any shape.
        args: a dtype, "cpu", or a tensor whose dtype to take; then `non_blocking` and `copy`.
        dtype, device: the same by name.
        copy: always copy.

    Raises:
        TypeError: a dtype that fastnet does not have.
        RuntimeError: another device.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1.5, -1.5]).to(fastnet.int64)
        tensor([ 1, -1])
    """
    dtype = wanted_dtype(args, dtype, device)
    check_placement("to", memory_format=memory_format)
    if dtype is None or dtype == input.dtype:
        return copied(input) if copy or [a for a in args if isinstance(a, bool)][1:] == [True] else input
    return _cast(input, dtype)


def wanted_dtype(args, dtype=None, device=None):
    """The dtype that the arguments of a method `to` ask for, or None.

    Raises:
        TypeError: a dtype that fastnet does not have.
        RuntimeError: another device than "cpu".
    """
    check_placement("to", device=device)
    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, str) and a not in dtypes.NAMES:
            check_placement("to", device=a)
        elif not isinstance(a, bool | None):
            dtype = a
    return None if dtype is None else dtypes.as_dtype(dtype)


_TYPES = {dtypes.float32: "FloatTensor", dtypes.float64: "DoubleTensor", dtypes.int64: "LongTensor",
          dtypes.int32: "IntTensor", dtypes.uint8: "ByteTensor", dtypes.bool_: "BoolTensor"}
_TYPED = {name: dtype for dtype, name in _TYPES.items()}


def _type(input, dtype=None, non_blocking=False):
    """The name of the tensor's type, such as "fastnet.FloatTensor"; with `dtype`, the tensor in that dtype.

    Args:
        dtype: a dtype, or the name of a type.

    Raises:
        TypeError: a dtype that fastnet does not have.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.5])
        >>> x.type(), x.type(fastnet.int64), x.type("fastnet.LongTensor")
        ('fastnet.FloatTensor', tensor([1]), tensor([1]))
    """
    if dtype is None:
        return f"fastnet.{_TYPES[input.dtype]}"
    return to(input, dtype=_TYPED.get(str(dtype).rpartition(".")[2], dtype))


extend(type=_type)


def _to(name, dtype):
    def function(self, memory_format=None):
        return to(self, dtype=dtype, memory_format=memory_format)
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
