"""Learning-rate schedules as a callback."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.errors import one_of
from fastnet._core.reprs import repr_of
from fastnet.callbacks.base import Callback, settings_of
from fastnet.optim import lr_scheduler as schedules

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from fastnet.optim import Optimizer
    from fastnet.training import Trainer

    ScheduleName: TypeAlias = Literal["one_cycle", "cosine", "linear"]

__all__ = ["SCHEDULES", "LearningRateSchedule"]

# Schedules over the whole training, by name: functions of the optimizer and the number of updates.
SCHEDULES: dict[str, Callable[[Optimizer, int], Any]] = {
    "one_cycle": lambda optimizer, steps: schedules.OneCycleLR(
        optimizer, max_lr=[g["lr"] for g in optimizer.param_groups], total_steps=steps, cycle_momentum=False),
    "cosine": lambda optimizer, steps: schedules.CosineAnnealingLR(optimizer, T_max=steps),
    "linear": lambda optimizer, steps: schedules.LinearLR(optimizer, 1.0, 0.0, total_iters=steps),
}


class LearningRateSchedule(Callback):
    """Step a learning-rate schedule after each epoch or after each update.

    A schedule given by name or as a function starts anew in each `fit`, from the optimizer's learning rates. These are
    restored at the end, also after an error.

    Args:
        schedule: a name: "one_cycle" (up to the optimizer's learning rate and down to almost 0), "cosine" or "linear"
            (down to 0), each over all updates of the training; or a function of the optimizer that returns a schedule
            of `fastnet.optim.lr_scheduler`; or a schedule of the trainer's optimizer.
        interval: "epoch" or "batch": when to step. None: "batch" for a name, otherwise "epoch".
        monitor: the number in the logs that ReduceLROnPlateau monitors.

    Raises:
        TypeError: `schedule` is not a schedule, a name or a function.
        ValueError: an unknown name or interval; in training, a named schedule with a loader of unknown length.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.LearningRateSchedule("cosine")
        LearningRateSchedule(schedule='cosine', interval='batch')
        >>> halving = fastnet.callbacks.LearningRateSchedule(
        ...     lambda optimizer: fastnet.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5))
        >>> halving.interval
        'epoch'
    """

    def __init__(self, schedule: ScheduleName | Callable[[Optimizer], Any] | schedules.LRScheduler, *,
                 interval: Literal["epoch", "batch"] | None = None, monitor: str = "validation_loss") -> None:
        if isinstance(schedule, str) and schedule not in SCHEDULES:
            raise one_of("schedule", schedule, SCHEDULES)
        if not (isinstance(schedule, str) or callable(schedule) or hasattr(schedule, "step")):
            raise TypeError(f"expected a schedule, its name ({', '.join(map(repr, SCHEDULES))}) or a function of the "
                            f"optimizer that returns one, got {schedule!r}")
        if not isinstance(monitor, str):
            raise TypeError(f"expected monitor to be the name of a number in the logs, got {monitor!r}")
        self.interval: str = interval or ("batch" if isinstance(schedule, str) else "epoch")
        if self.interval not in ("epoch", "batch"):
            raise one_of("interval", interval, ("epoch", "batch"))
        self.monitor: str = monitor
        self.schedule: schedules.LRScheduler | None = None      # the one in use, from the start of a fit
        self._spec: Any = schedule
        self._is_made = hasattr(schedule, "step") and not isinstance(schedule, type)
        self._steps: int | None = None
        self._rates: list[float] | None = None

    def __repr__(self) -> str:
        return repr_of(self, **settings_of(self) | {"schedule": type(self._spec) if self._is_made else self._spec})

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._steps, self._rates = None, [group["lr"] for group in trainer.optimizer.param_groups]
        if not self._is_made:           # start anew from the current learning rates
            for group in trainer.optimizer.param_groups:
                group.pop("initial_lr", None)
        if isinstance(self._spec, str):
            self._steps = steps = trainer.total_steps()
            if steps is None:
                raise ValueError(f"the schedule {self._spec!r} needs to know how many updates there will be: train on "
                                 "arrays or on a loader that has a length")
            schedule = SCHEDULES[self._spec](trainer.optimizer, steps)
        elif self._is_made:
            schedule = self._spec
        else:
            schedule = self._spec(trainer.optimizer)
        self.schedule = schedule
        if schedule.optimizer is not trainer.optimizer:
            raise ValueError("the schedule belongs to another optimizer than the trainer's")

    def close(self, trainer: Trainer) -> None:
        if self._rates is not None and not self._is_made:
            for group, rate in zip(trainer.optimizer.param_groups, self._rates):
                group["lr"] = rate
        self._rates = None

    def on_batch_end(self, trainer: Trainer) -> None:
        if self.interval == "batch" and trainer.updated:
            self._step(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.interval == "epoch":
            self._step(trainer)

    def _step(self, trainer: Trainer) -> None:
        schedule: Any = self.schedule
        if not isinstance(schedule, schedules.ReduceLROnPlateau):
            schedule.step()
        elif self.monitor in trainer.logs:
            schedule.step(trainer.logs[self.monitor])
        else:
            raise ValueError(f"the logs have no {self.monitor!r} for ReduceLROnPlateau: choose a monitor from "
                             f"{', '.join(map(repr, trainer.logs))}")

    def state_dict(self) -> dict[str, Any]:
        schedule: Any = self.schedule
        return {"name": self._name, "steps": self._steps, "schedule": schedule.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if (state["name"], state["steps"]) != (self._name, self._steps):
            raise ValueError(f"its learning-rate schedule is {state['name']} over {state['steps']} updates, this one "
                             f"is {self._name} over {self._steps}")
        schedule: Any = self.schedule
        schedule.load_state_dict(state["schedule"])

    @property
    def _name(self) -> str:
        return self._spec if isinstance(self._spec, str) else type(self.schedule).__name__
