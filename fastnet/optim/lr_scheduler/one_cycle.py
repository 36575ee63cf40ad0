"""The one-cycle policy."""
import math

from fastnet.optim.lr_scheduler.base import LRScheduler, groups, per_group


def _cosine(start, end, pct):
    return end + (start - end) / 2.0 * (math.cos(math.pi * pct) + 1)


def _linear(start, end, pct):
    return (end - start) * pct + start


_ANNEAL = {"cos": _cosine, "linear": _linear}


def _positive(name, value):
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"expected a positive integer {name}, got {value}")
    return value


class OneCycleLR(LRScheduler):
    """Up from max_lr / div_factor to max_lr, then down to a `final_div_factor`th of the start, over the whole training.

    Smith and Topin 2017, https://arxiv.org/abs/1708.07120. Step it after every batch.

    Args:
        optimizer: the optimizer.
        max_lr: the highest rate, or a list with one for each group.
        total_steps: how many steps the cycle has; or epochs * steps_per_epoch.
        epochs, steps_per_epoch: in place of total_steps.
        pct_start: the share of the steps that go up.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: move momentum (or the first beta) the other way, from max_momentum to base_momentum and back.
        base_momentum, max_momentum: its bounds, or lists with one for each group.
        div_factor: max_lr over the first rate.
        final_div_factor: the first rate over the last.
        three_phase: down to the first rate in as many steps as up, then to the last.
        last_epoch: as in LRScheduler.

    Raises:
        ValueError: an argument out of range, an optimizer without momentum to cycle; from step(), one step too many.

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

    def __init__(self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3,
                 anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0,
                 final_div_factor=1e4, three_phase=False, last_epoch=-1):
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("expected either total_steps, or epochs and steps_per_epoch")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"expected a float pct_start between 0 and 1, got {pct_start}")
        if anneal_strategy not in _ANNEAL:
            raise ValueError(f"anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
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

    def _phases(self, pct_start, three_phase):
        def phase(end, *names):
            return dict(zip(("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum"), (end, *names)))

        up = phase(pct_start * self.total_steps - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        if not three_phase:
            return [up, phase(self.total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        return [up,
                phase(2 * pct_start * self.total_steps - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                phase(self.total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]

    def _start_momentum(self, optimizer, base_momentum, max_momentum, last_epoch):
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("cycle_momentum needs an optimizer with momentum or betas, which "
                             f"{type(optimizer).__name__} is not; pass cycle_momentum=False")
        self.use_beta1 = "betas" in optimizer.defaults
        highest = per_group("max_momentum", optimizer, max_momentum)
        lowest = per_group("base_momentum", optimizer, base_momentum)
        if last_epoch == -1:
            for group, high, low in zip(optimizer.param_groups, highest, lowest, strict=True):
                self._set_momentum(group, high)
                group.update(max_momentum=high, base_momentum=low)

    def _set_momentum(self, group, value):
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value

    def get_lr(self):
        """The rates at this step of the cycle. Sets the momentum of each group, too."""
        if self.last_epoch > self.total_steps:
            raise ValueError(f"the cycle has {self.total_steps} steps, step {self.last_epoch} was asked for")
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
