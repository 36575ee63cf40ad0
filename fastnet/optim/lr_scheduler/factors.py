"""Schedules that multiply the rate by a factor."""
from __future__ import annotations

import types
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastnet.optim.lr_scheduler.base import LRScheduler, per_group

if TYPE_CHECKING:
    from fastnet.optim.optimizer import Optimizer

__all__ = ["ConstantLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "StepLR"]


class LambdaLR(LRScheduler):
    """Multiply the initial rate by a function of the epoch: base * lr_lambda(epoch).

    Args:
        optimizer: the optimizer.
        lr_lambda: a function of the epoch, or a list with one function for each group.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: the number of functions is not the number of groups.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> optimizer.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    lr_lambdas: list[Callable[[int], float]]

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
                 last_epoch: int = -1) -> None:
        self.lr_lambdas = per_group("lr_lambda", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """base * lr_lambda(epoch)."""
        return [lr * f(self.last_epoch) for lr, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def _shown_options(self) -> dict[str, Any]:
        return {"lr_lambda": self.lr_lambdas}

    def state_dict(self) -> dict[str, Any]:
        """Return the state. Callable objects are saved by their attributes, plain functions are not saved."""
        saved = [None if isinstance(f, types.FunctionType) else dict(vars(f)) for f in self.lr_lambdas]
        return super().state_dict() | {"lr_lambdas": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned; plain functions remain those of this schedule."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for f, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if saved is not None:
                vars(f).update(saved)


class StepLR(LRScheduler):
    """Multiply the rate by gamma every `step_size` epochs: base * gamma^floor(epoch / step_size).

    Args:
        optimizer: the optimizer.
        step_size: a number of epochs.
        gamma: the factor.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: step_size is not positive.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step(); schedule.step()
        >>> rates
        [1.0, 1.0, 0.5, 0.5]
    """

    step_size: int
    gamma: float

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size <= 0:
            raise ValueError(f"expected a positive step_size, got {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """lr * gamma where the epoch is a multiple of step_size."""
        due = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return self._scaled_lrs(self.gamma) if due else self._current_lrs()

    def _get_closed_form_lr(self) -> list[Any]:
        return self._scaled_base_lrs(self.gamma ** (self.last_epoch // self.step_size))


class MultiStepLR(LRScheduler):
    """Multiply the rate by gamma at each milestone; a milestone that appears twice counts twice.

    Args:
        optimizer: the optimizer.
        milestones: epochs in any order.
        gamma: the factor.
        last_epoch: see `LRScheduler`.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3], gamma=0.5)
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step(); schedule.step()
        >>> rates
        [1.0, 0.5, 0.5, 0.25]
    """

    milestones: list[int]
    gamma: float

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1,
                 last_epoch: int = -1) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """lr * gamma where the epoch is a milestone."""
        count = self.milestones.count(self.last_epoch)
        return self._scaled_lrs(self.gamma**count) if count else self._current_lrs()

    def _get_closed_form_lr(self) -> list[Any]:
        return self._scaled_base_lrs(self.gamma ** bisect_right(self.milestones, self.last_epoch))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned, fastnet's or PyTorch's.

        PyTorch's milestones are a Counter. Here they are a list, since JSON would convert a Counter's keys to strings.
        """
        super().load_state_dict(state_dict)
        if isinstance(state_dict.get("milestones"), Mapping):
            self.milestones = sorted(Counter(state_dict["milestones"]).elements())


class ConstantLR(LRScheduler):
    """Multiply the rate by `factor` during the first `total_iters` epochs.

    Args:
        optimizer: the optimizer.
        factor: between 0 and 1.
        total_iters: the number of epochs.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: factor is outside [0, 1].

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step(); schedule.step()
        >>> rates
        [0.5, 0.5, 1.0, 1.0]
    """

    factor: float
    total_iters: int

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5,
                 last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"expected a factor between 0 and 1, got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """lr * factor at the start, lr / factor after `total_iters` epochs."""
        if self.last_epoch == 0:
            return self._scaled_lrs(self.factor)
        return self._scaled_lrs(1.0 / self.factor) if self.last_epoch == self.total_iters else self._current_lrs()

    def _get_closed_form_lr(self) -> list[Any]:
        return self._scaled_base_lrs(self.factor + (self.last_epoch >= self.total_iters) * (1 - self.factor))


class LinearLR(LRScheduler):
    """Multiply the rate by a factor that changes linearly from `start_factor` to `end_factor`, for warm-up or decay.

    The rate is base * (start + (end - start) * min(epoch, total_iters) / total_iters).

    Args:
        optimizer: the optimizer.
        start_factor: the first factor, in (0, 1].
        end_factor: the last factor, in [0, 1].
        total_iters: the number of epochs.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: start_factor is outside (0, 1] or end_factor outside [0, 1].

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step(); schedule.step()
        >>> rates
        [0.5, 0.75, 1.0, 1.0]
    """

    start_factor: float
    end_factor: float
    total_iters: int

    def __init__(self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0,
                 total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"expected a start_factor above 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"expected an end_factor between 0 and 1, got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """lr times the ratio of this epoch's factor to the previous one."""
        if self.last_epoch == 0:
            return self._scaled_lrs(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current_lrs()
        rise = self.end_factor - self.start_factor
        return self._scaled_lrs(1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def _get_closed_form_lr(self) -> list[Any]:
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        return self._scaled_base_lrs(self.start_factor + (self.end_factor - self.start_factor) * done)


class ExponentialLR(LRScheduler):
    """Multiply the rate by gamma every epoch: base * gamma^epoch.

    Args:
        optimizer: the optimizer.
        gamma: the factor.
        last_epoch: see `LRScheduler`.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> optimizer.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    gamma: float

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """lr * gamma."""
        return self._current_lrs() if self._is_initial else self._scaled_lrs(self.gamma)

    def _get_closed_form_lr(self) -> list[Any]:
        return self._scaled_base_lrs(self.gamma**self.last_epoch)
