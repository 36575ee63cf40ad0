"""Types of data that users pass in: datasets, transforms, and frames of pandas and polars, which need not be installed.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike
    from fastnet._core.tensor import Tensor

__all__ = ["ArrayData", "Column", "Dataset", "Frame", "Kind", "SparseMatrix", "Table", "Task", "Transform"]


@runtime_checkable
class Dataset(Protocol):
    """Anything that a DataLoader reads from: it has `len()` and `take(rows)`.

    `take` gets row numbers as an int64 array (n,) and returns these samples as a tuple of arrays or tensors: the
    inputs, then the target.

    Example:
        >>> import numpy as np, fastnet
        >>> class Squares:
        ...     def __len__(self):
        ...         return 4
        ...     def take(self, rows):
        ...         return rows, rows**2
        >>> isinstance(Squares(), fastnet.data.Dataset)
        True
        >>> next(iter(fastnet.data.DataLoader(Squares(), batch_size=3)))
        (tensor([0, 1, 2]), tensor([0, 1, 4]))
    """

    def __len__(self) -> int: ...

    def take(self, rows: Array, /) -> tuple[Any, ...]:
        """The samples with these row numbers."""
        ...


class Frame(Protocol):
    """A pandas or polars DataFrame."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""
        ...

    @property
    def dtypes(self) -> Any:
        """The dtypes of the columns."""
        ...

    def __len__(self) -> int: ...


class SparseMatrix(Protocol):
    """One of SciPy's sparse matrices or arrays."""

    def tocsr(self) -> Any:
        """The matrix in compressed sparse row format."""
        ...


# From the arrays of a batch to those of the new batch. The numbers of parameters give those of a lambda their types.
Transform: TypeAlias = "Callable[[Array], Any] | Callable[[Array, Array], Any] | Callable[..., Any]"
ArrayData: TypeAlias = "ArrayLike | Tensor | Frame | SparseMatrix | Sequence[object]"
Column: TypeAlias = "ArrayLike | Sequence[object]"              # an array, a pandas or polars Series, or a list
Table: TypeAlias = "Frame | Mapping[Any, Column]"               # a mapping goes from names to columns
Kind: TypeAlias = Literal["number", "category", "text", "date"]
Task: TypeAlias = Literal["classification", "regression"]
