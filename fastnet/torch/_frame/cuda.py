"""`torch.cuda` on a machine without a GPU: `is_available()` is False, and everything that needs a GPU raises an error.

Calls that programs make in any case, such as `manual_seed`, `empty_cache` and `synchronize`, have no effect.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

from fastnet.torch._frame.cuda_amp import GradScaler, autocast
from fastnet.torch._frame.old_names import OutOfMemoryError

__all__ = [
    "Event", "GradScaler", "OutOfMemoryError", "Stream", "autocast", "current_device", "current_stream",
    "default_stream", "device", "device_count", "empty_cache", "get_device_capability", "get_device_name",
    "get_device_properties", "get_rng_state", "get_rng_state_all", "init", "ipc_collect", "is_available",
    "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved", "memory_summary",
    "reset_max_memory_allocated", "reset_peak_memory_stats", "seed", "seed_all", "set_device",
    "set_per_process_memory_fraction", "set_rng_state", "set_rng_state_all", "stream", "synchronize",
]


def _no_such_device(name: str) -> NoReturn:
    raise RuntimeError(f"torch.cuda.{name}: there is one device, the CPU; test torch.cuda.is_available() first")


def is_available() -> bool:
    """Whether there is a GPU: no."""
    return False


is_initialized = is_available


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether a GPU computes in bfloat16: no."""
    return False


def device_count() -> int:
    """The number of GPUs: 0."""
    return 0


def init() -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("init")


def current_device() -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("current_device")


def get_device_name(device: Any = None) -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("get_device_name")


def get_device_properties(device: Any = None) -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("get_device_properties")


def get_device_capability(device: Any = None) -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("get_device_capability")


def mem_get_info(device: Any = None) -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("mem_get_info")


def get_rng_state(device: Any = None) -> NoReturn:
    """Raise an error: there is no GPU. `torch.get_rng_state` has the state of the CPU."""
    _no_such_device("get_rng_state")


def set_rng_state(new_state: Any, device: Any = None) -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("set_rng_state")


def set_device(device: Any) -> None:
    """Choose a GPU: an error, except for a negative index, which PyTorch ignores, too."""
    if not (isinstance(device, int) and device < 0):
        _no_such_device("set_device")


def get_rng_state_all() -> list[Any]:
    """The random states of all GPUs: an empty list."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Set the random states of all GPUs; there are none."""
    if len(new_states):
        _no_such_device("set_rng_state_all")


def _without_effect(*args: Any, **kwargs: Any) -> None:
    """Has no effect: there is no GPU."""


manual_seed = manual_seed_all = seed = seed_all = empty_cache = synchronize = ipc_collect = _without_effect
reset_peak_memory_stats = reset_max_memory_allocated = set_per_process_memory_fraction = _without_effect


def memory_allocated(device: Any = None) -> int:
    """The memory in use on a GPU: 0 bytes."""
    return 0


memory_cached = memory_reserved = max_memory_allocated = max_memory_reserved = memory_allocated


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """A report on the memory of a GPU: an empty string."""
    return ""


class device:
    """A context manager that chooses a GPU: an error on entry, except for None and a negative index."""

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None:
            set_device(self.idx)

    def __exit__(self, *error: Any) -> None:
        pass


@contextlib.contextmanager
def stream(stream: Any) -> Iterator[None]:
    """A context manager that has no effect for None."""
    if stream is not None:
        _no_such_device("stream")
    yield


class Stream:
    """A queue of work of a GPU: an error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_such_device("Stream")


class Event:
    """A point in the work of a GPU: an error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_such_device("Event")


def current_stream(device: Any = None) -> NoReturn:
    """Raise an error: there is no GPU."""
    _no_such_device("current_stream")


default_stream = current_stream
