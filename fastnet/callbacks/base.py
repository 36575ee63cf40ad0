"""The base class of callbacks, and the best value of a logged number."""
from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.errors import at_least_zero, one_of
from fastnet._core.reprs import options_of, repr_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from fastnet import nn
    from fastnet.training import Trainer

    Mode: TypeAlias = Literal["auto", "min", "max"]

__all__ = ["CONDITIONS", "Callback", "Monitor", "changes_step", "is_logged_number", "settings_of"]

# Names in the logs that are not results of the model: they have no panel in a plot, and no place in a line of progress.
CONDITIONS = frozenset(("epoch", "lr", "seconds", "joules", "joules_estimated", "cpu_seconds", "flops", "bytes",
                        "validation_flops", "validation_bytes", "carbon_kg"))

_MODES = ("auto", "min", "max")


class Callback:
    """Base class of callbacks. Subclass it and override the hooks that you need.

    The Trainer calls each hook with itself as the argument. A hook may read and change `trainer.model`, `optimizer`,
    `epoch` and `batch` (counted from 0), `step`, `logs` (the next row of the history), `history` and `stop` (set it to
    True to end the training). Checkpoints contain the result of `state_dict`.

    `before_update` and `after_update` are part of the compiled step: their tensor operations are recorded once and
    replayed at every update, so they follow the rules of `fastnet.compile`.

    Example:
        >>> import numpy as np, fastnet
        >>> class Announce(fastnet.callbacks.Callback):
        ...     def on_epoch_end(self, trainer):
        ...         print("finished epoch", trainer.logs["epoch"])
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse")
        >>> x, y = np.zeros((4, 2), np.float32), np.zeros(4, np.float32)
        >>> _ = trainer.fit(x, y, epochs=2, callbacks=[Announce()], progress=False)
        finished epoch 1
        finished epoch 2
    """

    priority: int = 0                   # hooks run in ascending order; on_fit_end and close in descending order

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Run before the first epoch, and before a checkpoint is loaded."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """Run before the first batch of an epoch, or before the first batch after a resume."""

    def on_batch_end(self, trainer: Trainer) -> None:
        """Run after each batch. `trainer.updated` tells whether this batch updated the weights."""

    def on_validation_begin(self, trainer: Trainer) -> None:
        """Run after the last batch of an epoch, before validation; also if there is no validation data."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Run after an epoch and its validation. The last row of `trainer.history` is this epoch's."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """Run after the last epoch, or after `trainer.stop` ended the training; not after an error."""

    def close(self, trainer: Trainer) -> None:
        """Release resources. Runs last, also after an error."""

    def before_update(self, trainer: Trainer) -> None:
        """Run inside the compiled step, between backward() and the optimizer's step()."""

    def after_update(self, trainer: Trainer) -> None:
        """Run inside the compiled step, after the optimizer's step(), without gradients."""

    def state_dict(self) -> dict[str, Any]:
        """The state that a checkpoint saves: nested dicts and lists of numbers, strings, arrays and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""

    def __repr__(self) -> str:
        return repr_of(self, **settings_of(self))


def settings_of(callback: Callback) -> dict[str, Any]:
    """The options of a callback that its repr shows; a monitor is the name that it compares."""
    return {name: value.name if isinstance(value, Monitor) else value for name, value in options_of(callback).items()}


def changes_step(callback: Callback) -> bool:
    """Whether a callback overrides `before_update` or `after_update`."""
    kind = type(callback)
    return kind.before_update is not Callback.before_update or kind.after_update is not Callback.after_update


def is_logged_number(value: object) -> bool:
    """Whether a logged value is a number; metrics such as a confusion matrix are lists.

    Example:
        >>> from fastnet.callbacks.base import is_logged_number
        >>> is_logged_number(0.5), is_logged_number([[3, 0], [1, 2]])
        (True, False)
    """
    return isinstance(value, (int, float))


class Monitor:
    """Best value so far of a number in the logs.

    Args:
        name: the number's name in the logs, such as "validation_loss".
        mode: "min": smaller is better; "max": larger is better; "auto": larger is better for metrics that declare so,
            otherwise smaller.
        min_delta: smallest change that counts as an improvement.
    """

    def __init__(self, name: str, mode: Mode = "auto", min_delta: float = 0.0) -> None:
        if not isinstance(name, str):
            raise TypeError(f"expected monitor to be the name of a number in the logs, such as 'validation_loss', got "
                            f"{name!r}")
        if mode not in _MODES:
            raise one_of("mode", mode, _MODES)
        self.name: str = name
        self.mode: Mode = mode
        self.min_delta: float = at_least_zero("min_delta", min_delta)
        self.best: float | None = None
        self._model: weakref.ref[nn.Module] | None = None       # the model that `best` belongs to

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_model": None}

    def __repr__(self) -> str:
        return repr_of(self, **options_of(self), best=self.best)

    def begin(self, trainer: Trainer) -> bool:
        """Forget the best value unless it belongs to the trainer's model; return whether it was forgotten."""
        if self._model is not None and self._model() is trainer.model:
            return False
        self.best, self._model = None, weakref.ref(trainer.model)
        return True

    def improved(self, trainer: Trainer) -> bool:
        """Compare this epoch's value with the best one, keep the better, and return whether it improved.

        Raises:
            ValueError: the logs have no number of this name.
        """
        value = trainer.logs.get(self.name)
        if not isinstance(value, (int, float)):
            known = [name for name, v in trainer.logs.items() if is_logged_number(v)]
            hint = "; give fit() validation_data or validation_split" if self.name.startswith("validation_") else ""
            raise ValueError(f"the logs have no number {self.name!r} to monitor: choose from "
                             f"{', '.join(map(repr, known))}{hint}")
        sign = 1 if self._larger_is_better(trainer) else -1
        better = not math.isnan(value) and (self.best is None or sign * (value - self.best) > self.min_delta)
        if better:
            self.best = value
        return better

    def _larger_is_better(self, trainer: Trainer) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.name.removeprefix("validation_")
        return any(metric.name == name and metric.larger_is_better for metric in trainer.metrics)
