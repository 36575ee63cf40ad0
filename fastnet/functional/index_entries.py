"""Additions to and writes of whole entries of a tensor at indices along a dimension, in the order of the indices."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor, method
from fastnet.functional.compare import masked_fill
from fastnet.functional.creation import ones, zeros
from fastnet.functional.dims import as_dim
from fastnet.functional.index_writes import IndexWrite, check_source, fill_copy, write_copy, write_in_place
from fastnet.functional.indexing import as_index
from fastnet.functional.inplace import in_place
from fastnet.functional.scatter_reduction import scatter_reduce

if TYPE_CHECKING:
    from fastnet._core.annotations import Number, TensorOrNumber

__all__ = ["index_add", "index_add_", "index_copy", "index_copy_", "index_fill", "index_reduce"]


_INDEX_REDUCTIONS = ("prod", "mean", "amax", "amin")


def _index_arguments(name: str, input: Tensor, dim: int, index: Tensor, source: Tensor,
                     argument: str = "source") -> tuple[int, Tensor, Tensor]:
    """The dimension, the index as int64 (m,), and the source with m entries along the dimension."""
    dim, index = as_dim(input, dim), as_index(name, index)
    check_source(name, argument, input, source)
    if index.ndim > 1:
        raise IndexError(f"{name}: expected an index of one dimension, got shape {shape_text(index)}")
    index, source = index.reshape(-1), source if source.ndim else source.reshape(1)
    shape = input.shape or (1,)
    expected = (*shape[:dim], len(index), *shape[dim + 1:])
    if source.shape != expected:
        raise RuntimeError(f"{name}: expected a {argument} of shape {shape_text(expected)} for {len(index)} indices "
                           f"along dimension {dim} of shape {shape_text(input)}, got {shape_text(source)}")
    return dim, index, source


@method()
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
    """Add entries at indices along a dimension: out[index[i]] += alpha * source[i] for dim 0.

    Entries are added in the order of the index, so the result has the same bits on any number of threads.

    Args:
        input: any shape; the result is a changed copy.
        dim: the dimension that is indexed.
        index: int64 or int32, (m,) or a 0-d tensor.
        source: of the input's dtype and shape, but with m entries along `dim`.
        alpha: a factor.

    Raises:
        RuntimeError: shapes or dtypes that do not fit; both are named.
        IndexError: an index out of range, or of several dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3, 2).index_add(0, fastnet.tensor([0, 2, 0]), fastnet.ones(3, 2))
        tensor([[2., 2.],
                [0., 0.],
                [1., 1.]])
    """
    dim, index, source = _index_arguments("index_add", input, dim, index, source)
    return write_copy(input, index, source, IndexWrite(dim, "add", True, alpha))


@method()
def index_add_(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
    """As `index_add`, but add into the tensor and return it.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3).index_add_(0, fastnet.tensor([1, 1]), fastnet.ones(2))
        tensor([0., 2., 0.])
    """
    dim, index, source = _index_arguments("index_add_", self, dim, index, source)
    return write_in_place("index_add_", self, index, source, IndexWrite(dim, "add", True, alpha))


@method()
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Write entries at indices along a dimension: out[index[i]] = source[i] for dim 0.

    Where indices repeat, the last entry stays. Arguments and errors are those of `index_add`.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3).index_copy(0, fastnet.tensor([2, 0]), fastnet.tensor([5.0, 7.0]))
        tensor([7., 0., 5.])
    """
    dim, index, source = _index_arguments("index_copy", input, dim, index, source)
    return write_copy(input, index, source, IndexWrite(dim, "put", True))


@method()
def index_copy_(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """As `index_copy`, but write into the tensor and return it.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3).index_copy_(0, fastnet.tensor([1]), fastnet.ones(1))
        tensor([0., 1., 0.])
    """
    dim, index, source = _index_arguments("index_copy_", self, dim, index, source)
    return write_in_place("index_copy_", self, index, source, IndexWrite(dim, "put", True))


@method()
def index_fill(input: Tensor, dim: int, index: Tensor, value: TensorOrNumber) -> Tensor:
    """Write one value into the entries at indices along a dimension.

    Args:
        input, dim, index: as in `index_add`.
        value: a number or a 0-d tensor.

    Raises:
        RuntimeError: a value with dimensions, or one that the input's dtype cannot hold.
        IndexError: an index out of range, or of several dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3).index_fill(0, fastnet.tensor([0, 2]), 5)
        tensor([5., 0., 5.])
    """
    dim, index = as_dim(input, dim), as_index("index_fill", index)
    if index.ndim > 1:
        raise IndexError(f"index_fill: expected an index of one dimension, got shape {shape_text(index)}")
    if getattr(value, "ndim", 0):
        raise RuntimeError(f"index_fill: expected a number or a 0-d tensor as value, got shape {shape_text(value)}")
    shape = input.shape or (1,)
    if not isinstance(value, Tensor):
        return fill_copy(input if input.ndim else input.reshape(1), dim, index.reshape(-1), value).reshape(input.shape)
    chosen = index_copy(zeros(shape[dim]), 0, index.reshape(-1), ones(index.numel())).bool()
    return masked_fill(input, chosen.reshape([-1] + [1] * (len(shape) - 1 - dim) if input.ndim else []), value)


in_place("index_fill_", "index_fill")


@method()
def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *,
                 include_self: bool = True) -> Tensor:
    """Combine entries at indices along a dimension by a product, a mean or an extreme.

    Args:
        input, dim, index, source: as in `index_add`.
        reduce: "prod", "mean", "amax" or "amin".
        include_self: as in `scatter_reduce`.

    Raises:
        RuntimeError: an unknown reduction, or shapes or dtypes that do not fit.
        IndexError: an index out of range, or of several dimensions.

    Example:
        >>> import fastnet
        >>> x, source = fastnet.ones(2, 2), fastnet.tensor([[2.0, 3.0], [4.0, 0.0]])
        >>> x.index_reduce(0, fastnet.tensor([0, 0]), source, "amax")
        tensor([[4., 3.],
                [1., 1.]])
    """
    if reduce not in _INDEX_REDUCTIONS:
        raise RuntimeError(f"index_reduce: expected reduce to be one of {', '.join(_INDEX_REDUCTIONS)}, got {reduce!r}")
    dim, index, source = _index_arguments("index_reduce", input, dim, index, source)
    places = index.reshape(*(-1 if d == dim else 1 for d in range(source.ndim))).expand(source.shape)
    return scatter_reduce(input, dim, places, source, reduce, include_self=include_self)


in_place("index_reduce_", "index_reduce")
