"""Conversion of nested state, such as an optimizer's `state_dict()`, to JSON and named arrays and back.

In the JSON a dictionary is {"pairs": [[key, value], ...]}, a tuple {"tuple": [...]}, a tensor {"array": name, "tensor":
true}, an array {"array": name, "tensor": false}, a dtype {"dtype": "float32"}, a set {"set": [...]}, an
`argparse.Namespace` {"namespace": {"pairs": ...}}, and a float that JSON does not have {"float": "inf"}. Nothing is
pickled.
"""
from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor
from fastnet._core.torch_types import TorchDtype
from fastnet.dtypes import as_dtype

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["NESTED", "pack", "unpack"]

NESTED = "fastnet.nested"               # the text of a tensor file that holds the JSON
_KEYS = (str, int, float, bool, type(None))


def pack(value: Any, subject: str) -> tuple[str, dict[str, Array]]:
    """Convert a nested value to JSON text and a dictionary of arrays by name.

    Args:
        value: dictionaries, lists, tuples, sets, namespaces, tensors, arrays, dtypes, numbers, strings and None.
        subject: names the value in errors.

    Raises:
        TypeError: a value or a key of another type; the message says where.
        ValueError: a value that contains itself.
    """
    arrays: dict[str, Array] = {}
    try:
        return json.dumps(_flattened(value, "", arrays), separators=(",", ":"), allow_nan=False), arrays
    except RecursionError:
        raise ValueError(f"{subject} is nested too deep or contains itself") from None
    except TypeError as e:
        raise TypeError(f"{subject}: {e}") from None


def unpack(document: Any, arrays: Mapping[str, Array], subject: str) -> Any:
    """Restore the value that `pack` converted.

    Args:
        document: the parsed JSON.
        arrays: by name.
        subject: names the value in errors.

    Raises:
        ValueError: the JSON or the arrays are damaged.
    """
    try:
        return _unpacked(document, arrays)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as e:
        raise ValueError(f"{subject} is damaged: {type(e).__name__}: {e}") from None


def _flattened(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    if isinstance(value, Tensor | np.ndarray):
        name = path if path not in arrays else f"{path}#{len(arrays)}"
        arrays[name] = value._data if isinstance(value, Tensor) else value
        if isinstance(value, Tensor) and value.requires_grad:
            return {"array": name, "tensor": True, "requires_grad": True}
        return {"array": name, "tensor": isinstance(value, Tensor)}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, _KEYS):
                raise TypeError(f"keys must be strings or numbers, got a {type(key).__name__} in {path or '/'}")
        return {"pairs": [[_flattened(key, path, arrays), _flattened(v, f"{path}/{key}", arrays)]
                          for key, v in value.items()]}
    if isinstance(value, list | tuple):
        items = [_flattened(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, set | frozenset):
        return {"set": [_flattened(v, path, arrays) for v in value]}
    if _is_namespace(value):
        return {"namespace": _flattened(vars(value), path, arrays)}
    if isinstance(value, np.dtype | TorchDtype):
        return {"dtype": value.name}
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if not isinstance(value, _KEYS):
        raise TypeError(f"expected tensors, numbers, strings and None, got a {type(value).__name__} at {path or '/'}")
    return value


def _is_namespace(value: Any) -> bool:
    """Whether a value is an argparse.Namespace; `import fastnet` does not import argparse."""
    argparse = sys.modules.get("argparse")
    return argparse is not None and isinstance(value, argparse.Namespace)


def _unpacked(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, list):
        return [_unpacked(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if "pairs" in value:
        return {_unpacked(key, arrays): _unpacked(v, arrays) for key, v in value["pairs"]}
    if "tuple" in value:
        return tuple([_unpacked(v, arrays) for v in value["tuple"]])
    if "float" in value:
        return float(value["float"])
    if "set" in value:
        return {_unpacked(v, arrays) for v in value["set"]}
    if "namespace" in value:
        from argparse import Namespace
        return Namespace(**_unpacked(value["namespace"], arrays))
    if "dtype" in value:
        return as_dtype(value["dtype"])
    array = arrays[value["array"]]
    if not value["tensor"]:
        return array
    return from_numpy(array).requires_grad_(bool(value.get("requires_grad", False)))
