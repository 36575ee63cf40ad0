"""The nested tuples, lists and dictionaries of tensors that compiled functions take and give."""
from collections import OrderedDict

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet._replay.numbers import Number
from fastnet._replay.recorder import PythonCall


class _Place:
    """Where a result lies: in the recording's pool, in an argument, or in a gradient."""

    def __init__(self, array, recorder):
        self.call = PythonCall(_nothing, (array,), {}, recorder)
        # the array itself, unless it lies in an input
        self.fixed = None if recorder.locate(array)[0] is not None else self.find(())

    def find(self, inputs):
        return self.call.args[0](inputs)


def _nothing(array):
    """The kernel of a PythonCall that is only asked for its array."""


def plan(result, recorder, tensors):
    """The structure of a function's result, and for each tensor in it where it comes from.

    Args:
        result: tensors, or nested tuples, lists and dicts of them.
        recorder: which ran the function.
        tensors: its arguments.

    Raises:
        TypeError: what replays cannot make anew.
        RuntimeError: a result whose backward() would run outside.
    """
    outputs = []
    return _structure(result, lambda t: outputs.append(_output(t, recorder, tensors))), outputs


def _structure(x, note):
    """What `build` needs; `note` is called with each tensor. A function of its own, for one that calls itself from a
    closure is a cycle, which would hold the recorder and its memory until the garbage collector comes by."""
    if isinstance(x, Tensor):
        note(x)
        return Tensor
    if isinstance(x, tuple | list):
        return (type(x), [_structure(v, note) for v in x])
    if type(x) in (dict, OrderedDict):
        return (dict, {k: _structure(v, note) for k, v in x.items()})
    if type(x) is Number:
        return (None, x.read())
    if x is not None and not isinstance(x, _CONSTANTS):
        raise TypeError(f"a compiled function returned a {type(x).__name__}, which replays cannot make anew; "
                        "return tensors, numbers or strings, in tuples, lists and dicts")
    return (None, x)


_CONSTANTS = (bool, int, float, complex, str, bytes, np.generic, np.dtype)


def _output(t, recorder, tensors):
    for i, argument in enumerate(tensors):
        if t is argument:
            return "argument", i
    if t._node is not None and t._node.gradients:
        raise RuntimeError(f"a compiled function returned a tensor of shape {shape_text(t)} whose backward() would run "
                           "outside the recording; call backward() inside, or return it detached (t.detach())")
    if id(t._storage) in recorder.guards:          # a parameter or another tensor that was there before: itself
        return "outside", t
    return "copied", _Place(t._data, recorder)


def build(plan, made):
    """The result in the structure of a plan.

    Args:
        plan: of `plan`, its first part.
        made: an iterator over the tensors in it.
    """
    if plan is Tensor:
        return next(made)
    kind, value = plan
    if kind is None:
        return value
    if kind is dict:
        return {k: build(v, made) for k, v in value.items()}
    return _sequence(kind, [build(v, made) for v in value])


def replaced(x, made):
    """An argument with other tensors in place of its own.

    Args:
        x: of any structure.
        made: an iterator over the tensors.
    """
    if isinstance(x, Tensor):
        return next(made)
    if isinstance(x, dict):
        return {k: replaced(v, made) for k, v in x.items()}
    return _sequence(type(x), [replaced(v, made) for v in x]) if isinstance(x, tuple | list) else x


def _sequence(kind, parts):
    """A tuple or a list of its kind: named ones take their parts one by one."""
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
