"""`torch.utils` and `torch.utils.hooks`."""
from __future__ import annotations

from typing import Any

from fastnet.autograd import RemovableHandle

__all__ = ["RemovableHandle", "set_module", "unserializable_hook", "warn_if_has_hooks"]


def unserializable_hook(f: Any) -> Any:
    """The hook unchanged: files hold no hooks."""
    return f


def warn_if_has_hooks(tensor: Any) -> None:
    """Has no effect: files hold no hooks."""


def set_module(obj: Any, mod: str) -> None:
    """Set the name of the module that an object says to come from."""
    if not isinstance(mod, str):
        raise TypeError(f"set_module: expected the name of a module, got {type(mod).__name__}")
    obj.__module__ = mod
