"""The memory of tensors as an object, for programs that ask which tensors share it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.memory import Block
from fastnet._core.placement import device
from fastnet._core.tensor import Tensor, method

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["UntypedStorage"]


class UntypedStorage:
    """The memory that a tensor shares with its views.

    Args:
        root: the array that has the memory.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2, 3)
        >>> x[1].untyped_storage().data_ptr() == x.data_ptr(), x[1].untyped_storage().nbytes()
        (True, 24)
    """

    device = device("cpu")
    is_cuda = False

    def __init__(self, root: Array) -> None:
        self._root = root

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._root.__array_interface__["data"][0]

    def nbytes(self) -> int:
        """The size in bytes."""
        return self._root.nbytes

    size = nbytes
    __len__ = nbytes

    def element_size(self) -> int:
        """The size of an element: 1 byte."""
        return 1

    def is_shared(self) -> bool:
        """Whether other processes have the memory, too: no."""
        return False

    def tolist(self) -> list[int]:
        """The bytes."""
        return np.ascontiguousarray(self._root).view(np.uint8).reshape(-1).tolist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other.data_ptr() == self.data_ptr()

    def __hash__(self) -> int:
        return hash(self.data_ptr())


@method("storage")
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory that the tensor shares with its views."""
    root: Any = self._data
    while isinstance(root.base, np.ndarray) and not isinstance(root.base, Block):
        root = root.base
    return UntypedStorage(root)
