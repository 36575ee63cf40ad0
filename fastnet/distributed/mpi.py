"""The transport over MPI, through mpi4py: for clusters, and for programs that mpirun starts."""
from __future__ import annotations

import atexit
import math
import os
import sys
import threading
import time
from typing import Any, NoReturn

from fastnet._core.optional import optional
from fastnet.distributed.errors import DistError, DistNetworkError, forked, no_answer, rank_ended, wrong_length
from fastnet.distributed.transport import Transport

__all__ = ["MPITransport"]

_MOST_OF_MPI = 1 << 30                         # bytes of one message: MPI counts in 32 bits
_MESSAGE_POLL = 5e-5                           # seconds between two looks at messages, beside a thread that computes
_POLLS = 100                                   # looks at messages between two looks at the clock and at farewells
_AFTER_FAREWELL = 0.2                          # seconds in which a message may arrive after the farewell of its sender
_EXIT = 1.0                                    # seconds that a process which exits waits for the farewells of others
_FAREWELL_BYTES = 1024                         # the longest text
_VALUES, _FAREWELL = 0, 1                        # tags


class MPITransport(Transport):
    """The world communicator of MPI, duplicated, so that messages of other packages do not meet fastnet's.

    MPI does not tell a rank that another one has left. So each rank sends a farewell to all others when it leaves: at
    `close`, and when its program ends in any way but by a signal. Who waits for a rank that has said farewell gets an
    error. An exception that nobody catches ends the whole run at once, as with `python -m mpi4py`.

    Args:
        timeout: seconds to wait for another rank in an exchange.
    """

    def __init__(self, timeout: float) -> None:
        self._mpi = optional("mpi4py.MPI", "the backend 'mpi'")
        self._world = self._mpi.COMM_WORLD.Dup()
        self.rank, self.size, self.timeout = self._world.Get_rank(), self._world.Get_size(), timeout
        self.serves_threads = self._mpi.Query_thread() >= self._mpi.THREAD_SERIALIZED
        self._thread = threading.get_ident()
        self._farewells = {rank: _Farewell(self._mpi, self._world, rank)
                           for rank in range(self.size) if rank != self.rank}
        self._said: list[Any] = []              # requests of the farewells of this rank
        self._abandoned: list[Any] = []         # requests of exchanges that failed
        self._is_open = True
        self._hook_before: Any = sys.excepthook
        sys.excepthook = self._abort_after
        atexit.register(self._leave_at_exit)

    # ---- messages ----

    def exchange(self, to: int, outgoing: memoryview, source: int, incoming: memoryview, exact: bool = True) -> int:
        if self.is_forked:
            raise forked(self.rank)
        self.bytes_sent += outgoing.nbytes
        self.messages_sent += bool(outgoing.nbytes)
        received = 0
        try:
            for start in range(0, max(outgoing.nbytes, incoming.nbytes), _MOST_OF_MPI):
                received += self._exchange(to, outgoing[start:start + _MOST_OF_MPI], source,
                                           incoming[start:start + _MOST_OF_MPI], exact)
        except DistError as e:
            self.fail(e)
        except self._mpi.Exception as e:
            self.fail(wrong_length(source, "more", incoming.nbytes) if e.Get_error_class() == self._mpi.ERR_TRUNCATE
                      else DistNetworkError(f"rank {self.rank}: the exchange with the ranks {to} and {source} failed: "
                                            f"{e}"))
        return received

    def fail(self, error: DistError) -> NoReturn:
        self._say_farewell(str(error))
        raise error

    def _exchange(self, to: int, outgoing: memoryview, source: int, incoming: memoryview, exact: bool) -> int:
        byte, requests, received = self._mpi.BYTE, [], self._mpi.Status()
        if incoming.nbytes:
            requests.append((self._world.Irecv([incoming, byte], source, _VALUES), received))
        if outgoing.nbytes:
            requests.append((self._world.Isend([outgoing, byte], to, _VALUES), None))
        try:
            for request, status in requests:    # one by one: Testall of MPICH 5.0.2 gives wrong counts
                if not request.Test(status):
                    self._wait(request, status, {to, source})
        except BaseException:
            self._abandoned += requests         # they may still read and write the memory, which they keep alive
            raise
        count: int = received.Get_count(byte) if incoming.nbytes else 0
        if exact and count != incoming.nbytes:
            raise wrong_length(source, count, incoming.nbytes)
        return count

    def _wait(self, request: Any, status: Any, ranks: set[int]) -> None:
        """Wait for a request. MPI's own Wait would not see a farewell, nor Ctrl-C.

        Args:
            request: the request.
            status: receives that of the request; None: nobody reads it.
            ranks: the other ends of the exchange.
        """
        computes = threading.get_ident() != self._thread
        deadline = time.monotonic() + self.timeout
        polls = 0
        while not request.Test(status):
            if computes:
                time.sleep(_MESSAGE_POLL)       # another thread of this process uses the core
            polls += 1
            if polls % _POLLS == 0:
                error = self._reason_to_give_up(ranks, deadline)
                if error is not None:
                    if self._arrives(request, status):
                        return
                    raise error
                os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)

    def _reason_to_give_up(self, ranks: set[int], deadline: float) -> DistNetworkError | None:
        for rank in ranks:
            text = self._farewells[rank].text()
            if text is not None:
                return DistNetworkError(text) if text else rank_ended(rank, "left the group, or its program ended")
        return no_answer(min(ranks), self.rank, self.timeout) if time.monotonic() > deadline else None

    def _arrives(self, request: Any, status: Any) -> bool:
        """Whether a message that was sent before a farewell arrives after it."""
        until = time.monotonic() + _AFTER_FAREWELL
        while time.monotonic() < until:
            if request.Test(status):
                return True
            time.sleep(_MESSAGE_POLL)
        return False

    def local_size(self) -> int:
        """The number of ranks on this machine."""
        local = self._world.Split_type(self._mpi.COMM_TYPE_SHARED)
        count: int = local.Get_size()
        local.Free()
        return count

    # ---- the end ----

    def abort(self, reason: str) -> None:
        if self.is_forked:
            return
        print(f"fastnet: {reason}", file=sys.stderr, flush=True)
        self._world.Abort(1)

    def close(self) -> None:
        """Leave the other ranks; returns when all of them have left."""
        self._leave(math.inf)

    def after_fork(self) -> None:
        super().after_fork()
        if sys.excepthook == self._abort_after:
            sys.excepthook = self._hook_before

    def _leave_at_exit(self) -> None:
        """The program ends. mpi4py then waits for the other ranks, in MPI_Finalize."""
        self._leave(_EXIT)

    def _leave(self, seconds: float) -> None:
        """Say farewell, and wait for the farewells of all others, for some seconds at most."""
        if not self._is_open or self.is_forked:
            return                              # a fork has no part in the communicator
        self._is_open = False
        atexit.unregister(self._leave_at_exit)
        if sys.excepthook == self._abort_after:
            sys.excepthook = self._hook_before
        if self._mpi.Is_finalized():
            return
        self._say_farewell("")
        until = time.monotonic() + seconds
        waiting = list(self._farewells.values())
        while not (all(farewell.text() is not None for farewell in waiting)
                   and self._mpi.Request.Testall(self._said)):
            if time.monotonic() > until:
                for farewell in waiting:
                    farewell.cancel()
                return
            time.sleep(_MESSAGE_POLL)
        self._world.Free()

    def _say_farewell(self, reason: str) -> None:
        """Tell all other ranks that this one leaves.

        Args:
            reason: the text of the error of those that wait for it; empty: none is known.
        """
        if not self._said:
            text = reason.encode()[:_FAREWELL_BYTES]
            self._said = [self._world.Isend([text, self._mpi.BYTE], rank, _FAREWELL) for rank in self._farewells]

    def _abort_after(self, kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        """Print an uncaught exception, and end all ranks."""
        self._hook_before(kind, error, traceback)
        sys.stderr.flush()
        self.abort(f"rank {self.rank} ends all ranks after {kind.__name__}: {error}")


class _Farewell:
    """The farewell that another rank will send."""

    def __init__(self, mpi: Any, world: Any, rank: int) -> None:
        self._mpi, self._data = mpi, bytearray(_FAREWELL_BYTES)
        self._text: str | None = None
        self._request = world.Irecv([self._data, mpi.BYTE], rank, _FAREWELL)

    def text(self) -> str | None:
        """Its text, or None as long as the rank has not left."""
        if self._text is None:
            status = self._mpi.Status()
            if self._request.Test(status):
                self._text = self._data[:status.Get_count(self._mpi.BYTE)].decode(errors="replace")
        return self._text

    def cancel(self) -> None:
        """Wait for it no longer."""
        if self._text is None:
            self._request.Cancel()
            self._request.Free()
