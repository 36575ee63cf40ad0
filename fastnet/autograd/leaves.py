"""The memory of leaves' gradients: the gradient mirror of their arena, unless someone still reads the last gradient."""
from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.memory import location, mirrored, persistent
from fastnet._core.state import state
from fastnet._core.tensor import Storage, Tensor
from fastnet._runtime.native import guards
from fastnet.autograd.arrays import conjugated, match_target, refuse_complex, same
from fastnet.autograd.hooks import Collector, Contribution, hooked, refuse_collected
from fastnet.autograd.modes import no_grad
from fastnet.autograd.regions import GradientSum
from fastnet.autograd.rules import linear_map, plus
from fastnet.autograd.sparse import SparseGradient
from fastnet.autograd.tape import call_into
from fastnet.backend import K

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastnet._core.annotations import Array

__all__ = ["FinalGradient", "HookedLeaves", "accumulate", "accumulate_on_tape", "gradient_home"]


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


def accumulate(leaf: Tensor, array: Array, function: Callable[[Array], Array] | None) -> None:
    """Add a contribution to a leaf's gradient. The first one is written into the memory that the gradient always has.

    Args:
        function: computes the contribution from `array`; None: `array` is the contribution.
    """
    recorder = state.recorder
    if leaf._data.dtype.kind == "c":
        array, function = conjugated(match_target(array if function is None else function(array), leaf)), None
    if recorder is not None:
        recorder.note_grad(leaf, written=False)
    if leaf._grad is not None:
        if isinstance(leaf._grad, SparseGradient):
            leaf._grad = leaf._grad.to_dense()
        if function is not None:
            array = function(array)
        total = leaf._grad._data
        K.add(total, total, match_target(array, total))
        leaf._grad._storage.version += 1
        return
    home = gradient_home(leaf)
    if function is not None:
        array = call_into(function, array, home)
    if array is not home:
        K.copy(home, match_target(array, home))
    leaf._grad = Tensor._wrap(home)
    if recorder is not None:
        recorder.exempt(leaf._grad)


class HookedLeaves:
    """`accumulate` where leaves have hooks: the gradient of such a leaf is summed first, and added by `finish`.

    Contributions to leaves with a collector are kept for it.
    """

    def __init__(self) -> None:
        self._sums: dict[int, tuple[Tensor, GradientSum]] = {}
        self._collected: dict[Collector, list[Contribution]] = {}

    def reach(self, leaf: Tensor, array: Array, function: Callable[[Array], Array] | None) -> None:
        """Take a contribution to the gradient of a leaf."""
        if leaf._hooks is None:
            accumulate(leaf, array, function)
            return
        if leaf._hooks.collector is not None:
            if leaf._hooks.functions:
                refuse_collected(leaf, "register_hook")
            self._collected.setdefault(leaf._hooks.collector, []).append((leaf, array, function))
            return
        array = match_target(array if function is None else function(array), leaf)
        if id(leaf) in self._sums:
            self._sums[id(leaf)][1].add(array)
        else:
            self._sums[id(leaf)] = leaf, GradientSum(array)

    def finish(self) -> None:
        """Call the hooks of each leaf that was reached, and the collectors."""
        with no_grad():
            for leaf, total in self._sums.values():
                accumulate(leaf, hooked(leaf._hooks.functions, Tensor._wrap(total.array))._data, None)
                _after_accumulation(leaf)
            for collector, contributions in self._collected.items():
                collector(contributions)
                for leaf in {id(leaf): leaf for leaf, _, _ in contributions}.values():
                    _after_accumulation(leaf)


def _after_accumulation(leaf: Tensor) -> None:
    """Call the hooks of a leaf whose gradient was added to `grad`."""
    for hook in list(leaf._hooks.after.values()):
        if hook(leaf) is not None:
            raise RuntimeError("backward: a hook of register_post_accumulate_grad_hook returned a value; it must "
                               "return None, and can change tensor.grad")


def accumulate_on_tape(leaf: Tensor, gradient: Tensor) -> None:
    """Add the gradient of a leaf, a tensor on the tape, to its `grad`."""
    refuse_complex(leaf)
    refuse_collected(leaf, "backward(create_graph=True)")
    if leaf._hooks is not None:
        gradient = hooked(leaf._hooks.functions, gradient)
    recorder = state.recorder
    if recorder is not None:
        recorder.note_grad(leaf, written=False)
    if leaf._grad is not None:
        gradient = plus(leaf._grad.to_dense() if isinstance(leaf._grad, SparseGradient) else leaf._grad, gradient)
    elif gradient._node is None and gradient._requires_grad:
        gradient = linear_map(gradient, same, same, None)
    home = gradient_home(leaf)
    K.copy(home, gradient._data)
    leaf._grad = Tensor._wrap(home)
    leaf._grad._node, leaf._grad._requires_grad = gradient._node, gradient._requires_grad
    if recorder is not None:
        recorder.exempt(leaf._grad)
    if leaf._hooks is not None:
        _after_accumulation(leaf)


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
