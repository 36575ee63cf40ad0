"""Checkpoints that make a stopped or killed training continue as if it had not been interrupted."""
from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnet._core import world
from fastnet._core.errors import at_least_zero, check_path
from fastnet.callbacks.base import Callback

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath
    from fastnet.training import Trainer

__all__ = ["FILE", "Checkpoint"]

FILE = "checkpoint.safetensors"


class Checkpoint(Callback):
    """Save checkpoints to a folder during the training and at its end.

    `trainer.fit(..., resume=folder)`, with the same model, data and callbacks, continues from the checkpoint and gives
    the same bits as an uninterrupted training. The file is replaced atomically, so a killed process leaves a valid
    checkpoint. Weights that give a non-finite loss are never written.

    Args:
        folder: created if it does not exist.
        seconds: the least time between two checkpoints, and so the most work that is lost. 0: save after each update.

    Raises:
        TypeError: `folder` is not a path or `seconds` is not a number.
        ValueError: `seconds` is negative.

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

    priority = 2                        # after every callback whose state it saves

    def __init__(self, folder: StrPath, *, seconds: float = 10.0) -> None:
        check_path("folder", folder)
        self.folder: Path = Path(folder)
        self.seconds: float = at_least_zero("seconds", seconds)
        self._last = 0.0
        self._waiting: dict[str, Any] | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise FileExistsError(f"{self.folder}: expected a folder for checkpoints, got a file")
        if world.is_first_rank():
            self.folder.mkdir(parents=True, exist_ok=True)
        self._last, self._waiting = time.monotonic(), None

    def on_batch_end(self, trainer: Trainer) -> None:
        # a state is written only after the next loss has shown that its weights are finite
        if self._waiting is not None:
            trainer.save_checkpoint(self.folder, self._waiting)
            self._waiting = None
        if trainer.updated:
            self._keep_if_due(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        self._keep_if_due(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.folder)

    def _keep_if_due(self, trainer: Trainer) -> None:
        if time.monotonic() - self._last >= self.seconds:
            self._waiting = trainer.state_dict()
            self._last = time.monotonic()
