"""Errors of distributed programs, under PyTorch's names, with the same words over all transports."""
from __future__ import annotations

__all__ = ["DistError", "DistNetworkError", "forked", "no_answer", "rank_ended", "wrong_length"]


class DistError(RuntimeError):
    """An error of a process group.

    Example:
        >>> import fastnet
        >>> issubclass(fastnet.distributed.DistNetworkError, fastnet.distributed.DistError)
        True
    """


class DistNetworkError(DistError):
    """A rank cannot be reached, or has ended.

    Example:
        >>> import fastnet
        >>> raise fastnet.distributed.DistNetworkError("rank 2 has ended")
        Traceback (most recent call last):
            ...
        fastnet.distributed.errors.DistNetworkError: rank 2 has ended
    """


def rank_ended(rank: int, how: str) -> DistNetworkError:
    """The error for a rank that left while this one waited for it.

    Args:
        rank: the rank that left.
        how: the sign of it, such as "closed its connection".
    """
    return DistNetworkError(f"rank {rank} has ended ({how}): see its own error message, if it has one")


def forked(rank: int) -> DistError:
    """The error for an exchange in a forked process.

    Args:
        rank: the rank that forked it.
    """
    return DistError(f"this process was forked from rank {rank} and is not a rank: it cannot exchange with the others; "
                     "to train in this process only, call fastnet.distributed.destroy_process_group() first")


def no_answer(rank: int, own: int, timeout: float) -> DistNetworkError:
    """The error for a rank that does not answer.

    Args:
        rank: the rank that was waited for.
        own: the number of this process.
        timeout: seconds.
    """
    return DistNetworkError(f"rank {rank} did not answer rank {own} within {timeout:g} s")


def wrong_length(rank: int, sent: object, expected: int) -> DistError:
    """The error for a message of another length than that of the call which waits for it.

    Args:
        rank: the rank that sent it.
        sent: the number of bytes, or a text.
        expected: the number of bytes.
    """
    return DistError(f"rank {rank} sent {sent} bytes where {expected} were expected: all ranks must make the same "
                     "calls in the same order, with tensors of the same shape and dtype")
