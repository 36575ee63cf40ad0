"""The transport over MPI, through mpi4py: for clusters, and for programs that mpirun starts."""
from __future__ import annotations

import sys
import threading
import time
from typing import Any

from fastnet._core.optional import optional
from fastnet.distributed.errors import DistNetworkError
from fastnet.distributed.transport import Transport

__all__ = ["MPITransport"]

_MOST_OF_MPI = 1 << 30                         # bytes of one message: MPI counts in 32 bits
_MESSAGE_POLL = 5e-5                           # seconds between two looks at messages, beside a thread that computes


class MPITransport(Transport):
    """The world communicator of MPI, duplicated, so that messages of other packages do not meet fastnet's.

    An exception that ends this process ends the whole run, as with `python -m mpi4py`: without that, the other ranks
    would wait for it forever.
    """

    def __init__(self) -> None:
        self._mpi = optional("mpi4py.MPI", "the backend 'mpi'")
        self._world = self._mpi.COMM_WORLD.Dup()
        self.rank, self.size = self._world.Get_rank(), self._world.Get_size()
        self.serves_threads = self._mpi.Query_thread() >= self._mpi.THREAD_SERIALIZED
        self._thread = threading.get_ident()
        self._hook_before: Any = sys.excepthook
        sys.excepthook = self._abort_after

    def exchange(self, to: int, outgoing: memoryview, source: int, incoming: memoryview) -> None:
        self.bytes_sent += outgoing.nbytes
        self.messages_sent += bool(outgoing.nbytes)
        try:
            for start in range(0, max(outgoing.nbytes, incoming.nbytes), _MOST_OF_MPI):
                self._exchange(to, outgoing[start:start + _MOST_OF_MPI], source,
                               incoming[start:start + _MOST_OF_MPI])
        except self._mpi.Exception as e:
            raise DistNetworkError(f"rank {self.rank}: the exchange with the ranks {to} and {source} failed: {e}"
                                   ) from e

    def _exchange(self, to: int, outgoing: memoryview, source: int, incoming: memoryview) -> None:
        byte, requests = self._mpi.BYTE, []
        if incoming.nbytes:
            requests.append(self._world.Irecv([incoming, byte], source))
        if outgoing.nbytes:
            requests.append(self._world.Isend([outgoing, byte], to))
        if threading.get_ident() == self._thread:
            self._mpi.Request.Waitall(requests)
            return
        while not self._mpi.Request.Testall(requests):      # Waitall would keep a core busy, which computes gradients
            time.sleep(_MESSAGE_POLL)

    def local_size(self) -> int:
        """The number of ranks on this machine."""
        local = self._world.Split_type(self._mpi.COMM_TYPE_SHARED)
        count: int = local.Get_size()
        local.Free()
        return count

    def abort(self, reason: str) -> None:
        print(f"fastnet: {reason}", file=sys.stderr, flush=True)
        self._world.Abort(1)

    def close(self) -> None:
        if sys.excepthook == self._abort_after:
            sys.excepthook = self._hook_before
        self._world.Free()

    def _abort_after(self, kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        """Print an uncaught exception, and end all ranks."""
        self._hook_before(kind, error, traceback)
        sys.stderr.flush()
        self._world.Abort(1)
