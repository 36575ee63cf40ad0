"""Schedules that go up and down, or down to 0 by a power."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import one_of
from fastnet.optim.lr_scheduler.base import LRScheduler, per_group
from fastnet.optim.lr_scheduler.factors import LambdaLR

if TYPE_CHECKING:
    from fastnet.optim.optimizer import Optimizer

__all__ = ["ChainedScheduler", "CyclicLR", "MultiplicativeLR", "PolynomialLR"]

_SHAPES_OF_CYCLES = ("triangular", "triangular2", "exp_range")


class MultiplicativeLR(LambdaLR):
    """Multiply the rate by a function of the epoch at each step: lr * lr_lambda(epoch).

    Args:
        optimizer: the optimizer.
        lr_lambda: a function of the epoch, or a list with one function for each group.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: the number of functions is not the number of groups.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
        >>> optimizer.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def get_lr(self) -> list[Any]:
        """lr * lr_lambda(epoch)."""
        lrs = self._current_lrs()
        if self._is_initial:
            return lrs
        return [lr * f(self.last_epoch) for lr, f in zip(lrs, self.lr_lambdas, strict=True)]


class PolynomialLR(LRScheduler):
    """Decrease the rate to 0 by a power: base * (1 - epoch / total_iters)^power.

    Args:
        optimizer: the optimizer.
        total_iters: the epoch at which the rate becomes 0.
        power: the power.
        last_epoch: see `LRScheduler`.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4)
        >>> optimizer.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.75]
    """

    total_iters: int
    power: float

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rate times the ratio of this epoch's factor and the last one's."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current_lrs()
        left = 1.0 - self.last_epoch / self.total_iters
        return self._scaled_lrs((left / (1.0 - (self.last_epoch - 1) / self.total_iters)) ** self.power)

    def _get_closed_form_lr(self) -> list[Any]:
        return self._scaled_base_lrs((1.0 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power)


class CyclicLR(LRScheduler):
    """Move the rate up and down between two bounds, and the momentum the other way. Call `step` after each batch.

    Smith 2015, https://arxiv.org/abs/1506.01186.

    Args:
        optimizer: the optimizer.
        base_lr, max_lr: the bounds, or lists with one for each group.
        step_size_up, step_size_down: the numbers of steps up and down; down as up by default.
        mode: "triangular", "triangular2" (half the height at each cycle) or "exp_range" (height times gamma^step).
        gamma: see `mode`.
        scale_fn: a function of the cycle or the step that replaces `mode`.
        scale_mode: "cycle" or "iterations", the argument of scale_fn.
        cycle_momentum: whether to move the momentum, or beta1.
        base_momentum, max_momentum: its bounds, or lists with one for each group.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: an unknown mode, or cycle_momentum with an optimizer that has neither momentum nor betas.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, step_size_up=2, cycle_momentum=False)
        >>> rates = []
        >>> for batch in range(4):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step(); schedule.step()
        >>> rates
        [0.0, 0.5, 1.0, 0.5]
    """

    def __init__(self, optimizer: Optimizer, base_lr: float | Sequence[float], max_lr: float | Sequence[float],
                 step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular",
                 gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
                 cycle_momentum: bool = True, base_momentum: float | Sequence[float] = 0.8,
                 max_momentum: float | Sequence[float] = 0.9, last_epoch: int = -1) -> None:
        base = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base, strict=True):
                group["lr"] = lr
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        down = float(step_size_up if step_size_down is None else step_size_down)
        self.total_size = float(step_size_up) + down
        self.step_ratio = float(step_size_up) / self.total_size
        if scale_fn is None and mode not in _SHAPES_OF_CYCLES:
            raise one_of("mode", mode, _SHAPES_OF_CYCLES)
        self.mode, self.gamma, self._scale_fn = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
                raise ValueError("CyclicLR: expected an optimizer with momentum or betas; use cycle_momentum=False")
            self.base_momentums = per_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("max_momentum", optimizer, max_momentum)
            for group, high in zip(optimizer.param_groups, self.max_momentums, strict=True):
                _set_momentum(group, high)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base

    def _scale(self, x: float) -> float:
        if self._scale_fn is not None:
            return self._scale_fn(x)
        return {"triangular": 1.0, "triangular2": 1 / 2.0 ** (x - 1), "exp_range": self.gamma ** x}[self.mode]

    def get_lr(self) -> list[Any]:
        """The rates of this step; sets the momentum, too."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        factor = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self._scale(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                _set_momentum(group, high - (high - low) * factor * scale)
        return [low + (high - low) * factor * scale for low, high in zip(self.base_lrs, self.max_lrs)]

    def _shown_options(self) -> dict[str, Any]:
        return {"base_lr": self.base_lrs, "max_lr": self.max_lrs, "mode": self.mode}

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the function scale_fn."""
        return {name: value for name, value in super().state_dict().items() if name != "_scale_fn"}


def _set_momentum(group: dict[str, Any], value: float) -> None:
    if "momentum" in group:
        group["momentum"] = value
    else:
        group["betas"] = (value, *group["betas"][1:])


class ChainedScheduler(LRScheduler):
    """Step several schedules of one optimizer at each step.

    Args:
        schedulers: the schedules.
        optimizer: their optimizer; by default that of the first one.

    Raises:
        ValueError: no schedules, or schedules of different optimizers.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> s = fastnet.optim.lr_scheduler
        >>> schedule = s.ChainedScheduler([s.ExponentialLR(optimizer, 0.5), s.ConstantLR(optimizer, 0.5, 1)])
        >>> optimizer.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if len(schedulers) < 1:
            raise ValueError("ChainedScheduler: expected at least one schedule")
        self.optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        if any(schedule.optimizer is not self.optimizer for schedule in schedulers):
            raise ValueError("ChainedScheduler: expected schedules of one optimizer")
        self._schedulers = list(schedulers)
        self.last_epoch = schedulers[0].last_epoch
        self._last_lr = self._current_lrs()

    def step(self, epoch: int | None = None) -> None:
        """Step all schedules.

        Args:
            epoch: not used.
        """
        for schedule in self._schedulers:
            schedule.step()
        self.last_epoch = self._schedulers[0].last_epoch
        self._last_lr = self._current_lrs()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all schedules."""
        saved = {name: value for name, value in self.__dict__.items() if name not in ("optimizer", "_schedulers")}
        return saved | {"_schedulers": [schedule.state_dict() for schedule in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Args:
            state_dict: the state.
        """
        self.__dict__.update({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for schedule, saved in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            schedule.load_state_dict(saved)

    def _shown_options(self) -> dict[str, Any]:
        return {"schedulers": self._schedulers}
