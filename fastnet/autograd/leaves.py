"""Where the gradients of leaves lie: in the mirror of their arena, and never in memory that somebody still reads."""
import sys
import weakref
from typing import Any

import numpy as np

from fastnet._core.memory import location, mirrored, persistent
from fastnet._core.tensor import Storage, Tensor
from fastnet._runtime.native import calls


def _references(leaf, name):
    """How many hold the object in an attribute of a leaf, by the interpreter's count."""
    return sys.getrefcount(getattr(leaf, name))


class _Probe:
    def __init__(self):
        self._grad = object()


_UNHELD = _references(_Probe(), "_grad")        # measured, since interpreters count a call's own references differently


def _memory_held(leaf):
    """Whether anybody but the leaf and its gradient holds the array that the gradient is written into."""
    own = leaf._grad is not None and leaf._grad._data is leaf._grad_home
    return _references(leaf, "_grad_home") > _UNHELD + own


def gradient_home(leaf):
    """Where a leaf's gradient is written: in its arena's mirror, unless somebody still holds the last one."""
    if leaf._grad_home is not None and leaf._grad_home.shape == leaf._data.shape and not _memory_held(leaf):
        return leaf._grad_home
    if leaf._grad_home is None and leaf._slot is not None:
        chunk, offset = leaf._slot
        home = mirrored(chunk.grad, offset, leaf._data.shape, leaf._data.dtype)
    else:
        home = persistent(leaf._data.shape, leaf._data.dtype)
    leaf._grad_home = home
    return home


class FinalGradient(calls.Home):
    """A leaf's gradient as a recorded run leaves it: in the memory that replays write, or none.

    Args:
        leaf: the tensor.
        fresh: whether the run makes the gradient anew, rather than add to one that was there.
    """

    def __init__(self, leaf, fresh):
        self.leaf = weakref.ref(leaf)
        self.place = self.outside = None
        if leaf._grad is not None:
            array = leaf._grad._data
            self.array = weakref.ref(array)     # who holds it is told by its reference count
            self.place = location(array)
            if self.place is None:              # the user's own memory
                self.outside = array
        self.fresh = fresh and self.place is not None

    def make_room(self):
        """Whether a replay may write here: what somebody else holds must not change under their eyes.

        A gradient that is held as a tensor gets memory of its own; its array, or a view of it, cannot be moved.
        """
        leaf = self.leaf()
        if not self.fresh or leaf is None or self.array() is None:
            return leaf is not None
        if self.array() is not leaf._grad_home or _memory_held(leaf):
            return False
        if leaf._grad is not None and _references(leaf, "_grad") > _UNHELD:
            grad: Any = leaf._grad
            if grad._data is self.array():
                grad._data, grad._storage = np.array(grad._data), Storage()
        return True

    def put_back(self):
        """Leave the gradient as the recorded run did."""
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
