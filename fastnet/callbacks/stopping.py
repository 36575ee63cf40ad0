"""Stopping when nothing gets better, and keeping the model that was best."""
from fastnet._core.errors import check_path, whole_number
from fastnet.callbacks.base import Callback, Monitor


class EarlyStopping(Callback):
    """Ends the training when a number has not got better for some epochs, and puts the best weights back.

    A further `fit` of the same model goes on with the best epoch so far; a new EarlyStopping begins anew.

    Prechelt 1998, "Early stopping, but when?", https://doi.org/10.1007/3-540-49430-8_3.

    Args:
        monitor: its name in the logs.
        patience: after how many epochs in a row without an improvement the training ends.
        min_delta: by how much it must be better to count.
        mode: "min", "max", or "auto": as the metric says.
        restore_best: put the weights of the best epoch back at the end, also where the training ended by itself.

    Raises:
        TypeError: a monitor that is no name, a patience that is no whole number.
        ValueError: patience below 1, an unknown mode; in training, a number that is not there.

    Example:
        >>> import fastnet
        >>> stopping = fastnet.callbacks.EarlyStopping(patience=5)
        >>> stopping.monitor.name, stopping.best_epoch
        ('validation_loss', None)
    """

    def __init__(self, monitor="validation_loss", *, patience=10, min_delta=0.0, mode="auto", restore_best=True):
        if whole_number("patience", patience, None) < 1:
            raise ValueError(f"expected patience >= 1, got {patience}")
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience, self.restore_best = patience, restore_best
        self.waited, self.best_epoch, self._best = 0, None, None

    def on_fit_begin(self, trainer):
        if self.monitor.begin(trainer):
            self.waited, self.best_epoch, self._best = 0, None, None
        elif self.waited >= self.patience:      # it ended the training before; who goes on wants to see some epochs
            self.waited = 0

    def on_epoch_end(self, trainer):
        if self.monitor.improved(trainer):
            self.waited, self.best_epoch = 0, trainer.logs["epoch"]
            if self.restore_best:
                self._best = {name: x.clone() for name, x in trainer.model.state_dict().items()}
        else:
            self.waited += 1
            trainer.stop = trainer.stop or self.waited >= self.patience

    def on_fit_end(self, trainer):
        if self._best is not None and not trainer.interrupted:
            trainer.model.load_state_dict(self._best)

    def state_dict(self):
        return {"best": self.monitor.best, "waited": self.waited, "best_epoch": self.best_epoch, "weights": self._best}

    def load_state_dict(self, state):
        self.monitor.best, self.waited, self.best_epoch = state["best"], state["waited"], state["best_epoch"]
        self._best = state["weights"]


class ModelCheckpoint(Callback):
    """Saves the model after each epoch, or after each that is the best so far: a file for `fastnet.load`.

    A further `fit` of the same model goes on with the best so far, so that the file keeps it; a new ModelCheckpoint
    begins anew.

    Args:
        path: of the file; "{epoch}" and other names in the logs are filled in: "m-{epoch:03d}-{loss:.3f}.safetensors".
        monitor: the number that says which epoch is best; None: save after every epoch.
        mode, min_delta: as EarlyStopping's.

    Raises:
        TypeError: a path or a monitor that is none.
        ValueError: as EarlyStopping's.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.ModelCheckpoint("best.safetensors").monitor.name
        'validation_loss'
    """

    def __init__(self, path, monitor="validation_loss", *, mode="auto", min_delta=0.0):
        check_path("path", path)
        self.path = str(path)
        self.monitor = None if monitor is None else Monitor(monitor, mode, min_delta)

    def on_fit_begin(self, trainer):
        if self.monitor is not None:
            self.monitor.begin(trainer)

    def on_epoch_end(self, trainer):
        if self.monitor is None or self.monitor.improved(trainer):
            trainer.model.save(self.path.format(**trainer.logs))

    def state_dict(self):
        return {"best": None if self.monitor is None else self.monitor.best}

    def load_state_dict(self, state):
        if self.monitor is not None:
            self.monitor.best = state["best"]
