"""Sets of samples that give many of them at once, by number: what a DataLoader draws its batches from."""
from functools import partial

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor, from_numpy
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.data.arrays import as_array, dtype_for
from fastnet.data.frames import unmasked


class TensorDataset:
    """Arrays of equal length, whose rows belong together: inputs, then the target.

    Memory-mapped arrays (`np.load(path, mmap_mode="r")`) are never read whole: a batch reads its own rows. What fastnet
    has no dtype for, such as float16 or big-endian numbers, is converted batch by batch.

    Args:
        arrays: NumPy arrays, tensors, other libraries' arrays, pandas or polars frames or Series, SciPy's sparse
            matrices (batches of them are dense), or lists.

    Attributes:
        arrays: the same as arrays, tensors or sparse matrices.
        targets: the last of them.

    Raises:
        TypeError: an array that holds no numbers.
        ValueError: none given, or of different lengths.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.TensorDataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]))
        >>> len(data), data[1]
        (3, (array([2., 3.]), np.int64(1)))
        >>> data.take(np.array([2, 0]))
        (tensor([[4., 5.],
                [0., 1.]], dtype=float64), tensor([0, 0]))
    """

    def __init__(self, *arrays):
        if not arrays:
            raise ValueError("expected at least one array")
        self.arrays = tuple(_as_given(a, f"array {i}") for i, a in enumerate(arrays))
        lengths = [a.shape[0] for a in self.arrays]
        if len(set(lengths)) > 1:
            raise ValueError(f"the arrays differ in length: {', '.join(map(shape_text, self.arrays))}")
        self._length = lengths[0]
        self._takers = tuple(map(_taker, self.arrays))

    @property
    def targets(self):
        """The last array."""
        return self.arrays[-1]

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        return tuple(a[index] for a in self.arrays)

    def take(self, rows):
        """The samples of these numbers, as a tuple of tensors in new memory.

        Args:
            rows: an int64 array, (n,).

        Raises:
            IndexError: a number out of range.
        """
        index = Tensor._wrap(rows)
        return tuple([take(rows, index) for take in self._takers])


def _as_given(data, what):
    if hasattr(data, "tocsr"):
        given = data.tocsr()
    elif isinstance(data, Tensor):
        given = data.detach()
    elif isinstance(data, np.ndarray) and data.dtype != object:
        given = unmasked(data)                  # not converted as a whole: it may be larger than memory
    else:
        given = as_array(data, what)
    if not given.ndim:
        raise ValueError(f"{what}: expected samples along a first dimension, got a single number")
    dtype_for(given.dtype, what)
    return given


def _taker(array):
    """A function of numbers of rows, once as an array and once as a tensor, that gives a tensor of those rows."""
    if not isinstance(array, Tensor):
        if not (isinstance(array, np.ndarray) and array.dtype in dtypes.ALL and array.dtype.isnative
                and array.flags.c_contiguous and array.flags.aligned):
            return partial(_converted_rows, array, dtype_for(array.dtype))
        array = from_numpy(array)               # a tensor over the array's memory, which kernels take as it lies
    return partial(_rows, array) if array.ndim > 1 else partial(_numbers, array.numpy())


def _rows(source, rows, index):
    return source[index]


def _numbers(source, rows, index):
    return Tensor._wrap(source[rows])           # of one number a sample: NumPy is quicker about those


def _converted_rows(source, dtype, rows, index):
    return as_tensor(np.ascontiguousarray(_dense(source[rows]), dtype))


def _dense(part):
    return part.toarray() if hasattr(part, "toarray") else part


class Subset:
    """Some samples of a dataset.

    Args:
        dataset: a TensorDataset, or anything with `len()` and `take(rows)`.
        indices: the numbers of the samples, in the order that the subset has them in.

    Attributes:
        dataset, indices: as given, the latter as an int64 array.

    Raises:
        IndexError: a number out of range.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.TensorDataset(np.array([10.0, 11.0, 12.0], np.float32))
        >>> fastnet.data.Subset(data, [2, 0]).take(np.array([0, 1]))
        (tensor([12., 10.]),)
    """

    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, as_rows(indices, len(dataset))

    @property
    def targets(self):
        """The targets of these samples."""
        return self.dataset.targets[self.indices]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.dataset[self.indices[index]]

    def take(self, rows):
        """The samples of these numbers; see `TensorDataset.take`."""
        return self.dataset.take(self.indices[rows])


def as_rows(indices, length):
    """Numbers of samples as an int64 array.

    Raises:
        TypeError: no whole numbers.
        IndexError: a number outside [0, length).

    Example:
        >>> from fastnet.data.dataset import as_rows
        >>> as_rows([2, 0], 3)
        array([2, 0])
    """
    rows = np.asarray(indices)
    if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
        raise TypeError(f"expected numbers of samples in one dimension, got {rows.dtype} of shape {rows.shape}")
    rows = rows.astype(np.int64)
    if rows.size and not (rows.min() >= 0 and rows.max() < length):
        wrong = rows[(rows < 0) | (rows >= length)][0]
        raise IndexError(f"sample {wrong} is out of range: there are {length}")
    return rows
