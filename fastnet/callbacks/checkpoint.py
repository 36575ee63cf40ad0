"""Checkpoints from which a training that was stopped, or killed, goes on as if it had not been."""
import time
from pathlib import Path

from fastnet._core.errors import check_number, check_path
from fastnet.callbacks.base import Callback

FILE = "checkpoint.safetensors"


class Checkpoint(Callback):
    """Writes everything that the training needs to go on into a folder, from time to time and at its end.

    `trainer.fit(..., resume=folder)`, with the same model, data and callbacks, goes on from there and ends with the
    bits that an undisturbed training ends with. The file is replaced whole: whenever the process is killed, there is
    one that is good. Weights with which the loss is not finite are never written.

    Args:
        folder: made if it is not there.
        seconds: how long at most is lost: the time from one checkpoint to the next. 0: one after each update.

    Raises:
        TypeError: a folder that is no path, seconds that are no number.
        ValueError: seconds is negative.

    Example:
        >>> import tempfile, numpy as np, fastnet
        >>> x, y = np.zeros((4, 2), np.float32), np.ones(4, np.float32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for epochs in (1, 3):
        ...         trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse")
        ...         history = trainer.fit(x, y, epochs=epochs, progress=False, resume=folder,
        ...                               callbacks=[fastnet.callbacks.Checkpoint(folder)])
        >>> history["epoch"]
        [1, 2, 3]
    """

    priority = 2                        # after all whose state it saves

    def __init__(self, folder, *, seconds=10.0):
        check_path("folder", folder)
        check_number("seconds", seconds)
        if not seconds >= 0:
            raise ValueError(f"expected seconds >= 0, got {seconds}")
        self.folder, self.seconds = Path(folder), seconds

    def on_fit_begin(self, trainer):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._last, self._waiting = time.monotonic(), None

    def on_batch_end(self, trainer):
        # a state is written once the next loss has shown that its weights are good
        if self._waiting is not None:
            trainer.save_checkpoint(self.folder, self._waiting)
            self._waiting = None
        if trainer.updated:
            self._keep_if_due(trainer)

    def on_epoch_end(self, trainer):
        self._keep_if_due(trainer)

    def on_fit_end(self, trainer):
        trainer.save_checkpoint(self.folder)

    def _keep_if_due(self, trainer):
        if time.monotonic() - self._last >= self.seconds:
            self._waiting = trainer.state_dict()
            self._last = time.monotonic()
