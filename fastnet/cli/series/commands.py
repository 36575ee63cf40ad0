"""Saved models of time series, and the commands on them."""
from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastnet
from fastnet import data, nn
from fastnet._core.annotations import Array, StrPath
from fastnet.cli.errors import WrongUseError, naming_damage
from fastnet.cli.figures import value_figures
from fastnet.cli.inputs import naming_lines
from fastnet.cli.outputs import csv_file, write_report
from fastnet.cli.series.baselines import last_values, seasonal_values
from fastnet.cli.series.preparation import SeriesInputs, arrays_of
from fastnet.cli.terminal import note, say
from fastnet.data.text_lines import shown

__all__ = ["TASK", "SavedSeries", "errors_of", "evaluate_series", "horizon_text", "predict_series"]

TASK = "forecast"
_FORMAT = 2
_BATCH = 1024


@dataclass
class SavedSeries:
    """A model of a time series.

    Args:
        model: a `fastnet.models.Forecaster`.
        inputs: the preparation.
        about: the training, a dictionary for JSON.
    """
    model: nn.Module
    inputs: SeriesInputs
    about: dict[str, Any]

    def save(self, path: StrPath) -> None:
        """Write the file, replacing it atomically."""
        self.model.save(path, {"format": _FORMAT, "task": TASK, "series": self.inputs.to_dict(), "about": self.about})

    @classmethod
    def described(cls, path: StrPath, model: nn.Module, described: Mapping[str, Any]) -> SavedSeries:
        """The model and the metadata of a file.

        Raises:
            ValueError: the metadata is damaged, or does not fit the model.
        """
        with naming_damage(path):
            made = cls(model, SeriesInputs.from_dict(described["series"]), dict(described["about"]))
        expected = made.inputs.length, made.inputs.columns, len(made.inputs.horizons), len(made.inputs.targets)
        got = tuple(getattr(model, name, None) for name in ("length", "columns", "horizons", "targets"))
        if got != expected:
            raise ValueError(f"{path}: the model has the sizes {got}, its preparation {expected}")
        return made

    def forecasts(self, x: Array) -> Array:
        """Standardised forecasts, (N, horizons, targets).

        Args:
            x: inputs, (N, length, columns).
        """
        self.model.eval()
        with fastnet.no_grad():
            parts = [self.model(fastnet.from_numpy(np.ascontiguousarray(x[i:i + _BATCH]))).numpy()
                     for i in range(0, len(x), _BATCH)]
        made = np.concatenate(parts)
        return made.reshape(*made.shape[:2], -1)

    def rows(self) -> dict[str, Any]:
        """The lines of `fastnet info`: {name: value}."""
        return {"task": TASK, "predicts": ", ".join(self.inputs.targets), "inputs": self.inputs.describe(),
                "horizon": horizon_text(self.inputs.horizons)}


def errors_of(inputs: SeriesInputs, place: int, forecasts: Array, y: Array) -> dict[str, float]:
    """{"mae", "rmse", "r2"} of the forecasts of a target.

    Args:
        inputs: the preparation.
        place: of the target.
        forecasts, y: standardised, (N, horizons, targets).
    """
    part = list(inputs.targets.values())[place]
    made, actual = (part.numbers(a[..., place].astype(np.float64)) for a in (forecasts, y))
    return value_figures(made.ravel(), actual.ravel())


def horizon_text(horizons: list[int]) -> str:
    """The rows that are forecast, in words.

    Args:
        horizons: rows after the last one.

    Example:
        >>> from fastnet.cli.series.commands import horizon_text
        >>> horizon_text([1, 2, 3]), horizon_text([1, 24])
        ('the next 3 rows', '1, 24 rows ahead')
    """
    if horizons == list(range(1, len(horizons) + 1)):
        return f"the next {len(horizons)} rows" if len(horizons) > 1 else "the next row"
    return f"{', '.join(map(str, horizons))} rows ahead"


# ---- fastnet predict ------------------------------------------------------------------------------------------------

def predict_series(args: argparse.Namespace, saved: SavedSeries) -> None:
    """Forecast the rows after the last one of each table, as CSV.

    Args:
        args: of `fastnet predict`.
        saved: the model.

    Raises:
        WrongUseError: options that have no meaning for forecasts.
        ValueError, OSError: a table that cannot be used.
    """
    if args.proba or args.keep or args.skip_unreadable or args.convert:
        raise WrongUseError("--proba, --keep, --skip-unreadable and --convert have no effect on forecasts")
    inputs = saved.inputs
    lines: list[tuple[Any, ...]] = []
    for path in args.files:
        table = data.read_columns(path, encoding=args.encoding)
        with naming_lines(path, table):
            series = inputs.series(table)
        for text in (*getattr(table, "notes", ()), *series.notes):
            note(f"{shown(path)}: {text}")
        [made] = saved.forecasts(inputs.last_window(series, path))
        values = [part.numbers(made[:, place]) for place, part in enumerate(inputs.targets.values())]
        for row, horizon in enumerate(inputs.horizons):
            time = inputs.clock.written(inputs.clock.following(series.times[-1], horizon))
            lines.append((*([path] if len(args.files) > 1 else []), time, *(column[row] for column in values)))
    heading = [*(["file"] if len(args.files) > 1 else []), inputs.clock.name, *inputs.targets]
    with csv_file(args.output) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(lines)


# ---- fastnet evaluate -----------------------------------------------------------------------------------------------

def evaluate_series(args: argparse.Namespace, saved: SavedSeries) -> None:
    """Measure the forecasts of all rows of a table.

    Args:
        args: of `fastnet evaluate`.
        saved: the model.
    """
    inputs = saved.inputs
    table = data.read_columns(args.data, encoding=args.encoding)
    with naming_lines(args.data, table):
        series = inputs.series(table)
        windows = inputs.windows(series)
    for text in (*getattr(table, "notes", ()), *series.notes):
        note(f"{shown(args.data)}: {text}")
    x, y = arrays_of(windows)
    say(f"{shown(args.data)}: {len(x)} windows")
    seasonal = seasonal_values(x, len(inputs.targets), inputs.horizons, inputs.season)
    forecasts = {"": saved.forecasts(x), " of the last value": last_values(x, len(inputs.targets), inputs.horizons),
                 **({} if seasonal is None else {" of the value of a season before": seasonal})}
    report: dict[str, Any] = {"model": str(args.model), "dataset": args.data, "samples": len(x)}
    for place, name in enumerate(inputs.targets):
        for words, made in forecasts.items():
            errors = errors_of(inputs, place, made, y)
            say(f"{name}: rmse{words}: {errors['rmse']:.4g}, mae: {errors['mae']:.4g}")
            report[f"{name}{words}"] = errors
    if args.report:
        write_report(args.report, report)
