"""The interface of a transport, which moves bytes between two ranks. All collectives are built on it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["EMPTY", "Transport", "as_bytes"]


class Transport:
    """Moves bytes between this rank and another one.

    Attributes:
        rank: the number of this process, from 0.
        size: the number of processes.
        serves_threads: whether another thread than that of the program may call `exchange`, one thread at a time.
        bytes_sent: bytes of arrays that this rank has sent, without the transport's own headers.
        messages_sent: the number of messages that carried them.
    """

    rank: int
    size: int
    serves_threads: bool = True
    bytes_sent: int = 0
    messages_sent: int = 0

    def exchange(self, to: int, outgoing: memoryview, source: int, incoming: memoryview, exact: bool = True) -> int:
        """Send to one rank while receiving from another, or from the same; an empty buffer moves nothing.

        Args:
            to: the rank to send to.
            outgoing: the bytes to send.
            source: the rank to receive from.
            incoming: where the bytes are written; its length is that of the message.
            exact: if False, the message may be shorter than `incoming`.

        Returns:
            The length of the message that was received.

        Raises:
            DistNetworkError: one of the two ranks has ended, or does not answer.
            DistError: the message has another length.
        """
        raise NotImplementedError

    def send(self, to: int, outgoing: memoryview) -> None:
        """Send bytes to a rank."""
        self.exchange(to, outgoing, to, EMPTY)

    def receive(self, source: int, incoming: memoryview) -> None:
        """Receive bytes from a rank."""
        self.exchange(source, EMPTY, source, incoming)

    def abort(self, reason: str) -> None:
        """Tell the other ranks that this one ends, so that they do not wait for it.

        Args:
            reason: the text of the error that they raise.
        """

    def close(self) -> None:
        """Close the connections."""


EMPTY = memoryview(bytearray())       # moves nothing, see `Transport.exchange`


def as_bytes(array: Array) -> memoryview:
    """The memory of a contiguous array, as bytes that can be read and written.

    Args:
        array: a C-contiguous array.
    """
    if not array.nbytes:
        return EMPTY
    view: Any = array.reshape(-1).view("u1")
    return memoryview(view)
