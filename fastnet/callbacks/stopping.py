"""Early stopping, and saving the best model."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.errors import check_path, whole_number
from fastnet._core.reprs import repr_of
from fastnet._core.world import is_first_rank
from fastnet.callbacks.base import Callback, Monitor, settings_of

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import StrPath
    from fastnet.callbacks.base import Mode
    from fastnet.training import Trainer

__all__ = ["EarlyStopping", "ModelCheckpoint"]


class EarlyStopping(Callback):
    """Stop the training when a monitored number has stopped improving, and restore the best weights.

    A further `fit` of the same model keeps the best epoch so far; a new EarlyStopping starts without one.

    Prechelt 1998, "Early stopping, but when?", https://doi.org/10.1007/3-540-49430-8_3.

    Args:
        monitor: name of the number in the logs.
        patience: number of consecutive epochs without improvement after which the training stops.
        min_delta: smallest change that counts as an improvement.
        mode: "min" or "max": which values are better; "auto": as the metric declares.
        restore_best: restore the weights of the best epoch at the end, also if the training was not stopped early.

    Raises:
        TypeError: `monitor` is not a string or `patience` is not an integer.
        ValueError: `patience` is below 1 or `mode` is unknown; in training, the logs have no such number.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.EarlyStopping(patience=5)
        EarlyStopping(monitor='validation_loss', patience=5)
    """

    def __init__(self, monitor: str = "validation_loss", *, patience: int = 10, min_delta: float = 0.0,
                 mode: Mode = "auto", restore_best: bool = True) -> None:
        self.monitor: Monitor = Monitor(monitor, mode, min_delta)
        self.patience: int = whole_number("patience", patience, 1)
        self.restore_best: bool = restore_best
        self.waited: int = 0                        # epochs since the last improvement
        self.best_epoch: int | None = None          # counted from 1
        self._best: dict[str, Tensor] | None = None

    def __repr__(self) -> str:
        best = {} if self.best_epoch is None else {"best_epoch": self.best_epoch, "best": self.monitor.best}
        return repr_of(self, **settings_of(self), **best)

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self.monitor.begin(trainer):
            self.waited, self.best_epoch, self._best = 0, None, None
        elif self.waited >= self.patience:      # it stopped the last fit; a further fit shall run some epochs
            self.waited = 0

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.monitor.improved(trainer):
            self.waited, self.best_epoch = 0, trainer.logs["epoch"]
            if self.restore_best:
                self._best = {name: x.clone() for name, x in trainer.model.state_dict().items()}
        else:
            self.waited += 1
            trainer.stop = trainer.stop or self.waited >= self.patience

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._best is not None and not trainer.interrupted:
            trainer.model.load_state_dict(self._best)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.monitor.best, "waited": self.waited, "best_epoch": self.best_epoch, "weights": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.monitor.best, self.waited, self.best_epoch = state["best"], state["waited"], state["best_epoch"]
        self._best = state["weights"]


class ModelCheckpoint(Callback):
    """Save the model after each epoch, or after each epoch that is the best so far, to a file for `fastnet.load`.

    A further `fit` of the same model keeps the best value so far, and so the file; a new ModelCheckpoint starts
    without one.

    Args:
        path: of the file. "{epoch}" and other names of the logs are replaced by their values:
            "m-{epoch:03d}-{loss:.3f}.safetensors".
        monitor: the number that tells which epoch is best; None: save after every epoch.
        mode, min_delta: see EarlyStopping.

    Raises:
        TypeError: `path` is not a path or `monitor` is not a string.
        ValueError: see EarlyStopping.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.ModelCheckpoint("best.safetensors")
        ModelCheckpoint(path='best.safetensors', monitor='validation_loss')
    """

    def __init__(self, path: StrPath, monitor: str | None = "validation_loss", *, mode: Mode = "auto",
                 min_delta: float = 0.0) -> None:
        check_path("path", path)
        self.path: str = str(path)
        self.monitor: Monitor | None = None if monitor is None else Monitor(monitor, mode, min_delta)

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self.monitor is not None:
            self.monitor.begin(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if (self.monitor is None or self.monitor.improved(trainer)) and is_first_rank():
            trainer.model.save(self.path.format(**trainer.logs))

    def state_dict(self) -> dict[str, Any]:
        return {"best": None if self.monitor is None else self.monitor.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.monitor is not None:
            self.monitor.best = state["best"]
