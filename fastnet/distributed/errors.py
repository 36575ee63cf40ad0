"""Errors of distributed programs, under PyTorch's names."""
from __future__ import annotations

__all__ = ["DistError", "DistNetworkError"]


class DistError(RuntimeError):
    """An error of a process group.

    Example:
        >>> import fastnet
        >>> issubclass(fastnet.distributed.DistNetworkError, fastnet.distributed.DistError)
        True
    """


class DistNetworkError(DistError):
    """A rank cannot be reached, or has ended."""
