"""`torch.nn.attention`: the choice of a kernel of attention, which has no effect."""
from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """PyTorch's kernels of scaled_dot_product_attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: SDPBackend | list[SDPBackend], set_priority: bool = False) -> Iterator[None]:
    """A context that has no effect: there is one kernel of attention.

    Args:
        backends: one or several of `SDPBackend`.
        set_priority: accepted and ignored.

    Raises:
        TypeError: another object.

    Example:
        >>> import fastnet.torch as torch
        >>> q = torch.ones(1, 2, 4)
        >>> with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        ...     y = torch.nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True)
        >>> y.shape == (1, 2, 4)
        True
    """
    for backend in [backends] if isinstance(backends, SDPBackend) else backends:
        if not isinstance(backend, SDPBackend):
            raise TypeError(f"sdpa_kernel: expected members of SDPBackend, got {backend!r}")
    yield
