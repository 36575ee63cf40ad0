"""Cosine annealing with and without restarts."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet.optim.lr_scheduler.base import LRScheduler

if TYPE_CHECKING:
    from fastnet.optim.optimizer import Optimizer

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


class CosineAnnealingLR(LRScheduler):
    """Cosine annealing: the rate falls to `eta_min` along half a cosine in `T_max` epochs, then rises again.

    The rate is eta_min + (base - eta_min) * (1 + cos(pi * epoch / T_max)) / 2. Loshchilov and Hutter 2016,
    https://arxiv.org/abs/1608.03983, without restarts.

    Args:
        optimizer: the optimizer.
        T_max: the number of epochs until the lowest rate.
        eta_min: the lowest rate.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: T_max is not positive.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates += [round(lr, 3) for lr in schedule.get_last_lr()]
        ...     optimizer.step(); schedule.step()
        >>> rates
        [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    T_max: int
    eta_min: float

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_max <= 0:
            raise ValueError(f"expected a positive T_max, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def get_lr(self) -> list[Any]:
        """eta_min + (lr - eta_min) * the ratio of this epoch's cosine term to the previous one."""
        if self._is_initial:
            return self._current_lrs()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:      # at the lowest rate the ratio is x/0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            lrs = self._current_lrs()
            return [lr + (base - self.eta_min) * rise for lr, base in zip(lrs, self.base_lrs, strict=True)]
        ratio = self._height(self.last_epoch) / self._height(self.last_epoch - 1)
        return [ratio * (lr - self.eta_min) + self.eta_min for lr in self._current_lrs()]

    def _get_closed_form_lr(self) -> list[Any]:
        return [self.eta_min + (base - self.eta_min) * self._height(self.last_epoch) / 2 for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing with warm restarts: cycles of T_0 epochs, then T_0 * T_mult, and so on.

    The rate is eta_min + (base - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2, T_cur epochs after the start of a cycle of
    T_i epochs. Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983.

    Args:
        optimizer: the optimizer.
        T_0: the number of epochs in the first cycle.
        T_mult: the factor from the length of each cycle to the next.
        eta_min: the lowest rate.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: T_0 or T_mult is not a positive integer, or eta_min is not a number.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates += [round(lr, 3) for lr in schedule.get_last_lr()]
        ...     optimizer.step(); schedule.step()
        >>> rates
        [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    T_0: int
    T_i: int
    T_mult: int
    T_cur: float
    eta_min: float
    last_epoch: int

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
                 last_epoch: int = -1) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"expected a positive integer T_0, got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"expected an integer T_mult >= 1, got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"expected a number for eta_min, got {eta_min!r}")
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """eta_min + (base - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2."""
        height = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the next rates.

        Args:
            epoch: set the rates of this epoch instead; it may be a fraction, epoch + batch / batches.
        """
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._go_to(0 if epoch is None else epoch)
        self.last_epoch = math.floor(epoch or 0)
        self._set_lrs(self.get_lr())

    def _go_to(self, epoch: float) -> None:
        if epoch < 0:
            raise ValueError(f"expected a non-negative epoch, got {epoch}")
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            cycle = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**cycle - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**cycle
