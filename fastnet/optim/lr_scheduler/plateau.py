"""Reduction of the learning rate when a metric stops improving."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from fastnet.optim.lr_scheduler.base import LRScheduler, groups, per_group, refuse_in_recording

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber
    from fastnet.optim.optimizer import Optimizer

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when a metric has not improved for more than `patience` epochs.

    Call `step(metric)` after each epoch.

    Args:
        optimizer: the optimizer.
        mode: "min" if a lower metric is better, "max" if a higher one is.
        factor: multiplied with the rate; below 1.
        patience: the number of epochs without improvement that are tolerated.
        threshold: the smallest change that counts as improvement.
        threshold_mode: "rel" for a fraction of the best metric, "abs" for an absolute change.
        cooldown: the number of epochs after a reduction that do not count.
        min_lr: the lowest rate, or a list with one for each group.
        eps: smaller reductions are skipped.

    Raises:
        ValueError: an unknown mode, a factor of 1 or more, or a min_lr list whose length is not the number of groups.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     schedule.step(loss)
        >>> schedule.get_last_lr()
        [0.5]
    """

    mode: Literal["min", "max"]
    factor: float
    patience: int
    threshold: float
    threshold_mode: Literal["rel", "abs"]
    cooldown: int
    min_lrs: list[float]
    default_min_lr: Any
    eps: float
    last_epoch: int
    best: float
    cooldown_counter: int
    num_bad_epochs: int

    def __init__(self, optimizer: Optimizer, mode: Literal["min", "max"] = "min", factor: float = 0.1,
                 patience: int = 10, threshold: float = 1e-4, threshold_mode: Literal["rel", "abs"] = "rel",
                 cooldown: int = 0, min_lr: float | Sequence[float] = 0, eps: float = 1e-8) -> None:
        if factor >= 1:
            raise ValueError(f"expected a factor below 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"expected mode to be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"expected threshold_mode to be 'rel' or 'abs', got {threshold_mode!r}")
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
        self._last_lr = self._current_lrs()
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """True for `cooldown` epochs after a reduction."""
        return self.cooldown_counter > 0

    def step(self, metrics: TensorOrNumber, epoch: int | None = None) -> None:      # type: ignore[override]  # as PyTorch
        """Report the metric of an epoch, and reduce the rates if it has stopped improving.

        Args:
            metrics: the metric, a number; NaN is not an improvement.
            epoch: the number of this epoch; deprecated, as in PyTorch.
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
        self._last_lr = self._current_lrs()

    def _reduce(self) -> None:
        count = len(self.optimizer.param_groups)
        if count != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(f"expected a min_lr for each of the {count} parameter groups, got "
                                   f"{len(self.min_lrs)}; update `min_lrs` when you add a group")
            self.min_lrs = [self.default_min_lr] * count
        for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            lr = max(group["lr"] * self.factor, lowest)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def _is_better(self, a: float, best: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            return sign * a > sign * best * (1 + sign * self.threshold)
        return sign * a > sign * best + self.threshold
