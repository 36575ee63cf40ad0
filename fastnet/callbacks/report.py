"""Reports to a search of hyperparameters: Optuna, Ray Tune."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import given_text
from fastnet._core.optional import optional
from fastnet.callbacks.base import Callback, Monitor, is_logged_number

if TYPE_CHECKING:
    from fastnet.training import Trainer

__all__ = ["Report"]


class Report(Callback):
    """Report a number of each epoch to a search of hyperparameters, which may end the training.

    Args:
        target: an Optuna trial: the number goes to `trial.report(value, step=epoch)`, and `optuna.TrialPruned` is
            raised if `trial.should_prune()`. Or a function of a dictionary, such as `ray.tune.report`: it takes all
            numbers of the logs.
        monitor: the name of the number in the logs, for a trial.

    Raises:
        TypeError: `target` is neither, or `monitor` is not a string.
        ValueError: in training, the logs have no such number.

    Example:
        >>> import numpy as np, fastnet
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse")
        >>> rows = []
        >>> x, y = np.zeros((4, 2), np.float32), np.ones(4, np.float32)
        >>> _ = trainer.fit(x, y, epochs=2, callbacks=[fastnet.callbacks.Report(rows.append)], progress=False)
        >>> [row["epoch"] for row in rows]
        [1, 2]
    """

    priority = 3                        # after Checkpoint: an epoch that is pruned is saved

    def __init__(self, target: Any, monitor: str = "validation_loss") -> None:
        self._is_trial = hasattr(target, "report") and hasattr(target, "should_prune")
        if not self._is_trial and not callable(target):
            raise TypeError(f"expected an Optuna trial or a function such as ray.tune.report, got {given_text(target)}")
        self.target: Any = target
        self.monitor: Monitor = Monitor(monitor)

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.monitor.begin(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self._is_trial:
            self._to_trial(trainer)
        else:
            report: Callable[[dict[str, Any]], object] = self.target
            report({name: value for name, value in trainer.logs.items() if is_logged_number(value)})

    def _to_trial(self, trainer: Trainer) -> None:
        self.monitor.improved(trainer)              # raises if the logs have no such number
        epoch = trainer.logs["epoch"]
        self.target.report(float(trainer.logs[self.monitor.name]), step=epoch)
        if self.target.should_prune():
            raise optional("optuna", "the Report callback").TrialPruned(f"pruned after epoch {epoch}")
