"""`fastnet train FILE --time COLUMN`: forecasts of a time series, compared with forecasts without a network."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastnet
from fastnet import data
from fastnet._core.annotations import Array
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import naming_lines
from fastnet.cli.outputs import finite_json
from fastnet.cli.recipes import LINEAR
from fastnet.cli.run import Run, backend_text, make_optimizer
from fastnet.cli.saved import versions
from fastnet.cli.series.baselines import (
    LINEAR as RIDGE,
    MOST_NUMBERS,
    last_values,
    linear_forecasts,
    linear_weights,
    seasonal_values,
    verdict,
)
from fastnet.cli.series.clock import Clock
from fastnet.cli.series.commands import SavedSeries, errors_of, horizon_text
from fastnet.cli.series.preparation import SeriesInputs, arrays_of, in_time_order
from fastnet.cli.series.settings import WINDOW
from fastnet.cli.settings import TrainSettings
from fastnet.cli.tables import select_rows
from fastnet.cli.terminal import say
from fastnet.data.arrays import fingerprint
from fastnet.data.cells import Cells
from fastnet.data.frames import require
from fastnet.data.text_lines import shown

__all__ = ["Forecasting"]

_MEASURED = 1024                        # windows of a batch without gradients


@dataclass
class _SplitWindows:
    """The windows to train on, to validate and to test; without a share a part has no windows."""
    train: data.Subset
    validation: data.Subset | None
    test: data.Subset | None

    @classmethod
    def of(cls, windows: data.Windows, settings: TrainSettings) -> _SplitWindows:
        """The parts in the order of time."""
        train, validation, test = _time_shares(settings)
        shares = [share for share in (train, validation, test) if share]
        try:
            found = iter(windows.split(*shares))
        except ValueError:
            text = (f"{len(windows.values)} rows are too few for windows of {windows.length} rows, a horizon of "
                    f"{max(windows.horizon)}, and shares of {settings['test_split']:g} to test and "
                    f"{settings['validation_split']:g} to validate; use a smaller --window or --horizon")
            raise ValueError(text) from None
        return cls(next(found), next(found) if validation else None, next(found) if test else None)


def _time_shares(settings: TrainSettings) -> tuple[float, float, float]:
    """The shares of rows to train on, to validate and to test."""
    test, validation = settings["test_split"], settings["validation_split"] * (1 - settings["test_split"])
    return 1 - test - validation, validation, test


class Forecasting:
    """One training.

    Args:
        args: of the command line.
        settings: see `forecast_settings`.
        say: prints a line, unless --quiet.

    Raises:
        ValueError, OSError: a table that cannot be trained on; the message names the place.
    """

    def __init__(self, args: argparse.Namespace, settings: TrainSettings, say: Callable[[str], None]) -> None:
        self.args, self.settings, self.say = args, settings, say
        table = data.read_columns(args.data, encoding=settings["encoding"])
        with naming_lines(args.data, table):
            inputs = _fitted_inputs(table, settings)
            series = inputs.series(table)
            windows = inputs.windows(series)
            self.parts = _SplitWindows.of(windows, settings)
        fastnet.manual_seed(settings["seed"])
        model = fastnet.models.forecaster(settings["model"], inputs.length, inputs.columns, len(inputs.horizons),
                                          len(inputs.targets), settings["hidden"], settings["dropout"])
        self.saved = SavedSeries(model, inputs, {})
        self.run = Run(args, settings, fastnet.Trainer(model, lambda p: make_optimizer(p, settings), loss="mse"),
                       fingerprint(series.values, series.positions), say)
        for line in (*getattr(table, "notes", ()), *series.notes, *self._lines(series)):
            say(line)

    def _lines(self, series: Any) -> list[str]:
        """Lines about the data and the model."""
        args, inputs, parts = self.args, self.saved.inputs, self.parts
        last = "" if args.target else " (the last column; --target names another)"
        counts = [f"{len(part)} to {purpose}" for part, purpose in (
            (parts.train, "train on"), (parts.validation, "validate"), (parts.test, "test")) if part is not None]
        parameters = sum(p.numel() for p in self.saved.model.parameters())
        return [f"target: {', '.join(inputs.targets)}{last}, {horizon_text(inputs.horizons)}",
                 f"{shown(args.data)}: {len(series.values)} rows in steps of {inputs.clock.describe()}; windows of "
                 f"{inputs.length} rows in the order of time: {', '.join(counts)}",
                 f"{self.settings['model']} of {inputs.columns} columns, {parameters} parameters; {backend_text()}"]

    def fit(self) -> None:
        """Train, or continue a stopped training; a linear model is solved."""
        if self.settings["model"] == LINEAR:
            self._solve()
            return
        training = data.DataLoader(self.parts.train, self.settings["batch_size"], shuffle=True,
                                   seed=self.settings["seed"])
        held_out = self.parts.validation
        self.run.fit(training, None if held_out is None else data.DataLoader(held_out, _MEASURED))

    def _solve(self) -> None:
        """The linear model of the least squared error."""
        train, targets = arrays_of(self.parts.train), len(self.saved.inputs.targets)
        weights = linear_weights(train, arrays_of(self.parts.validation or self.parts.train), targets)
        head: Any = self.saved.model.head
        with fastnet.no_grad():
            head.weight.copy_(fastnet.from_numpy(weights[:-1].T.astype(np.float32)))
            head.bias.copy_(fastnet.from_numpy(weights[-1].astype(np.float32)))

    def report(self) -> None:
        """Compare the forecasts of the last rows with those of the baselines, and write the requested files."""
        saved, args = self.saved, self.args
        results: dict[str, Any] = {}
        if self.parts.test is None:
            say("there are no rows to test on")
        else:
            results = self._results(self.parts.test)
        saved.about = {"dataset": args.data, "task": "forecast", "epochs": len(self.run.trainer.history),
                       "settings": self.settings, **finite_json(results), "train_seconds": self.run.seconds,
                       "parameters": sum(p.numel() for p in saved.model.parameters()), "versions": versions()}
        self.run.write(saved.about, saved.save)

    def _results(self, test: data.Subset) -> dict[str, Any]:
        """The errors of the model and of the baselines, for the report; prints them."""
        x, y = arrays_of(test)
        forecasts = {"model": self.saved.forecasts(x), **self._baselines(x)}
        found: dict[str, Any] = {"baseline": {}}
        for place, name in enumerate(self.saved.inputs.targets):
            errors = {key: errors_of(self.saved.inputs, place, made, y) for key, made in forecasts.items()}
            of_model = errors.pop("model")
            rmse = {key: value["rmse"] for key, value in errors.items()}
            for key, value in rmse.items():
                self.say(f"{name}: test rmse of the {key}: {value:.4g}")
            say(f"{name}: test rmse: {of_model['rmse']:.4g}, mae: {of_model['mae']:.4g}")
            words = verdict(of_model["rmse"], rmse, self.settings["model"] != LINEAR)
            say(f"{name}: {words}")
            prefix = f"{name} " if len(self.saved.inputs.targets) > 1 else ""
            found |= {f"test_{prefix}{key}": value for key, value in of_model.items()}
            found[f"{prefix}verdict"] = words
            found["baseline"] |= {f"{prefix}{key}": value for key, value in errors.items()}
        return found

    def _baselines(self, x: Array) -> dict[str, Array]:
        """{name: forecasts} of the baselines."""
        inputs, targets = self.saved.inputs, len(self.saved.inputs.targets)
        found = {"last value": last_values(x, targets, inputs.horizons)}
        seasonal = seasonal_values(x, targets, inputs.horizons, inputs.season)
        if seasonal is not None:
            found[f"value of a season ({inputs.season} rows) before"] = seasonal
        train = arrays_of(self.parts.train)
        if self.settings["model"] == LINEAR or train[0][0].size > MOST_NUMBERS:
            return found
        weights = linear_weights(train, arrays_of(self.parts.validation or self.parts.train), targets)
        return found | {RIDGE: linear_forecasts(x, weights, targets)}


def _fitted_inputs(table: Any, settings: TrainSettings) -> SeriesInputs:
    """The preparation, whose scales are those of the rows to train on."""
    share, _, _ = _time_shares(settings)
    time, names = settings["time"], settings["target"]
    require([time, *names, *settings["leave_out"], *settings["kinds"]], table)
    others = [name for name in table if name not in (time, *settings["leave_out"])]
    if not others:
        raise ValueError(f"expected a column besides the time {time!r}")
    names = names or others[-1:]
    unfitted = {name: data.TargetPreparation("regression", True, "number") for name in names}
    clock = Clock.fitted(table, time, share)
    table, _, _ = in_time_order(table, clock, unfitted)
    rows = np.arange(max(2, round(share * len(table[time]))))
    targets = {}
    for name, part in unfitted.items():
        try:
            targets[name] = part.fit(table[name], rows[:len(table[name])], getattr(table, "mark", "."))
        except ValueError as e:
            raise ValueError(f"column {name!r}: {e}") from None
    season = settings["season"] or clock.season
    length = settings["window"] or min(max(WINDOW, 2 * (season or 0)), max(1, len(table[time]) // 8))
    return SeriesInputs(clock, targets, _features(table, [time, *names], settings, rows), length,
                        settings["horizon"], season, settings["gaps"])


def _features(table: Any, used: list[str], settings: TrainSettings, rows: Array) -> data.TablePreparation | None:
    """The fitted preparation of the columns that are neither times nor targets; None: there are none."""
    others = [name for name in table if name not in (*used, *settings["leave_out"])]
    if set(settings["kinds"]) - set(others):
        raise WrongUseError("--kind: times are dates or numbers, and targets are numbers")
    if not others:
        return None
    features = table.without(used) if isinstance(table, Cells) else {name: table[name] for name in others}
    features = select_rows(features, np.arange(len(table[used[0]])))
    made = data.TablePreparation(settings["kinds"], settings["leave_out"])
    try:
        return made.fit(features, rows)
    except ValueError as e:
        if "no column can be used" in str(e):
            return None
        raise
