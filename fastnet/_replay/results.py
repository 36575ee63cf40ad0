"""The result of a compiled function: nested tuples, lists and dicts of tensors, new in each replay."""
from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet._core.torch_types import TorchDtype
from fastnet._replay.float_arguments import RecordedFloat
from fastnet._replay.python_call import located

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._replay.recorder import Recorder


class _Copied:
    """The array of a result that is copied out: in the recording's pool, in an argument, or in a gradient.

    Args:
        array: the array of the recorded run.
        recorder: the recorder of the run.
    """

    def __init__(self, array: Array, recorder: Recorder) -> None:
        self.find, is_fixed = located(array, recorder)          # from the inputs of a replay to the array
        self.fixed = self.find(()) if is_fixed else None        # the array itself, unless it lies in an input


def plan(result: Any, recorder: Recorder,
         tensors: list[Tensor]) -> tuple[Any, list[tuple[str, Any]], dict[int, Tensor]]:
    """The structure of a function's result, the source of each tensor in it, and those whose gradients lead inside.

    Args:
        result: tensors, or nested tuples, lists and dicts of them.
        recorder: the recorder of the run.
        tensors: the tensors among the arguments.

    Raises:
        TypeError: the result holds objects that a replay cannot make.
        RuntimeError: a result with a gradient is a view of a tensor from outside.
    """
    found: list[Tensor] = []
    structure = _structure(result, found.append)
    outputs = [_output(t, recorder, tensors) for t in found]
    return structure, outputs, {i: t for i, t in enumerate(found) if outputs[i][0] == "copied" and is_on_tape(t)}


def is_on_tape(tensor: Tensor) -> bool:
    """Whether backward() leads from a tensor to others.

    Args:
        tensor: made inside a compiled function.
    """
    return tensor._node is not None and bool(tensor._node.gradients)


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in nested tuples, lists and dicts, in the order of `replaced`.

    Args:
        value: of any structure.
    """
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [t for part in parts for t in tensors_in(part)]


# Not a closure that calls itself: this cycle would hold the recorder and its memory until the garbage collector runs.

def _structure(x: Any, note: Callable[[Tensor], object]) -> Any:
    """The plan for `build`; note(tensor) is called for each tensor."""
    if isinstance(x, Tensor):
        note(x)
        return Tensor
    if isinstance(x, tuple | list):
        return (type(x), [_structure(v, note) for v in x])
    if type(x) in (dict, OrderedDict):
        return (dict, {k: _structure(v, note) for k, v in x.items()})
    if type(x) is RecordedFloat:
        return (None, x.read())
    if x is not None and not isinstance(x, _CONSTANTS):
        raise TypeError(f"a compiled function returned a {type(x).__name__}, which a replay cannot make; "
                        "return tensors, numbers or strings, in tuples, lists and dicts")
    return (None, x)


_CONSTANTS = (bool, int, float, complex, str, bytes, np.generic, np.dtype, TorchDtype)


def _output(t, recorder, tensors):
    for i, argument in enumerate(tensors):
        if t is argument:
            return "argument", i
    if recorder.is_from_outside(t):         # a parameter, say: the tensor itself
        if is_on_tape(t):
            raise RuntimeError(f"a compiled function returned a tensor of shape {shape_text(t)} that shares the memory "
                               "of a tensor from outside, such as a view of a parameter, and whose gradient leads "
                               "there; return a clone() of it")
        return "outside", t
    return "copied", _Copied(t._data, recorder)


def with_arguments(result: Any, inner: list[Tensor], tensors: list[Tensor]) -> Any:
    """The result of the recorded run, with the caller's arguments in place of those that the function took.

    Args:
        result: of any structure.
        inner: the tensors that the function took.
        tensors: those of the caller.
    """
    outer = dict(zip(map(id, inner), tensors))
    return replaced(result, iter([outer.get(id(t), t) for t in tensors_in(result)]))


def build(plan: Any, made: Iterator[Tensor]) -> Any:
    """The result in the structure of a plan.

    Args:
        plan: the structure, from `plan`.
        made: the tensors in it.
    """
    if plan is Tensor:
        return next(made)
    kind, value = plan
    if kind is None:
        return value
    if kind is dict:
        return {k: build(v, made) for k, v in value.items()}
    return _sequence(kind, [build(v, made) for v in value])


def replaced(x: Any, made: Iterator[Tensor]) -> Any:
    """An argument with its tensors replaced by others.

    Args:
        x: of any structure.
        made: the other tensors.
    """
    if isinstance(x, Tensor):
        return next(made)
    if isinstance(x, dict):
        found = {} if type(x) is dict else copy.copy(x)         # an OrderedDict, say
        found.update((k, replaced(v, made)) for k, v in x.items())
        return found
    return _sequence(type(x), [replaced(v, made) for v in x]) if isinstance(x, tuple | list) else x


def _sequence(kind, parts):
    """A tuple or list; a named tuple takes its parts one by one."""
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
