"""Linear combinations of three tensors."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.tensor import method
from fastnet.functional.arithmetic import add, div, mul, plus_multiple, sub

if TYPE_CHECKING:
    from fastnet._core.annotations import Number, Operand
    from fastnet._core.tensor import Tensor

__all__ = ["addcdiv", "addcmul", "lerp"]


@method()
def lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """Linear interpolation: input + weight * (end - input).

    Args:
        input, end: tensors; shapes broadcast.
        weight: a number or a tensor.

    Example:
        >>> import fastnet
        >>> fastnet.lerp(fastnet.tensor([0.0, 10.0]), fastnet.tensor([4.0, 20.0]), 0.5)
        tensor([ 2., 15.])
    """
    return add(input, mul(weight, sub(end, input)))


@method()
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 * tensor2, element by element.

    Args:
        input, tensor1, tensor2: tensors; shapes broadcast. They are promoted to one dtype first.
        value: a number.

    Raises:
        RuntimeError: a float as value for integers. PyTorch drops its fraction instead.

    Example:
        >>> import fastnet
        >>> fastnet.addcmul(fastnet.ones(2), fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]), value=10)
        tensor([31., 81.])
    """
    input, tensor1, tensor2 = _promoted(input, tensor1, tensor2)
    return plus_multiple("addcmul", "value", input, mul(tensor1, tensor2), _bool_as_int(value))


def _promoted(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Tensors in their common dtype."""
    dtype = dtypes.result_type(*(x._data for x in tensors))
    return tuple(x if x.dtype == dtype else x.to(dtype) for x in tensors)


def _bool_as_int(value: Number) -> Number:
    """A bool as 0 or 1; any other value unchanged."""
    return int(value) if isinstance(value, bool) else value


@method()
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 / tensor2, element by element.

    Args:
        input, tensor1, tensor2: tensors; shapes broadcast. They are promoted to one dtype first.
        value: a number.

    Raises:
        RuntimeError: integers divided by integers.

    Example:
        >>> import fastnet
        >>> fastnet.addcdiv(fastnet.ones(2), fastnet.tensor([1.0, 2.0]), fastnet.tensor([2.0, 4.0]), value=10)
        tensor([6., 6.])
    """
    if not dtypes.is_floating(tensor1.dtype) and not dtypes.is_floating(tensor2.dtype):
        raise RuntimeError(f"addcdiv: expected a floating-point tensor1 or tensor2, got {tensor1.dtype} and "
                           f"{tensor2.dtype}")
    input, tensor1, tensor2 = _promoted(input, tensor1, tensor2)
    return plus_multiple("addcdiv", "value", input, div(tensor1, tensor2), _bool_as_int(value))
