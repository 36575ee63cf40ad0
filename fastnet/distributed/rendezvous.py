"""The rendezvous of the ranks: each pair gets one connection, and both ends have proved that they know the token.

Rank 0 listens at MASTER_ADDR:MASTER_PORT or, if torchrun's agent listens there, at the first free port below it. The
others connect there, say at which port they listen themselves, and learn the ports of all; then each rank connects to
those between 0 and itself. The secret contains MASTER_PORT, so ranks of two programs with one token do not meet. A rank
listens only on the address by which it reaches rank 0, so with MASTER_ADDR=127.0.0.1, the default, no port is open to
the network.
"""
from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Sequence
from typing import Any

import fastnet
from fastnet.distributed.environment import Place
from fastnet.distributed.errors import DistError, DistNetworkError
from fastnet.distributed.handshake import accept_peer, greet, read_document, token, write_document

__all__ = ["connect_all"]

_RETRY = 0.05                           # seconds between two attempts to reach a rank
_GREETING = 5.0                         # seconds that the handshake of a connection may take
_BUFFER = 4 << 20                       # bytes that the kernel holds of a connection in each direction


def connect_all(place: Place, timeout: float) -> dict[int, socket.socket]:
    """Connect this rank with all others.

    Args:
        place: of this rank.
        timeout: seconds to wait for the other ranks.

    Returns:
        {rank: socket}.

    Raises:
        DistNetworkError: a rank does not answer in time; the message names it.
        DistError: the token, the number of ranks or the version of fastnet differs.
    """
    meeting = _Rendezvous(place, token() + b":%d" % place.port, time.monotonic() + timeout, timeout)
    try:
        meeting.connect()
    except BaseException:
        meeting.close()
        raise
    finally:
        meeting.listener.close()
    return meeting.links


class _Rendezvous:
    """The connections of a rank while they are made."""

    def __init__(self, place: Place, secret: bytes, deadline: float, timeout: float) -> None:
        self.place, self.secret, self.deadline, self.timeout = place, secret, deadline, timeout
        self.links: dict[int, socket.socket] = {}
        self.listener = socket.socket()

    def close(self) -> None:
        for link in self.links.values():
            link.close()

    def connect(self) -> None:
        own = self.place.rank
        if own == 0:
            self._listen(self.place.address, self.place.ports)
            addresses = self._gather_addresses()
            for link in self.links.values():
                write_document(link, {"addresses": addresses})
            return
        link = self._reach(0, self.place.address, self.place.ports)
        self.links[0] = link
        self._listen(link.getsockname()[0], (0,))
        write_document(link, {"rank": own, "size": self.place.size, "version": fastnet.__version__,
                              "address": self.listener.getsockname()[:2]})
        found = self._read(0, link)
        if "error" in found:
            raise DistError(str(found["error"]))
        for rank in range(1, own):
            host, port = found["addresses"][str(rank)]
            self.links[rank] = self._reach(rank, host, (port,))
            write_document(self.links[rank], {"rank": own})
        while len(self.links) < self.place.size - 1:
            link, hello = self._accept()
            self.links[hello["rank"]] = link

    # ---- rank 0 ----

    def _gather_addresses(self) -> dict[str, Any]:
        """Accept all other ranks; returns {rank: (host, port) of its listener}. A rank that does not fit ends all."""
        addresses: dict[str, Any] = {}
        while len(self.links) < self.place.size - 1:
            link, hello = self._accept()
            problem = self._problem(hello)
            if problem:
                for other in (link, *self.links.values()):
                    with contextlib.suppress(OSError):
                        write_document(other, {"error": problem})
                link.close()
                raise DistError(problem)
            self.links[hello["rank"]] = link
            addresses[str(hello["rank"])] = hello["address"]
        return addresses

    def _problem(self, hello: dict[str, Any]) -> str | None:
        """The reason to refuse a rank, or None."""
        rank = hello["rank"]
        if hello.get("size") != self.place.size:
            return f"rank {rank} has WORLD_SIZE {hello.get('size')}, rank 0 has {self.place.size}"
        if rank in self.links or not 0 < rank < self.place.size:
            return f"two processes have RANK {rank}"
        if hello.get("version") != fastnet.__version__:
            return (f"rank {rank} has fastnet {hello.get('version')}, rank 0 has {fastnet.__version__}: install the "
                    "same version on all machines")
        return None

    # ---- connections ----

    def _listen(self, host: str, ports: Sequence[int]) -> None:
        """Listen at the first port that is free."""
        for port in ports:
            family, _, _, _, address = self._resolved(host, port)
            self.listener.close()
            self.listener = socket.socket(family)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self.listener.bind(address)
                self.listener.listen(self.place.size)
                return
            except OSError as e:
                problem = e.strerror
        raise DistNetworkError(f"rank {self.place.rank} cannot listen at {_shown(host, ports)}: {problem}. MASTER_ADDR "
                               "must be an address of the machine of rank 0, and MASTER_PORT free")

    def _resolved(self, host: str, port: int) -> Any:
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        except OSError as e:
            raise DistNetworkError(f"rank {self.place.rank} cannot resolve the address {host!r}: {e.strerror}; check "
                                   "MASTER_ADDR and the network") from None

    def _reach(self, rank: int, host: str, ports: Sequence[int]) -> socket.socket:
        """Connect to a rank, which may not listen yet, and listens at one of these ports."""
        problem: object = None
        while True:
            for port in ports:
                try:
                    return self._connect(host, port)
                except OSError as e:
                    problem = e.strerror or e
                except DistError as e:
                    if len(ports) == 1 or isinstance(e, DistNetworkError):
                        raise
                    problem = e                 # it may be a rank of another program, and the own one at another port
            if time.monotonic() > self.deadline:
                raise DistNetworkError(f"rank {self.place.rank} did not reach rank {rank} at {_shown(host, ports)} "
                                       f"within {self.timeout:g} s: {problem}; check the network and whether rank "
                                       f"{rank} has started")
            time.sleep(_RETRY)

    def _connect(self, host: str, port: int) -> socket.socket:
        """Connect to a process that listens, which must know the token."""
        family, _, _, _, address = self._resolved(host, port)
        link = socket.socket(family)
        try:
            link.settimeout(min(max(self.deadline - time.monotonic(), _RETRY), _GREETING))
            link.connect(address)
            if not greet(link, self.secret):
                raise DistError(f"rank {self.place.rank}: the process at {host}:{port} has another token: expected "
                                "the same FASTNET_DISTRIBUTED_TOKEN on all ranks")
            return self._set_up(link)
        except BaseException:
            link.close()
            raise

    def _accept(self) -> tuple[socket.socket, dict[str, Any]]:
        """The next rank that connects and knows the token, with its first document. Others are turned away."""
        while True:
            self.listener.settimeout(max(self.deadline - time.monotonic(), 0.001))
            try:
                link, _ = self.listener.accept()
            except TimeoutError:
                raise self._absent() from None
            link.settimeout(_GREETING)
            try:
                if accept_peer(link, self.secret):
                    hello = read_document(link)
                    if isinstance(hello.get("rank"), int):
                        return self._set_up(link), hello
            except OSError:
                pass                            # a stranger, or a rank that ended: the deadline tells
            link.close()

    def _absent(self) -> DistNetworkError:
        missing = [str(rank) for rank in range(self.place.size) if rank not in (*self.links, self.place.rank)]
        return DistNetworkError(f"rank {self.place.rank}: no connection from rank {', '.join(missing)} within "
                                f"{self.timeout:g} s; check that they have started, their network and their "
                                "FASTNET_DISTRIBUTED_TOKEN")

    def _read(self, rank: int, link: socket.socket) -> dict[str, Any]:
        try:
            return read_document(link)
        except OSError as e:
            raise DistNetworkError(f"rank {self.place.rank}: rank {rank} ended while the ranks connected: {e}"
                                   ) from None

    def _set_up(self, link: socket.socket) -> socket.socket:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            link.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        link.settimeout(max(self.deadline - time.monotonic(), _RETRY))
        return link


def _shown(host: str, ports: Sequence[int]) -> str:
    return f"{host}:{ports[0]}" + (f" to {ports[-1]}" if len(ports) > 1 else "")
