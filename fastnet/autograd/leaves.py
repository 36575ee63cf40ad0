"""The memory of leaves' gradients: the gradient mirror of their arena, unless someone still reads the last gradient."""
from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.memory import location, mirrored, persistent
from fastnet._core.tensor import Storage, Tensor
from fastnet._runtime.native import guards

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["FinalGradient", "gradient_home"]


def _reference_count(owner: object, name: str) -> int:
    """The interpreter's reference count of the object in an attribute, this call's own references included."""
    return sys.getrefcount(getattr(owner, name))


class _Probe:
    def __init__(self) -> None:
        self._grad = object()


_ONE_REFERENCE = _reference_count(_Probe(), "_grad")    # measured: it differs between versions of Python


def _home_in_use(leaf: Tensor) -> bool:
    """Whether someone besides the leaf and its gradient holds the array of its gradient's memory."""
    by_gradient = leaf._grad is not None and leaf._grad._data is leaf._grad_home
    return _reference_count(leaf, "_grad_home") > _ONE_REFERENCE + by_gradient


def gradient_home(leaf: Tensor) -> Array:
    """The array for a leaf's gradient: the same each time, or a new one if the old array is in use elsewhere."""
    if leaf._grad_home is not None and leaf._grad_home.shape == leaf._data.shape and not _home_in_use(leaf):
        return leaf._grad_home
    if leaf._grad_home is None and leaf._slot is not None:
        chunk, offset = leaf._slot
        home = mirrored(chunk.grad, offset, leaf._data.shape, leaf._data.dtype)
    else:
        home = persistent(leaf._data.shape, leaf._data.dtype)
    leaf._grad_home = home
    return home


class FinalGradient(guards.FinalGradientBase):
    """The state of a leaf's gradient at the end of a recorded run: the memory that replays write, or None.

    Args:
        leaf: the tensor.
        fresh: whether the run computes a new gradient, not adding to an existing one.
    """

    def __init__(self, leaf: Tensor, fresh: bool) -> None:
        self.leaf: Any = weakref.ref(leaf)
        self.place: Any = None
        self.outside: Array | None = None
        if leaf._grad is not None:
            array = leaf._grad._data
            self.array: Any = weakref.ref(array)        # its reference count tells whether others hold it
            self.place = location(array)
            if self.place is None:                      # the memory of a user's array
                self.outside = array
        self.fresh: bool = fresh and self.place is not None

    def make_room(self) -> bool:
        """Whether a replay may write the gradient's memory, without changing an array that someone else holds.

        If someone holds the old gradient as a tensor, that tensor gets a copy. An array, or its view, cannot be moved.
        """
        leaf = self.leaf()
        if not self.fresh or leaf is None or self.array() is None:
            return leaf is not None
        if self.array() is not leaf._grad_home or _home_in_use(leaf):
            return False
        if leaf._grad is not None and _reference_count(leaf, "_grad") > _ONE_REFERENCE:
            grad: Any = leaf._grad
            if grad._data is self.array():
                grad._data, grad._storage = np.array(grad._data), Storage()
        return True

    def put_back(self) -> None:
        """Set the leaf's gradient as the recorded run left it."""
        leaf = self.leaf()
        if leaf is None:
            return
        if self.place is None:
            leaf._grad = None if self.outside is None else Tensor._wrap(self.outside)
        elif leaf._grad is not None and leaf._grad._data is self.array():
            leaf._grad._storage.version += 1
        else:
            array = self.array()
            if array is None:
                block, offset, shape, dtype = self.place
                leaf._grad_home = array = mirrored(block, offset, shape, dtype)
                self.array = weakref.ref(array)
            leaf._grad = Tensor._wrap(array)
