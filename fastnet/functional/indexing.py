"""Selection by index. Integers, slices, None and ... give views; index tensors and masks give copies."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, no_grad, op, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim, as_rows
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.keys import as_key, pick, selection
from fastnet.functional.shape import expand, strided

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, Shape
    from fastnet.functional.keys import Key


@op
def _picked(x: Array, *picks: Any) -> Result[Array]:
    return pick(x, picks), (gradient(_unpicked, x.shape, *picks), *(None for _ in picks))


def _unpicked(g: Array, shape: Shape, *picks: Any) -> Array:
    total = kernels.full(shape, 0, g.dtype)
    _, in_order = selection(total, picks)
    K.index_add_(total, in_order(g) if in_order else g, *picks)
    return total


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
        part = strided(input, view) if view else input
        return _picked(part, *picks) if picks else part
    except IndexError as e:
        raise IndexError(f"{e} (shape {shape_text(input)})") from None


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
    index = _as_int64("gather", index)
    if input.ndim == 0 or index.ndim == 0:                  # a 0-d tensor counts as one of shape (1,)
        return _gathered(input.reshape(-1) if input.ndim == 0 else input, dim,
                         index.reshape(1) if index.ndim == 0 else index).reshape(index.shape)
    return _gathered(input, dim, index)


def _gathered(input: Tensor, dim: int, index: Tensor) -> Tensor:
    outside = any(n > m for d, (n, m) in enumerate(zip(index.shape, input.shape)) if d != dim)
    if index.ndim != input.ndim or outside:
        raise RuntimeError(f"gather: an index of shape {shape_text(index)} does not fit an input of shape "
                           f"{shape_text(input)} along dimension {dim}")
    part = tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))
    return _gather(input[part], index, dim=dim)


def _as_int64(name: str, index: object) -> Tensor:
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
    (x3, *_), (i3, *_) = as_rows(x, (dim,)), as_rows(index, (dim,))
    K.check_index(i3, x3.shape[1])
    out = empty(i3.shape, x.dtype)
    K.gather(out, x3, i3)
    return out.reshape(index.shape), (gradient(_ungathered, i3, x3.shape, x.shape), None)


def _ungathered(g: Array, i3: Array, x3_shape: Shape, shape: Shape) -> Array:
    total = empty(x3_shape, g.dtype)
    K.gather_backward(total, i3, contiguous(g).reshape(i3.shape))
    return total.reshape(shape)


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
    dim, index = as_dim(input, dim), _as_int64("index_select", index)
    if index.ndim > 1:
        raise IndexError(f"index_select: expected an index of one dimension, got shape {shape_text(index)}")
    index = index.reshape(-1)
    if input.ndim == 0:
        if len(index) != 1:
            raise RuntimeError(f"index_select: expected one index into a 0-d tensor, got {len(index)}")
        return gather(input, 0, index).reshape(())
    return _selected(input, index, dim=dim)


@op
def _selected(x: Array, index: Array, *, dim: int) -> Result[Array]:
    K.check_index(index, x.shape[dim])
    picks = (*(slice(None),) * dim, index)
    return pick(x, picks), (gradient(_unpicked, x.shape, *picks), None)


@op
def _embedding(weight: Array, index: Array, padding_idx: int | None, scale_by_frequency: bool) -> Result[Array]:
    flat = contiguous(index).reshape(-1)
    K.check_index(flat, weight.shape[0], what="token")
    out = empty((flat.size, weight.shape[1]), weight.dtype)
    K.embedding(out, weight, flat)
    slope = gradient(_of_embedded, flat, weight.shape, padding_idx, scale_by_frequency)
    return out.reshape(*index.shape, weight.shape[1]), (slope, None, None, None)


@writes_out
def _of_embedded(g: Array, flat: Array, shape: Shape, padding_idx: int | None, scale_by_frequency: bool, *,
                 out: Array | None = None) -> Array:
    total = empty(shape, g.dtype) if out is None else out
    rows = contiguous(g).reshape(flat.size, shape[1])
    if scale_by_frequency:
        rows = kernels.div(rows, _frequencies(flat, shape[0], g.dtype))
    K.embedding_backward(total, flat, rows, padding_idx)
    return total


def _frequencies(index: Array, size: int, dtype: DType) -> Array:
    """The number of occurrences of each element of an index (n,) into `size` rows, as an array (n, 1)."""
    counts, out = kernels.full((size, 1), 0, dtype), empty((index.size, 1), dtype)
    K.index_add_(counts, kernels.full((index.size, 1), 1, dtype), index)
    K.embedding(out, counts, index)
    return out


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """Rows of a table, selected by integers: weight[input].

    Args:
        input: int64 or int32, any shape.
        weight: (rows, width).
        padding_idx: a row whose gradient is zero.
        max_norm: the largest norm of a row. Selected rows with a larger norm are rescaled in `weight`, in place.
        norm_type: the p of the p-norm that max_norm bounds.
        scale_grad_by_freq: divide the gradient of each row by the number of its occurrences in the input.
        sparse: ignored; gradients are dense.

    Raises:
        RuntimeError: the input does not hold integers, or the weight is not a matrix.
        ValueError: padding_idx is out of range, or max_norm is negative.
        IndexError: an index outside [0, rows).

    Example:
        >>> import fastnet
        >>> table = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> fastnet.nn.functional.embedding(fastnet.tensor([1, 0, 1]), table)
        tensor([[3., 4.],
                [1., 2.],
                [3., 4.]])
    """
    if input.dtype.kind not in "iu":
        raise RuntimeError(f"embedding: expected integers, got {input.dtype}")
    if weight.ndim != 2:
        raise RuntimeError(f"embedding: expected a weight of two dimensions, got shape {shape_text(weight)}")
    padding_idx = padding_row("embedding", padding_idx, weight.shape[0])
    index = input if input.dtype == dtypes.int64 else input.long()
    if max_norm is not None:
        check_max_norm("embedding", max_norm)
        _shorten_rows(weight, index, float(max_norm), norm_type)
    return _embedding(weight, index, padding_idx, bool(scale_grad_by_freq))


def padding_row(name: str, padding_idx: int | None, rows: int) -> int | None:
    """padding_idx counted from the front, or None.

    Raises:
        ValueError: it is out of range.
    """
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"{name}: padding_idx {padding_idx} is outside the {rows} rows")
    return padding_idx % rows


def check_max_norm(name: str, max_norm: float | None) -> None:
    """Refuse NaN and a negative bound, which would change the sign of rows."""
    if max_norm is not None and not max_norm >= 0:
        raise ValueError(f"{name}: expected max_norm to be None or a number that is not negative, got {max_norm}")


@no_grad()
def _shorten_rows(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Multiply the indexed rows whose norm exceeds max_norm by max_norm / (norm + 1e-7), in place."""
    index = index.reshape(-1)
    rows = _embedding(weight, index, None, False)
    norm = rows.norm(norm_type, 1, keepdim=True)
    weight[index] = (rows * (max_norm / (norm + 1e-7))).where(norm > max_norm, rows)


@op
def _one_hot(index: Array, num_classes: int) -> Result[Array]:
    K.check_index(contiguous(index).reshape(-1), num_classes, what="class")
    out = empty((*index.shape, num_classes), dtypes.int64)
    K.one_hot(out, index)
    return out, None


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """One-hot vectors of class indices, in int64.

    Args:
        tensor: integers, any shape; the result has one dimension more.
        num_classes: the length of the vectors; -1 stands for the largest index plus one.

    Raises:
        IndexError: an index outside [0, num_classes).
        RuntimeError: not integers, num_classes below -1, or -1 inside a compiled function, where the shape of the
            result cannot depend on values.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.one_hot(fastnet.tensor([1, 0]), 3)
        tensor([[0, 1, 0],
                [1, 0, 0]])
    """
    if tensor.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: expected integers, got {tensor.dtype}")
    if num_classes == -1:
        forbid_in_recording("one_hot() without num_classes")
        num_classes = int(tensor._data.max()) + 1 if tensor.numel() else 0
    check_sizes("one_hot", num_classes=num_classes)
    return _one_hot(tensor if tensor.dtype == dtypes.int64 else tensor.long(), num_classes)


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
    forbid_in_recording("nonzero(), whose result's shape depends on values,")
    if as_tuple:
        return tuple(map(Tensor._wrap, np.nonzero(np.atleast_1d(input._data))))
    return Tensor._wrap(np.argwhere(input._data).astype(np.int64))


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
