"""`torch.accelerator` on a machine without one: `is_available()` is False, `current_accelerator()` is None."""
from __future__ import annotations

from typing import Any, NoReturn

from fastnet.torch._frame.cuda import device_count, empty_cache, is_available, memory_allocated, synchronize

__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
           "device_index", "empty_cache", "is_available", "max_memory_allocated", "max_memory_reserved",
           "memory_allocated", "memory_reserved", "reset_peak_memory_stats", "set_device_idx", "set_device_index",
           "synchronize"]

max_memory_allocated = max_memory_reserved = memory_reserved = memory_allocated
reset_peak_memory_stats = empty_cache


def current_accelerator(check_available: bool = False) -> None:
    """The device of the accelerator: None."""


def _refuse_device(*args: Any) -> NoReturn:
    """Raise an error: there is no accelerator."""
    raise RuntimeError("torch.accelerator: there is one device, the CPU; test torch.accelerator.is_available() first")


current_device_index = current_device_idx = current_stream = set_device_index = set_device_idx = _refuse_device
device_index = _refuse_device
