"""Loggers: progress on the terminal, a CSV file, TensorBoard."""
from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import check_path
from fastnet._core.optional import optional
from fastnet._core.world import is_first_rank
from fastnet.callbacks.base import CONDITIONS, Callback, is_logged_number

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath
    from fastnet.training import Trainer

__all__ = ["CSVLogger", "Progress", "TensorBoard", "duration_text"]

_REFRESH = 0.1                          # seconds between two updates of the progress bar
_SILENCE = 60.0                         # seconds of an epoch after which a line is printed where there is no bar


def duration_text(seconds: float) -> str:
    """A time as text, in two units at most.

    Args:
        seconds: at least 0.

    Example:
        >>> from fastnet.callbacks.logs import duration_text
        >>> duration_text(45.4), duration_text(150), duration_text(3 * 3600 + 240)
        ('45 s', '2 min 30 s', '3 h 04 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress(Callback):
    """Show a progress bar if standard error is a terminal, and print one line per epoch to standard output.

    Both tell the time that is left of the whole training. Without a terminal, a long epoch prints a line each minute.

    Example:
        >>> import numpy as np, fastnet
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse")
        >>> x, y = np.zeros((4, 2), np.float32), np.ones(4, np.float32)
        >>> _ = trainer.fit(x, y, epochs=1)  # doctest: +ELLIPSIS
        epoch 1/1  loss ... samples/s ...
    """

    priority = 3

    def __init__(self) -> None:
        self._bar: Any = None
        self._drawn = self._start = self._printed = 0.0
        self._before = 0

    def on_epoch_begin(self, trainer: Trainer) -> None:
        self._start = self._printed = time.perf_counter()
        self._before = trainer.running.samples
        if self._bar is None and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm
            samples = trainer.samples_per_epoch
            total = None if samples is None else samples * (trainer.epochs - trainer.first_epoch)
            done = 0 if samples is None else samples * (trainer.epoch - trainer.first_epoch)
            self._bar = tqdm(total=total, initial=done + self._before, unit=" samples", unit_scale=True, leave=False,
                             mininterval=0, miniters=1)

    def on_batch_end(self, trainer: Trainer) -> None:
        now = time.perf_counter()
        if self._bar is None:
            if now - self._printed >= _SILENCE:
                self._printed = now
                print(self._place(trainer, now), flush=True)
        elif now - self._drawn >= _REFRESH:
            self._drawn = now
            self._draw(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        logs = trainer.logs
        if self._bar is not None:
            self._draw(trainer)
            self._bar.clear()
        rate = (trainer.running.samples - self._before) / max(time.perf_counter() - self._start, 1e-9)
        epochs = str(trainer.epochs)
        parts = [f"epoch {logs['epoch']:{len(epochs)}d}/{epochs}"]
        parts += [f"{name.replace('_', ' ')} {value:.4f}" for name, value in logs.items()
                  if name not in CONDITIONS and is_logged_number(value)]
        left = (trainer.epochs - trainer.epoch) * logs["seconds"]
        parts += [f"{rate:,.0f} samples/s", f"{logs['seconds']:.2f} s"] + [f"{duration_text(left)} left"] * (left >= 1)
        print("  ".join(parts), flush=True)

    def _place(self, trainer: Trainer, now: float) -> str:
        """A line about a part of an epoch: how much is done, the loss, and the time that is left."""
        running = trainer.running
        rate = (running.samples - self._before) / max(now - self._start, 1e-9)
        parts = [f"epoch {trainer.epoch + 1:{len(str(trainer.epochs))}d}/{trainer.epochs}",
                 f"loss {running.results()['loss']:.4f}", f"{rate:,.0f} samples/s"]
        samples = trainer.samples_per_epoch
        if samples:
            parts.insert(1, f"{running.samples / samples:.0%} of the epoch")
            left = (samples * (trainer.epochs - trainer.epoch) - running.samples) / max(rate, 1e-9)
            parts.append(f"{duration_text(left)} left")
        return "  ".join(parts)

    def close(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, trainer: Trainer) -> None:
        running, bar = trainer.running, self._bar
        epoch = min(trainer.epoch + 1, trainer.epochs)      # at the end of an epoch, trainer.epoch already counts it
        bar.set_description_str(f"epoch {epoch}/{trainer.epochs}", refresh=False)
        values = {name: v for name, v in running.results().items() if is_logged_number(v)}
        bar.set_postfix({name: f"{v:.4f}" for name, v in values.items()}, refresh=False)
        done = (trainer.samples_per_epoch or 0) * (trainer.epoch - trainer.first_epoch)
        bar.update(done + (running.samples if trainer.batch else 0) - bar.n)


class CSVLogger(Callback):
    """Write the history as CSV after each epoch.

    The whole file is replaced each time, so after a resume it also contains the epochs before the interruption.

    Args:
        path: of the CSV file.

    Raises:
        TypeError: `path` is not a path.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.CSVLogger("history.csv")
        CSVLogger(path='history.csv')
    """

    def __init__(self, path: StrPath) -> None:
        check_path("path", path)
        self.path: str = str(path)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if is_first_rank():
            trainer.history.to_csv(self.path)


class TensorBoard(Callback):
    """Write every number of the logs for TensorBoard, training and validation as two runs in the same charts.

    Needs tensorboardX: `pip install tensorboardX`.

    Args:
        folder: for the event files.

    Raises:
        TypeError: `folder` is not a path.
        ImportError: at the start of the training, if tensorboardX is not installed.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.TensorBoard("runs")
        TensorBoard(folder='runs')
    """

    def __init__(self, folder: StrPath) -> None:
        check_path("folder", folder)
        self.folder: str = str(folder)
        self._make: Any = None
        self._writers: dict[str, Any] = {}

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._make = optional("tensorboardX", "the TensorBoard callback").SummaryWriter

    def on_epoch_end(self, trainer: Trainer) -> None:
        for name, value in trainer.logs.items() if is_first_rank() else ():
            if name != "epoch" and is_logged_number(value):
                run = "validation" if name.startswith("validation_") else "train"
                if run not in self._writers:
                    self._writers[run] = self._make(f"{self.folder}/{run}", purge_step=trainer.logs["epoch"])
                self._writers[run].add_scalar(name.removeprefix("validation_"), value, trainer.logs["epoch"])
        for writer in self._writers.values():
            writer.flush()

    def close(self, trainer: Trainer) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
