"""The one-cycle policy."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from fastnet.optim.lr_scheduler.base import LRScheduler, groups, per_group

if TYPE_CHECKING:
    from fastnet.optim.optimizer import Optimizer

__all__ = ["OneCycleLR"]


def _cosine(start: float, end: float, pct: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * pct) + 1)


def _linear_annealing(start: float, end: float, pct: float) -> float:
    return (end - start) * pct + start


_ANNEAL = {"cos": _cosine, "linear": _linear_annealing}


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"expected a positive integer {name}, got {value}")
    return value


class OneCycleLR(LRScheduler):
    """One-cycle policy: the rate rises from max_lr / div_factor to max_lr, then falls to a small fraction of the first.

    Call `step()` after every batch. Smith and Topin 2017, https://arxiv.org/abs/1708.07120.

    Args:
        optimizer: the optimizer.
        max_lr: the highest rate, or a list with one for each group.
        total_steps: the number of steps in the cycle.
        epochs: with steps_per_epoch, an alternative to total_steps.
        steps_per_epoch: the number of steps in an epoch.
        pct_start: the fraction of the steps with a rising rate.
        anneal_strategy: the shape of each phase, "cos" or "linear".
        cycle_momentum: move momentum (or the first beta) inversely to the rate.
        base_momentum: the lowest momentum, or a list with one for each group.
        max_momentum: the highest momentum, or a list with one for each group.
        div_factor: the highest rate divided by the first.
        final_div_factor: the first rate divided by the last.
        three_phase: fall to the first rate in as many steps as the rise takes, then to the last rate.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: an argument out of range, or cycle_momentum with an optimizer without momentum; from step(), more
            than total_steps steps.

    Example:
        >>> import fastnet
        >>> from fastnet.optim.lr_scheduler import OneCycleLR
        >>> optimizer = fastnet.optim.Adam([fastnet.ones(2, requires_grad=True)])
        >>> schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.6, anneal_strategy="linear")
        >>> rates = []
        >>> for batch in range(5):
        ...     rates += [round(lr, 3) for lr in schedule.get_last_lr()]
        ...     optimizer.step(); schedule.step()
        >>> rates
        [0.04, 0.52, 1.0, 0.5, 0.0]
    """

    total_steps: int
    cycle_momentum: bool
    use_beta1: bool

    def __init__(self, optimizer: Optimizer, max_lr: float | Sequence[float], total_steps: int | None = None,
                 epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
                 anneal_strategy: Literal["cos", "linear"] = "cos", cycle_momentum: bool = True,
                 base_momentum: float | Sequence[float] = 0.85, max_momentum: float | Sequence[float] = 0.95,
                 div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
                 last_epoch: int = -1) -> None:
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("expected either total_steps, or epochs and steps_per_epoch")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"expected a float pct_start between 0 and 1, got {pct_start}")
        if anneal_strategy not in _ANNEAL:
            raise ValueError(f"expected anneal_strategy to be 'cos' or 'linear', got {anneal_strategy!r}")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = self._phases(pct_start, three_phase)
        self.cycle_momentum = cycle_momentum
        max_lrs = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, highest in zip(groups(optimizer), max_lrs, strict=True):
                first = highest / div_factor
                group.update(initial_lr=first, max_lr=highest, min_lr=first / final_div_factor)
        if cycle_momentum:
            self._start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _phases(self, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
        def phase(end: float, *names: str) -> dict[str, Any]:
            return dict(zip(("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum"), (end, *names)))

        up = phase(pct_start * self.total_steps - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        if not three_phase:
            return [up, phase(self.total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        return [up,
                phase(2 * pct_start * self.total_steps - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                phase(self.total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]

    def _start_momentum(self, optimizer: Optimizer, base_momentum: float | Sequence[float],
                        max_momentum: float | Sequence[float], last_epoch: int) -> None:
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("cycle_momentum: expected an optimizer with momentum or betas, got "
                             f"{type(optimizer).__name__}; pass cycle_momentum=False")
        self.use_beta1 = "betas" in optimizer.defaults
        highest = per_group("max_momentum", optimizer, max_momentum)
        lowest = per_group("base_momentum", optimizer, base_momentum)
        if last_epoch == -1:
            for group, high, low in zip(optimizer.param_groups, highest, lowest, strict=True):
                self._set_momentum(group, high)
                group.update(max_momentum=high, base_momentum=low)

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value

    def get_lr(self) -> list[Any]:
        """Compute the rates of this step and set the momentum of each group."""
        if self.last_epoch > self.total_steps:
            raise ValueError(f"expected at most {self.total_steps} steps, got step {self.last_epoch}")
        start, phase = 0.0, self._schedule_phases[0]
        for following in self._schedule_phases[1:]:
            if self.last_epoch <= phase["end_step"]:
                break
            start, phase = phase["end_step"], following
        length = phase["end_step"] - start
        pct = (self.last_epoch - start) / length if length else 1.0     # PyTorch divides by 0 where a phase is one step
        anneal = _ANNEAL[self._anneal_func_type]
        lrs = []
        for group in self.optimizer.param_groups:
            lrs.append(anneal(group[phase["start_lr"]], group[phase["end_lr"]], pct))
            if self.cycle_momentum:
                self._set_momentum(group, anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], pct))
        return lrs
