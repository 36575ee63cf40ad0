"""The twin of guards.pyx in Python: does a recording still fit a call?

Without the extension, there are no shortcuts: `hold` compares memory by value, `entries` by identity.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from numpy.lib.array_utils import byte_bounds

from fastnet import dtypes
from fastnet._runtime.twins.state import state

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._runtime.twins.places import Places
    from fastnet._runtime.twins.state import Turn
    from fastnet._runtime.twins.tape import Storage

__all__ = ["CallContext", "Contents", "FinalGradientBase", "Guards", "bounds", "layout_key", "overlaps",
           "tensors_identical"]


class CallContext:
    """The settings that a recording depends on: gradient mode, threads, backend, instruction set, default dtype.

    It holds those of the thread that makes it. Equal contexts have equal hashes: it is part of a call's key.

    Args:
        table: the table of kernels in use; its `name` is the backend's.
    """

    def __init__(self, table: Any) -> None:
        self.gradients, self.backend, self.dtype = bool(state.grad_enabled), table.name, dtypes.DEFAULT[0]

    def __eq__(self, other: object) -> bool:
        if type(other) is not CallContext:
            return NotImplemented
        return (self.gradients, self.backend, self.dtype) == (other.gradients, other.backend, other.dtype)

    def __hash__(self) -> int:
        return hash((self.gradients, self.backend))

    def settings(self) -> dict[str, object]:
        """The settings and their values, as messages name them. NumPy's kernels run on one thread."""
        return {"gradient mode": self.gradients, "threads": 1, "backend": self.backend, "instruction set": None,
                "default dtype": self.dtype.name}


def layout_key(array: Array) -> tuple[Any, ...]:
    """A hashable description of an array: dtype, shape, strides, whether it is aligned and whether it is writable."""
    return array.shape, array.dtype, array.strides, array.flags.aligned, array.flags.writeable


def bounds(array: Array) -> tuple[int, int]:
    """The lowest address of an array's elements, and the first address above them."""
    if array.size:
        return byte_bounds(array)
    address = array.__array_interface__["data"][0]
    return address, address


def overlaps(arrays: Sequence[Array]) -> tuple[tuple[int, int, int], ...]:
    """The pairs of arrays that share memory: (index, later index, distance in bytes) of each.

    A recording that was made for one array, given twice, must not serve two different arrays.
    """
    spans = [bounds(a) for a in arrays]
    return tuple((i, j, spans[j][0] - spans[i][0]) for j in range(len(arrays)) for i in range(j)
                 if spans[i][0] < spans[j][1] and spans[j][0] < spans[i][1])


def tensors_identical(tensors: Iterable[tuple[ref[Any], Array, bool]]) -> bool:
    """Whether tensors live, in the same arrays and with the same requires_grad.

    Args:
        tensors: (weak reference, array, requires_grad) of each.
    """
    for reference, array, requires_grad in tensors:
        tensor = reference()
        if tensor is None or tensor._data is not array or tensor._requires_grad != requires_grad:
            return False
    return True


class FinalGradientBase:
    """The fields of a fastnet.autograd.leaves.FinalGradient are ordinary attributes here."""


class Guards:
    """The guards of a recording.

    Args:
        turn: the recording's Turn, which a thread takes for a replay.
        places: the Places of the Python values that the function read.
        entries: (dict, key, value) of values that must be the same object.
        checks: functions without arguments; each tells whether its guard holds.
        tensors: (weak reference, array, requires_grad) of tensors from outside.
        constants: (storage, version) of tensors whose values must be the same.
        gradients: the FinalGradient of each leaf.
    """

    def __init__(self, turn: Turn, places: Places, entries: list[tuple[dict[str, Any], str, Any]],
                 checks: list[Callable[[], bool]], tensors: list[tuple[ref[Any], Array, bool]],
                 constants: list[tuple[Storage, int]], gradients: list[Any]) -> None:
        self.turn, self.places, self.entries, self.checks = turn, places, entries, checks
        self.tensors, self.constants, self.gradients = tensors, constants, gradients

    def hold(self) -> bool:
        """Whether a replay would do what running the function would, and can begin now."""
        return (not self.turn.mine() and self.places.unchanged()
                and all(holder.get(key) is value for holder, key, value in self.entries)
                and all(storage.version == version for storage, version in self.constants)
                and all(check() for check in self.checks) and self.memory_equal())

    def memory_equal(self) -> bool:
        """Whether tensors from outside and gradients lie in the same memory, if the arrays are others."""
        raise NotImplementedError


class Contents:
    """The objects that lists and dicts hold, keys included, compared by identity.

    Args:
        containers: lists and dicts.
    """

    def __init__(self, containers: Iterable[list[Any] | dict[Any, Any]]) -> None:
        self.containers = list(containers)
        self.before = [_held(container) for container in self.containers]

    def unchanged(self, but: str | None = None) -> bool:
        """Whether each container holds the same objects as when this was made.

        Args:
            but: a key of dicts, under which the object may be another.
        """
        return all(_same(container, before, but) for container, before in zip(self.containers, self.before))


def _held(container):
    return tuple(container.items() if isinstance(container, dict) else container)


def _same(container, before, but):
    now = _held(container)
    if len(now) != len(before):
        return False
    if not isinstance(container, dict):
        return all(a is b for a, b in zip(now, before))
    return all(key is old_key and (a is b or (but is not None and key == but))
               for (key, a), (old_key, b) in zip(now, before))
