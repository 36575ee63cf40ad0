"""`fastnet train`: from data to a tested model, with a plot, a report and a file."""
from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import fastnet
from fastnet import data, datasets
from fastnet._core.optional import optional
from fastnet._core.startup import interruptions_raise
from fastnet._core.world import is_first_rank
from fastnet.backend import config
from fastnet.cli.augmentation import augmentation, is_late
from fastnet.cli.errors import WrongUseError
from fastnet.cli.figures import figure_lines
from fastnet.cli.outputs import check_outputs, finite_json
from fastnet.cli.pretrained import training_text
from fastnet.cli.ranks import as_rank
from fastnet.cli.recipes import NETWORKS, TEXT_SETS
from fastnet.cli.run import Run, backend_text, make_optimizer
from fastnet.cli.run_folder import files_in
from fastnet.cli.samples import PreparedData, split_rows
from fastnet.cli.saved import Saved, versions
from fastnet.cli.series.settings import forecast_settings, is_forecast
from fastnet.cli.series.train import Forecasting
from fastnet.cli.settings import TrainSettings, kind_of, make_model, model_text, settings_of
from fastnet.cli.sources import load_data
from fastnet.cli.speech.settings import is_transcription, speech_settings
from fastnet.cli.speech.train import Transcribing
from fastnet.cli.targets import outputs_of
from fastnet.cli.terminal import column_lines, say
from fastnet.cli.texts.recipes import text_settings, trains_on_text
from fastnet.data.text_lines import shown
from fastnet.training.weights import balanced

__all__ = ["at_most_threads", "kind_of_training", "train", "training_loaders"]

_AHEAD = 2                              # batches of images that a thread prepares in advance


def train(args: argparse.Namespace) -> None:
    """Train a model on a data set, a text, a table or a folder, and test it on held-out rows."""
    with as_rank():
        _train(args)


def _train(args: argparse.Namespace) -> None:
    settings_for, make = kind_of_training(args)
    settings = settings_for(args)
    if args.shards is not None:
        settings["shards"] = args.shards
    kept = [("--resume", path) for path in files_in(args.resume)] if args.resume else []
    check_outputs([] if args.data in (*datasets.names(), *TEXT_SETS) else [args.data],
                  [("--save", args.save), ("--plot", args.plot), ("--report", args.report), *kept])
    if args.plot:                       # fail now rather than after the training
        optional("matplotlib.figure", "drawing a history")
    with at_most_threads(args.threads):
        told: Callable[[str], None] = say if is_first_rank() and not args.quiet else (lambda line: None)
        training = make(args, settings, told)
        if not args.save:
            told("the model will not be saved; use --save FILE to keep it")
        interruptions_raise()
        training.fit()
        if is_first_rank():
            training.report()


def kind_of_training(args: argparse.Namespace) -> tuple[Callable[..., TrainSettings], Callable[..., Any]]:
    """The functions that make the settings and the training of a command line.

    Args:
        args: of `fastnet train`.
    """
    if trains_on_text(args):
        from fastnet.cli.texts.training import TextTraining  # which imports fastnet.models
        return text_settings, TextTraining
    if is_transcription(args):
        return speech_settings, Transcribing
    return (forecast_settings, Forecasting) if is_forecast(args) else (settings_of, _Training)


class _Training:
    """One training of a classifier or a regressor.

    Args:
        args: of the command line.
        settings: see `settings_of`.
        say: prints a line, unless --quiet.
    """

    def __init__(self, args: argparse.Namespace, settings: TrainSettings, say: Callable[[str], None]) -> None:
        self.args, self.settings, self.say = args, settings, say
        self.prepared = prepared = load_data(args.data, settings)
        fastnet.manual_seed(settings["seed"])
        shape, outputs = prepared.inputs.shape, outputs_of(prepared.target)
        if settings.get("class_weight") and prepared.target.task != "classification":
            raise WrongUseError("--class-weight is for a single target with classes")
        if settings.get("label_smoothing") and prepared.target.task != "classification":
            raise WrongUseError("--label-smoothing is for a single target with classes")
        model = make_model(shape, outputs, settings)
        self.saved = Saved(model, prepared.inputs, prepared.target, {"target": prepared.target_name})
        self.parameters = sum(p.numel() for p in model.parameters())
        trainer = self.saved.trainer(lambda p: make_optimizer(p, settings), settings.get("label_smoothing", 0.0))
        self.run = Run(args, settings, trainer, prepared.checksum, say)
        self._describe(model_text(shape, outputs, settings))

    def _describe(self, model: str) -> None:
        prepared = self.prepared
        for line in (*prepared.notes, *column_lines(prepared.columns), *self.saved.count(prepared.train.y),
                     *(f"warning: {warning}" for warning in prepared.warnings)):
            self.say(line)
        trained, tested = len(prepared.train), len(prepared.test)
        self.say(f"{shown(self.args.data)}: {trained} {prepared.noun} to train on, {tested} to test on")
        for line in (f"{model}, {self.parameters} parameters; {backend_text()}",
                     *training_text(self.saved.model, self.settings)):
            self.say(line)

    def fit(self) -> None:
        """Train, or continue a stopped training.

        Raises:
            KeyboardInterrupt: the user interrupted it; the message says how to continue.
        """
        training, validation = training_loaders(self.args.data, self.settings, self.prepared)
        classes: Any = training.dataset
        self.run.fit(training, validation,
                     balanced(classes.targets) if self.settings.get("class_weight") else None)

    def report(self) -> None:
        """Measure the model on the test rows, and write the requested files."""
        args, prepared = self.args, self.prepared
        tested, plain = len(prepared.test) > 0, self.saved.trainer()           # its loss is without label smoothing
        figures = self.saved.figures(plain, plain.decision_function(prepared.test.inputs()),
                                     prepared.test.y) if tested else {}
        baseline = self.saved.baseline(prepared.train.y, prepared.test.y) if tested else {}
        results = {f"test_{name}": finite_json(value) for name, value in figures.items()}
        about = self.saved.about | {
            "dataset": args.data, "task": prepared.target.task, "epochs": len(self.run.trainer.history),
            "settings": self.settings, **results, "train_seconds": self.run.seconds, "baseline": baseline,
            "parameters": self.parameters, "versions": versions()}
        for line in figure_lines(baseline, "without a model, test "):
            self.say(line)
        for line in figure_lines(figures, "test ") if tested else ["there are no rows to test on"]:
            say(line)
        self.saved.about = about
        self.run.write(about, self.saved.save)


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
