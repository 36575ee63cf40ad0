"""Copies of tensors and conversions to other dtypes.

`memory_format` and `non_blocking` are accepted for programs written for PyTorch: see `fastnet.device`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from fastnet import dtypes
from fastnet._core.placement import check_placement, placement_name
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import describe
from fastnet.functional.shape import copied

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Result

__all__ = ["clone", "contiguous", "to", "type_as", "type_of", "wanted_dtype"]


@method()
def clone(input: Tensor, *, memory_format: object = None) -> Tensor:
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
def contiguous(input: Tensor, memory_format: object = None) -> Tensor:
    """The tensor in C order: the tensor itself if it is contiguous, else a copy.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2, 3).t()
        >>> x.is_contiguous(), x.contiguous().is_contiguous()
        (False, True)
    """
    check_placement("contiguous", memory_format=memory_format)
    return input if input.is_contiguous() else copied(input)


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
    """The tensor converted to a dtype; the tensor itself if it has this dtype.

    Args:
        input: any shape.
        target: a dtype, "cpu", or a tensor whose dtype is taken, followed by `non_blocking` and `copy`.
        dtype, device: the same by keyword.
        non_blocking: ignored.
        copy: copy even if the dtype is the same.
        memory_format: ignored.

    Raises:
        TypeError: a dtype that fastnet does not have.
        RuntimeError: another device.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1.5, -1.5]).to(fastnet.int64)
        tensor([ 1, -1])
    """
    dtype = wanted_dtype(target, dtype, device)
    check_placement("to", memory_format=memory_format)
    if dtype is None or dtype == input.dtype:
        return copied(input) if copy or [a for a in target if isinstance(a, bool)][1:] == [True] else input
    return _cast(input, dtype)


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
            if placement_name(a) != "cpu":
                raise RuntimeError(f"to: expected a dtype or 'cpu', got {a!r}")
        elif not isinstance(a, bool | None):
            dtype = a
    return None if dtype is None else dtypes.as_dtype(dtype)


_TYPES = {dtypes.float32: "FloatTensor", dtypes.float64: "DoubleTensor", dtypes.int64: "LongTensor",
          dtypes.int32: "IntTensor", dtypes.uint8: "ByteTensor", dtypes.bool_: "BoolTensor"}
_TYPED = {name: dtype for dtype, name in _TYPES.items()}


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
    wanted: Any = _TYPED.get(str(dtype).rpartition(".")[2], dtype)
    return to(input, dtype=wanted)


extend(type=type_of)


def _conversion(name: str, dtype: DType) -> Callable[..., Tensor]:
    """Define the method `name`, which converts to a dtype."""
    def function(self: Tensor, memory_format: object = None) -> Tensor:
        return to(self, dtype=dtype, memory_format=memory_format)
    return method()(describe(function, name, f"The tensor as {dtype.name}; the tensor itself if it has this dtype."))


for _name, _dtype in (("float", dtypes.float32), ("double", dtypes.float64), ("long", dtypes.int64),
                      ("int", dtypes.int32), ("bool", dtypes.bool_), ("byte", dtypes.uint8)):
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
