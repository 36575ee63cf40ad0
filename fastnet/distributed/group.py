"""The process group: its start and end, and its agreement on versions."""
from __future__ import annotations

import datetime
import json
import os
import sys
from typing import Any

import fastnet
from fastnet._core import world
from fastnet._core.errors import check_number
from fastnet._core.reprs import repr_of
from fastnet.backend import config
from fastnet.distributed.agreement import require_same
from fastnet.distributed.calls import same_call
from fastnet.distributed.collectives import broadcast_bytes
from fastnet.distributed.environment import place
from fastnet.distributed.shared_memory import share_memory
from fastnet.distributed.transport import Alone, Transport

__all__ = ["BACKENDS", "ProcessGroup", "destroy_process_group", "get_backend", "get_rank", "get_world_size",
           "init_from_launcher", "init_process_group", "is_available", "is_initialized", "process_group"]

BACKENDS = ("sockets", "mpi")
_PATIENCE = 300.0                        # seconds
_LONGEST_WAIT = 2e6                      # seconds, which poll() takes as milliseconds in 32 bits
# PyTorch's names of backends for processors
_ALIASES = {"gloo": "sockets"}


class ProcessGroup:
    """The ranks that work together, with the transport between them.

    Attributes:
        rank: the number of this process, from 0.
        size: the number of processes.
        backend: "sockets" or "mpi".
        transport: counts the bytes that this rank sent, in `transport.bytes_sent`.

    Example:
        >>> import fastnet.distributed as dist
        >>> from fastnet.distributed.group import process_group
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> process_group("a program")
        ProcessGroup(backend='sockets', rank=0, size=1)
        >>> dist.destroy_process_group()
    """

    rank: int
    size: int
    backend: str
    transport: Transport

    def __init__(self, backend: str, transport: Transport) -> None:
        self.backend, self.transport = backend, transport
        self.rank, self.size = transport.rank, transport.size

    def value_of_first_rank(self, value: Any) -> Any:
        """The value of rank 0, on all ranks.

        Args:
            value: for JSON; those of other ranks are ignored.
        """
        same_call(self.transport, "a value of rank 0")
        data = json.dumps(value).encode() if self.rank == 0 else b""
        return json.loads(broadcast_bytes(self.transport, data))

    def __repr__(self) -> str:
        return repr_of(self, backend=self.backend, rank=self.rank, size=self.size)


def init_process_group(backend: str | None = None, *, timeout: float | datetime.timedelta | None = None,
                       world_size: int = -1, rank: int = -1) -> None:
    """Join the other ranks; returns when all have joined.

    The ranks must have the same version of fastnet, backend of the kernels and instruction set, since all of them
    change bits.

    Args:
        backend: "mpi", through mpi4py; "sockets" (also called "gloo"), for processes of one machine or a trusted
            network; by default the launcher's, which is "mpi" in a process of mpirun, and otherwise "sockets".
        timeout: the time to wait for another rank, in seconds or as a `datetime.timedelta`; 300 s by default.
        world_size, rank: replace the environment variables WORLD_SIZE and RANK, for "sockets"; -1: the variables.

    Raises:
        TypeError: `world_size` or `rank` is not a whole number, or `timeout` is not a number.
        ValueError: an unknown backend, a timeout that is not positive, environment variables that are missing or wrong,
            or ranks with another version or instruction set.
        RuntimeError: the process group exists already; or (DistNetworkError) a rank cannot be reached.
        ImportError: mpi4py is not installed.

    Example:
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> dist.get_rank(), dist.get_world_size()
        (0, 1)
        >>> dist.destroy_process_group()
    """
    if world.current() is not None:
        raise RuntimeError("init_process_group: the process group exists already; call destroy_process_group first")
    name = backend or world.launched_by() or "sockets"
    name = _ALIASES.get(name, name)
    if name not in BACKENDS:
        raise ValueError(f"init_process_group: expected the backend 'sockets' or 'mpi', got {backend!r}")
    group = ProcessGroup(name, _connected(name, _in_seconds(timeout), rank, world_size))
    try:
        require_same(group.transport, "init_process_group", _what_bits_depend_on())
        _share_cores(group)
        share_memory(group.transport)
    except BaseException:
        group.transport.close()
        raise
    world.set_current(group)


def _connected(backend: str, timeout: float, rank: int, world_size: int) -> Transport:
    if backend == "mpi":
        from fastnet.distributed.mpi import MPITransport
        return MPITransport(timeout)
    where = place(rank, world_size)
    if where.size == 1:
        return Alone()
    if sys.platform == "win32":
        raise RuntimeError("init_process_group: the backend 'sockets' needs a POSIX system; use 'mpi'")
    from fastnet.distributed.sockets import SocketTransport
    return SocketTransport(where, timeout)


def _in_seconds(timeout: float | datetime.timedelta | None) -> float:
    if timeout is None:
        return _PATIENCE
    given: Any = timeout.total_seconds() if isinstance(timeout, datetime.timedelta) else timeout
    check_number("timeout", given)
    if not given > 0:
        raise ValueError(f"init_process_group: expected a timeout above 0 seconds, got {timeout}")
    return min(float(given), _LONGEST_WAIT)


def _what_bits_depend_on() -> dict[str, Any]:
    """What the bits of results depend on besides the program."""
    found = config()
    return {"fastnet": fastnet.__version__, "backend": found["backend"], "instruction set": found["isa"],
            "byte order": sys.byteorder}


def _share_cores(group: ProcessGroup) -> None:
    """Divide the cores among the ranks of a machine that mpirun started, unless the user chose a number of threads.

    `fastnet launch` and torchrun do this before the ranks start.
    """
    threads = fastnet.get_num_threads()
    if group.backend != "mpi" or "OMP_NUM_THREADS" in os.environ or threads == 1:
        return
    local: Any = group.transport
    bound = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < (os.cpu_count() or 1)
    if not bound:                       # mpirun did not bind this rank to separate cores
        fastnet.set_num_threads(max(1, threads // local.local_size()))


def init_from_launcher() -> bool:
    """Join the other ranks if `fastnet launch`, torchrun or mpirun started this process as one of several.

    Returns:
        Whether this process belongs to a group now. A second call has no effect.

    Example:
        >>> import fastnet.distributed as dist
        >>> dist.init_from_launcher()
        False
    """
    if world.current() is None and world.launched_by() is not None:
        init_process_group()
    return world.current() is not None


def destroy_process_group() -> None:
    """Leave the process group; without one, do nothing. Over MPI, it returns when all ranks have left.

    Example:
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> dist.destroy_process_group()
        >>> dist.is_initialized()
        False
    """
    group = world.current()
    world.set_current(None)
    if group is not None:
        group.transport.close()


def _after_fork() -> None:
    group: ProcessGroup | None = world.current()
    if group is not None:
        group.transport.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def process_group(name: str) -> ProcessGroup:
    """The process group.

    Args:
        name: of the function that needs it, for the error.

    Raises:
        RuntimeError: `init_process_group` was not called.
    """
    group: ProcessGroup | None = world.current()
    if group is None:
        raise RuntimeError(f"{name}: expected a process group; call fastnet.distributed.init_process_group first")
    return group


def is_available() -> bool:
    """Whether this module can be used: yes.

    Example:
        >>> import fastnet
        >>> fastnet.distributed.is_available()
        True
    """
    return True


def is_initialized() -> bool:
    """Whether this process has joined a process group.

    Example:
        >>> import fastnet
        >>> fastnet.distributed.is_initialized()
        False
    """
    return world.current() is not None


def get_rank() -> int:
    """The number of this process, from 0.

    Raises:
        RuntimeError: there is no process group.

    Example:
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> dist.get_rank()
        0
        >>> dist.destroy_process_group()
    """
    return process_group("get_rank").rank


def get_world_size() -> int:
    """The number of processes.

    Raises:
        RuntimeError: there is no process group.

    Example:
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> dist.get_world_size()
        1
        >>> dist.destroy_process_group()
    """
    return process_group("get_world_size").size


def get_backend() -> str:
    """The backend of the process group: "sockets" or "mpi".

    Raises:
        RuntimeError: there is no process group.

    Example:
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group("gloo", world_size=1, rank=0)
        >>> dist.get_backend()
        'sockets'
        >>> dist.destroy_process_group()
    """
    return process_group("get_backend").backend
