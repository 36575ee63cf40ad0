"""The transport over sockets: raw bytes behind a header that tells their kind and their number."""
from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import Any, NoReturn

from fastnet.distributed.environment import Place
from fastnet.distributed.errors import DistError, DistNetworkError, forked, no_answer, rank_ended, wrong_length
from fastnet.distributed.rendezvous import connect_all
from fastnet.distributed.transport import Transport

__all__ = ["SocketTransport"]

_HEAD_OF_MESSAGE = struct.Struct("<IQ")          # kind of message, bytes that follow
_DATA, _ABORT = 0x46534431, 0x46534441
_MOST_TEXT = 4096                       # bytes of the reason of an abort


class SocketTransport(Transport):
    """A connection to each other rank.

    Args:
        place: of this rank.
        timeout: seconds to wait for the other ranks, at the start and in an exchange.
    """

    def __init__(self, place: Place, timeout: float) -> None:
        self.rank, self.size, self.timeout = place.rank, place.size, timeout
        self._links = connect_all(place, timeout)
        for link in self._links.values():
            link.setblocking(False)

    def exchange(self, to: int, outgoing: memoryview, source: int, incoming: memoryview, exact: bool = True) -> int:
        if self.is_forked:
            raise forked(self.rank)
        sending = _Sending(to, self._links[to], outgoing) if outgoing.nbytes else None
        receiving = _Receiving(source, self._links[source], incoming, exact) if incoming.nbytes else None
        self.bytes_sent += outgoing.nbytes
        self.messages_sent += sending is not None
        deadline = time.monotonic() + self.timeout
        try:
            # most messages fit into the kernel's buffers: try before waiting
            while not self._advanced(sending, receiving):
                self._wait(sending, receiving, deadline)
        except DistError as e:
            self.fail(e)
        return 0 if receiving is None else receiving.length

    def _advanced(self, sending: Any, receiving: Any) -> bool:
        """Send and receive as much as the connections take and have; returns whether both are done."""
        sent = sending is None or sending.advance()
        received = receiving is None or receiving.advance()
        return sent and received

    def _wait(self, sending: Any, receiving: Any, deadline: float) -> None:
        """Wait until one of the two can continue."""
        events: dict[int, int] = {}
        for part, event in ((sending, select.POLLOUT), (receiving, select.POLLIN)):
            if part is not None and not part.done:
                number = part.link.fileno()
                events[number] = events.get(number, 0) | event
        poll = select.poll()
        for number, event in events.items():
            poll.register(number, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            waiting = receiving if receiving is not None and not receiving.done else sending
            raise no_answer(waiting.rank, self.rank, self.timeout)

    def fail(self, error: DistError) -> NoReturn:
        self.abort(str(error))
        raise error

    def abort(self, reason: str) -> None:
        text = reason.encode()[:_MOST_TEXT]
        for link in self._links.values():
            with contextlib.suppress(OSError):
                link.send(_HEAD_OF_MESSAGE.pack(_ABORT, len(text)) + text)
                link.shutdown(socket.SHUT_RDWR)         # wakes a thread that waits for this connection
        self.close()

    def close(self) -> None:
        for link in self._links.values():
            link.close()

    def after_fork(self) -> None:
        super().after_fork()
        self.close()                    # otherwise the others would not learn that this rank has ended


class _Sending:
    """A message on its way out."""

    def __init__(self, rank: int, link: socket.socket, data: memoryview) -> None:
        self.rank, self.link, self.done = rank, link, False
        self._parts = [memoryview(_HEAD_OF_MESSAGE.pack(_DATA, data.nbytes)), data]

    def advance(self) -> bool:
        """Send as much as the connection takes; returns whether all is sent."""
        try:
            while self._parts:
                sent = self.link.sendmsg(self._parts)
                while self._parts and sent >= self._parts[0].nbytes:
                    sent -= self._parts.pop(0).nbytes
                if self._parts:
                    self._parts[0] = self._parts[0][sent:]
        except BlockingIOError:
            return False
        except OSError as e:
            raise _rank_ended(self.rank, self.link, e) from None
        self.done = True
        return True


class _Receiving:
    """A message on its way in; see `Transport.exchange`."""

    def __init__(self, rank: int, link: socket.socket, data: memoryview, exact: bool) -> None:
        self.rank, self.link, self.exact, self.done, self.length = rank, link, exact, False, 0
        self._header = bytearray(_HEAD_OF_MESSAGE.size)
        self._missing = memoryview(self._header)
        self._data: memoryview | None = data

    def advance(self) -> bool:
        """Receive as much as there is; returns whether all has arrived."""
        try:
            while not self.done:
                count = self.link.recv_into(self._missing)
                if count == 0:
                    raise _rank_ended(self.rank, self.link, None)
                self._missing = self._missing[count:]
                if not self._missing.nbytes:
                    self._next_part()
        except BlockingIOError:
            return False
        except OSError as e:
            raise _rank_ended(self.rank, self.link, e) from None
        return True

    def _next_part(self) -> None:
        """After the header come the data, after the data nothing."""
        if self._data is None:
            self.done = True
            return
        kind, length = _HEAD_OF_MESSAGE.unpack(self._header)
        if kind == _ABORT:
            raise DistError(_abort_text(self.link, length, self.rank))
        if kind != _DATA or length > self._data.nbytes or (self.exact and length != self._data.nbytes):
            raise wrong_length(self.rank, length, self._data.nbytes)
        self._missing, self._data, self.length = self._data[:length], None, length


def _rank_ended(rank: int, link: socket.socket, error: OSError | None) -> DistNetworkError:
    """The error for a connection that broke. The other end may have said why before it closed."""
    if error is not None:
        with contextlib.suppress(OSError, struct.error):
            kind, length = _HEAD_OF_MESSAGE.unpack(link.recv(_HEAD_OF_MESSAGE.size))
            if kind == _ABORT:
                return DistNetworkError(_abort_text(link, length, rank))
    return rank_ended(rank, "closed its connection" if error is None else error.strerror or str(error))


def _abort_text(link: socket.socket, length: int, rank: int) -> str:
    """The text of an abort."""
    text = b""
    with contextlib.suppress(OSError):
        text = link.recv(min(length, _MOST_TEXT))
    return text.decode(errors="replace") or f"rank {rank} has ended"
