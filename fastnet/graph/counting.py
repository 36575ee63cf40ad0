"""Counting the FLOPs and bytes of the kernel calls that a program makes, replays included."""
from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from fastnet._core.kernel_costs import UNCOUNTED, KernelCost, kernel_cost, recorded_costs
from fastnet._core.meters import Meter
from fastnet._core.reprs import repr_of

__all__ = ["CostCounter"]

_T = TypeVar("_T")


class CostCounter(Meter):
    """Context manager that counts what the kernel calls of this thread cost: forward, backward and updates alike.

    Counts come from the shapes of the arrays, see `KernelCost`. A replay of a compiled function counts as the kernel
    calls that it was recorded from, wherever it was recorded.

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
        self._start = KernelCost()
        self._called: dict[str, KernelCost] = {}                # by kernel, of calls outside of replays
        self._replayed: dict[int, list[Any]] = {}               # by id: the calls of a LaunchList, number of replays
        self._uncounted: set[str] = set()                       # before `cost` was set

    @property
    def by_kernel(self) -> dict[str, KernelCost]:
        """{kernel: KernelCost} so far."""
        found = dict(self._called)
        for calls, replays in self._replayed.values():
            for call in calls:
                name = call.kernel.__name__
                found[name] = found.get(name, KernelCost()) + call.cost * replays
        return found

    @property
    def uncounted(self) -> set[str]:
        """Names of kernels that ran and whose FLOPs are not counted: their work depends on values."""
        return self._uncounted | (self.by_kernel.keys() & UNCOUNTED)

    @property
    def cost(self) -> KernelCost:
        """The cost so far. Setting it begins anew from there."""
        return sum(self.by_kernel.values(), self._start)

    @cost.setter
    def cost(self, cost: KernelCost) -> None:
        self._uncounted = self.uncounted
        self._start, self._called, self._replayed = cost, {}, {}

    def __repr__(self) -> str:
        return repr_of(self, flops=self.cost.flops, bytes=self.cost.bytes)

    def __enter__(self) -> CostCounter:
        self.start_meter()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop_meter()

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

    def note_kernel(self, kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any], seconds: float) -> None:
        name = kernel.__name__
        self._called[name] = self._called.get(name, KernelCost()) + kernel_cost(kernel, args, attrs)

    def note_replay(self, launches: Any) -> None:
        calls = recorded_costs(launches)
        self._replayed.setdefault(id(calls), [calls, 0])[1] += 1        # the list is kept, so its id stays its own
