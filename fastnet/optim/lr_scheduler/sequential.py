"""A sequence of schedules."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet.optim.lr_scheduler.base import LRScheduler, refuse_in_recording
from fastnet.optim.lr_scheduler.plateau import ReduceLROnPlateau

if TYPE_CHECKING:
    from fastnet.optim.optimizer import Optimizer

__all__ = ["SequentialLR"]


class SequentialLR(LRScheduler):
    """Apply schedules one after another; each milestone starts the next one.

    Args:
        optimizer: the optimizer of all schedules.
        schedulers: the schedules in order.
        milestones: the epoch at which each schedule except the first starts, in increasing order.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError: an entry is not a schedule.
        ValueError: no schedules, a schedule of another optimizer, a schedule that needs a metric, or a wrong number of
            milestones.

    Example:
        >>> import fastnet
        >>> from fastnet.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> warm_up = LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> schedule = SequentialLR(optimizer, [warm_up, ExponentialLR(optimizer, gamma=0.5)], milestones=[2])
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step(); schedule.step()
        >>> rates
        [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    last_epoch: int

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int],
                 last_epoch: int = -1) -> None:
        if not schedulers:
            raise ValueError("SequentialLR: expected at least one scheduler, got none")
        for i, schedule in enumerate(schedulers):
            if not hasattr(schedule, "optimizer"):
                raise TypeError(f"SequentialLR: expected a schedule as schedulers[{i}], got {type(schedule).__name__}")
            if isinstance(schedule, ReduceLROnPlateau):
                raise ValueError(f"SequentialLR: schedulers[{i}] is a ReduceLROnPlateau, whose step() needs a metric")
            if schedule.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: schedulers[{i}] ({type(schedule).__name__}) has another optimizer")
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(f"SequentialLR: expected {len(schedulers) - 1} milestones for {len(schedulers)} "
                             f"schedules, got {len(milestones)}")
        self.optimizer = optimizer
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # each schedule made its first step at its creation: undo these steps, then start the first schedule only
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        _undo_first_step(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:                     # type: ignore[override]  # as in PyTorch
        """Set the next rates with the schedule of this epoch."""
        refuse_in_recording()
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        schedule = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            schedule._update_lr(0)
        else:
            schedule.step()
        self._last_lr = schedule.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return the state, including that of the schedules."""
        return super().state_dict() | {"_schedulers": [schedule.state_dict() for schedule in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for schedule, saved in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            schedule.load_state_dict(saved)

    def _shown_options(self) -> dict[str, Any]:
        return {"schedulers": list(self._schedulers), "milestones": list(self._milestones)}


def _undo_first_step(schedule: Any) -> None:
    """Take back the step that creating a schedule made."""
    if hasattr(schedule, "_schedulers"):
        for inner in schedule._schedulers:
            _undo_first_step(inner)
    else:
        schedule.last_epoch -= 1
