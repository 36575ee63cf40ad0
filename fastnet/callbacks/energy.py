"""The energy of a training, and the operations and bytes that it took."""
from __future__ import annotations

import functools
import platform
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core import world
from fastnet._core.errors import check_number, check_path
from fastnet.callbacks.base import Callback
from fastnet.callbacks.carbon import carbon_per_joule
from fastnet.callbacks.powercap import POWERCAP, Powercap
from fastnet.graph import CostCounter, KernelCost

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath
    from fastnet.training import Trainer

__all__ = ["WATTS_PER_CORE", "Energy"]

WATTS_PER_CORE = 10.0                   # of a processor's power in one busy core, unless it is stated
_INTERVAL = 1.0                         # seconds from one reading of the counters to the next
_COUNTED_PARTS = ("training", "validation")     # the compiled functions whose kernels are counted


class Energy(Callback):
    """Measure the energy of each epoch, and count its floating-point operations and bytes.

    **Joules** come from the processor's counters (RAPL) where Linux lets this process read them, in the column
    `joules`. They are those of the whole processor and its memory, other processes included. Elsewhere joules = CPU
    seconds of this process * `watts_per_core`, in the column `joules_estimated`.

    **FLOPs and bytes** are counted exactly, from the shapes of the arrays of each kernel call (`fastnet.graph.
    KernelCost`), by the recordings that a compiled step replays: columns `flops` and `bytes` of the training steps,
    forward, backward and update, `validation_flops` and `validation_bytes` of the validation. The check for finite
    weights at the end of an epoch is not counted. The bits of the training do not change.

    In a process group, each column is the sum over the ranks; counters are added once for each machine.

    Args:
        watts_per_core: power of one busy core, for the estimate: the TDP of the processor / its cores.
        country: ISO code of three letters, such as "DEU": also log `carbon_kg`, kilograms of CO2 equivalents of these
            joules in that country's mix of electricity, by CodeCarbon's data (`pip install codecarbon`).
        powercap: the folder of the counters.

    Attributes:
        source: "rapl" or "estimated"; None before the training.
        why_estimated: why the counters cannot be read, or None.
        total: {column: sum over the epochs of this training}, "cpu_seconds" of this process among them.

    Raises:
        TypeError: an argument of another type.
        ValueError: `watts_per_core` is not positive; in training, CodeCarbon does not know the country.
        ImportError: in training, `country` is given and CodeCarbon is not installed.

    Example:
        >>> import numpy as np, fastnet
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), "sgd", loss="mse")
        >>> x, y = np.zeros((4, 2), np.float32), np.ones(4, np.float32)
        >>> energy = fastnet.callbacks.Energy(watts_per_core=8)
        >>> history = trainer.fit(x, y, epochs=2, callbacks=[energy], progress=False)
        >>> history["flops"], energy.total["flops"] == sum(history["flops"])
        ([90, 90], True)
    """

    priority = -1                       # before the callbacks that log a row

    def __init__(self, watts_per_core: float = WATTS_PER_CORE, *, country: str | None = None,
                 powercap: StrPath = POWERCAP) -> None:
        check_number("watts_per_core", watts_per_core)
        if not 0 < watts_per_core < float("inf"):
            raise ValueError(f"expected watts_per_core > 0, got {watts_per_core}")
        if country is not None and not isinstance(country, str):
            raise TypeError(f"expected country to be an ISO code, such as 'DEU', got {country!r}")
        check_path("powercap", powercap)
        self.watts_per_core: float = watts_per_core
        self.country: str | None = country
        self.powercap: str = str(powercap)
        self.source: str | None = None
        self.why_estimated: str | None = None
        self.total: dict[str, float] = {}
        self._counters: dict[str, CostCounter] = {}
        self._meter: Powercap | None = None
        self._epoch: dict[str, float] = {}          # joules and CPU seconds since the epoch began
        self._carbon = self._cpu = self._next = 0.0

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._carbon = 0.0 if self.country is None else carbon_per_joule(self.country)
        self._meter = Powercap(self.powercap)
        self.why_estimated = self._meter.missing
        self.source = "rapl" if self.why_estimated is None else "estimated"
        self.total, self._epoch = {}, {"joules": 0.0, "cpu_seconds": 0.0}
        self._counters = {part: CostCounter() for part in _COUNTED_PARTS}
        trainer.observers = {part: functools.partial(self._observed, counter)
                             for part, counter in self._counters.items()}
        self._cpu, self._next = time.process_time(), time.monotonic() + _INTERVAL

    def on_epoch_end(self, trainer: Trainer) -> None:
        row = self._finish_epoch()
        trainer.logs |= row
        for name, value in row.items():
            self.total[name] = self.total.get(name, 0) + value

    def close(self, trainer: Trainer) -> None:
        trainer.observers = {}
        self._meter = None

    def state_dict(self) -> dict[str, Any]:
        self._read()
        return {"total": self.total, "epoch": self._epoch,
                "costs": {part: list(vars(counter.cost).values()) for part, counter in self._counters.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.total = dict(state["total"])
        if world.is_first_rank():       # the state is that of rank 0
            self._epoch = dict(state["epoch"])
        for part, cost in state["costs"].items():
            self._counters[part].cost = KernelCost(*cost) if world.is_first_rank() else KernelCost()

    @property
    def uncounted(self) -> list[str]:
        """Names of kernels that ran and whose FLOPs are not counted, because their work depends on values."""
        return sorted(set().union(*(counter.uncounted for counter in self._counters.values())))

    def report(self) -> dict[str, Any]:
        """The totals of this training and where they come from, for JSON.

        Example:
            >>> import fastnet
            >>> fastnet.callbacks.Energy().report()
            {'source': None}
        """
        found: dict[str, Any] = {"source": self.source, **self.total}
        if self.source == "estimated":
            found |= {"watts_per_core": self.watts_per_core, "why_estimated": self.why_estimated}
        if self.country is not None:
            found["country"] = self.country
        return found | ({"uncounted_kernels": self.uncounted} if self.uncounted else {})

    def _observed(self, counter: CostCounter, function: Callable[..., Any]) -> Callable[..., Any]:
        """A compiled function whose kernels are counted; the energy counters are read before they overflow."""
        def call(*args: Any) -> Any:
            with counter:
                result = function(*args)
            if time.monotonic() >= self._next:
                self._read()
            return result
        return call

    def _read(self) -> None:
        """Add the joules and CPU seconds since the last reading."""
        if self._meter is None:         # after the training
            return
        now = time.process_time()
        used, self._cpu = now - self._cpu, now
        joules = used * self.watts_per_core
        if self.source == "rapl":
            try:
                joules = self._meter.read()
            except (OSError, ValueError) as e:      # the training continues with estimates
                self.source, self.why_estimated = "estimated", str(e)
        self._epoch["joules"] += joules
        self._epoch["cpu_seconds"] += used
        self._next = time.monotonic() + _INTERVAL

    def _finish_epoch(self) -> dict[str, float]:
        """The columns of an epoch; the next one begins."""
        self._read()
        own: dict[str, Any] = {"source": self.source, "machine": platform.node(), **self._epoch}
        for part, counter in self._counters.items():
            prefix, cost = "" if part == "training" else f"{part}_", counter.cost
            own |= {f"{prefix}flops": cost.flops, f"{prefix}bytes": cost.bytes} if cost.bytes else {}
            counter.cost = KernelCost()
        row = _sum_of_ranks(_spent_by_ranks(own))
        if self.country is not None:
            row["carbon_kg"] = (row.get("joules", 0.0) + row.get("joules_estimated", 0.0)) * self._carbon
        self._epoch = {"joules": 0.0, "cpu_seconds": 0.0}
        return row


def _spent_by_ranks(own: dict[str, Any]) -> list[dict[str, Any]]:
    """The joules, seconds and counts of each rank, by rank."""
    group = world.current()
    if group is None:
        return [own]
    from fastnet.distributed.calls import all_gather_json  # which a process that works alone does not load
    return all_gather_json(group.transport, "callbacks.Energy", own)


def _sum_of_ranks(ranks: list[dict[str, Any]]) -> dict[str, float]:
    """The columns of an epoch. The counters of a machine are the same for all of its ranks; estimates are added."""
    measured: dict[str, float] = {}
    estimated = [rank["joules"] for rank in ranks if rank["source"] != "rapl"]
    for rank in ranks:
        if rank["source"] == "rapl":
            measured[rank["machine"]] = max(measured.get(rank["machine"], 0.0), rank["joules"])
    row: dict[str, float] = {"joules": sum(measured.values())} if measured else {}
    row |= {"joules_estimated": sum(estimated)} if estimated else {}
    names = dict.fromkeys(name for rank in ranks for name in rank if name not in ("source", "machine", "joules"))
    return row | {name: sum(rank.get(name, 0) for rank in ranks) for name in names}
