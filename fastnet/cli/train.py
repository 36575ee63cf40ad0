"""`fastnet train`: from data to a tested model, with a plot, a report and a file."""
from __future__ import annotations

import argparse
import contextlib
import shlex
import time
from collections.abc import Callable, Iterator
from typing import Any

import fastnet
from fastnet import data, datasets
from fastnet._core.optional import optional
from fastnet._core.startup import interruptions_raise
from fastnet.backend import config
from fastnet.callbacks import Callback, Checkpoint, EarlyStopping, ExponentialMovingAverage, LearningRateSchedule
from fastnet.cli.augmentation import augmentation, is_late
from fastnet.cli.errors import WrongUseError
from fastnet.cli.figures import figure_lines
from fastnet.cli.interrupt import Interruptible
from fastnet.cli.outputs import check_outputs, finite_json, write_report
from fastnet.cli.recipes import NETWORKS, OPTIMIZER_CHOICES
from fastnet.cli.run_folder import files_in, has_checkpoint, prepare_folder
from fastnet.cli.samples import PreparedData, split_rows
from fastnet.cli.saved import Saved, versions
from fastnet.cli.settings import TrainSettings, kind_of, make_model, model_text, settings_of
from fastnet.cli.sources import load_data
from fastnet.cli.targets import outputs_of
from fastnet.cli.terminal import column_lines, say
from fastnet.data.text_lines import shown
from fastnet.optim import Optimizer
from fastnet.training.weights import balanced

__all__ = ["at_most_threads", "train", "training_loaders"]

_SPANS = 10                             # of the average of --ema in a training
_AHEAD = 2                              # batches of images that a thread prepares in advance
_CHECKPOINT_SECONDS = 5.0               # from one checkpoint to the next


def train(args: argparse.Namespace) -> None:
    """Train a model on a data set, a table or a folder of images, and test it on held-out rows."""
    settings = settings_of(args)
    kept = [("--resume", path) for path in files_in(args.resume)] if args.resume else []
    check_outputs([] if args.data in datasets.names() else [args.data],
                  [("--save", args.save), ("--plot", args.plot), ("--report", args.report), *kept])
    if args.plot:                       # fail now rather than after the training
        optional("matplotlib.figure", "drawing a history")
    with at_most_threads(args.threads):
        prepared = load_data(args.data, settings)
        interruptions_raise()
        run = _Run(args, settings, prepared, (lambda line: None) if args.quiet else say)
        run.fit()
        run.report()


class _Run:
    """One training.

    Args:
        args: of the command line.
        settings: see `settings_of`.
        prepared: the data.
        say: prints a line, unless --quiet.
    """

    def __init__(self, args: argparse.Namespace, settings: TrainSettings, prepared: PreparedData,
                 say: Callable[[str], None]) -> None:
        self.args, self.settings, self.prepared, self.say = args, settings, prepared, say
        fastnet.manual_seed(settings["seed"])
        shape, outputs = prepared.inputs.shape, outputs_of(prepared.target)
        if settings.get("class_weight") and prepared.target.task != "classification":
            raise WrongUseError("--class-weight is for a single target with classes")
        if settings.get("label_smoothing") and prepared.target.task != "classification":
            raise WrongUseError("--label-smoothing is for a single target with classes")
        model = make_model(shape, outputs, settings)
        self.stopping: EarlyStopping | None = None
        self.saved = Saved(model, prepared.inputs, prepared.target, {"target": prepared.target_name})
        self.parameters = sum(p.numel() for p in model.parameters())
        self.trainer = self.saved.trainer(self._optimizer, settings.get("label_smoothing", 0.0))
        self._describe(model_text(shape, outputs, settings))

    def _optimizer(self, parameters: Any) -> Optimizer:
        make, _, decay = OPTIMIZER_CHOICES[self.settings["optimizer"]]
        return make(parameters, self.settings["lr"], self.settings.get("weight_decay", decay))

    def _describe(self, model: str) -> None:
        prepared = self.prepared
        for line in (*prepared.notes, *column_lines(prepared.columns), *self.saved.count(prepared.train.y),
                     *(f"warning: {warning}" for warning in prepared.warnings)):
            self.say(line)
        trained, tested = len(prepared.train), len(prepared.test)
        self.say(f"{shown(self.args.data)}: {trained} {prepared.noun} to train on, {tested} to test on")
        self.say(f"{model}, {self.parameters} parameters; {_backend_text(config())}")
        if not self.args.save:
            self.say("the model will not be saved; use --save FILE to keep it")

    # ---- training ----

    def fit(self) -> None:
        """Train, or continue a stopped training.

        Raises:
            KeyboardInterrupt: the user interrupted it; the message says how to continue.
        """
        settings, args = self.settings, self.args
        training, validation = self._loaders()
        callbacks = self._callbacks(validation, settings["epochs"] * len(training))
        if args.resume and prepare_folder(args.resume, self._command()):
            self.say(f"continuing from the checkpoint in {args.resume}")
        start = time.perf_counter()
        try:
            self.trainer.fit(training, epochs=settings["epochs"], batch_size=settings["batch_size"],
                             seed=settings["seed"], validation_data=validation, callbacks=callbacks,
                             class_weight=self.class_weight, progress=not args.quiet, resume=args.resume)
        except FloatingPointError as e:
            raise FloatingPointError(self._advice(e)) from None
        self.seconds = time.perf_counter() - start
        if self.trainer.interrupted and not self.trainer.stop:      # early stopping may have ended it meanwhile
            raise KeyboardInterrupt(self._how_to_continue())
        self.say(f"trained in {self.seconds:.1f} s")
        if self.stopping is not None:
            self.say(f"restored the weights of epoch {self.stopping.best_epoch}, which had the lowest validation loss")

    def _loaders(self) -> tuple[data.DataLoader, data.DataLoader | None]:
        """Loaders of the rows to train on and of the held-out rows, if there are any."""
        training, validation = training_loaders(self.args.data, self.settings, self.prepared)
        classes: Any = training.dataset
        self.class_weight = balanced(classes.targets) if self.settings.get("class_weight") else None
        return training, validation

    def _callbacks(self, validation: data.DataLoader | None, updates: int) -> list[Callback]:
        settings = self.settings
        callbacks: list[Callback] = [Interruptible()]
        if settings["schedule"] != "constant":
            callbacks.append(LearningRateSchedule(settings["schedule"]))
        if settings["patience"] is not None and validation is not None:
            self.stopping = EarlyStopping(patience=settings["patience"])
            callbacks.append(self.stopping)
        if settings.get("ema"):
            decay = settings["ema"] if settings["ema"] is not True else max(0.0, 1 - _SPANS / updates)
            callbacks.append(ExponentialMovingAverage(decay))
        if self.args.resume:
            callbacks.append(Checkpoint(self.args.resume, seconds=_CHECKPOINT_SECONDS))
        return callbacks

    def _command(self) -> dict[str, Any]:
        """Everything that the result depends on, for JSON."""
        return {"data": self.prepared.checksum, **self.settings}

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

    # ---- results ----

    def report(self) -> None:
        """Measure the model on the test rows, and write the requested files."""
        args, prepared, history = self.args, self.prepared, self.trainer.history
        tested, plain = len(prepared.test) > 0, self.saved.trainer()           # its loss is without label smoothing
        figures = self.saved.figures(plain, plain.decision_function(prepared.test.inputs()),
                                     prepared.test.y) if tested else {}
        baseline = self.saved.baseline(prepared.train.y, prepared.test.y) if tested else {}
        results = {f"test_{name}": finite_json(value) for name, value in figures.items()}
        running = config()
        about = self.saved.about | {
            "dataset": args.data, "task": prepared.target.task, "epochs": len(history), "settings": self.settings,
            **results, "train_seconds": self.seconds, "baseline": baseline, "parameters": self.parameters,
            "versions": versions()}
        for line in figure_lines(baseline, "without a model, test "):
            self.say(line)
        for line in figure_lines(figures, "test ") if tested else ["there are no rows to test on"]:
            say(line)
        if args.save:
            self.saved.about = about
            self.saved.save(args.save)
            self.say(f"model: {args.save}")
        if args.report:
            write_report(args.report, about | {"backend": running["backend"], "isa": running["isa"],
                                               "threads": running["threads"], "openmp": running["openmp"],
                                               "history": list(history)})
            self.say(f"report: {args.report}")
        if args.plot:
            history.plot(args.plot)
            self.say(f"plot: {args.plot}")


def training_loaders(name: str, settings: TrainSettings,
                     prepared: PreparedData) -> tuple[data.DataLoader, data.DataLoader | None]:
    """Loaders of the rows to train on, augmented, and of the held-out rows, if there are any.

    Convolutional networks leave out the last, smaller batch of an epoch: the statistics of batch norm over a few images
    would be far off.

    Args:
        name: of the data.
        settings: see `settings_of`.
        prepared: the data.
    """
    rows, held_out = split_rows(prepared.train.y, settings, "validation", prepared.times)
    transform = augmentation(kind_of(name), settings, prepared.inputs, outputs_of(prepared.target))
    full_batches = settings["model"] in NETWORKS and len(rows) >= settings["batch_size"]
    training = data.DataLoader(prepared.train.rows(rows).dataset, settings["batch_size"], shuffle=True,
                               drop_last=full_batches, seed=settings["seed"], transform=transform,
                               prefetch=_AHEAD if is_late(settings) else 0)
    return training, prepared.train.rows(held_out).loader() if len(held_out) else None


@contextlib.contextmanager
def at_most_threads(count: int | None) -> Iterator[None]:
    """Limit the kernels to `count` threads inside; None: no change."""
    before = fastnet.get_num_threads()
    if count is None or config()["backend"] != "compiled":
        yield                           # fastnet does not control NumPy's threads
        return
    fastnet.set_num_threads(count)
    try:
        yield
    finally:
        fastnet.set_num_threads(before)


def _backend_text(running: dict[str, Any]) -> str:
    if running["backend"] != "compiled":
        return "NumPy backend"
    threads = running["threads"]
    return f"compiled backend ({running['isa']}, {threads} thread{'s' if threads > 1 else ''})"
