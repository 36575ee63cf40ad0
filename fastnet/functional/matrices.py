"""Matrices from diagonals, parts of matrices, and their traces and products of vectors."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.placement import placed
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.functional.creation import zeros
from fastnet.functional.dims import as_dim
from fastnet.functional.inplace import writable, write
from fastnet.functional.strided_views import diagonal as diagonal_view

if TYPE_CHECKING:
    from fastnet._core.annotations import DTypeLike, Number

__all__ = ["block_diag", "diag", "diag_embed", "diagflat", "fill_diagonal_", "trace", "tril_indices", "triu_indices"]


@method()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices of zeros with the last dimension of the input on their diagonals.

    Args:
        input: 1 dimension or more.
        offset: the number of places above the main diagonal; negative ones are below.
        dim1, dim2: the dimensions of the matrices in the result.

    Raises:
        RuntimeError: equal dimensions, or a 0-d tensor.

    Example:
        >>> import fastnet
        >>> fastnet.diag_embed(fastnet.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    first, second = as_dim(input, dim1, extra=1), as_dim(input, dim2, extra=1)
    if first == second or input.ndim == 0:
        raise RuntimeError(f"diag_embed: expected two different dimensions and a tensor of 1 dimension or more, got "
                           f"{dim1}, {dim2} and shape {shape_text(input)}")
    n = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for dim in sorted((first, second)):
        shape.insert(dim, n)
    out = zeros(shape, dtype=input.dtype)
    diagonal_view(out, offset, first, second).copy_(input)
    return out


@method()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix as a copy, or the matrix with a vector on its diagonal.

    Args:
        input: 1 or 2 dimensions.
        diagonal: the number of places above the main diagonal; negative ones are below.

    Raises:
        RuntimeError: another number of dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.diag(fastnet.tensor([1, 2])), fastnet.diag(fastnet.tensor([[1, 2], [3, 4]]))
        (tensor([[1, 0],
                [0, 2]]), tensor([1, 4]))
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag: expected 1 or 2 dimensions, got shape {shape_text(input)}")
    return diag_embed(input, diagonal) if input.ndim == 1 else diagonal_view(input, diagonal).clone()


@method()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with the flattened input on its diagonal.

    Example:
        >>> import fastnet
        >>> fastnet.diagflat(fastnet.tensor([[1], [2]]))
        tensor([[1, 0],
                [0, 2]])
    """
    return diag_embed(input.reshape(-1), offset)


@method()
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix.

    Raises:
        RuntimeError: not a matrix.

    Example:
        >>> import fastnet
        >>> fastnet.trace(fastnet.tensor([[1, 2], [3, 4]]))
        tensor(5)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, got shape {shape_text(input)}")
    return diagonal_view(input).sum()


@method()
def fill_diagonal_(self: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Write one value into the diagonal of the tensor and return it.

    Args:
        self: a matrix, or a tensor whose dimensions are equal.
        fill_value: a number.
        wrap: in a matrix with more rows than columns, start again after the last column.

    Raises:
        RuntimeError: fewer than 2 dimensions, or more than 2 that differ.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2, 3).fill_diagonal_(5)
        tensor([[5., 0., 0.],
                [0., 5., 0.]])
    """
    writable("fill_diagonal_", self)
    if self.ndim < 2 or (self.ndim > 2 and len(set(self.shape)) > 1):
        raise RuntimeError(f"fill_diagonal_: expected a matrix or equal dimensions, got shape {shape_text(self)}")
    return write("fill_diagonal_", self, lambda: np.fill_diagonal(self._data, fill_value, wrap))


@placed
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike | None = None) -> Tensor:
    """The places (row numbers, column numbers) of the lower triangle of a matrix, (2, n).

    Args:
        row, col: the size of the matrix.
        offset: the number of diagonals above the main one to include; negative ones exclude.
        dtype: int64 by default.

    Raises:
        RuntimeError: a negative size.

    Example:
        >>> import fastnet
        >>> fastnet.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    check_sizes("tril_indices", row=row, col=col)
    return _coordinates(np.tril_indices(row, offset, col), dtype)


@placed
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike | None = None) -> Tensor:
    """The places (row numbers, column numbers) of the upper triangle of a matrix, (2, n).

    Arguments and errors are those of `tril_indices`.

    Example:
        >>> import fastnet
        >>> fastnet.triu_indices(2, 2)
        tensor([[0, 0, 1],
                [0, 1, 1]])
    """
    check_sizes("triu_indices", row=row, col=col)
    return _coordinates(np.triu_indices(row, offset, col), dtype)


def _coordinates(places: Sequence[np.ndarray], dtype: DTypeLike | None) -> Tensor:
    wanted = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    array = np.array(places, wanted).reshape(2, -1)
    return Tensor._wrap(array if state.recorder is None else state.recorder.constant(array))


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given matrices along its diagonal, zeros elsewhere.

    Args:
        tensors: matrices; vectors count as rows, 0-d tensors as 1 by 1.

    Raises:
        RuntimeError: more than 2 dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.block_diag(fastnet.tensor([[1, 2]]), fastnet.tensor([[3], [4]]))
        tensor([[1, 2, 0],
                [0, 0, 3],
                [0, 0, 4]])
    """
    for x in tensors:
        if x.ndim > 2:
            raise RuntimeError(f"block_diag: expected at most 2 dimensions, got shape {shape_text(x)}")
    blocks = [x if x.ndim == 2 else x.reshape(1, -1) for x in tensors] or [zeros(1, 0)]
    dtype = dtypes.result_type(*(x._data for x in blocks))
    out = zeros(sum(x.shape[0] for x in blocks), sum(x.shape[1] for x in blocks), dtype=dtype)
    row = column = 0
    for x in blocks:
        out[row:row + x.shape[0], column:column + x.shape[1]] = x
        row, column = row + x.shape[0], column + x.shape[1]
    return out
