"""An iterator whose items a thread prepares in advance."""
from __future__ import annotations

import contextlib
import functools
import os
import threading
import weakref
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from fastnet._core.state import Finally, inside
from fastnet.backend import compiled_available, set_num_threads

__all__ = ["Prefetched"]

_Item = TypeVar("_Item")


class Prefetched(Generic[_Item]):
    """Returns the items of another iterator, which a thread computes up to `ahead` items in advance.

    An error of the other iterator is raised in place of its item. The thread ends after the last item, when this object
    is closed or garbage collected, and when the process exits; the item in preparation is then completed first. As with
    a generator, an exception from outside (Ctrl-C) while waiting for the next item ends the iteration.

    Args:
        items: a generator. It runs in the thread, and its kernels use one thread.
        ahead: number of items to prepare in advance, at least 1.

    Raises:
        RuntimeError: when used in a forked process, which does not have the thread.

    Example:
        >>> from fastnet.data.prefetch import Prefetched
        >>> list(Prefetched((n * n for n in range(4)), ahead=2))
        [0, 1, 4, 9]
    """

    def __init__(self, items: Iterator[_Item], ahead: int) -> None:
        # Queues rather than locks: waiting for a queue ends in C. The thread takes one ticket for each item; a False
        # ticket ends it. The thread must hold no reference to this object, which could otherwise never be collected.
        tickets: SimpleQueue[bool] = SimpleQueue()
        self._ready: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        for _ in range(ahead):
            tickets.put(True)
        self._tickets, self._process = tickets, os.getpid()
        thread = threading.Thread(target=_work, args=(items, tickets, self._ready), name="fastnet-prefetch",
                                  daemon=True)          # else the exit of the process would wait for it forever
        self._end = weakref.finalize(                                       # also runs at exit
            self, inside, Finally(functools.partial(_wait_for, thread)),
            inside, Finally(functools.partial(tickets.put, False)), _clear, tickets)
        thread.start()                                                      # after the finalizer that ends it

    def __iter__(self) -> Iterator[_Item]:
        return self

    def __next__(self) -> _Item:
        if not self._end.alive:
            raise StopIteration
        if self._process != os.getpid():
            raise RuntimeError("this iteration started before the process was forked, and its thread does not exist "
                               "here; start a new iteration")
        return inside(Finally(self.close, failed_only=True), self._next)

    def _next(self) -> _Item:
        item, error = self._ready.get()
        if error is None:
            self._tickets.put(True)
            return item
        try:
            raise error
        finally:
            del error                           # its traceback refers to this frame

    def close(self) -> None:
        """End the thread and the iteration."""
        self._end()


def _work(items: Any, tickets: SimpleQueue[bool], ready: SimpleQueue[tuple[Any, BaseException | None]]) -> None:
    if compiled_available:
        set_num_threads(1)                      # leaves the other threads to the code that uses the items
    try:
        while tickets.get():
            ready.put((next(items), None))
        end: BaseException = StopIteration()
    except BaseException as e:                  # including StopIteration after the last item
        end = e
    items.close()
    ready.put((None, end))


def _clear(tickets: SimpleQueue[bool]) -> None:
    with contextlib.suppress(Empty):
        while True:
            tickets.get_nowait()                # or the thread would take these before the ticket that ends it


def _wait_for(thread: threading.Thread) -> None:
    # The garbage collector may run in the thread itself, and an interrupt may have prevented its start.
    if thread.is_alive() and thread is not threading.current_thread():
        thread.join()
