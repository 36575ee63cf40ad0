"""PyTorch's constructors named by a dtype, such as LongTensor, and the methods of tensors that name one."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.construction import is_tensor
from fastnet._core.tensor import Tensor, extend

if TYPE_CHECKING:
    from fastnet._core.annotations import DType

__all__ = [
    "TYPED",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
]


class _OfDType(type):
    """Classes whose instances are all tensors of a dtype."""

    dtype: DType

    def __instancecheck__(cls, instance: object) -> bool:
        return is_tensor(instance) and instance.dtype == cls.dtype


def _typed(name: str, dtype: DType, example: str) -> Any:
    def new(cls: Any, *data: Any, device: str | None = None) -> Tensor:
        return Tensor(*data, dtype=cls.dtype, device=device)
    doc = f"""A tensor of {dtype}: {name}(2, 3) has this shape and is uninitialised, {name}([1, 2]) holds these values.

    `isinstance(x, {name})` holds for tensors of {dtype}.

    Args:
        data: a shape, or one sequence, array or tensor.
        device: "cpu".

    Example:
        >>> import fastnet
        >>> fastnet.{name}([1, 2])
        {example}
    """
    return _OfDType(name, (), {"__new__": new, "__doc__": doc, "__module__": __name__, "dtype": dtype})


FloatTensor: Any = _typed("FloatTensor", dtypes.float32, "tensor([1., 2.])")
DoubleTensor: Any = _typed("DoubleTensor", dtypes.float64, "tensor([1., 2.], dtype=float64)")
HalfTensor: Any = _typed("HalfTensor", dtypes.float16, "tensor([1., 2.], dtype=float16)")
LongTensor: Any = _typed("LongTensor", dtypes.int64, "tensor([1, 2])")
IntTensor: Any = _typed("IntTensor", dtypes.int32, "tensor([1, 2], dtype=int32)")
ShortTensor: Any = _typed("ShortTensor", dtypes.int16, "tensor([1, 2], dtype=int16)")
CharTensor: Any = _typed("CharTensor", dtypes.int8, "tensor([1, 2], dtype=int8)")
ByteTensor: Any = _typed("ByteTensor", dtypes.uint8, "tensor([1, 2], dtype=uint8)")
BoolTensor: Any = _typed("BoolTensor", dtypes.bool_, "tensor([ True,  True])")
TYPED: dict[str, DType] = {made.__name__: made.dtype for made in (
    FloatTensor, DoubleTensor, HalfTensor, LongTensor, IntTensor, ShortTensor, CharTensor, ByteTensor, BoolTensor)}


def new(input: Tensor, *data: Any, device: str | None = None) -> Tensor:
    """A tensor in the dtype of `input`, with a shape, new(2, 3), or values, new([1, 2]): see `fastnet.Tensor`.

    Args:
        input: gives the dtype.
        data: a shape, or one sequence, array or tensor.
        device: "cpu".

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1.0]).new([2, 3])
        tensor([2., 3.])
    """
    return Tensor(*data, dtype=input.dtype, device=device)


extend(new=new)
