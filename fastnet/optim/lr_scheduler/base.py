"""What all schedules share."""
import warnings

from fastnet._core.state import forbid_in_recording


def refuse_in_recording():
    """Inside a compiled function a schedule would move on once and then never again."""
    forbid_in_recording("a schedule's step()", "it would run once, with the recording, and not at the replays. Call it "
                        "outside; the new rates hold at once")


def groups(optimizer):
    """The optimizer's groups; TypeError where it is no optimizer."""
    found = getattr(optimizer, "param_groups", None)
    if found is None:
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return found


def per_group(name, optimizer, value):
    """`value` once for each group, or the list that already has one for each."""
    count = len(groups(optimizer))
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name} has {len(value)} values, the optimizer has {count} parameter groups")
    return list(value)


class LRScheduler:
    """Base of the schedules. A subclass gives the next rates in `get_lr`, from `last_epoch` and the present ones.

    Args:
        optimizer: the optimizer whose groups' "lr" is set.
        last_epoch: how many steps were made before, to resume a schedule; -1 starts one.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> for epoch in range(2):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.25]
    """

    _is_initial = False

    def __init__(self, optimizer, last_epoch=-1):
        for i, group in enumerate(groups(optimizer)):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"param_groups[{i}] has no 'initial_lr', which last_epoch={last_epoch} needs; load the "
                               "optimizer's state first")
        self.optimizer = optimizer
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self):
        """The next rate of each group, while `step` runs. The present ones are `get_last_lr`'s."""
        raise NotImplementedError

    def get_last_lr(self):
        """The rate of each group that the last step set."""
        return self._last_lr

    def step(self, epoch=None):
        """Set the next rates; call it after `optimizer.step()`.

        Args:
            epoch: deprecated, as in PyTorch: go to this epoch instead.
        """
        refuse_in_recording()
        self._step_count += 1
        if epoch is not None:
            self._warn_of_epoch()
        self._update_lr(epoch)

    @staticmethod
    def _warn_of_epoch():
        warnings.warn("the epoch of scheduler.step() is deprecated; call step() without it", UserWarning, stacklevel=3)

    def _update_lr(self, epoch=None):
        if epoch is None:
            self.last_epoch += 1
            lrs = self.get_lr()
        else:
            self.last_epoch = epoch
            lrs = getattr(self, "_get_closed_form_lr", self.get_lr)()
        self._set(lrs)

    def _set(self, lrs):
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        self._last_lr = self._present()

    def _present(self):
        return [group["lr"] for group in self.optimizer.param_groups]

    def _times(self, factor):
        return [lr * factor for lr in self._present()]

    def _base_times(self, factor):
        return [lr * factor for lr in self.base_lrs]

    def state_dict(self):
        """Everything that the schedule knows but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict):
        """Go on from what `state_dict` gave."""
        self.__dict__.update(state_dict)
