"""The exchange of gradients while backward() computes the next ones.

As soon as backward(), or the replay of one, has written the last gradient of a bucket, a thread exchanges the bucket.
All ranks exchange their buckets in the same order, one after another, whenever each of them became ready. So the sums
have the bits of an exchange after backward(), and only one thread uses the transport at a time.
"""
from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet.autograd.completion import GradientWatcher, watch_gradients
from fastnet.distributed.buckets import Buckets
from fastnet.distributed.transport import Transport

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["GradientExchange"]


class GradientExchange(GradientWatcher):
    """Exchanges the gradients of one backward() at a time: `begin`, backward(), `finish`.

    Args:
        buckets: the gradients.
        combine: combine(number, array) replaces the array of a bucket by the result of all ranks, such as their sum. It
            may run in another thread.
        transport: of this rank; None: alone.

    Attributes:
        overlaps: whether buckets are exchanged during backward(). One bucket alone is complete only at its end.
    """

    def __init__(self, buckets: Buckets, combine: Callable[[int, Array], None], transport: Transport | None) -> None:
        self.groups = buckets.groups
        self.overlaps = (transport is not None and transport.size > 1 and transport.serves_threads
                         and len(buckets) > 1)
        self._buckets, self._combine, self._transport = buckets, combine, transport
        self._begun = self._sends = False
        self._current: _Exchanging | None = None
        if self.overlaps:
            watch_gradients(self)

    def begin(self, sends: bool = True) -> None:
        """Prepare for the next backward().

        Args:
            sends: exchange its gradients. If False, its recording learns where a later backward() will.
        """
        self._begun, self._sends, self._current = True, sends, None

    def is_fixed(self, number: int) -> bool:
        return self._begun and self._buckets.is_at_home(number)

    def ready(self, number: int) -> None:
        """Hand a bucket over to the thread.

        Raises:
            DistError: the exchange of an earlier bucket has failed.
        """
        if self._sends:
            if self._current is None:
                self._current = _Exchanging(len(self._buckets), self._combine)
            self._current.hand_over(number, self._buckets.home(number))

    def finish(self, arrays: Sequence[Array] | None = None) -> list[Array]:
        """Exchange the buckets that are left, and wait for the others.

        Args:
            arrays: of all buckets, after `begin` without a backward(); None: the gradients.

        Returns:
            The results, one flat array for each bucket.

        Raises:
            DistError: an exchange has failed.
        """
        self._begun = self._sends = False
        current, handed = self._current, {} if self._current is None else self._current.handed
        found = [handed[i] if i in handed else self._buckets.collected(i) if arrays is None else arrays[i]
                 for i in range(len(self._buckets))]
        if current is None:
            for number, array in enumerate(found):
                self._combine(number, array)
            return found
        for number, array in enumerate(found):
            if number not in handed:
                current.hand_over(number, array)
        current.wait()
        self._current = None
        return found

    def abandon(self) -> None:
        """Give up an exchange that has begun, and tell the other ranks, which wait for the buckets that are left."""
        self._begun = self._sends = False
        current, self._current = self._current, None
        if current is not None and current.stop() and self._transport is not None:
            self._transport.abort(f"rank {self._transport.rank} has ended during backward(): see its own error "
                                  "message, if it has one")


class _Exchanging:
    """The thread that exchanges the buckets of one backward().

    It ends with its last bucket, so that no thread is left when a training ends; starting one takes 0.1 ms.
    """

    def __init__(self, count: int, combine: Callable[[int, Array], None]) -> None:
        self.handed: dict[int, Array] = {}
        self._count, self._combine = count, combine
        self._queue: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="fastnet exchange", daemon=True)
        self._thread.start()

    def hand_over(self, number: int, array: Array) -> None:
        """Let the thread exchange a bucket, after all buckets with smaller numbers."""
        if self._error is not None:
            raise self._error
        self.handed[number] = array
        self._queue.put(number)

    def wait(self) -> None:
        """Wait for all buckets; raises the error of the thread."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> bool:
        """Let the thread exchange no further bucket; returns whether some are left and no exchange has failed."""
        left = self._thread.is_alive() and self._error is None
        self._queue.put(None)
        return left

    def _run(self) -> None:
        try:
            with np.errstate(all="ignore"):
                for number in range(self._count):
                    while number not in self.handed:
                        if self._queue.get() is None:
                            return
                    self._combine(number, self.handed[number])
        except BaseException as error:          # raised by the thread that computes
            self._error = error
