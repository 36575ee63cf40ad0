"""Lower the rate when progress stops."""
import math

from fastnet.optim.lr_scheduler.base import LRScheduler, groups, per_group, refuse_in_recording


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` once a metric has not become better for more than `patience` epochs.

    Call `step(metric)` after each epoch.

    Args:
        optimizer: the optimizer.
        mode: "min" where a lower metric is better, "max" where a higher one is.
        factor: what the rate is multiplied by; below 1.
        patience: how many epochs without progress are let pass.
        threshold: the least change that counts as progress.
        threshold_mode: "rel": a share of the best metric; "abs": an amount.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: the lowest rate, or a list with one for each group.
        eps: a reduction by less than this is not made.

    Raises:
        ValueError: an unknown mode, a factor that is not below 1, or another number of min_lr than of groups.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     schedule.step(loss)
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer, mode="min", factor=0.1, patience=10, threshold=1e-4, threshold_mode="rel", cooldown=0,
                 min_lr=0, eps=1e-8):
        if factor >= 1:
            raise ValueError(f"expected a factor below 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        groups(optimizer)
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = per_group("min_lr", optimizer, min_lr)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = self._present()
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self):
        """Whether the last reduction was less than `cooldown` epochs ago."""
        return self.cooldown_counter > 0

    def step(self, metrics, epoch=None):        # type: ignore[override]  # as in PyTorch
        """Note the metric of an epoch, a number, and lower the rates if it is time to.

        Args:
            metrics: the metric; NaN is no progress.
            epoch: deprecated, as in PyTorch: the number of this epoch.
        """
        refuse_in_recording()
        current = float(metrics)
        if epoch is not None:
            self._warn_of_epoch()
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._present()

    def _reduce(self):
        count = len(self.optimizer.param_groups)
        if count != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(f"the optimizer has {count} parameter groups now, the schedule {len(self.min_lrs)} "
                                   "min_lrs; bring `min_lrs` up to date when you add a group")
            self.min_lrs = [self.default_min_lr] * count
        for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            lr = max(group["lr"] * self.factor, lowest)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def _is_better(self, a, best):
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            return sign * a > sign * best * (1 + sign * self.threshold)
        return sign * a > sign * best + self.threshold
