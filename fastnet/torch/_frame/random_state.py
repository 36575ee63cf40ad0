"""`torch.random.fork_rng`."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastnet.random import get_rng_state, set_rng_state

__all__ = ["fork_rng"]


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: str = "cpu", **names: Any) -> Iterator[None]:
    """A context that restores the state of the global generator at its end.

    Args:
        devices, device_type, names: accepted and ignored: there is one generator.
        enabled: without it, the state is not restored.

    Example:
        >>> import fastnet.torch as torch
        >>> _ = torch.manual_seed(0)
        >>> with torch.random.fork_rng():
        ...     inside = torch.rand(1)
        >>> bool(inside == torch.rand(1))
        True
    """
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
