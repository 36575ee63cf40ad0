"""Datasets in memory, which return many samples at once by their row numbers."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor, from_numpy
from fastnet._core.errors import shape_text
from fastnet._core.reprs import repr_of
from fastnet._core.tensor import Tensor
from fastnet.data.arrays import as_array, dtype_for
from fastnet.data.frames import unmasked

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike, DType
    from fastnet.data.annotations import ArrayData

__all__ = ["Subset", "TensorDataset", "as_rows"]


class TensorDataset:
    """A dataset of arrays of equal length, whose rows belong together: the inputs, then the target.

    Memory-mapped arrays (`np.load(path, mmap_mode="r")`) are never read as a whole: each batch reads its rows. Arrays
    of other dtypes than fastnet's, such as float16 or big-endian numbers, are converted batch by batch.

    Args:
        arrays: NumPy arrays, tensors, other libraries' arrays, pandas or polars frames or Series, SciPy's sparse
            matrices (their batches are dense), or lists.

    Attributes:
        arrays: the data, as arrays, tensors or sparse matrices.

    Raises:
        TypeError: an array does not hold numbers.
        ValueError: no arrays, or arrays of different lengths.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.TensorDataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]))
        >>> data
        TensorDataset(samples=3, arrays=[float64 (3, 2), int64 (3,)])
        >>> len(data), data[1]
        (3, (array([2., 3.]), np.int64(1)))
        >>> data.take(np.array([2, 0]))
        (tensor([[4., 5.],
                [0., 1.]], dtype=float64), tensor([0, 0]))
    """

    arrays: tuple[Any, ...]

    def __init__(self, *arrays: ArrayData) -> None:
        if not arrays:
            raise ValueError("TensorDataset: expected at least one array, got none")
        self.arrays = tuple(_checked_array(a, f"array {i}") for i, a in enumerate(arrays))
        lengths = [a.shape[0] for a in self.arrays]
        if len(set(lengths)) > 1:
            raise ValueError("TensorDataset: expected arrays of equal length, got the shapes "
                             f"{', '.join(map(shape_text, self.arrays))}")
        self._length = int(lengths[0])
        self._takers = tuple(map(_taker, self.arrays))

    @property
    def targets(self) -> Any:
        """The last of the arrays."""
        return self.arrays[-1]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(a[index] for a in self.arrays)

    def take(self, rows: Array) -> tuple[Tensor, ...]:
        """The samples with these row numbers, as a tuple of new tensors.

        Args:
            rows: an int64 array, (n,).

        Raises:
            IndexError: row number out of range.
        """
        index = Tensor._wrap(rows)
        return tuple([take(rows, index) for take in self._takers])

    def __repr__(self) -> str:
        return repr_of(self, samples=len(self), arrays=list(map(_ArrayText, self.arrays)))


class _ArrayText:
    """Prints as the dtype and shape of an array."""

    def __init__(self, array: Any) -> None:
        self.text = f"{array.dtype} {shape_text(array)}"

    def __repr__(self) -> str:
        return self.text


def _checked_array(data: Any, what: str) -> Any:
    """Data as an array, a tensor or a sparse matrix, checked to hold numbers in at least one dimension."""
    if hasattr(data, "tocsr"):
        checked = data.tocsr()
    elif isinstance(data, Tensor):
        checked = data.detach()
    elif isinstance(data, np.ndarray) and data.dtype != object:
        checked = unmasked(data)                # not converted as a whole: it may be larger than memory
    else:
        checked = as_array(data, what)
    if not checked.ndim:
        raise ValueError(f"{what}: expected samples along a first dimension, got a single number")
    dtype_for(checked.dtype, what)
    return checked


# ---- rows of one array ----------------------------------------------------------------------------------------------

def _taker(array: Any) -> Callable[[Array, Tensor], Tensor]:
    """A function that returns rows of an array as a tensor, given the row numbers both as an array and as a tensor."""
    if not isinstance(array, Tensor):
        if not (isinstance(array, np.ndarray) and array.dtype in dtypes.ALL and array.dtype.isnative
                and array.flags.c_contiguous and array.flags.aligned):
            return partial(_take_converted, array, dtype_for(array.dtype))
        array = from_numpy(array)               # shares the array's memory, which kernels read directly
    return partial(_take_rows, array) if array.ndim > 1 else partial(_take_numbers, array.numpy())


def _take_rows(source: Tensor, rows: Array, index: Tensor) -> Tensor:
    return source[index]


def _take_numbers(source: Array, rows: Array, index: Tensor) -> Tensor:
    return Tensor._wrap(source[rows])           # NumPy is faster for single numbers


def _take_converted(source: Any, dtype: DType, rows: Array, index: Tensor) -> Tensor:
    taken = source[rows]
    return as_tensor(np.ascontiguousarray(taken.toarray() if hasattr(taken, "toarray") else taken, dtype))


# ---- parts of a dataset ---------------------------------------------------------------------------------------------

class Subset:
    """Selected samples of a dataset.

    Args:
        dataset: a TensorDataset, or anything with `len()` and `take(rows)`.
        indices: the row numbers of the samples, in the order of the subset.

    Attributes:
        dataset: the dataset.
        indices: the row numbers as an int64 array.

    Raises:
        IndexError: row number out of range.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.TensorDataset(np.array([10.0, 11.0, 12.0], np.float32))
        >>> fastnet.data.Subset(data, [2, 0]).take(np.array([0, 1]))
        (tensor([12., 10.]),)
        >>> fastnet.data.Subset(data, [2, 0])
        Subset(samples=2, dataset=TensorDataset(samples=3, arrays=[float32 (3,)]))
    """

    dataset: Any
    indices: Array

    def __init__(self, dataset: Any, indices: ArrayLike | Sequence[int]) -> None:
        if not hasattr(dataset, "__len__"):
            raise TypeError(f"Subset: expected a dataset with len() and take(rows), got {type(dataset).__name__}")
        self.dataset, self.indices = dataset, as_rows(indices, len(dataset))

    @property
    def targets(self) -> Any:
        """The targets of these samples."""
        return self.dataset.targets[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[self.indices[index]]

    def take(self, rows: Array) -> tuple[Any, ...]:
        """The samples with these row numbers of the subset; see `TensorDataset.take`."""
        return self.dataset.take(self.indices[rows])

    def __repr__(self) -> str:
        return repr_of(self, samples=len(self), dataset=self.dataset)


def as_rows(indices: ArrayLike | Sequence[int], length: int) -> Array:
    """Check row numbers and convert them to an int64 array.

    Raises:
        TypeError: the row numbers are not integers in one dimension.
        IndexError: a row number outside [0, length).

    Example:
        >>> from fastnet.data.dataset import as_rows
        >>> as_rows([2, 0], 3)
        array([2, 0])
    """
    rows = np.asarray(indices)
    if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
        raise TypeError(f"expected row numbers, integers in one dimension, got {rows.dtype} of shape {rows.shape}")
    rows = rows.astype(np.int64)
    if rows.size and not (rows.min() >= 0 and rows.max() < length):
        wrong = rows[(rows < 0) | (rows >= length)][0]
        raise IndexError(f"sample {wrong} is out of range: expected a row number from 0 to {length - 1}")
    return rows
