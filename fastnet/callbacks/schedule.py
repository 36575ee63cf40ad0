"""Learning rates that change during the training."""
from typing import Any

from fastnet._core.errors import one_of
from fastnet.callbacks.base import Callback
from fastnet.optim import lr_scheduler as schedules

# Schedules over the whole training, by name: functions of the optimizer and the number of updates.
SCHEDULES = {
    "one_cycle": lambda optimizer, steps: schedules.OneCycleLR(
        optimizer, max_lr=[g["lr"] for g in optimizer.param_groups], total_steps=steps, cycle_momentum=False),
    "cosine": lambda optimizer, steps: schedules.CosineAnnealingLR(optimizer, T_max=steps),
    "linear": lambda optimizer, steps: schedules.LinearLR(optimizer, 1.0, 0.0, total_iters=steps),
}


class LearningRateSchedule(Callback):
    """Steps a learning-rate schedule after each epoch or after each update.

    One that it makes begins with each `fit` anew, from the optimizer's rates, which it puts back at the end, also after
    an error.

    Args:
        schedule: one of SCHEDULES, which goes over the whole training by updates: "one_cycle" (a rise to the
            optimizer's rate and a fall to nothing), "cosine" or "linear" (a fall to 0); or a function of the optimizer
            that makes a schedule of `fastnet.optim.lr_scheduler`; or a schedule of the trainer's optimizer.
        interval: "epoch" or "batch": when it is stepped. A named schedule goes by "batch".
        monitor: what ReduceLROnPlateau is told, a name in the logs.

    Raises:
        TypeError: what is no schedule, nor its name, nor a function.
        ValueError: an unknown name or interval; in training, a named schedule over batches that have no number.

    Example:
        >>> import fastnet
        >>> halving = fastnet.callbacks.LearningRateSchedule(
        ...     lambda optimizer: fastnet.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5))
        >>> halving.interval
        'epoch'
    """

    def __init__(self, schedule, *, interval=None, monitor="validation_loss"):
        if isinstance(schedule, str) and schedule not in SCHEDULES:
            raise one_of("schedule", schedule, SCHEDULES)
        if not (isinstance(schedule, str) or callable(schedule) or hasattr(schedule, "step")):
            raise TypeError(f"expected a schedule, its name ({', '.join(map(repr, SCHEDULES))}) or a function of the "
                            f"optimizer that makes one, got {schedule!r}")
        if not isinstance(monitor, str):
            raise TypeError(f"expected monitor to be the name of a number in the logs, got {monitor!r}")
        self.interval = interval or ("batch" if isinstance(schedule, str) else "epoch")
        if self.interval not in ("epoch", "batch"):
            raise one_of("interval", interval, ("epoch", "batch"))
        self._make, self.monitor = schedule, monitor
        self._is_made = hasattr(schedule, "step") and not isinstance(schedule, type)
        self.schedule: Any = None
        self._rates = None

    def on_fit_begin(self, trainer):
        self._steps, self._rates = None, [group["lr"] for group in trainer.optimizer.param_groups]
        if not self._is_made:           # it begins anew, from the rates as they are
            for group in trainer.optimizer.param_groups:
                group.pop("initial_lr", None)
        if isinstance(self._make, str):
            self._steps = steps = trainer.total_steps()
            if steps is None:
                raise ValueError(f"the schedule {self._make!r} needs to know how many updates there will be: train on "
                                 "arrays or on a loader that has a length")
            self.schedule = SCHEDULES[self._make](trainer.optimizer, steps)
        elif self._is_made:
            self.schedule = self._make
        else:
            self.schedule = self._make(trainer.optimizer)
        if self.schedule.optimizer is not trainer.optimizer:
            raise ValueError("the schedule is of another optimizer than the trainer's")

    def close(self, trainer):
        if self._rates is not None and not self._is_made:
            for group, rate in zip(trainer.optimizer.param_groups, self._rates):
                group["lr"] = rate
        self._rates = None

    def on_batch_end(self, trainer):
        if self.interval == "batch" and trainer.updated:
            self._step(trainer)

    def on_epoch_end(self, trainer):
        if self.interval == "epoch":
            self._step(trainer)

    def _step(self, trainer):
        if not isinstance(self.schedule, schedules.ReduceLROnPlateau):
            self.schedule.step()
        elif self.monitor in trainer.logs:
            self.schedule.step(trainer.logs[self.monitor])
        else:
            raise ValueError(f"there is no {self.monitor!r} for ReduceLROnPlateau: choose a monitor from "
                             f"{', '.join(map(repr, trainer.logs))}")

    def state_dict(self):
        return {"name": self._name, "steps": self._steps, "schedule": self.schedule.state_dict()}

    def load_state_dict(self, state):
        if (state["name"], state["steps"]) != (self._name, self._steps):
            raise ValueError(f"its learning-rate schedule is {state['name']} over {state['steps']} updates, this one "
                             f"{self._name} over {self._steps}")
        self.schedule.load_state_dict(state["schedule"])

    @property
    def _name(self):
        return self._make if isinstance(self._make, str) else type(self.schedule).__name__
