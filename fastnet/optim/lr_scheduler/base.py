"""Base class of the learning-rate schedules."""
from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fastnet._core.errors import given_text
from fastnet._core.reprs import options_of, repr_of
from fastnet._core.state import forbid_in_recording

if TYPE_CHECKING:
    from fastnet.optim.optimizer import Optimizer

__all__ = ["LRScheduler", "groups", "per_group", "refuse_in_recording"]

_T = TypeVar("_T")


def refuse_in_recording() -> None:
    """Raise RuntimeError inside a compiled function, whose replays would not advance the schedule."""
    forbid_in_recording("a schedule's step()", "it would run only while recording, not at the replays. Call it outside "
                        "the compiled function, which uses the new rates at its next call")


def groups(optimizer: Optimizer) -> list[dict[str, Any]]:
    """The optimizer's parameter groups.

    Args:
        optimizer: the optimizer.

    Raises:
        TypeError: it is not an optimizer.
    """
    found = getattr(optimizer, "param_groups", None)
    if found is None:
        raise TypeError(f"expected optimizer to be an Optimizer, got {given_text(optimizer)}")
    return found


def per_group(name: str, optimizer: Optimizer, value: _T | Sequence[_T]) -> list[_T]:
    """One value for each parameter group.

    Args:
        name: of the argument, for errors.
        optimizer: the optimizer.
        value: the value of all groups, or a list with one value for each group.

    Raises:
        ValueError: the length of the list is not the number of groups.
    """
    count = len(groups(optimizer))
    if not isinstance(value, (list, tuple)):
        return [value] * count                  # type: ignore[list-item]  # not a list, so a _T
    if len(value) != count:
        raise ValueError(f"expected {name} to have {count} values, one for each parameter group, got {len(value)}")
    return list(value)


class LRScheduler:
    """Base class of the schedules. A subclass computes the next learning rates in `get_lr`.

    Args:
        optimizer: the optimizer whose learning rates are set.
        last_epoch: the number of steps made before, to resume a schedule; -1 starts a new one.

    Attributes:
        optimizer: the optimizer.
        base_lrs: the initial rate of each group.
        last_epoch: the number of steps made.

    Raises:
        KeyError: a schedule is resumed for an optimizer whose groups have no `initial_lr`.

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

    optimizer: Optimizer
    base_lrs: list[Any]
    last_epoch: int
    _last_lr: list[Any]
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        for i, group in enumerate(groups(optimizer)):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"last_epoch={last_epoch}: expected 'initial_lr' in param_groups[{i}]; load the state "
                               "of the optimizer first")
        self.optimizer = optimizer
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Any]:
        """Compute the next rate of each group; `step` calls it. `get_last_lr` returns the current rates."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Any]:
        """Return the current rate of each group, as the last step set it."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the next rates; call it after `optimizer.step()`.

        Args:
            epoch: set the rates of this epoch instead; deprecated, as in PyTorch.
        """
        refuse_in_recording()
        self._step_count += 1
        if epoch is not None:
            self._warn_of_epoch()
        self._update_lr(epoch)

    @staticmethod
    def _warn_of_epoch() -> None:
        warnings.warn("the epoch of scheduler.step() is deprecated; call step() without it", UserWarning, stacklevel=3)

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            lrs = self.get_lr()
        else:
            self.last_epoch = epoch
            lrs = getattr(self, "_get_closed_form_lr", self.get_lr)()
        self._set_lrs(lrs)

    def _set_lrs(self, lrs: Iterable[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        self._last_lr = self._current_lrs()

    def _current_lrs(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _scaled_lrs(self, factor: float) -> list[Any]:
        return [lr * factor for lr in self._current_lrs()]

    def _scaled_base_lrs(self, factor: float) -> list[Any]:
        return [lr * factor for lr in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the schedule, without the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Args:
            state_dict: the state.
        """
        self.__dict__.update(state_dict)

    def __repr__(self) -> str:
        return repr_of(self, **self._shown_options(), last_epoch=self.last_epoch, lr=self._last_lr)

    def _shown_options(self) -> dict[str, Any]:
        return {name: value for name, value in options_of(self).items() if name not in ("optimizer", "last_epoch")}
