"""`torch.cpu`: the one device."""
from __future__ import annotations

from fastnet.torch._frame.cuda import synchronize

__all__ = ["current_device", "device_count", "is_available", "synchronize"]


def is_available() -> bool:
    """Whether there is a CPU: yes."""
    return True


def device_count() -> int:
    """The number of devices: 1."""
    return 1


def current_device() -> str:
    """The name of the device: "cpu"."""
    return "cpu"
