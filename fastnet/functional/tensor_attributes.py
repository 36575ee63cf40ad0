"""Attributes and tests of tensors that PyTorch's programs ask for."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.state import forbid_reading
from fastnet._core.tensor import Tensor, method
from fastnet.functional.dims import as_shape
from fastnet.functional.inplace import writable, write
from fastnet.functional.reduction import sum as _sum
from fastnet.functional.shape import reshape

if TYPE_CHECKING:
    from fastnet._core.annotations import Size

__all__ = ["sum_to_size"]


@method()
def sum_to_size(input: Tensor, *size: Size) -> Tensor:
    """The sum over dimensions such that the result has the given shape, which broadcasts to that of the input.

    Args:
        input: any shape.
        size: the shape, as numbers or as one tuple.

    Raises:
        RuntimeError: the shape does not broadcast to that of the input.

    Example:
        >>> import fastnet
        >>> fastnet.ones(2, 3).sum_to_size(1, 3)
        tensor([[2., 2., 2.]])
    """
    shape = as_shape(size)
    extra = input.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, input.shape[extra:])):
        raise RuntimeError(f"sum_to_size: expected a shape that broadcasts to {shape_text(input)}, got {shape}")
    dims = tuple(d for d, n in enumerate(input.shape) if d < extra or shape[d - extra] != n)
    return reshape(_sum(input, dims) if dims else input, shape)


@method()
def ndimension(self: Tensor) -> int:
    """The number of dimensions."""
    return self.ndim


@method()
def storage_offset(self: Tensor) -> int:
    """The place of the first element in the memory of the tensor that this one is a view of, in elements."""
    base: Any = self if self._base is None else self._base
    return (self.data_ptr() - base.data_ptr()) // self.element_size()


@method()
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether two tensors have the same memory, shape and strides."""
    return (self.data_ptr(), self.shape, self.stride()) == (tensor.data_ptr(), tensor.shape, tensor.stride())


@method()
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by the result of a Python function of it, and return the tensor. Slow."""
    forbid_reading("apply_()")
    writable("apply_", self)

    def run() -> None:
        flat = [callable(x) for x in self._data.reshape(-1).tolist()]
        self._data[...] = self.new_tensor(flat, dtype=self.dtype)._data.reshape(self.shape)
    return write("apply_", self, run)


@method()
def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by a Python function of it and of one of `tensor`, and return the tensor."""
    forbid_reading("map_()")
    writable("map_", self)

    def run() -> None:
        other = tensor.expand(self.shape)._data.reshape(-1).tolist()
        flat = [callable(x, y) for x, y in zip(self._data.reshape(-1).tolist(), other)]
        self._data[...] = self.new_tensor(flat, dtype=self.dtype)._data.reshape(self.shape)
    return write("map_", self, run, (tensor,))


@method()
def dim_order(self: Tensor) -> tuple[int, ...]:
    """The dimensions from the largest stride to the smallest."""
    return tuple(sorted(range(self.ndim), key=lambda d: (-self.stride()[d], d)))
