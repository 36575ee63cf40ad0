"""What a recording is made for: the arguments of a call, in a form that can be looked up."""
from typing import Any

import numpy as np

from fastnet._core.tensor import Tensor
from fastnet._runtime.native import calls


def signature(x: Any, tensors: list[Tensor]) -> tuple:
    """A hashable description of an argument.

    Args:
        x: the argument.
        tensors: the tensors in it are appended to it.

    Raises:
        TypeError: a NumPy array, or what cannot be hashed.
    """
    if isinstance(x, Tensor):
        tensors.append(x)
        return (Tensor, calls.describe(x._data), x._requires_grad)
    if isinstance(x, tuple | list):
        return (type(x), tuple(signature(v, tensors) for v in x))
    if isinstance(x, dict):
        return (dict, tuple((k, signature(v, tensors)) for k, v in x.items()))
    if isinstance(x, np.ndarray):
        raise TypeError("a compiled function takes tensors, not NumPy arrays, whose values would be fixed into the "
                        "recording; use fastnet.from_numpy(array)")
    if isinstance(x, float | complex | np.inexact):     # by its bits: -0.0 equals 0.0 and NaN nothing
        return (type(x), np.array(x).tobytes())
    try:
        hash(x)
    except TypeError:
        raise TypeError(f"a compiled function takes tensors and hashable arguments, got {type(x).__name__}") from None
    return (type(x), x)


def without_floats(key: tuple) -> tuple | None:
    """The signature of a call with any float in place of its own; None if there are none.

    Args:
        key: the signature: of the positional arguments, of those by keyword or None, and more.
    """
    (kind, positional), named, *rest = key
    masked = tuple((float,) if part[0] is float else part for part in positional)
    if named is not None:
        named = (named[0], tuple((name, (float,) if part[0] is float else part) for name, part in named[1]))
    found = ((kind, masked), named, *rest)
    return found if found != key else None
