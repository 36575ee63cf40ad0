"""Reports to a search of hyperparameters: Optuna, Ray Tune."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core import world
from fastnet._core.errors import given_text
from fastnet._core.optional import optional
from fastnet.callbacks.base import Callback, Monitor, is_logged_number

if TYPE_CHECKING:
    from fastnet.training import Trainer

__all__ = ["Report"]


class Report(Callback):
    """Report a number of each epoch to a search of hyperparameters, which may end the training.

    In a process group, rank 0 reports, and its trial decides for all ranks.

    Args:
        target: an Optuna trial: the number goes to `trial.report(value, step=epoch)`, and `optuna.TrialPruned` is
            raised if `trial.should_prune()`. Or a function of a dictionary, such as `ray.tune.report`: it takes all
            numbers of the logs. None on other ranks than 0.
        monitor: the name of the number in the logs, for a trial; None: "validation_loss".

    Raises:
        TypeError: `target` is neither, or `monitor` is not a string; in training, `target` is None on rank 0.
        ValueError: a monitor for a function; in training, the logs have no such number.

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

    def __init__(self, target: Any, monitor: str | None = None) -> None:
        self._is_trial = hasattr(target, "report") and hasattr(target, "should_prune")
        if target is not None and not self._is_trial and not callable(target):
            raise TypeError(f"expected an Optuna trial or a function such as ray.tune.report, got {given_text(target)}")
        if monitor is not None and target is not None and not self._is_trial:
            raise ValueError(f"Report: expected no monitor for a function, which takes all numbers, got {monitor!r}")
        self.target: Any = target
        self.monitor: Monitor = Monitor("validation_loss" if monitor is None else monitor)

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self.target is None and world.is_first_rank():
            raise TypeError("Report: expected an Optuna trial or a function on rank 0, got None")
        self.monitor.begin(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if world.first_rank_tells(lambda: self._prunes(trainer)):
            epoch = trainer.logs["epoch"]
            raise optional("optuna", "the Report callback").TrialPruned(f"pruned after epoch {epoch}")

    def _prunes(self, trainer: Trainer) -> bool:
        """Report the epoch; return whether its trial shall end."""
        if not self._is_trial:
            report: Callable[[dict[str, Any]], object] = self.target
            report({name: value for name, value in trainer.logs.items() if is_logged_number(value)})
            return False
        self.monitor.improved(trainer)              # raises if the logs have no such number
        self.target.report(float(trainer.logs[self.monitor.name]), step=trainer.logs["epoch"])
        return bool(self.target.should_prune())
