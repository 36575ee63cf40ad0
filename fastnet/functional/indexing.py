"""Selection by index. Integers, slices, None and ... give views; index tensors and masks give copies."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import forbid_reading
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, op, transposes, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim, as_rows
from fastnet.functional.expansion import expand
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.keys import as_key, out_of_range, pick, picks_rows, row_numbers, selection
from fastnet.functional.shape import index_view

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, Shape
    from fastnet.functional.keys import Key

__all__ = ["as_index", "check_mask", "gather", "gather_into", "getitem", "index_select", "masked_select", "nonzero",
           "select_rows", "take_along_dim", "values_at"]


@op
def _index(x: Array, *picks: Any) -> Result[Array]:
    return pick(x, picks), (gradient(_index_gradient, x.shape, *picks), *(None for _ in picks))


@writes_out
def _index_gradient(g: Array, shape: Shape, *picks: Any, out: Array | None = None) -> Array:
    total = kernels.memory_for(shape, g.dtype, out)
    kernels.fill(total, 0)
    if picks_rows(picks):
        index, width = row_numbers(picks[0], shape[0]), math.prod(shape[1:])
        K.add_rows_(total.reshape(1, shape[0], width), index, contiguous(g).reshape(1, index.size, width))
        return total
    _, in_order = selection(total, picks)
    K.index_add_(total, in_order(g) if in_order else g, *picks)
    return total


transposes(_index_gradient, lambda v, shape, *picks: pick(v, picks))


def _is_mask_of(pick: Any, x: Tensor) -> bool:
    return isinstance(pick, Tensor) and pick.dtype.kind == "b" and pick.shape == x.shape[:pick.ndim]


@op
def _masked_entries(x: Array, mask: Array) -> Result[Array]:
    places = _true_places(mask)
    rows = (1, mask.size, math.prod(x.shape[mask.ndim:]))
    out = empty((places.size, *x.shape[mask.ndim:]), x.dtype)
    K.select_rows(out.reshape(1, places.size, rows[2]), contiguous(x).reshape(rows), places)
    return out, (gradient(_of_masked_entries, places, x.shape, rows), None)


@writes_out
def _of_masked_entries(g: Array, places: Array, shape: Shape, rows: Shape, *, out: Array | None = None) -> Array:
    total = kernels.memory_for(shape, g.dtype, out)
    kernels.fill(total, 0)
    K.copy_rows_(total.reshape(rows), places, contiguous(g).reshape(1, places.size, rows[2]))
    return total


def _selected_rows(v: Array, places: Array, shape: Shape, rows: Shape) -> Array:
    out = empty((1, places.size, rows[2]), v.dtype)
    K.select_rows(out, contiguous(v).reshape(rows), places)
    return out


transposes(_of_masked_entries, _selected_rows)


def _true_places(mask: Array) -> Array:
    """The places of the true elements of a mask in its flattened form."""
    places = empty((int(np.count_nonzero(mask)),), dtypes.int64)
    K.true_places(places, contiguous(mask).reshape(-1))
    return places


def getitem(input: Tensor, key: Key) -> Tensor:
    """input[key]: a view for integers, slices, None and ...; a copy for index tensors, lists and masks.

    Args:
        input: any shape.
        key: one of these, or a tuple of them.

    Raises:
        IndexError: an index out of range or of an unknown type, or too many indices.
        RuntimeError: a mask inside a compiled function, where the shape of the result cannot depend on values.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(6).reshape(2, 3)
        >>> x[1], x[:, 0], x[x > 3], x[fastnet.tensor([1, 0]), 2]
        (tensor([3, 4, 5]), tensor([0, 3]), tensor([4, 5]), tensor([5, 2]))
    """
    view: tuple[Any, ...]
    picks: tuple[Any, ...]
    if type(key) is int:
        view, picks = (key, ...), ()
    elif type(key) is Tensor and key.dtype == dtypes.int64:
        view, picks = (), (key,)
    else:
        view, picks = as_key(input, key)
    try:
        part = index_view(input, view) if view else input
        if len(picks) == 1 and _is_mask_of(picks[0], part):
            return _masked_entries(part, picks[0])
        return _index(part, *picks) if picks else part
    except IndexError as error:
        raise out_of_range(error, input) from None


extend(__getitem__=getitem)


@method()
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Elements at the given indices along a dimension: out[i][j][k] = input[index[i][j][k]][j][k] for dim 0.

    Args:
        input: any shape.
        dim: the dimension that is indexed.
        index: int64 or int32, with as many dimensions as the input and no longer than it in any dimension but `dim`.
            The result has the shape of `index`.
        sparse_grad: ignored; gradients are dense.

    Raises:
        RuntimeError: an index of another dtype, or shapes that don't fit; both are named.
        IndexError: an index out of range.

    Example:
        >>> import fastnet
        >>> fastnet.gather(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, fastnet.tensor([[1], [0]]))
        tensor([[2.],
                [3.]])
    """
    dim = as_dim(input, dim)
    if isinstance(index, Tensor) and index.numel() == 0:    # PyTorch accepts an empty index of any dtype and shape
        return input.reshape(-1)[:0].reshape(index.shape)
    index = as_index("gather", index)
    if input.ndim == 0 or index.ndim == 0:                  # a 0-d tensor counts as one of shape (1,)
        return _gathered(input.reshape(-1) if input.ndim == 0 else input, dim,
                         index.reshape(1) if index.ndim == 0 else index).reshape(index.shape)
    return _gathered(input, dim, index)


def _gathered(input: Tensor, dim: int, index: Tensor) -> Tensor:
    outside = any(n > m for d, (n, m) in enumerate(zip(index.shape, input.shape)) if d != dim)
    if index.ndim != input.ndim or outside:
        raise RuntimeError(f"gather: an index of shape {shape_text(index)} does not fit an input of shape "
                           f"{shape_text(input)} along dimension {dim}")
    if any(n < m for d, (n, m) in enumerate(zip(index.shape, input.shape)) if d != dim):
        input = input[tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))]
    return _gather(input, index, dim=dim)


def as_index(name: str, index: object) -> Tensor:
    """An index tensor in int64.

    Raises:
        TypeError: not a tensor.
        RuntimeError: a dtype that is neither int64 nor int32.
    """
    if not isinstance(index, Tensor):
        raise not_a_tensor(name, "index", index)
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}: expected an int64 or int32 index, got {index.dtype}")
    return index.long()


@op
def _gather(x: Array, index: Array, *, dim: int) -> Result[Array]:
    index = contiguous(index)
    K.check_index(index, x.shape[dim])
    return gather_into(x, index, dim), (gradient(_ungathered, index, x.shape, dim), None)


@op
def values_at(x: Array, index: Array, dim: int) -> Result[Array]:
    """The elements at indices along a dimension that an operation found, and that need no check; as in `gather`."""
    index = contiguous(index)
    return gather_into(x, index, dim), (gradient(_ungathered, index, x.shape, dim), None, None)


def gather_into(x: Array, index: Array, dim: int, out: Array | None = None) -> Array:
    """The elements of x at indices along a dimension, in the shape of the index; in the memory `out`, if it fits."""
    result = kernels.memory_for(index.shape, x.dtype, out)
    K.gather(*(as_rows(a, (dim,))[0] for a in (result, x, index)))
    return result


@writes_out
def _ungathered(g: Array, index: Array, shape: Shape, dim: int, *, out: Array | None = None) -> Array:
    total = kernels.memory_for(shape, g.dtype, out)
    K.gather_backward(*(as_rows(a, (dim,))[0] for a in (total, index, g)))
    return total


transposes(_ungathered, lambda v, index, shape, dim: gather_into(v, index, dim))


@method()
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Elements at the given indices along a dimension, as `gather`; the other dimensions broadcast.

    Args:
        input: any shape.
        indices: int64, with as many dimensions as the input; negative ones count from the end.
        dim: the dimension that is indexed; None flattens both tensors.

    Raises:
        RuntimeError: another dtype, or shapes that don't fit.
        IndexError: an index or a dimension out of range.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[3.0, 1.0, 2.0]])
        >>> fastnet.take_along_dim(x, x.argsort(1), 1)
        tensor([[1., 2., 3.]])
    """
    if not isinstance(indices, Tensor):
        raise not_a_tensor("take_along_dim", "indices", indices)
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    dim = as_dim(input, dim)
    if input.ndim == 0:
        raise IndexError(f"take_along_dim: dimension {dim} is out of range for a 0-d tensor")
    if indices.ndim != input.ndim:
        raise RuntimeError(f"take_along_dim: expected indices of {input.ndim} dimensions, as the input of shape "
                           f"{shape_text(input)}, got shape {shape_text(indices)}")
    indices = indices.where(indices >= 0, indices + input.shape[dim])
    # dim is left out of the broadcast
    shape = kernels.broadcast_shape(*(x.narrow(dim, 0, 0)._data for x in (input, indices)))

    def spread(x: Tensor) -> Tensor:
        return expand(x, (*shape[:dim], x.shape[dim], *shape[dim + 1:]))
    return gather(spread(input), dim, spread(indices))


@method()
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Entries along a dimension, selected by an index tensor; a copy.

    Args:
        input: any shape.
        dim: the dimension that is indexed.
        index: int64 or int32, (n,) or a 0-d tensor.

    Raises:
        TypeError: the index is not a tensor.
        RuntimeError: an index of another dtype, or several indices into a 0-d tensor.
        IndexError: an index out of range or of several dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.index_select(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, fastnet.tensor([1, 1, 0]))
        tensor([[2., 2., 1.],
                [4., 4., 3.]])
    """
    dim, index = as_dim(input, dim), as_index("index_select", index)
    if index.ndim > 1:
        raise IndexError(f"index_select: expected an index of one dimension, got shape {shape_text(index)}")
    index = index.reshape(-1)
    if input.ndim == 0:
        if len(index) != 1:
            raise RuntimeError(f"index_select: expected one index into a 0-d tensor, got {len(index)}")
        return gather(input, 0, index).reshape(())
    return _selected(input, index, dim=dim)


def select_rows(x: Array, index: Array, dim: int, out: Array | None = None) -> Array:
    """The entries of the array x along a dimension at the indices (m,); in the memory `out`, if it fits."""
    result = kernels.memory_for((*x.shape[:dim], index.size, *x.shape[dim + 1:]), x.dtype, out)
    K.select_rows(as_rows(result, (dim,))[0], as_rows(x, (dim,))[0], index)
    return result


@op
def _selected(x: Array, index: Array, *, dim: int) -> Result[Array]:
    index = contiguous(index)
    K.check_index(index, x.shape[dim])
    return select_rows(x, index, dim), (gradient(_of_selected, index, x.shape, dim), None)


@writes_out
def _of_selected(g: Array, index: Array, shape: Shape, dim: int, *, out: Array | None = None) -> Array:
    total = kernels.memory_for(shape, g.dtype, out)
    kernels.fill(total, 0)
    K.add_rows_(as_rows(total, (dim,))[0], index, as_rows(g, (dim,))[0])
    return total


transposes(_of_selected, lambda v, index, shape, dim: select_rows(v, index, dim))


@overload
def nonzero(input: Tensor, *, as_tuple: Literal[False] = False) -> Tensor: ...


@overload
def nonzero(input: Tensor, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...


@overload
def nonzero(input: Tensor, *, as_tuple: bool) -> Tensor | tuple[Tensor, ...]: ...


@method()
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]:
    """The indices of the nonzero elements, int64, (n, dimensions).

    Args:
        input: any shape.
        as_tuple: return a tuple with one index tensor for each dimension instead, which can index the input.

    Raises:
        RuntimeError: inside a compiled function, where the shape of the result cannot depend on values.

    Example:
        >>> import fastnet
        >>> fastnet.nonzero(fastnet.tensor([[0, 1], [2, 0]]))
        tensor([[0, 1],
                [1, 0]])
    """
    forbid_reading("nonzero(), whose result's shape depends on values,")
    x = input._data
    places = _true_places(x if x.dtype.kind == "b" else x != 0)
    columns = np.unravel_index(places, x.shape) if x.ndim > 1 else (places,) * max(x.ndim, as_tuple)
    if as_tuple:
        return tuple(map(Tensor._wrap, columns))
    out = empty((places.size, x.ndim), dtypes.int64)
    for i, column in enumerate(columns):
        out[:, i] = column
    return Tensor._wrap(out)


def check_mask(name: str, argument: str, mask: object, known: tuple[DType, ...] = (dtypes.bool_,)) -> None:
    """Refuse a mask or condition that is not a bool tensor.

    Raises:
        TypeError: not a tensor.
        RuntimeError: a tensor of another dtype.
    """
    if not isinstance(mask, Tensor):
        raise not_a_tensor(name, argument, mask)
    if mask.dtype not in known:
        raise RuntimeError(f"{name}: expected a bool tensor as {argument}, got {mask.dtype}")


@method()
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in one dimension.

    Args:
        input: any shape.
        mask: a bool tensor; the two broadcast.

    Raises:
        RuntimeError: the mask is not bool, or inside a compiled function, where the shape of the result cannot depend
            on values.

    Example:
        >>> import fastnet
        >>> fastnet.masked_select(fastnet.tensor([1.0, 2.0, 3.0]), fastnet.tensor([True, False, True]))
        tensor([1., 3.])
    """
    check_mask("masked_select", "mask", mask)
    shape = kernels.broadcast_shape(input._data, mask._data)
    return getitem(expand(input, shape), expand(mask, shape))
