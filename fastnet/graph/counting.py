"""Counting the FLOPs and bytes of the kernel calls that a program makes, replays included."""
from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from fastnet._core.reprs import repr_of
from fastnet._core.state import Swapped, state
from fastnet.backend import K
from fastnet.graph.kernel_costs import KernelCost, is_counted, kernel_cost

__all__ = ["CostCounter"]

_T = TypeVar("_T")


class CostCounter:
    """Context manager that counts what the kernel calls of this thread cost: forward, backward and updates alike.

    Counts come from the shapes of the arrays, see `KernelCost`. A function under `fastnet.compile` that is recorded
    inside the block adds the cost of its recording at each replay, also after the block. One that was recorded before
    the block replays uncounted: call its `clear()` first.

    Attributes:
        by_kernel: {kernel: KernelCost}, of the calls outside of replays.
        uncounted: names of the kernels among them whose FLOPs are not counted: their work depends on values.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.graph import CostCounter
        >>> layer, x = nn.Linear(3, 4), fastnet.ones(5, 3)
        >>> with CostCounter() as counter:
        ...     y = layer(x)
        >>> counter.cost.flops                      # 5 * 4 sums of 3 products and a bias
        120
        >>> with counter:
        ...     y.sum().backward()                  # the sums; the gradients of the weight and of the bias
        >>> counter.cost.multiply_adds, sorted(counter.by_kernel)
        (120, ['copy', 'fill', 'matmul', 'sum'])
    """

    def __init__(self) -> None:
        self._called = KernelCost()                             # of calls outside of replays
        self._recordings: list[_ReplayCost] = []
        self.by_kernel: dict[str, KernelCost] = {}
        self.uncounted: set[str] = set()
        self._thread = 0
        self._inside = False
        self._counted_table: tuple[Any, dict[str, Any]] = None, {}      # the table of kernels, and its counted form
        self._swaps: list[Swapped] = []
        self._recording: tuple[weakref.ref[Any], _ReplayCost] | None = None

    @property
    def cost(self) -> KernelCost:
        """The cost so far. Setting it begins anew from there."""
        return sum((recording.cost * recording.replays for recording in self._recordings), self._called)

    @cost.setter
    def cost(self, cost: KernelCost) -> None:
        self._called = cost
        for recording in self._recordings:
            recording.replays = 0

    def __repr__(self) -> str:
        return repr_of(self, flops=self.cost.flops, bytes=self.cost.bytes)

    def __enter__(self) -> CostCounter:
        table = K.__dict__
        if self._counted_table[0] is not table:
            self._counted_table = table, {name: self._counted(entry) if callable(entry) else entry
                                          for name, entry in table.items()}
        self._thread = threading.get_ident()
        swap = Swapped(K, "__dict__", self._counted_table[1])
        swap.__enter__()
        self._swaps.append(swap)
        return self

    def __exit__(self, *error: object) -> None:
        self._swaps.pop().__exit__(*error)

    def counting(self, function: Callable[..., _T]) -> Callable[..., _T]:
        """A function that calls `function` inside the block.

        Args:
            function: any function.

        Example:
            >>> import fastnet
            >>> counter = fastnet.graph.CostCounter()
            >>> double = counter.counting(fastnet.compile(lambda x: x * 2))
            >>> _ = [double(fastnet.ones(5)) for _ in range(3)]
            >>> counter.cost.flops
            15
        """
        @functools.wraps(function, updated=())
        def call(*args: Any, **kwargs: Any) -> _T:
            with self:
                return function(*args, **kwargs)
        return call

    def _counted(self, call: Any) -> Callable[..., None]:
        """An entry of the table of kernels that notes its calls; not those that a kernel makes of another."""
        kernel = call.__wrapped__

        @functools.wraps(kernel)
        def noted(*args: Any, **attrs: Any) -> None:
            if self._inside or threading.get_ident() != self._thread:
                call(*args, **attrs)
                return
            self._inside = True
            try:
                call(*args, **attrs)
            finally:
                self._inside = False
            self._note(kernel, args, attrs)
        return noted

    def _note(self, kernel: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
        cost, name = kernel_cost(kernel, args, attrs), kernel.__name__
        self._called += cost
        self.by_kernel[name] = self.by_kernel.get(name, KernelCost()) + cost
        if not is_counted(kernel):
            self.uncounted.add(name)
        if state.recorder is not None:
            self._recorded_cost(state.recorder).cost += cost

    def _recorded_cost(self, recorder: Any) -> _ReplayCost:
        """The cost of the recording in progress, which each replay adds."""
        if self._recording is None or self._recording[0]() is not recorder:
            replayed = _ReplayCost()
            recorder.note_refresher(replayed, replayed)
            self._recordings.append(replayed)
            self._recording = weakref.ref(recorder), replayed
        return self._recording[1]


class _ReplayCost:
    """What a recording costs, and how often it was replayed: each replay calls it."""

    def __init__(self) -> None:
        self.cost, self.replays = KernelCost(), 0

    def __call__(self) -> None:
        self.replays += 1
