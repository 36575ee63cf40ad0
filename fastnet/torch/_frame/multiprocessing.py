"""`torch.multiprocessing`: Python's `multiprocessing`, and `spawn`. Tensors are copied between processes."""
from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

__all__ = ["ProcessExitedException", "SpawnContext", "get_all_sharing_strategies", "get_sharing_strategy",
           "set_sharing_strategy", "spawn"]

_STRATEGY = "file_descriptor"


class ProcessExitedException(RuntimeError):                 # noqa: N818    PyTorch's name
    """A process that `spawn` started has failed."""


class SpawnContext:
    """The processes that `spawn(join=False)` started.

    Args:
        processes: started processes.
    """

    def __init__(self, processes: list[BaseProcess]) -> None:
        self.processes = processes

    def pids(self) -> list[int | None]:
        """The numbers of the processes."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None) -> bool:
        """Wait until a process ends; returns whether all have ended. If one failed, the others are terminated.

        Args:
            timeout: in seconds; by default there is none.

        Raises:
            ProcessExitedException: a process failed; it has printed its traceback.
        """
        alive = [p.sentinel for p in self.processes if p.is_alive()]
        if alive:                                               # `wait` for nothing would not return
            multiprocessing.connection.wait(alive, timeout)
        for rank, process in enumerate(self.processes):
            if process.exitcode:
                for other in self.processes:
                    other.terminate()
                raise ProcessExitedException(f"spawn: process {rank} ended with the exit code {process.exitcode}")
        return not any(process.is_alive() for process in self.processes)


def spawn(fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
          start_method: str = "spawn") -> SpawnContext | None:
    """Call `fn(i, *args)` in process i of nprocs.

    Args:
        fn: a function of a module, which the processes import.
        args: its arguments after the number of the process; they are pickled.
        nprocs: the number of processes.
        join: wait for all of them; otherwise the result is a `SpawnContext`.
        daemon: terminate the processes when this one ends.
        start_method: "spawn", "fork" or "forkserver".

    Raises:
        ProcessExitedException: a process failed; it has printed its traceback.
    """
    context = multiprocessing.get_context(start_method)
    started = SpawnContext([context.Process(target=fn, args=(i, *args), daemon=daemon)  # type: ignore[attr-defined]
                            for i in range(nprocs)])
    for process in started.processes:
        process.start()
    if not join:
        return started
    while not started.join():
        pass
    return None


def get_all_sharing_strategies() -> set[str]:
    """The names of ways to share the memory of tensors: one, which is not used."""
    return {_STRATEGY}


def get_sharing_strategy() -> str:
    """The name of the way to share the memory of tensors."""
    return _STRATEGY


def set_sharing_strategy(new_strategy: str) -> None:
    """Has no effect: tensors are copied between processes."""
