"""Nested dictionaries and lists of tensors and plain values, as JSON and named arrays: what a `state_dict()` can be.

In the JSON a dictionary is {"pairs": [[key, value], ...]}, a tuple {"tuple": [...]}, an array or a tensor {"array": its
name, "tensor": whether it was one}, and a float that JSON lacks {"float": "inf"}. Nothing is pickled.
"""
import json
import math

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor

_KEYS = (str, int, float, bool, type(None))


def pack(value, what):
    """(JSON, {name: array}) of a nested value.

    Args:
        value: dictionaries, lists, tuples, tensors, arrays, numbers, strings and None.
        what: it is, for errors.

    Raises:
        TypeError: a value or a key of another type; the message says where.
        ValueError: a value that is inside itself.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        return json.dumps(_packed(value, "", arrays), separators=(",", ":"), allow_nan=False), arrays
    except RecursionError:
        raise ValueError(f"{what} is nested too deep, or is inside itself") from None
    except TypeError as e:
        raise TypeError(f"{what}: {e}") from None


def unpack(document, arrays, what):
    """The value that `pack` took apart.

    Args:
        document: the parsed JSON.
        arrays: by name.
        what: it is, for errors.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return _unpacked(document, arrays)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as e:
        raise ValueError(f"{what} is damaged: {type(e).__name__}: {e}") from None


def _packed(value, path, arrays):
    if isinstance(value, Tensor | np.ndarray):
        name = path if path not in arrays else f"{path}#{len(arrays)}"
        arrays[name] = value._data if isinstance(value, Tensor) else value
        return {"array": name, "tensor": isinstance(value, Tensor)}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, _KEYS):
                raise TypeError(f"keys must be strings or numbers, got a {type(key).__name__} in {path or '/'}")
        return {"pairs": [[_packed(key, path, arrays), _packed(v, f"{path}/{key}", arrays)]
                          for key, v in value.items()]}
    if isinstance(value, list | tuple):
        items = [_packed(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if not isinstance(value, _KEYS):
        raise TypeError(f"expected tensors, numbers, strings and None, got a {type(value).__name__} at {path or '/'}")
    return value


def _unpacked(value, arrays):
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
    array = arrays[value["array"]]
    return from_numpy(array) if value["tensor"] else array
