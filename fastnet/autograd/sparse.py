"""Gradients of large tables that hold only the rows that a batch touched."""
from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.memory import empty
from fastnet._core.tensor import Storage, Tensor
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape

__all__ = ["SparseGradient", "add_rows_to_gradient", "leaf_number"]

_leaves: weakref.WeakValueDictionary[int, Tensor] = weakref.WeakValueDictionary()


class SparseGradient:
    """The gradient of a table, (rows, width), that is zero but for some rows: the `grad` of an embedding's weight.

    Embeddings with `sparse=True` compute it. SGD and SparseAdam take it, and `clip_grad_norm_`, `clip_grad_value_` and
    `zero_grad`.

    Attributes:
        shape: that of the table.
        dtype: that of the table.

    Example:
        >>> import fastnet
        >>> table = fastnet.nn.Embedding(1000, 2, sparse=True)
        >>> table(fastnet.tensor([7, 3, 7])).sum().backward()
        >>> table.weight.grad.indices(), table.weight.grad.values()
        (tensor([3, 7]), tensor([[1., 1.],
                [2., 2.]]))
    """

    is_sparse = True
    requires_grad = False

    def __init__(self, shape: Shape, rows: Array, values: Array) -> None:
        self.shape, self.rows = shape, rows
        self._data, self._storage = values, Storage()       # as of a Tensor, so that clipping scales the values

    def __repr__(self) -> str:
        return f"SparseGradient(shape={self.shape}, rows={len(self.rows)}, dtype={self.dtype})"

    @property
    def dtype(self) -> DType:
        return self._data.dtype

    def indices(self) -> Tensor:
        """The numbers of the rows, int64, ascending; each occurs once."""
        return Tensor._wrap(self.rows)

    def values(self) -> Tensor:
        """The rows, (n, width); they share memory with the gradient."""
        return Tensor._wrap(self._data)

    def coalesce(self) -> SparseGradient:
        """The gradient itself, whose rows are distinct."""
        return self

    def to_dense(self) -> Tensor:
        """The gradient as a tensor of the table's shape.

        Example:
            >>> import fastnet
            >>> table = fastnet.nn.Embedding(3, 1, sparse=True)
            >>> table(fastnet.tensor([1, 1])).sum().backward()
            >>> table.weight.grad.to_dense()
            tensor([[0.],
                    [2.],
                    [0.]])
        """
        out = empty(self.shape, self.dtype)
        K.fill(out, 0.0)
        K.copy_rows_(out[None], self.rows, self._data[None])
        return Tensor._wrap(out)

    def norm(self, p: float = 2) -> Tensor:
        """The p-norm over all elements."""
        return self.values().norm(p)

    def zero_(self) -> SparseGradient:
        """Write zeros into the rows and return the gradient."""
        K.fill(self._data, 0.0)
        return self


def leaf_number(leaf: Tensor) -> int:
    """A number for a leaf, by which its gradient functions find it again."""
    _leaves[id(leaf)] = leaf
    return id(leaf)


def add_rows_to_gradient(number: int, index: Array, rows: Array) -> None:
    """Add rows (n, width) at an index (n,) to the gradient of a leaf, a SparseGradient unless it is dense already."""
    leaf = _leaves[number]
    grad = leaf._grad
    if isinstance(grad, Tensor):
        K.add_rows_(grad._data[None], index, rows[None])
        grad._storage.version += 1
        return
    if grad is not None:
        index, rows = np.concatenate((grad.rows, index)), np.concatenate((grad._data, rows))
    distinct, places = np.unique(index, return_inverse=True)
    values = empty((len(distinct), rows.shape[1]), rows.dtype)
    K.embedding_backward(values, places.astype(np.int64, copy=False), rows)
    leaf._grad = SparseGradient(leaf.shape, distinct, values)   # type: ignore[assignment]   # where sparse=True asks
