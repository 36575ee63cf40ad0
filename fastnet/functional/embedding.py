"""Embedding tables and one-hot vectors."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import forbid_in_recording, forbid_reading, state
from fastnet.autograd import gradient, no_grad, op, transposes, writes_out
from fastnet.autograd.sparse import add_rows_to_gradient, leaf_number
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["check_max_norm", "embedding", "frequencies", "one_hot", "padding_row", "shorten_rows", "sparse_leaf",
           "table_gradient"]


@op
def _embedding(weight: Array, index: Array, padding_idx: int | None, scale_by_frequency: bool) -> Result[Array]:
    flat = contiguous(index).reshape(-1)
    K.check_index(flat, weight.shape[0], what="token")
    out = empty((flat.size, weight.shape[1]), weight.dtype)
    K.embedding(out, weight, flat)
    slope = gradient(table_gradient, flat, weight.shape, padding_idx, scale_by_frequency)
    return out.reshape(*index.shape, weight.shape[1]), (slope, None, None, None)


@writes_out
def table_gradient(g: Array, flat: Array, shape: Shape, padding_idx: int | None, scale_by_frequency: bool, *,
                   out: Array | None = None) -> Array:
    """The gradient of the table of `embedding`: the sums of the rows of g that belong to each index."""
    total = empty(shape, g.dtype) if out is None else out
    rows = contiguous(g).reshape(flat.size, shape[1])
    if scale_by_frequency:
        rows = kernels.div(rows, frequencies(flat, shape[0], g.dtype))
    K.embedding_backward(total, flat, rows, padding_idx)
    return total


def _looked_up(v: Array, flat: Array, shape: Shape, padding_idx: int | None, scale_by_frequency: bool) -> Array:
    out = empty((flat.size, shape[1]), v.dtype)
    K.embedding(out, contiguous(v), flat)
    if scale_by_frequency:
        out = kernels.div(out, frequencies(flat, shape[0], v.dtype))
    if padding_idx is not None:
        padding = kernels.scalar(padding_idx, flat.dtype)
        out = kernels.masked(kernels.binary("ne", flat, padding, dtypes.bool_).reshape(-1, 1), out)
    return out


transposes(table_gradient, _looked_up)


def frequencies(index: Array, size: int, dtype: DType) -> Array:
    """The number of occurrences of each element of an index (n,) into `size` rows, as an array (n, 1)."""
    counts, out = kernels.full((size, 1), 0, dtype), empty((index.size, 1), dtype)
    K.add_rows_(counts[None], index, kernels.full((1, index.size, 1), 1, dtype))
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
        sparse: backward() sets the gradient of a leaf as a `fastnet.autograd.SparseGradient`, whose cost is that of
            the rows in the input. Not in compiled functions.

    Raises:
        RuntimeError: the input does not hold integers, the weight is not a matrix, or a sparse gradient inside a
            compiled function.
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
        shorten_rows("embedding", weight, index, max_norm, norm_type)
    number = sparse_leaf(weight) if sparse else None
    if number is not None:
        return _sparse_embedding(weight, index, number, padding_idx, bool(scale_grad_by_freq))
    return _embedding(weight, index, padding_idx, bool(scale_grad_by_freq))


def sparse_leaf(weight: Tensor) -> int | None:
    """The number of a table whose gradient will be sparse; None if it has none, or if it is not a leaf.

    Raises:
        RuntimeError: inside a compiled function.
    """
    if not (state.grad_enabled and weight._requires_grad and weight.is_leaf):
        return None
    forbid_in_recording("an embedding with sparse=True", "its gradient has as many rows as the input has different "
                        "integers; use sparse=False there")
    return leaf_number(weight)


@op
def _sparse_embedding(weight: Array, index: Array, number: int, padding_idx: int | None,
                      scale_by_frequency: bool) -> Result[Array]:
    flat = contiguous(index).reshape(-1)
    K.check_index(flat, weight.shape[0], what="token")
    out = empty((flat.size, weight.shape[1]), weight.dtype)
    K.embedding(out, weight, flat)
    return (out.reshape(*index.shape, weight.shape[1]),
            gradient(_keep_rows, flat, number, weight.shape, padding_idx, scale_by_frequency))


def _keep_rows(g: Array, needed: list[bool], flat: Array, number: int, shape: Shape, padding_idx: int | None,
               scale_by_frequency: bool) -> tuple[None, ...]:
    """Add the gradient to the sparse one of the leaf; the tape gets none."""
    rows = contiguous(g).reshape(flat.size, shape[1])
    if scale_by_frequency:
        rows = kernels.div(rows, frequencies(flat, shape[0], g.dtype))
    if padding_idx is not None:
        kept = flat != padding_idx
        flat, rows = flat[kept], rows[kept]
    add_rows_to_gradient(number, flat, rows)
    return (None,) * len(needed)


def padding_row(name: str, padding_idx: int | None, rows: int) -> int | None:
    """padding_idx counted from the front, or None.

    Raises:
        ValueError: it is out of range.
    """
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"{name}: expected padding_idx from {-rows} to {rows - 1}, got {padding_idx}")
    return padding_idx % rows


def check_max_norm(name: str, max_norm: float | None) -> None:
    """Refuse NaN and a negative bound, which would change the sign of rows."""
    if max_norm is not None and not max_norm >= 0:
        raise ValueError(f"{name}: expected max_norm to be None, or 0 or more, got {max_norm}")


@no_grad()
def shorten_rows(name: str, weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Multiply the indexed rows whose norm exceeds max_norm by max_norm / (norm + 1e-7), in place.

    Raises:
        ValueError: a negative bound.
    """
    check_max_norm(name, max_norm)
    index = index.reshape(-1)
    rows = _embedding(weight, index, None, False)
    norm = rows.norm(norm_type, 1, keepdim=True)
    weight[index] = (rows * (max_norm / (norm + 1e-7))).where(norm > max_norm, rows)


@op
def _one_hot(index: Array, num_classes: int) -> Result[Array]:
    K.check_index(contiguous(index).reshape(-1), num_classes, what="class")
    out = empty((*index.shape, num_classes), dtypes.int64)
    K.fill(out, 0)
    if num_classes:
        places = contiguous(index).reshape(-1, 1, 1)
        K.scatter_(out.reshape(index.size, num_classes, 1), places, kernels.full(places.shape, 1, dtypes.int64))
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
        forbid_reading("one_hot() without num_classes")
        num_classes = int(tensor._data.max()) + 1 if tensor.numel() else 0
    check_sizes("one_hot", num_classes=num_classes)
    return _one_hot(tensor if tensor.dtype == dtypes.int64 else tensor.long(), num_classes)
