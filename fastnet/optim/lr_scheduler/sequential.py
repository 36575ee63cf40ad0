"""One schedule after another."""
from bisect import bisect_right

from fastnet.optim.lr_scheduler.base import LRScheduler, refuse_in_recording
from fastnet.optim.lr_scheduler.plateau import ReduceLROnPlateau


class SequentialLR(LRScheduler):
    """Schedules that follow one another: the next one starts at each of the epochs `milestones`.

    Args:
        optimizer: the optimizer, the same as that of the schedules.
        schedulers: the schedules.
        milestones: the epoch at which each schedule but the first begins, in rising order.
        last_epoch: as in LRScheduler.

    Raises:
        TypeError: one of the schedules is none.
        ValueError: no schedule, one of another optimizer, one that needs a metric, or a wrong number of milestones.

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

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        if not schedulers:
            raise ValueError("SequentialLR expects at least one scheduler")
        for i, schedule in enumerate(schedulers):
            if not hasattr(schedule, "optimizer"):
                raise TypeError(f"SequentialLR: number {i} is no schedule but {type(schedule).__name__}")
            if isinstance(schedule, ReduceLROnPlateau):
                raise ValueError(f"SequentialLR: number {i} is ReduceLROnPlateau, whose step() needs a metric")
            if schedule.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: number {i}, {type(schedule).__name__}, belongs to another optimizer")
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(f"SequentialLR: expected one milestone fewer than schedules, got {len(milestones)} and "
                             f"{len(schedulers)}")
        self.optimizer = optimizer
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # the schedules each took their first step when they were made: undo them, and let the first one start alone
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        _undo(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self):                             # type: ignore[override]  # as in PyTorch
        """Set the next rates, by the schedule whose turn it is."""
        refuse_in_recording()
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        schedule = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            schedule._update_lr(0)
        else:
            schedule.step()
        self._last_lr = schedule.get_last_lr()

    def state_dict(self):
        """The state, that of the schedules included."""
        return super().state_dict() | {"_schedulers": [schedule.state_dict() for schedule in self._schedulers]}

    def load_state_dict(self, state_dict):
        """Go on from what `state_dict` gave."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for schedule, saved in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            schedule.load_state_dict(saved)


def _undo(schedule):
    if hasattr(schedule, "_schedulers"):
        for inner in schedule._schedulers:
            _undo(inner)
    else:
        schedule.last_epoch -= 1
