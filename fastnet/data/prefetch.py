"""An iterator that a thread runs ahead of."""
import contextlib
import functools
import os
import threading
import weakref
from queue import Empty, SimpleQueue

from fastnet._core.state import Finally, inside
from fastnet.backend import compiled_available, set_num_threads


class Prefetched:
    """Gives what another iterator gives, which a thread asks up to `ahead` items before they are wanted.

    An error of the other iterator is raised where its item would have come. The thread ends with the items, and when
    this object is closed or forgotten, or the process ends; then an item that is being made is waited for. As with a
    generator, an exception from outside (Ctrl-C) while the next item is waited for ends the iteration.

    Args:
        items: a generator; it runs in the thread, with one thread for its kernels.
        ahead: how many items, at least 1.

    Raises:
        RuntimeError: on use in a process that was forked since: the thread is not there.

    Example:
        >>> from fastnet.data.prefetch import Prefetched
        >>> list(Prefetched((n * n for n in range(4)), ahead=2))
        [0, 1, 4, 9]
    """

    def __init__(self, items, ahead):
        # Queues rather than locks: what waits on one is woken in C. The thread takes a ticket for each item; a False
        # one sends it home. It must not know this object, or nobody could forget it.
        tickets, self._ready = SimpleQueue(), SimpleQueue()
        for _ in range(ahead):
            tickets.put(True)
        self._tickets, self._process = tickets, os.getpid()
        thread = threading.Thread(target=_work, args=(items, tickets, self._ready), name="fastnet-prefetch",
                                  daemon=True)          # else the end of the process would wait for it unasked
        self._end = weakref.finalize(                                       # runs at exit, too
            self, inside, Finally(functools.partial(_wait_for, thread)),
            inside, Finally(functools.partial(tickets.put, False)), _clear, tickets)
        thread.start()                                                      # now that it can be ended

    def __iter__(self):
        return self

    def __next__(self):
        if not self._end.alive:
            raise StopIteration
        if self._process != os.getpid():
            raise RuntimeError("this iteration began before the process was forked, its thread is not here; begin anew")
        return inside(Finally(self.close, failed_only=True), self._next)

    def _next(self):
        item, error = self._ready.get()
        if error is None:
            self._tickets.put(True)
            return item
        try:
            raise error
        finally:
            del error                           # its traceback holds this frame

    def close(self):
        """End the thread; nothing more comes."""
        self._end()


def _work(items, tickets, ready):
    if compiled_available:
        set_num_threads(1)                      # the others are for whoever uses the items
    try:
        while tickets.get():
            ready.put((next(items), None))
        end: BaseException = StopIteration()
    except BaseException as e:                  # also StopIteration, where there are no more items
        end = e
    items.close()
    ready.put((None, end))


def _clear(tickets):
    with contextlib.suppress(Empty):
        while True:
            tickets.get_nowait()                # what is left of them would come first


def _wait_for(thread):
    # the garbage collector runs anywhere, and the start may have been interrupted
    if thread.is_alive() and thread is not threading.current_thread():
        thread.join()
