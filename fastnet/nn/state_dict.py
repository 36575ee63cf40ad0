"""Reading and writing the state of a module: its parameters and persistent buffers by path."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import and_more, listed, shape_text
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType
    from fastnet.nn.module import Module

__all__ = ["IncompatibleKeys", "join", "load_state", "named_state"]

_MOST_SHAPES = 10                       # that an error compares


class IncompatibleKeys(NamedTuple):
    """Keys that do not match; `load_state_dict` returns them.

    Attributes:
        missing_keys: keys of the model that the state_dict lacks.
        unexpected_keys: keys of the state_dict that the model lacks.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not (self.missing_keys or self.unexpected_keys):
            return "<All keys matched successfully>"
        return (f"IncompatibleKeys(missing_keys={self.missing_keys!r}, unexpected_keys={self.unexpected_keys!r})")


def join(path: str, name: str) -> str:
    """A path followed by a name: "encoder.0" and "weight" give "encoder.0.weight".

    Args:
        path: "" for the model itself.
        name: the name of a child, a parameter or a buffer.
    """
    return f"{path}.{name}" if path else name


def named_state(module: Module) -> Iterator[tuple[str, Tensor]]:
    """Pairs (path, tensor) of every parameter and persistent buffer; a tied tensor appears under each of its paths.

    Args:
        module: the model.
    """
    for path, owner in module.named_modules(remove_duplicate=False):
        for name, p in owner._parameters.items():
            if p is not None:
                yield join(path, name), p
        for name, b in owner._buffers.items():
            if b is not None and name not in owner._non_persistent:
                yield join(path, name), b


def load_state(name: str, own: Mapping[str, Tensor], state_dict: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """Copy the values of a state_dict into a model's tensors; everything is checked before anything is written.

    Args:
        name: the model's name in errors.
        own: the model's tensors by path, as `named_state` yields them.
        state_dict: tensors or arrays by path.
        strict: raise if keys are missing or unexpected.

    Raises:
        TypeError, RuntimeError: see `Module.load_state_dict`.
    """
    forbid_in_recording("load_state_dict()")
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"load_state_dict: expected a mapping from names to tensors, got {type(state_dict).__name__}")
    keys = IncompatibleKeys([k for k in own if k not in state_dict], [k for k in state_dict if k not in own])
    values = {k: _array(k, state_dict[k], own[k].dtype) for k in own if k in state_dict}
    problems = [f"{kind} key(s) in state_dict: {listed(map(repr, found))}"
                for kind, found in zip(("Missing", "Unexpected"), keys) if found and strict]
    misshapen = [k for k, value in values.items() if value.shape != own[k].shape]
    problems += [f"size mismatch for {k}: the state_dict has shape {shape_text(values[k])}, the model "
                 f"{shape_text(own[k])}" for k in misshapen[:_MOST_SHAPES]]
    if len(misshapen) > _MOST_SHAPES:
        problems.append(f"size mismatch{and_more(len(misshapen), _MOST_SHAPES)}")
    if problems:
        raise RuntimeError("\n    ".join([f"loading a state_dict into {name} failed:", *problems]))
    for k, value in values.items():
        K.copy(own[k]._data, value)
        own[k]._storage.version += 1
    return keys


def _array(key: str, value: Any, own: DType) -> Array:
    """The array of a fastnet or PyTorch tensor, or of anything that NumPy converts, for a tensor of dtype `own`."""
    array = value._data if isinstance(value, Tensor) else np.asarray(
        value.detach() if hasattr(value, "detach") else value)
    try:
        dtypes.as_dtype(array.dtype)
    except TypeError as e:
        raise TypeError(f"load_state_dict: {key!r}: {e}") from None
    if array.dtype.kind == "c" and own.kind != "c":
        raise TypeError(f"load_state_dict: {key!r}: expected real numbers, got {array.dtype}, whose imaginary parts "
                        "would be lost")
    return array
