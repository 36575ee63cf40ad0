"""The process group that this process belongs to, as `fastnet.distributed.init_process_group` set it."""
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["TOKEN", "current", "first_rank_tells", "is_first_rank", "launched_by", "rank", "set_current", "world_size"]

TOKEN = "FASTNET_DISTRIBUTED_TOKEN"     # the environment variable with the secret that all ranks know
# with the number of ranks, of Open MPI, of MPICH and its kin, and of Slurm
_SIZES_OF_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE")
# the environment variable with the process id and the variables of a rank, which its child processes inherit
_RANK_PROCESS = "FASTNET_RANK_PROCESS"
_OF_LAUNCHERS = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PMI_RANK", "PMI_PORT", "PMI_FD", "PMIX_RANK",
                 "PMIX_NAMESPACE", "OMPI_COMM_WORLD_RANK", *_SIZES_OF_MPI)

_T = TypeVar("_T")
_current_group: list[Any] = []                 # at most one


def current() -> Any:
    """The process group, or None in a process that works alone."""
    return _current_group[0] if _current_group else None


def set_current(group: Any) -> None:
    """Set the process group, or None. A variable tells the child processes of a rank that they are not ranks.

    Args:
        group: a `fastnet.distributed.ProcessGroup`.
    """
    _current_group[:] = [] if group is None else [group]
    if group is not None and launched_by() is not None:
        os.environ[_RANK_PROCESS] = _variables_of(os.getpid())
    elif os.environ.get(_RANK_PROCESS) == _variables_of(os.getpid()):
        del os.environ[_RANK_PROCESS]


def rank() -> int:
    """The number of this process in its group; 0 in a process that works alone."""
    return _current_group[0].rank if _current_group else 0


def world_size() -> int:
    """The number of processes in the group; 1 for a process that works alone."""
    return _current_group[0].size if _current_group else 1


def is_first_rank() -> bool:
    """Whether this process is the one of its group that prints and writes files."""
    return rank() == 0


def launched_by() -> str | None:
    """The backend of the launcher that started this process as one of several, or None.

    "sockets" by torchrun's variables, which `fastnet launch` sets, too; "mpi" by those of mpirun. A child process of a
    rank that has joined inherits these variables, but is not a rank.
    """
    if _is_child_of_rank():
        return None
    if _ranks_in("WORLD_SIZE") > 1 and "RANK" in os.environ:
        return "sockets"
    return "mpi" if any(_ranks_in(name) > 1 for name in _SIZES_OF_MPI) else None


def _is_child_of_rank() -> bool:
    """Whether a rank, which had the variables that this process has, is another process."""
    process, _, _ = os.environ.get(_RANK_PROCESS, "").partition(" ")
    return process not in ("", str(os.getpid())) and os.environ[_RANK_PROCESS] == _variables_of(process)


def _variables_of(process: int | str) -> str:
    """The value of the environment variable for a rank with this process id and the variables of this process."""
    return " ".join([f"{process}", *(f"{name}={os.environ[name]}" for name in _OF_LAUNCHERS if name in os.environ)])


def _ranks_in(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else 0


def first_rank_tells(function: Callable[[], _T]) -> _T:
    """The result of a function that rank 0 alone calls, on all ranks.

    Args:
        function: returns a value for JSON.
    """
    value: Any = function() if is_first_rank() else None
    return value if not _current_group else _current_group[0].value_of_first_rank(value)
