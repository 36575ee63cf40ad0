"""`fastnet train`: from data to a tested model, with a plot, a report and a file."""
from __future__ import annotations

import argparse
import contextlib
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import fastnet
from fastnet import data, datasets
from fastnet._core.optional import optional
from fastnet._core.startup import interruptions_raise
from fastnet.backend import config
from fastnet.callbacks import Callback, Checkpoint, EarlyStopping, LearningRateSchedule
from fastnet.cli.errors import WrongUseError
from fastnet.cli.figures import figure_lines
from fastnet.cli.inputs import Drawings, Pixels, TableInputs
from fastnet.cli.interrupt import Interruptible
from fastnet.cli.outputs import check_outputs, finite_json, write_report
from fastnet.cli.run_folder import files_in, has_checkpoint, prepare_folder
from fastnet.cli.samples import PreparedData, split_rows
from fastnet.cli.saved import Saved, versions
from fastnet.cli.settings import OPTIMIZER_CHOICES, TrainSettings, layer_sizes, make_model, settings_of
from fastnet.cli.sources import load_data
from fastnet.cli.targets import outputs_of
from fastnet.cli.terminal import column_lines, say
from fastnet.data.arrays import fingerprint
from fastnet.data.text_lines import shown
from fastnet.training.weights import balanced

__all__ = ["at_most_threads", "train"]

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
        model = make_model(shape, outputs, settings)
        self.stopping: EarlyStopping | None = None
        self.saved = Saved(model, prepared.inputs, prepared.target, {"target": prepared.target_name})
        self.parameters = sum(p.numel() for p in model.parameters())
        self.trainer = self.saved.trainer(lambda p: OPTIMIZER_CHOICES[settings["optimizer"]][0](p, lr=settings["lr"]))
        self._describe(layer_sizes(shape, outputs, settings))

    def _describe(self, sizes: Sequence[int]) -> None:
        prepared = self.prepared
        for line in (*prepared.notes, *column_lines(prepared.columns), *self.saved.count(prepared.train[1]),
                     *(f"warning: {warning}" for warning in prepared.warnings)):
            self.say(line)
        trained, tested = len(prepared.train[1]), len(prepared.test[1])
        self.say(f"{shown(self.args.data)}: {trained} {prepared.noun} to train on, {tested} to test on")
        kind = "perceptron" if len(sizes) > 2 else "linear model"
        self.say(f"{'-'.join(map(str, sizes))} {kind}, {self.parameters} parameters; {_backend_text(config())}")
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
        callbacks = self._callbacks(validation)
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
        x, y = self.prepared.train
        settings = self.settings
        rows, held_out = split_rows(y, settings, "validation", self.prepared.times)
        self.class_weight = balanced(y[rows]) if settings.get("class_weight") else None
        dataset = data.TensorDataset(x, y)
        training = data.DataLoader(data.Subset(dataset, rows), settings["batch_size"], shuffle=True,
                                   seed=settings["seed"], transform=_augmentation(self.prepared.inputs))
        return training, data.DataLoader(data.Subset(dataset, held_out), 1024) if len(held_out) else None

    def _callbacks(self, validation: data.DataLoader | None) -> list[Callback]:
        settings = self.settings
        callbacks: list[Callback] = [Interruptible()]
        if settings["schedule"] != "constant":
            callbacks.append(LearningRateSchedule(settings["schedule"]))
        if settings["patience"] is not None and validation is not None:
            self.stopping = EarlyStopping(patience=settings["patience"])
            callbacks.append(self.stopping)
        if self.args.resume:
            callbacks.append(Checkpoint(self.args.resume, seconds=_CHECKPOINT_SECONDS))
        return callbacks

    def _command(self) -> dict[str, Any]:
        """Everything that the result depends on, for JSON."""
        return {"data": fingerprint(*self.prepared.train), **self.settings}

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
        tested = len(prepared.test[1]) > 0
        figures = self.saved.figures(self.trainer, *prepared.test) if tested else {}
        baseline = self.saved.baseline(prepared.train[1], prepared.test[1]) if tested else {}
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


def _augmentation(inputs: Pixels | TableInputs) -> data.RandomShift | None:
    """Shift digits that have a margin by up to a pixel: drawn digits are not centred exactly like the data set's."""
    if not isinstance(inputs, Drawings) or inputs.box == inputs.size:
        return None
    return data.RandomShift(1, fill=-inputs.mean / inputs.std)


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
