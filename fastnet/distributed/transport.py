"""The interface of a transport, which moves bytes between two ranks. All collectives are built on it."""
from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from fastnet.distributed.errors import DistError, wrong_length

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.distributed.slots import Slots

__all__ = ["EMPTY", "Alone", "Transport", "as_bytes"]

_SIGNAL_BYTES = 8                       # the message of a swap through shared memory: the number of its bytes


class Transport:
    """Moves bytes between this rank and another one.

    Attributes:
        rank: the number of this process, from 0.
        size: the number of processes.
        serves_threads: whether another thread than that of the program may call `exchange`, one thread at a time.
        bytes_sent: bytes of arrays that this rank has sent, through shared memory, too; without headers.
        messages_sent: the number of messages.
        slots: {partner: memory that this rank shares with it}, see `shared_memory`.
        is_forked: whether this is the copy of a child process, which exchanges nothing.
    """

    rank: int
    size: int
    serves_threads: bool = True
    bytes_sent: int = 0
    messages_sent: int = 0
    slots: Mapping[int, Slots] = MappingProxyType({})
    is_forked: bool = False

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
            DistError: the message has another length, or this process was forked from a rank.
        """
        raise NotImplementedError

    def send(self, to: int, outgoing: memoryview) -> None:
        """Send bytes to a rank."""
        self.exchange(to, outgoing, to, EMPTY)

    def receive(self, source: int, incoming: memoryview) -> None:
        """Receive bytes from a rank."""
        self.exchange(source, EMPTY, source, incoming)

    def swap(self, partner: int, array: Array, scratch: Array) -> Array:
        """Send an array to a rank, and receive one of the same shape and dtype from it.

        Args:
            partner: the other rank, which calls this, too.
            array: a contiguous array.
            scratch: an array like it, where the partner's may be written.

        Returns:
            The partner's array: `scratch`, or memory that keeps it until the next swap with this partner.

        Raises:
            DistNetworkError, DistError: see `exchange`.
        """
        slots = self.slots.get(partner)
        if slots is None or not slots.fit(array):
            self.exchange(partner, as_bytes(array), partner, as_bytes(scratch))
            return scratch
        theirs = slots.begin(array)
        signal = memoryview(bytearray(_SIGNAL_BYTES))
        self.exchange(partner, memoryview(array.nbytes.to_bytes(_SIGNAL_BYTES, "little")), partner, signal)
        sent = int.from_bytes(signal, "little")
        if sent != array.nbytes:
            self.fail(wrong_length(partner, sent, array.nbytes))
        self.bytes_sent += array.nbytes
        return theirs

    def fail(self, error: DistError) -> NoReturn:
        """Raise an error, after the other ranks were told that this one leaves.

        Args:
            error: the error.
        """
        raise error

    def abort(self, reason: str) -> None:
        """Tell the other ranks that this one ends, so that they do not wait for it.

        Args:
            reason: the text of the error that they raise.
        """

    def close(self) -> None:
        """Close the connections."""

    def after_fork(self) -> None:
        """Give up the connections in a forked child process; they stay open in this rank."""
        self.is_forked, self.slots = True, {}


class Alone(Transport):
    """The transport of a world of one rank, which sends nothing."""

    rank, size = 0, 1


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
