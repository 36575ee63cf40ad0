"""The shapes and dtypes that code written for PyTorch reads: the twin of fastnet/_runtime/dialect.pyx."""
from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

_known: dict[str, Any] = {"torch": None, "size": None, "dtypes": {}, "everywhere": False}


def speak_torch(torch: Any, size: Any, dtypes: Mapping[Any, Any]) -> None:
    """Give code written for PyTorch shapes of the class `size`, and dtypes from a dictionary by NumPy's.

    Args:
        torch: the module that such code has as its variable `torch`.
    """
    _known.update(torch=torch, size=size, dtypes=dtypes)


def speak_torch_everywhere() -> None:
    """Count all code but fastnet's own as written for PyTorch, until the process ends."""
    _known["everywhere"] = True


def is_for_torch(variables: Mapping[str, Any]) -> bool:
    """Whether the code of a module with these variables is written for PyTorch."""
    if _known["torch"] is None:
        return False
    if not _known["everywhere"]:
        return variables.get("torch") is _known["torch"]
    name = variables.get("__name__")
    return not (isinstance(name, str) and (name == "fastnet" or name.startswith("fastnet.")))


def shape_for_caller(shape: Any) -> Any:
    """A shape as the code reads it that called the caller of this function."""
    return _known["size"](shape) if is_for_torch(sys._getframe(2).f_globals) else shape


def dtype_for_caller(dtype: Any) -> Any:
    """A dtype as the code reads it that called the caller of this function."""
    return _known["dtypes"].get(dtype, dtype) if is_for_torch(sys._getframe(2).f_globals) else dtype
