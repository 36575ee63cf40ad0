"""The command `fastnet tune`: trials, and the model of the best one."""
from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable
from typing import Any

from fastnet._core import world
from fastnet._core.errors import differing
from fastnet._core.optional import optional
from fastnet._core.startup import interruptions_raise
from fastnet.callbacks import Report
from fastnet.cli.arguments import add_train
from fastnet.cli.errors import WrongUseError
from fastnet.cli.option_values import output_path, positive_number
from fastnet.cli.outputs import check_outputs, finite_json, write_report
from fastnet.cli.recipes import FORECASTERS, TEXT_SETS
from fastnet.cli.series.settings import is_forecast
from fastnet.cli.settings import TrainSettings
from fastnet.cli.terminal import say
from fastnet.cli.train import at_most_threads, kind_of_training
from fastnet.cli.tuning.journal import drop_partial_line
from fastnet.cli.tuning.results import OPTIONS, draw_trials, finished, trial_line, trial_rows, trial_table
from fastnet.cli.tuning.space import default_parameters, free_options, option_words, suggested
from fastnet.datasets import names as dataset_names

__all__ = ["add_tune", "tune"]

_TRIALS = 50
_STUDY = "fastnet"                      # the name of the study in its file
_FIXED_SETTINGS = "fastnet_training"             # the attribute of a study: the settings that are fixed, and the data
_DATA = "data"
_NOT_WRITTEN = "model.safetensors"      # the file of a training that writes none
_STARTUP_TRIALS = 5                     # trials that are never pruned


def add_tune(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet tune`: those of the search, and those of `fastnet train`."""
    group = p.add_argument_group("search")
    group.add_argument("--trials", type=positive_number(int), default=_TRIALS, metavar="N",
                       help="trials in all, those of an earlier run of the study included (default: %(default)s)")
    group.add_argument("--timeout", type=positive_number(float), metavar="SECONDS",
                       help="begin no further trial after this time (default: no limit)")
    group.add_argument("--study", type=output_path, metavar="FILE",
                       help="keep the trials in a file; if it contains some, continue them (default: memory)")
    add_train(p)


def tune(args: argparse.Namespace) -> None:
    """Search the best settings of a training, and train the model of the best trial again."""
    optional("optuna", "fastnet tune")
    if world.launched_by() is not None or world.world_size() > 1:
        raise WrongUseError("a search is of one process: run it without fastnet launch and mpirun")
    if args.resume:
        raise WrongUseError("--resume continues one training: use --study FILE to continue a search")
    if args.validation == 0:
        raise WrongUseError("a search needs --validation above 0")
    if is_forecast(args) and args.model not in FORECASTERS:
        raise WrongUseError(f"--model {args.model} is solved exactly: there is nothing to search")
    check_outputs([] if args.data in (*dataset_names(), *TEXT_SETS) else [args.data],
                  [("--study", args.study), ("--save", args.save), ("--plot", args.plot), ("--report", args.report)])
    if args.plot:                       # fail now rather than after the search
        optional("matplotlib.figure", "drawing a search")
    with at_most_threads(args.threads):
        search = _SettingsSearch(args)
        interruptions_raise()
        search.run()
        search.report()


class _SettingsSearch:
    """A search.

    Args:
        args: of the command line.

    Raises:
        WrongUseError: the file is not a study, or the study in it is one of other data or settings.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.say: Callable[[str], None] = _say_nothing if args.quiet else say
        training, self.settings = self._training({}, self.say)
        self.free = free_options(args, self.settings)
        if not self.free:
            raise WrongUseError("every setting that a search varies is given: there is nothing to search")
        fixed = {name: value for name, value in self.settings.items() if name not in self.free}
        self.study = _opened_study(args, {
            "searched settings": self.free, **finite_json(fixed), _DATA: training.run.checksum})
        if not self.study.trials:
            self.study.enqueue_trial(default_parameters(self.free, self.settings))

    def _training(self, options: dict[str, Any], say: Callable[[str], None],
                  last: bool = False) -> tuple[Any, TrainSettings]:
        """A training with these options, and its settings; the last one saves its model and measures its energy."""
        args = argparse.Namespace(**{**vars(self.args), **options, "plot": None, "report": None, "quiet": True,
                                     "argv": ["train", *self.args.argv[1:], *option_words(options)]})
        if not last:
            args.save, args.energy, args.carbon = _NOT_WRITTEN, None, None
        settings_for, make = kind_of_training(args)
        settings = settings_for(args)
        return make(args, settings, say), settings

    def run(self) -> None:
        """Make the trials that are left.

        Raises:
            KeyboardInterrupt: the message says how to continue.
        """
        begin, done = time.monotonic(), len(finished(self.study))
        if done:
            self.say(f"continuing the study in {self.args.study} after {done} trials")
        for _ in range(done, self.args.trials):
            if self.args.timeout is not None and time.monotonic() - begin >= self.args.timeout:
                self.say(f"no further trial after {self.args.timeout:g} s")
                break
            self._make_trial()

    def _make_trial(self) -> None:
        optuna: Any = optional("optuna", "fastnet tune")
        states, trial = optuna.trial.TrialState, self.study.ask()
        options = suggested(trial, self.free, self.settings)
        trial.set_user_attr(OPTIONS, options)
        try:
            self.study.tell(trial, self._loss(trial, options))
        except (optuna.TrialPruned, FloatingPointError):    # a loss that is not finite is as bad as can be
            self.study.tell(trial, state=states.PRUNED)
        except BaseException as e:
            self.study.tell(trial, state=states.FAIL)
            if isinstance(e, KeyboardInterrupt):
                raise self._interruption(f"trial {trial.number + 1}") from None
            raise
        complete = [t.value for t in finished(self.study) if t.state == states.COMPLETE]
        self.say(trial_line(self.study.trials[trial.number], min(complete, default=0.0)))

    def _loss(self, trial: Any, options: dict[str, Any]) -> float:
        """The validation loss of a trial: of its best epoch, if its training ends with the weights of that epoch."""
        training, _ = self._training(options, _say_nothing)
        training.run.callbacks.append(Report(trial))
        training.fit()
        losses = training.run.trainer.history["validation_loss"]
        return float(losses[-1] if training.run.stopping is None else min(losses))

    def _interruption(self, where: str) -> KeyboardInterrupt:
        """An error that says how to continue."""
        if self.args.study is None:
            return KeyboardInterrupt(f"interrupted in {where}; the trials are lost: use --study FILE to be able to "
                                     "continue later")
        return KeyboardInterrupt(f"interrupted in {where}; to continue, run: "
                                 f"{shlex.join(['fastnet', *self.args.argv])}")

    def report(self) -> None:
        """Print the best trials, train the model of the best one again, and write the requested files.

        Raises:
            ValueError: no trial was complete.
        """
        if not any(t.state.name == "COMPLETE" for t in finished(self.study)):
            raise ValueError("no trial was completed: try more --trials, or an --lr that does not diverge")
        args, best = self.args, self.study.best_trial
        options = best.user_attrs[OPTIONS]
        for line in trial_table(self.study):
            self.say(line)
        command = shlex.join(["fastnet", "train", *_train_words(args.argv[1:]), *option_words(options)])
        self.say(f"trial {best.number + 1} is the best: {command}")
        training, settings = self._training(options, _say_nothing, last=True)      # its data was described before
        training.say = training.run.say = self.say
        try:
            training.fit()
        except KeyboardInterrupt:
            raise self._interruption("the training of the best trial's model") from None
        training.report()
        if args.plot:
            draw_trials(self.study, args.plot)
            self.say(f"plot: {args.plot}")
        if args.report:
            write_report(args.report, training.saved.about | {
                "settings": settings, "command": command, "best_trial": best.number + 1,
                "validation_loss": best.value, "trials": trial_rows(self.study)})
            self.say(f"report: {args.report}")


def _say_nothing(line: str) -> None:
    """Print nothing."""


def _train_words(words: list[str]) -> list[str]:
    """The words of a command line without the options of the search and of its files."""
    found, skip = [], 0
    for word in words:
        name = word.partition("=")[0]
        if skip:
            skip -= 1
        elif name in ("--trials", "--timeout", "--study", "--plot", "--report"):
            skip = "=" not in word
        elif word != "--quiet":
            found.append(word)
    return found


def _opened_study(args: argparse.Namespace, about: dict[str, Any]) -> Any:
    """The study of a file, or a new one; trials that a killed process left are begun again."""
    optuna: Any = optional("optuna", "fastnet tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = None
    if args.study is not None:
        drop_partial_line(args.study, _STUDY)
        journal = optuna.storages.journal
        storage = optuna.storages.JournalStorage(journal.JournalFileBackend(args.study))
    study = optuna.create_study(storage=storage, study_name=_STUDY, load_if_exists=True)
    warmup = optuna.pruners.MedianPruner(_STARTUP_TRIALS, n_warmup_steps=2)
    study.sampler, study.pruner = optuna.samplers.TPESampler(seed=args.seed + len(study.trials)), warmup
    known = study.user_attrs.get(_FIXED_SETTINGS)
    if known is None:
        study.set_user_attr(_FIXED_SETTINGS, about)
    elif found := differing(known, about):
        name, there, here = found[0]
        what = "other data" if name == _DATA else f"other settings: {name} is {there!r} there, {here!r} here"
        raise WrongUseError(f"{args.study} is a study of {what}")
    for trial in study.trials:
        if trial.state.name == "RUNNING":
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params)
    return study
