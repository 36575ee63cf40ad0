"""The run of a training: its callbacks, its checkpoints, and the files that it writes."""
from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable, Iterable
from typing import Any

from fastnet._core import world
from fastnet.backend import config
from fastnet.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    Energy,
    ExponentialMovingAverage,
    LearningRateSchedule,
)
from fastnet.cli.energy import energy_lines
from fastnet.cli.errors import WrongUseError
from fastnet.cli.interrupt import Interruptible
from fastnet.cli.outputs import write_report
from fastnet.cli.recipes import OPTIMIZER_CHOICES
from fastnet.cli.run_folder import has_checkpoint, prepare_folder
from fastnet.cli.settings import TrainSettings
from fastnet.optim import Optimizer
from fastnet.training import Trainer

__all__ = ["Run", "backend_text", "make_optimizer"]

_SPANS = 10                             # of the average of --ema in a training
_CHECKPOINT_SECONDS = 5.0               # from one checkpoint to the next


class Run:
    """One training.

    Args:
        args: of the command line.
        settings: see `settings_of`.
        trainer: of the model.
        checksum: of the data to train on.
        say: prints a line, unless --quiet.
        callbacks: of the training, besides those that options ask for.

    Attributes:
        seconds: the time that `fit` took.
    """

    def __init__(self, args: argparse.Namespace, settings: TrainSettings, trainer: Trainer, checksum: int,
                 say: Callable[[str], None], callbacks: Iterable[Callback] = ()) -> None:
        self.args, self.settings, self.trainer, self.checksum, self.say = args, settings, trainer, checksum, say
        self.callbacks = list(callbacks)
        trainer.shards = args.shards
        self.stopping: EarlyStopping | None = None
        self.energy: Energy | None = None
        self.seconds: float = 0.0
        if args.carbon and not args.energy:
            raise WrongUseError("--carbon needs --energy")

    def fit(self, training: Any, validation: Any, class_weight: Any = None) -> None:
        """Train, or continue a stopped training.

        Args:
            training: a loader of the samples to train on.
            validation: a loader of the held-out samples, or None.
            class_weight: see `Trainer.fit`.

        Raises:
            KeyboardInterrupt: the user interrupted it; the message says how to continue.
        """
        settings, args = self.settings, self.args
        callbacks = self._callbacks(validation, settings["epochs"] * len(training))
        if args.resume and world.first_rank_tells(
                lambda: prepare_folder(args.resume, {"data": self.checksum, **settings})):
            self.say(f"continuing from the checkpoint in {args.resume}")
        start = time.perf_counter()
        try:
            self.trainer.fit(training, epochs=settings["epochs"], batch_size=settings["batch_size"],
                             seed=settings["seed"], validation_data=validation, callbacks=callbacks,
                             class_weight=class_weight, progress=not args.quiet, resume=args.resume)
        except FloatingPointError as e:
            raise FloatingPointError(self._advice(e)) from None
        self.seconds = time.perf_counter() - start
        if self.trainer.interrupted and not self.trainer.stop:      # early stopping may have ended it meanwhile
            raise KeyboardInterrupt(self._how_to_continue())
        self.say(f"trained in {self.seconds:.1f} s")
        for line in energy_lines(self.energy):
            self.say(line)
        if self.stopping is not None:
            self.say(f"restored the weights of epoch {self.stopping.best_epoch}, which had the lowest validation loss")

    def _callbacks(self, validation: Any, updates: int) -> list[Callback]:
        settings = self.settings
        callbacks: list[Callback] = [Interruptible(), *self.callbacks]
        if settings["schedule"] != "constant":
            callbacks.append(LearningRateSchedule(settings["schedule"]))
        if settings["patience"] is not None and validation is not None:
            self.stopping = EarlyStopping(patience=settings["patience"])
            callbacks.append(self.stopping)
        if settings.get("ema"):
            decay = settings["ema"] if settings["ema"] is not True else max(0.0, 1 - _SPANS / updates)
            callbacks.append(ExponentialMovingAverage(decay))
        if self.args.energy:
            self.energy = Energy(self.args.energy, country=self.args.carbon)
            callbacks.append(self.energy)
        if self.args.resume:
            callbacks.append(Checkpoint(self.args.resume, seconds=_CHECKPOINT_SECONDS))
        return callbacks

    def _how_to_continue(self) -> str:
        trainer = self.trainer
        where = f"interrupted in epoch {trainer.epoch + 1} of {trainer.epochs}"
        if not self.args.resume:
            return f"{where}; nothing was saved: use --resume FOLDER to be able to continue later"
        return f"{where}; to continue, run: {shlex.join(['fastnet', *self.args.argv])}"

    def _advice(self, error: FloatingPointError) -> str:
        """The Trainer's message about non-finite weights, with advice for the command line instead of for Python."""
        problem, _, _ = str(error).partition(":")
        kept = ""
        if self.args.resume and has_checkpoint(self.args.resume):
            kept = f"; the checkpoint in {self.args.resume} was saved before this"
        return f"{problem}: try an --lr below {self.settings['lr']:g}{kept}"

    def write(self, about: dict[str, Any], save: Callable[[str], None]) -> None:
        """Write the requested files: the model, the report and the plot.

        Args:
            about: the content of the report, without the history and the state of the computer.
            save: writes the model to a path.
        """
        args, history, running = self.args, self.trainer.history, config()
        if self.energy is not None:
            about = about | {"energy": self.energy.report()}
        if args.save:
            save(args.save)
            self.say(f"model: {args.save}")
        if args.report:
            write_report(args.report, about | {"backend": running["backend"], "isa": running["isa"],
                                               "threads": running["threads"], "openmp": running["openmp"],
                                               "history": list(history)})
            self.say(f"report: {args.report}")
        if args.plot:
            history.plot(args.plot)
            self.say(f"plot: {args.plot}")


def make_optimizer(parameters: Any, settings: TrainSettings) -> Optimizer:
    """The optimizer that the settings name.

    Args:
        parameters: of the model.
        settings: see `settings_of`.

    Example:
        >>> import fastnet
        >>> from fastnet.cli.run import make_optimizer
        >>> type(make_optimizer([fastnet.ones(2, requires_grad=True)], {"optimizer": "sgd", "lr": 0.1})).__name__
        'SGD'
    """
    make, _, decay = OPTIMIZER_CHOICES[settings["optimizer"]]
    return make(parameters, settings["lr"], settings.get("weight_decay", decay))


def backend_text() -> str:
    """The backend, the instruction set and the number of threads in use, for a line of the output."""
    running = config()
    if running["backend"] != "compiled":
        return "NumPy backend"
    threads = running["threads"]
    return f"compiled backend ({running['isa']}, {threads} thread{'s' if threads > 1 else ''})"
