"""Copies of tensors and conversions to other dtypes and memory formats.

`non_blocking` is accepted for programs written for PyTorch and has no effect: see `fastnet.device`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from fastnet import dtypes
from fastnet._core.memory import empty_channels_last
from fastnet._core.placement import (
    channels_last,
    channels_last_3d,
    check_placement,
    contiguous_format,
    format_name,
    preserve_format,
)
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import describe
from fastnet.functional.shape import copied
from fastnet.functional.typed_tensors import TYPED

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Result

__all__ = ["clone", "contiguous", "to", "type_as", "type_of", "wanted_dtype"]


@op
def _clone(x: Array) -> Result[Array]:
    return kernels.copy(x), (kernels.same,)


@op
def _channels_last(x: Array) -> Result[Array]:
    out = empty_channels_last(x.shape, x.dtype)
    K.copy(out, x)
    return out, (kernels.same,)


_COPIES: dict[str, Callable[..., Tensor]] = {
    contiguous_format: copied, preserve_format: _clone, channels_last: _channels_last,
    channels_last_3d: _channels_last}


@method()
def clone(input: Tensor, *, memory_format: object = None) -> Tensor:
    """A copy that gradients flow through.

    Args:
        input: any shape.
        memory_format: the order of the copy in memory: `fastnet.preserve_format` (the default; channels-last if the
            input is, else contiguous), `fastnet.contiguous_format`, `fastnet.channels_last` for 4 dimensions or
            `fastnet.channels_last_3d` for 5.

    Raises:
        RuntimeError: an unknown memory format, or one for another number of dimensions.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(2)
        >>> y = fastnet.clone(x).zero_()
        >>> x
        tensor([1., 1.])
    """
    return _COPIES[format_name("clone", memory_format, input.ndim, preserve_format)](input)


@method()
def contiguous(input: Tensor, memory_format: object = None) -> Tensor:
    """The tensor in C order, or in another memory format: the tensor itself if it has this order, else a copy.

    Args:
        input: any shape.
        memory_format: `fastnet.contiguous_format` (the default), `fastnet.channels_last` for 4 dimensions or
            `fastnet.channels_last_3d` for 5.

    Raises:
        RuntimeError: an unknown memory format, one for another number of dimensions, or `fastnet.preserve_format`.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2, 3).t()
        >>> x.is_contiguous(), x.contiguous().is_contiguous()
        (False, True)
        >>> fastnet.zeros(1, 2, 3, 4).contiguous(memory_format=fastnet.channels_last).stride()
        (24, 1, 8, 2)
    """
    wanted = format_name("contiguous", memory_format, input.ndim, contiguous_format)
    if wanted == preserve_format:
        raise RuntimeError("contiguous: expected a memory format other than preserve_format; use clone()")
    return input if input.is_contiguous(wanted) else _COPIES[wanted](input)


@op
def _cast(x: Array, dtype: DType) -> Result[Array]:
    return kernels.cast(x, dtype), (kernels.same, None)


@overload
def to(input: Tensor, other: Tensor, /, non_blocking: bool = False, copy: bool = False, *,
       memory_format: object = None) -> Tensor: ...


@overload
def to(input: Tensor, dtype: DTypeLike | None = None, non_blocking: bool = False, copy: bool = False, *,
       device: str | None = None, memory_format: object = None) -> Tensor: ...


@overload
def to(input: Tensor, device: str, dtype: DTypeLike | None = None, non_blocking: bool = False, copy: bool = False, *,
       memory_format: object = None) -> Tensor: ...


@method()
def to(input: Tensor, *target: Any, dtype: DTypeLike | None = None, device: str | None = None,
       non_blocking: bool = False, copy: bool = False, memory_format: object = None) -> Tensor:
    """The tensor converted to a dtype and a memory format; the tensor itself if it has these.

    Args:
        input: any shape.
        target: a dtype, "cpu", or a tensor whose dtype is taken, followed by `non_blocking` and `copy`.
        dtype, device: the same by keyword.
        non_blocking: ignored.
        copy: copy even if the dtype is the same.
        memory_format: the order of the result in memory, as in `clone`.

    Raises:
        TypeError: a dtype that fastnet does not have.
        RuntimeError: another device, an unknown memory format, or one for another number of dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1.5, -1.5]).to(fastnet.int64)
        tensor([ 1, -1])
    """
    dtype = wanted_dtype(target, dtype, device)
    wanted = format_name("to", memory_format, input.ndim, preserve_format)
    if dtype is not None and dtype != input.dtype:
        input = _cast(input, dtype)
    elif copy or [a for a in target if isinstance(a, bool)][1:] == [True]:
        return _COPIES[wanted](input)
    return input if wanted == preserve_format else contiguous(input, wanted)


def wanted_dtype(target: tuple[Any, ...], dtype: DTypeLike | None = None, device: str | None = None) -> DType | None:
    """The dtype that the arguments of a method `to` name, or None.

    Raises:
        TypeError: a dtype that fastnet does not have.
        RuntimeError: another device than "cpu".
    """
    check_placement("to", device=device)
    for a in target:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, str) and a not in dtypes.NAMES:
            check_placement("to", device=a)
        elif isinstance(a, int) and not isinstance(a, bool):
            check_placement("to", device=f"cuda:{a}")
        elif type(a).__name__ == "device":                  # PyTorch's own object
            check_placement("to", device=a)
        elif not isinstance(a, bool | None):
            dtype = a
    return None if dtype is None else dtypes.as_dtype(dtype)


_TYPES = {**{dtype: name for name, dtype in TYPED.items()}, dtypes.complex64: "ComplexFloatTensor",
          dtypes.complex128: "ComplexDoubleTensor"}


@overload
def type_of(input: Tensor, dtype: None = None, non_blocking: bool = False) -> str: ...


@overload
def type_of(input: Tensor, dtype: DTypeLike, non_blocking: bool = False) -> Tensor: ...


def type_of(input: Tensor, dtype: DTypeLike | None = None, non_blocking: bool = False) -> Tensor | str:
    """The name of the tensor's type, such as "fastnet.FloatTensor"; with `dtype`, the tensor converted to it.

    Args:
        input: any shape.
        dtype: a dtype, or the name of a type.
        non_blocking: ignored.

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
    wanted: Any = TYPED.get(getattr(dtype, "__name__", str(dtype)).rpartition(".")[2], dtype)
    return to(input, dtype=wanted)


extend(type=type_of)


def _conversion(name: str, dtype: DType) -> Callable[..., Tensor]:
    """Define the method `name`, which converts to a dtype."""
    def function(self: Tensor, memory_format: object = None) -> Tensor:
        return to(self, dtype=dtype, memory_format=memory_format)
    return method()(describe(function, name, f"The tensor as {dtype.name}; the tensor itself if it has this dtype."))


for _name, _dtype in (("float", dtypes.float32), ("double", dtypes.float64), ("long", dtypes.int64),
                      ("int", dtypes.int32), ("bool", dtypes.bool_), ("byte", dtypes.uint8), ("half", dtypes.float16),
                      ("bfloat16", dtypes.bfloat16), ("short", dtypes.int16), ("char", dtypes.int8),
                      ("cfloat", dtypes.complex64), ("cdouble", dtypes.complex128)):
    _conversion(_name, _dtype)


@method()
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).type_as(fastnet.zeros(1))
        tensor([1., 2.])
    """
    return to(input, other.dtype)
