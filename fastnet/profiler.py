"""Time, FLOPs and bytes of a program by operation and by kernel: eager calls, backward passes and replays alike."""
from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastnet._core.kernel_costs import UNCOUNTED, KernelCost, kernel_cost, recorded_costs
from fastnet._core.meters import Meter
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet._runtime.native import memory

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape

__all__ = ["KernelTime", "OperationTime", "profile"]

_Key = tuple[str, "tuple[Shape, ...]"]          # the name of an operation, and the shapes of its tensors


@dataclass
class KernelTime:
    """The calls of one kernel.

    Attributes:
        name: of the kernel.
        calls: a replay of a compiled function calls its kernels again.
        seconds: in all of them.
        replayed: the calls that were part of replays.
        replayed_seconds: the seconds of those.
        cost: FLOPs and bytes, see `fastnet.graph.KernelCost`.
    """

    name: str
    calls: int = 0
    seconds: float = 0.0
    replayed: int = 0
    replayed_seconds: float = 0.0
    cost: KernelCost = field(default_factory=KernelCost)

    @property
    def counted(self) -> bool:
        """Whether the FLOPs are counted; those of some kernels depend on values."""
        return self.name not in UNCOUNTED


@dataclass
class OperationTime:
    """The calls of one operation.

    Attributes:
        name: of the operation; "NAME backward" for its gradients. A kernel that is called outside of all operations,
            such as an optimizer's, has a row under its own name.
        shapes: of the tensors among its arguments; () unless `record_shapes`, and for gradients and replays.
        calls: in a replay, each kernel call of the operation is one.
        seconds: in all of them, operations inside included.
        self_seconds: without those inside.
        memory: bytes that it took from the memory pool, without those that it gave back, operations inside included. A
            replay takes none.
        self_memory: without those inside.
        cost: FLOPs and bytes of its kernels, operations inside included.
    """

    name: str
    shapes: tuple[Shape, ...] = ()
    calls: int = 0
    seconds: float = 0.0
    self_seconds: float = 0.0
    memory: int = 0
    self_memory: int = 0
    cost: KernelCost = field(default_factory=KernelCost)


@dataclass
class _Open:
    """An operation in progress: when it began, the memory in use then, and what operations inside took."""

    key: _Key
    start: float
    memory: int
    inside: float = 0.0
    memory_inside: int = 0


class profile(Meter):
    """Measures time, FLOPs and bytes of each operation and each kernel that this Python thread runs in a `with` block.

    Kernels inside a replay of a compiled function are timed one by one, and count for the operation that called them
    when the function was recorded. FLOPs and bytes follow from the shapes of the arrays. What Python does between
    kernel calls is part of the time of an operation, but not of a kernel's.

    Args:
        record_shapes: keep a row for each combination of the shapes of an operation's arguments.

    Raises:
        RuntimeError: this thread is profiled by this profile already.

    Example:
        >>> import fastnet
        >>> step = fastnet.compile(lambda x: (x @ x).sum())
        >>> x = fastnet.ones(8, 8)
        >>> with fastnet.profiler.profile() as seen:
        ...     for _ in range(3):
        ...         _ = step(x)
        >>> [(row.name, row.calls, row.cost.flops) for row in seen.kernels() if row.name == "matmul"]
        [('matmul', 3, 3072)]
        >>> print(seen)                                                                # doctest: +ELLIPSIS
        kernel ...
    """

    def __init__(self, record_shapes: bool = False) -> None:
        self._record_shapes = record_shapes
        self._kernels: dict[str, KernelTime] = {}
        self._operations: dict[_Key, OperationTime] = {}
        self._open: list[_Open] = []

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to measure, or continue."""
        if self in state.meters:
            raise RuntimeError("profile: this thread is profiled by this profile already")
        self.start_meter()

    def stop(self) -> None:
        """Stop measuring.

        Raises:
            RuntimeError: this thread has not started the profile.
        """
        if self not in state.meters:
            raise RuntimeError("profile: this thread has not started this profile")
        self.stop_meter()
        self._open.clear()

    # ---- what a meter is told ----

    def note_kernel(self, kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any], seconds: float) -> None:
        name, cost = kernel.__name__, kernel_cost(kernel, args, attrs)
        self._add_kernel(name, seconds, cost)
        if not self._open:
            self._add_call((name, ()), seconds)
        self._add_cost((name, ()), cost)

    def note_replay(self, launches: Any) -> None:
        for call, seconds in zip(recorded_costs(launches), launches.seconds_by_call()):
            name, cost = call.kernel.__name__, call.cost
            row = self._add_kernel(name, seconds, cost)
            row.replayed += 1
            row.replayed_seconds += seconds
            key = call.operation or name, ()
            self._add_call(key, seconds)
            self._add_cost(key, cost, replayed=True)
            if self._open:
                self._open[-1].inside += seconds

    def enter_operation(self, name: str, args: tuple[Any, ...]) -> None:
        shapes = tuple(x._data.shape for x in args if isinstance(x, Tensor)) if self._record_shapes else ()
        self._open.append(_Open((name, shapes), time.perf_counter(), _bytes_in_use()))

    def leave_operation(self) -> None:
        if not self._open:                      # it began before the profile
            return
        call = self._open.pop()
        seconds, taken = time.perf_counter() - call.start, _bytes_in_use() - call.memory
        row = self._operation(call.key)
        row.calls += 1
        row.self_seconds += seconds - call.inside
        row.self_memory += taken - call.memory_inside
        if all(other.key != call.key for other in self._open):
            row.seconds += seconds
            row.memory += taken
        if self._open:
            self._open[-1].inside += seconds
            self._open[-1].memory_inside += taken

    def _add_kernel(self, name: str, seconds: float, cost: KernelCost) -> KernelTime:
        row = self._kernels.get(name) or self._kernels.setdefault(name, KernelTime(name))
        row.calls += 1
        row.seconds += seconds
        row.cost += cost
        return row

    def _operation(self, key: _Key) -> OperationTime:
        return self._operations.get(key) or self._operations.setdefault(key, OperationTime(*key))

    def _add_call(self, key: _Key, seconds: float) -> None:
        row = self._operation(key)
        row.calls += 1
        row.seconds += seconds
        row.self_seconds += seconds

    def _add_cost(self, key: _Key, cost: KernelCost, replayed: bool = False) -> None:
        """Add the cost of a kernel call to each operation in progress, and to that of the key if it is another."""
        keys = {call.key for call in self._open}
        for each in keys | {key} if replayed or not keys else keys:
            self._operation(each).cost += cost

    # ---- results ----

    def kernels(self) -> list[KernelTime]:
        """The kernels that ran, those with the most time first. Kernels that NumPy computed are among them."""
        return sorted(self._kernels.values(), key=lambda row: -row.seconds)

    def operations(self) -> list[OperationTime]:
        """The operations that ran, those with the most time in themselves first.

        Example:
            >>> import fastnet
            >>> x = fastnet.ones(2, 3, requires_grad=True)
            >>> with fastnet.profiler.profile() as seen:
            ...     x.exp().sum().backward()
            >>> sorted((row.name, row.cost.flops) for row in seen.operations() if row.cost.flops)
            [('exp', 6), ('exp backward', 6), ('sum', 6)]
        """
        return sorted(self._operations.values(), key=lambda row: -row.self_seconds)

    def __str__(self) -> str:
        rows = self.kernels()
        whole = sum(row.seconds for row in rows) or 1.0
        lines = [f"{'kernel':32s}{'calls':>10s}{'ms':>12s}{'us a call':>12s}{'share':>8s}{'MFLOP':>12s}{'MB':>12s}"]
        lines += [f"{row.name:32s}{row.calls:10d}{1e3 * row.seconds:12.3f}{1e6 * row.seconds / row.calls:12.2f}"
                  f"{row.seconds / whole:8.1%}{_megas(row.cost.flops) if row.counted else '?':>12s}"
                  f"{_megas(row.cost.bytes):>12s}" for row in rows]
        return "\n".join(lines)


def _bytes_in_use() -> int:
    return memory.shared.held - memory.shared.idle


def _megas(count: int) -> str:
    return f"{count / 1e6:.3f}"
