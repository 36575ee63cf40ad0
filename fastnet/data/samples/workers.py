"""Worker processes of a DataLoader: each reads whole batches, which arrive in order.

Batch i is read by worker i modulo their number, so the random numbers that a worker draws depend on the seed alone and
not on timing. A thread of each worker receives tasks while the worker reads, so that neither side waits for the other.
"""
from __future__ import annotations

import contextlib
import multiprocessing
import queue
import random
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

import numpy as np

from fastnet.backend import compiled_available, set_num_threads
from fastnet.random import manual_seed

__all__ = ["Failure", "Job", "WorkerInfo", "Workers", "get_worker_info"]

_ENDED = "ended"                        # an answer: the worker's iteration has no more batches
_START, _STOP = "start", "stop"         # tasks: begin an epoch, end the process; another task is a list of indices


class WorkerInfo(NamedTuple):
    """The number, the seed and the dataset of a worker process of a DataLoader; see `get_worker_info`.

    Args:
        id: its number, from 0.
        num_workers: the number of workers.
        seed: the seed of its random numbers.
        dataset: its copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The number, the seed and the dataset of this worker process of a DataLoader; None in other processes.

    Example:
        >>> from fastnet.data.samples import get_worker_info
        >>> get_worker_info() is None
        True
    """
    return _info


class Job(NamedTuple):
    """The task that all workers of a loader have in common.

    Args:
        open: a function of the dataset that begins an epoch; it returns a function from a task to a batch.
        dataset: the dataset, of which each worker has a copy.
        worker_init_fn: called with the worker's number before it reads, or None.
        seed: workers draw random numbers from the seed plus their number.
    """

    open: Callable[[Any], Callable[[Any], Any]]
    dataset: Any
    worker_init_fn: Callable[[int], object] | None
    seed: int


class Failure(NamedTuple):
    """An error of a worker: its class, and its traceback as text."""

    kind: type[BaseException]
    text: str

    def error(self, worker: int) -> BaseException:
        """An error of the same class, or a RuntimeError, that tells where it was raised."""
        message = f"{self.kind.__name__} in worker process {worker} of a DataLoader.\n{self.text}"
        try:
            return self.kind(message)
        except Exception:               # a class with other arguments
            return RuntimeError(message)


class Workers:
    """Processes that read batches.

    Args:
        job: what they do.
        count: their number.
        timeout: the longest time to wait for a batch, in seconds; 0 for any.
        context: the name or the context of multiprocessing's start method, or None for its default.
    """

    def __init__(self, job: Job, count: int, timeout: float, context: Any) -> None:
        made: Any = multiprocessing.get_context(context) if context is None or isinstance(context, str) else context
        self._timeout = timeout
        self._links: list[Connection] = []
        self._processes: list[Any] = []
        for number in range(count):
            link, other = made.Pipe()
            process = made.Process(target=_serve, args=(job, number, count, other), daemon=True,
                                   name=f"fastnet-worker-{number}")
            process.start()
            other.close()
            self._links.append(link)
            self._processes.append(process)
        self.close = weakref.finalize(self, _end_workers, self._links, self._processes)

    def epoch(self, tasks: Iterator[Any], ahead: int) -> Iterator[Any]:
        """The batches of an epoch, in the order of their tasks.

        Args:
            tasks: lists of indices.
            ahead: the number of tasks that each worker gets in advance.

        Raises:
            RuntimeError: a worker ended, or did not answer in time; or the error that it raised.
        """
        waiting = [0] * len(self._links)            # answers that each worker still owes
        active = list(range(len(self._links)))
        for number in active:
            self._links[number].send(_START)
        try:
            order: list[int] = []                   # the workers of the batches to come
            for _ in range(ahead):
                for number in active:
                    self._give(number, tasks, waiting, order)
            ended: set[int] = set()
            while order:
                number = order.pop(0)
                answer = self._receive(number)
                waiting[number] -= 1
                if isinstance(answer, str):
                    ended.add(number)
                    continue
                if number not in ended:
                    self._give(number, tasks, waiting, order)
                if isinstance(answer, Failure):
                    raise answer.error(number)
                yield answer[0]
        finally:
            if self.close.alive:
                with contextlib.suppress(RuntimeError, OSError, EOFError):
                    for number, owed in enumerate(waiting):     # of an epoch that was left early
                        for _ in range(owed):
                            self._receive(number)

    def _give(self, number: int, tasks: Iterator[Any], waiting: list[int], order: list[int]) -> None:
        for task in tasks:
            self._links[number].send(task)
            waiting[number] += 1
            order.append(number)
            return

    def _receive(self, number: int) -> Any:
        link, process = self._links[number], self._processes[number]
        ready = wait([link, process.sentinel], self._timeout or None)
        if not ready:
            raise RuntimeError(f"DataLoader: worker process {number} gave no batch in {self._timeout} seconds")
        if link in ready:
            with contextlib.suppress(EOFError):
                return link.recv()
        raise RuntimeError(f"DataLoader: worker process {number} ended unexpectedly, with exit code "
                           f"{process.exitcode}")


def _end_workers(links: list[Connection], processes: list[Any]) -> None:
    for link in links:
        with contextlib.suppress(OSError):
            link.send(_STOP)
            link.close()
    for process in processes:
        process.join(0.2)
        if process.is_alive():
            process.terminate()
            process.join()


# ---- inside of a worker ---------------------------------------------------------------------------------------------

def _serve(job: Job, number: int, count: int, link: Connection) -> None:
    """Read batches until the loader says to stop, or is gone."""
    global _info
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_forward, args=(link, tasks), daemon=True).start()
    if compiled_available:
        set_num_threads(1)
    seed = job.seed + number
    manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)                # noqa: NPY002 (programs draw from it)
    _info = WorkerInfo(number, count, seed, job.dataset)
    read: Callable[[Any], Any] | Failure = Failure(RuntimeError, "no epoch was started")
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        failed = None if job.worker_init_fn is None else _attempt(job.worker_init_fn, number)
        while (task := tasks.get()) != _STOP:
            if isinstance(task, str):
                opened = failed if isinstance(failed, Failure) else _attempt(job.open, job.dataset)
                read = opened if isinstance(opened, Failure) else opened[0]
                continue
            link.send(read if isinstance(read, Failure) else _attempt(read, task))


def _forward(link: Connection, tasks: queue.SimpleQueue[Any]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(link.recv())
    tasks.put(_STOP)


def _attempt(function: Callable[[Any], Any], argument: Any) -> Any:
    """(the result,), the end of an iteration, or the failure."""
    try:
        return (function(argument),)
    except StopIteration:
        return _ENDED
    except Exception as e:
        return Failure(type(e), traceback.format_exc())
