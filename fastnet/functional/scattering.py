"""Writes and additions of elements at the indices of a tensor along a dimension, in the order of the indices.

Where several indices name one element, the result has the same bits on any number of threads: of writes the last one
stays, and additions happen in order.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim
from fastnet.functional.expansion import expand
from fastnet.functional.index_writes import IndexWrite, check_source, write_copy, write_in_place
from fastnet.functional.indexing import as_index

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["scatter", "scatter_", "scatter_add", "scatter_add_", "scatter_arguments"]


def scatter_arguments(name: str, input: Tensor, dim: int, index: Tensor, src: Any, value: bool = False,
                       ) -> tuple[int, Tensor, Tensor]:
    """The dimension, the index as int64, and the source in the shape of the index.

    Raises:
        TypeError: the index or the source is not a tensor.
        RuntimeError: an index of another dtype, or shapes that do not fit; both are named.
    """
    dim = as_dim(input, dim)
    if isinstance(index, Tensor) and index.numel() == 0:        # PyTorch accepts an empty index of any dtype
        index = index.long()
        shape = (0,) * max(input.ndim, 1)
        return dim, index.reshape(shape), input.detach().reshape(-1)[:0].reshape(shape)
    index = as_index(name, index)
    index = index if index.ndim or input.ndim > 1 else index.reshape(1)
    shape = input.shape or (1,)
    if index.ndim != len(shape) or any(n > m for d, (n, m) in enumerate(zip(index.shape, shape)) if d != dim):
        raise RuntimeError(f"{name}: an index of shape {shape_text(index)} does not fit an input of shape "
                           f"{shape_text(input)} along dimension {dim}")
    if value:
        number = src.to(input.dtype) if isinstance(src, Tensor) else kernels.stored(src, input.dtype)
        src = number if isinstance(number, Tensor) else Tensor._wrap(kernels.full((), number.item(), input.dtype))
        return dim, index, expand(src.reshape((1,) * index.ndim), index.shape)
    check_source(name, "src", input, src)
    src = src if src.ndim else src.reshape(1)
    if src.ndim != index.ndim or any(n > m for n, m in zip(index.shape, src.shape)):
        raise RuntimeError(f"{name}: an index of shape {shape_text(index)} does not fit a src of shape "
                           f"{shape_text(src)}")
    return dim, index, src if src.shape == index.shape else src[tuple(slice(n) for n in index.shape)]


_PLAIN_MODES = {None: "put", "add": "add", "multiply": "mul"}


def _scatter_call(name: str, input: Tensor, dim: int, index: Tensor, src: TensorOrNumber | None, reduce: str | None,
                  value: TensorOrNumber | None) -> tuple[Tensor, Tensor, IndexWrite]:
    if (src is None) == (value is None):
        raise TypeError(f"{name}: expected either src or value, got {'neither' if src is None else 'both'}")
    if reduce not in _PLAIN_MODES:
        raise RuntimeError(f"{name}: expected reduce to be None, 'add' or 'multiply', got {reduce!r}")
    number = src is None or not isinstance(src, Tensor)
    dim, index, source = scatter_arguments(name, input, dim, index, value if src is None else src, number)
    if reduce is not None and state.grad_enabled and (input._requires_grad or source._requires_grad):
        raise RuntimeError(f"{name}: there is no gradient with reduce={reduce!r}; use scatter_add or scatter_reduce")
    return index, source, IndexWrite(dim, _PLAIN_MODES[reduce])


@method()
def scatter(input: Tensor, dim: int, index: Tensor, src: TensorOrNumber | None = None, *, reduce: str | None = None,
            value: TensorOrNumber | None = None) -> Tensor:
    """Write elements at indices along a dimension: out[index[i][j][k]][j][k] = src[i][j][k] for dim 0.

    Where indices repeat, the last element in the order of the index stays.

    Args:
        input: any shape; the result is a changed copy.
        dim: the dimension that is indexed.
        index: int64 or int32, with as many dimensions as the input, no longer than src in any dimension and no longer
            than the input in any dimension but `dim`.
        src: a tensor of the input's dtype, or a number.
        reduce: "add" or "multiply" combine with the element that is there; without a gradient (see `scatter_add`).
        value: a number, by keyword, in place of src.

    Raises:
        RuntimeError: shapes or dtypes that do not fit; both are named.
        IndexError: an index out of range.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2, 3).scatter(1, fastnet.tensor([[0], [2]]), 1.0)
        tensor([[1., 0., 0.],
                [0., 0., 1.]])
    """
    index, source, how = _scatter_call("scatter", input, dim, index, src, reduce, value)
    return write_copy(input, index, source, how)


@method()
def scatter_(self: Tensor, dim: int, index: Tensor, src: TensorOrNumber | None = None, *, reduce: str | None = None,
             value: TensorOrNumber | None = None) -> Tensor:
    """As `scatter`, but write into the tensor and return it.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3).scatter_(0, fastnet.tensor([1]), 5.0)
        tensor([0., 5., 0.])
    """
    index, source, how = _scatter_call("scatter_", self, dim, index, src, reduce, value)
    return write_in_place("scatter_", self, index, source, how)


@method()
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add elements at indices along a dimension: out[index[i][j][k]][j][k] += src[i][j][k] for dim 0.

    Elements are added in the order of the index, so the result has the same bits on any number of threads. Arguments
    and errors are those of `scatter`.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3).scatter_add(0, fastnet.tensor([0, 2, 2]), fastnet.tensor([1.0, 2.0, 3.0]))
        tensor([1., 0., 5.])
    """
    dim, index, src = scatter_arguments("scatter_add", input, dim, index, src)
    return write_copy(input, index, src, IndexWrite(dim, "add"))


@method()
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """As `scatter_add`, but add into the tensor and return it.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2).scatter_add_(0, fastnet.tensor([1, 1]), fastnet.ones(2))
        tensor([0., 2.])
    """
    dim, index, src = scatter_arguments("scatter_add_", self, dim, index, src)
    return write_in_place("scatter_add_", self, index, src, IndexWrite(dim, "add"))
