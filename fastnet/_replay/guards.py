"""Does a recording still fit a call? Every question that decides it is listed here.

A recording is replayed if all of this is the same as when it was made:

| | asked in C | asked in Python |
| --- | --- | --- |
| the call is not inside a recording | `Shortcut.fits` | `Compiled._call` |
| the recording is not being replayed by this thread | `Turn.is_mine` | `misfit` |
| gradient mode, threads, backend, instruction set, default dtype | `CallContext.is_current` | `call_context` |
| the arguments | `Arguments.match` | the call's key (`signature.py`) |
| the Python values that the function read | `Place.same` | `alike` |
| `Module.training` where the function read it | `Guards.entries` | `TrainingGuard` |
| parameters, buffers, modules, hooks and methods of modules | `Guards.entries` | `ChangeGuard` |
| the parameters, state and options of optimizers | `Contents.unchanged` | `OptimizerGuard` |
| tensors that the function uses but does not take | `tensors_identical` | `TensorGuard` |
| the values of tensors that a frozen recording holds as constants | `Guards.constants` | `ConstantGuard` |
| gradients that the function read before it wrote them | | `GradientGuard` |
| the memory of gradients, which nobody else may hold | `in_place` | `FinalGradient.make_room` |
| no earlier result waits for its backward() | | `RecordedTape.holds` |

The C column is `_runtime/guards.pyx` and `_runtime/places.pyx`. A shortcut (`_runtime/replay.pyx`) asks the C column.
Python values, optimizers and read gradients are compared by value there, too, if identity fails. Any other call gets a
key; `Guards.hold` then asks the same, and compares memory by value. While the function runs, the recorder
(`recorder.py`) notes guards, and `watch.py` finds the Python values.
"""
from __future__ import annotations

import types
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet._replay.plain_values import bits, is_plain
from fastnet._runtime.native import guards as native
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.changes import ChangeCount
    from fastnet._core.state import Turn
    from fastnet._runtime.twins.places import Places
    from fastnet._runtime.twins.tape import Storage
    from fastnet.autograd.leaves import FinalGradient


def call_context() -> native.CallContext:
    """Gradient mode, threads, backend, instruction set and default dtype of a call that is made now."""
    return native.CallContext(K)


def alike(a: Any, b: Any) -> bool:
    """Whether a function that read `a` would do the same with `b`: one object, or equal plain values of one type.

    Numbers are compared by their bits: -0.0 is not 0.0, and NaN is itself. Others must be equal and look the same.

    Args:
        a, b: of any type; tuples and frozen sets are compared by their elements.
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, types.MethodType):             # each access makes a new one
        return a.__self__ is b.__self__ and a.__func__ is b.__func__
    if getattr(a, "__dict__", None) or getattr(b, "__dict__", None):    # a number with attributes: they may differ
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, frozenset):
        elements = {element: element for element in b}
        return a == b and all(alike(element, elements[element]) for element in a)
    if isinstance(a, float | complex | np.inexact):
        return bits(a) == bits(b)
    # equal values may differ: Decimal("1.0") and Decimal("1.00"), range(1, 1) and range(5, 5), a time in two zones
    return is_plain(a) and bool(a == b) and (type(a) in _EXACT or repr(a) == repr(b))


_EXACT = (int, str, bytes)              # types whose equal values are the same


class Guard(Protocol):
    """One condition of a recording."""

    text: str                           # the subject of the condition, in `explain()`

    def holds(self) -> bool:
        """Whether the condition is as it was when the recording was made."""


class EntryGuard:
    """An entry of a dictionary, whose value must be the same object.

    Args:
        holder: the dictionary.
        key: the key.
        text: the subject, in `explain()`.
    """

    def __init__(self, holder: dict[str, Any], key: str, text: str) -> None:
        self.entry, self.text = (holder, key, holder[key]), text

    def holds(self) -> bool:
        """Whether the value is the same object."""
        holder, key, value = self.entry
        return holder.get(key) is value


class TrainingGuard(EntryGuard):
    """The training flag of a module.

    Args:
        module: the module that was asked for it.
    """

    def __init__(self, module: Any) -> None:
        super().__init__(vars(module), "_training", f"{type(module).__name__}.training")


class ChangeGuard(EntryGuard):
    """Something whose changes are counted.

    Args:
        count: the counter.
        text: the thing whose changes it counts.
    """

    def __init__(self, count: ChangeCount, text: str) -> None:
        super().__init__(vars(count), "value", text)


class OptimizerGuard:
    """The parameters, state and options by which an optimizer chooses its kernel calls; learning rates may change.

    Args:
        optimizer: the optimizer.
        structure: a function that returns (values, arrays) which the kernel calls of a step depend on.
    """

    def __init__(self, optimizer: Any, structure: Callable[[], tuple[list[Any], list[Array]]]) -> None:
        self.text = f"the parameters, state or options of {type(optimizer).__name__}"
        self.optimizer, self.structure = optimizer, structure
        self.groups, self.states = groups, states = optimizer.param_groups, optimizer.state
        self.contents = native.Contents([groups, *groups, *(group["params"] for group in groups),
                                         states, *states.values()])
        self.tensors = [identity(t) for entry in states.values() for t in entry.values() if isinstance(t, Tensor)]
        self.values, self.arrays = structure()

    def holds(self) -> bool:
        """Whether a step would make the same kernel calls: by identity, or else by value."""
        optimizer = self.optimizer
        if (optimizer.param_groups is self.groups and optimizer.state is self.states
                and self.contents.unchanged(but="lr") and native.tensors_identical(self.tensors)):
            return True
        values, arrays = self.structure()
        return values == self.values and [*map(id, arrays)] == [*map(id, self.arrays)]


class TensorGuard:
    """A tensor that the function uses but does not take: its memory, layout and requires_grad.

    Args:
        tensor: a parameter, a buffer, a captured tensor.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.text = (f"the memory, layout or requires_grad of a tensor of shape {shape_text(tensor)} that is not an "
                     "argument")
        self.identity = identity(tensor)
        self.layout = _layout(tensor._data)

    def holds(self) -> bool:
        """Whether the tensor lives, in the same memory."""
        ref, array, requires_grad = self.identity
        tensor = ref()
        return tensor is not None and tensor._requires_grad is requires_grad and (
            tensor._data is array or _layout(tensor._data) == self.layout)


class ConstantGuard:
    """The values of a tensor from outside that a frozen recording holds as constants: no write since.

    Args:
        storage: of the tensor; each in-place write increases its version.
        shape: of the tensor, as text.
    """

    def __init__(self, storage: Storage, shape: str) -> None:
        self.text = f"the values of a tensor of shape {shape}, which freeze=True holds as constants"
        self.storage, self.version = storage, storage.version

    def holds(self) -> bool:
        """Whether the tensor was not written since."""
        return self.storage.version == self.version


class GradientGuard:
    """The gradient of a tensor as it was first read: absent, or in the same memory.

    Args:
        tensor: a leaf whose gradient is read.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.text = f"the gradient of a tensor of shape {shape_text(tensor)}: its presence and memory"
        self.ref = weakref.ref(tensor)
        self.layout = _gradient_layout(tensor)

    def holds(self) -> bool:
        """Whether the tensor is alive and its gradient has the same presence and memory."""
        tensor = self.ref()
        return tensor is not None and _gradient_layout(tensor) == self.layout


def identity(tensor: Tensor) -> tuple[weakref.ref[Tensor], Array, bool]:
    """The entry of a tensor for `tensors_identical`: (weak reference, array, requires_grad).

    Args:
        tensor: the tensor, which is not kept alive.
    """
    return weakref.ref(tensor), tensor._data, tensor._requires_grad


def _gradient_layout(tensor):
    return None if tensor._grad is None else _layout(tensor._grad._data)


def _layout(array):
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


class Guards(native.Guards):
    """All guards of a recording. With the key of the call, `hold` decides whether the recording is replayed.

    Args:
        turn: the recording's Turn, which a thread takes for a replay.
        places: the places of the Python values that the function read.
        noted: the guards that the recorder noted.
        gradients: the gradients that a replay writes.
    """

    def __init__(self, turn: Turn, places: Places, noted: Iterable[Guard], gradients: list[FinalGradient]) -> None:
        self.noted = list(noted)
        self.tensor_guards = [guard for guard in self.noted if isinstance(guard, TensorGuard)]
        self.constant_guards = [guard for guard in self.noted if isinstance(guard, ConstantGuard)]
        entries = [guard.entry for guard in self.noted if isinstance(guard, EntryGuard)]
        others = (TensorGuard, ConstantGuard, EntryGuard)
        checks = [guard.holds for guard in self.noted if not isinstance(guard, others)]
        super().__init__(turn, places, entries, checks, [guard.identity for guard in self.tensor_guards],
                         [(guard.storage, guard.version) for guard in self.constant_guards], gradients)

    def memory_equal(self) -> bool:
        """Whether tensors from outside lie in the same memory, and nobody holds the memory of the gradients."""
        return (all(guard.holds() for guard in self.tensor_guards)
                and all(gradient.make_room() for gradient in self.gradients))
