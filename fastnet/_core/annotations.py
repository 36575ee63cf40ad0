"""Type aliases of public signatures. They serve tools and readers; nothing uses them at run time."""
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fastnet._core.tensor import Tensor

_T = TypeVar("_T")

Array: TypeAlias = "np.ndarray[Any, Any]"                   # NumPy's array
DType: TypeAlias = "np.dtype[Any]"                          # one of fastnet's six dtypes
DTypeLike: TypeAlias = "npt.DTypeLike"                      # anything that np.dtype() takes, or a PyTorch spelling
Device: TypeAlias = "str | None"                            # "cpu", or None for the same
ArrayLike: TypeAlias = "npt.ArrayLike"                      # anything that np.asarray() takes
Number: TypeAlias = "int | float"                           # bool is an int
TensorOrNumber: TypeAlias = "Tensor | int | float | np.integer[Any] | np.floating[Any]"
Operand: TypeAlias = "TensorOrNumber | np.bool_ | Array"   # of arithmetic and comparisons
Shape: TypeAlias = "tuple[int, ...]"
Size: TypeAlias = "SupportsIndex | Sequence[SupportsIndex]" # a length, or one for each dimension
Dims: TypeAlias = "Size | None"                             # one dimension, several, or all
StrPath: TypeAlias = "str | os.PathLike[str]"

# What the function of an operation returns: (result, its gradients), see `fastnet.autograd.op`. `op` turns the
# annotations of the function into those of the operation: Array into Tensor, Result[Array] into Tensor.
Result: TypeAlias = tuple[_T, Any]
