"""Copying a state_dict's values into a module: everything is checked before anything is written."""
from collections import namedtuple
from collections.abc import Mapping

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.backend import K


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` did not find, and what it found no place for."""

    __slots__ = ()

    def __repr__(self):
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


def load(name, own, state_dict, strict):
    """Copy the values of `state_dict` into the tensors of the dictionary `own`; see Module.load_state_dict.

    Args:
        name: of the module, for errors.
    """
    forbid_in_recording("load_state_dict()")
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"load_state_dict: expected a mapping from names to tensors, got {type(state_dict).__name__}")
    keys = IncompatibleKeys([k for k in own if k not in state_dict], [k for k in state_dict if k not in own])
    values = {k: _values(k, state_dict[k]) for k in own if k in state_dict}
    problems = [f"{what} key(s) in state_dict: {', '.join(map(repr, found))}"
                for what, found in zip(("Missing", "Unexpected"), keys) if found and strict]
    problems += [f"size mismatch for {k}: the state_dict has shape {shape_text(value)}, the model {shape_text(own[k])}"
                 for k, value in values.items() if value.shape != own[k].shape]
    if problems:
        raise RuntimeError("\n    ".join([f"loading a state_dict into {name} failed:", *problems]))
    for k, value in values.items():
        K.copy(own[k]._data, value)
        own[k]._storage.version += 1
    return keys


def _values(key, value):
    """The array behind a tensor of fastnet's or PyTorch's, or an array."""
    if isinstance(value, Tensor):
        return value._data
    array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    try:
        dtypes.as_dtype(array.dtype)
    except TypeError as e:
        raise TypeError(f"load_state_dict: {key!r}: {e}") from None
    return array
