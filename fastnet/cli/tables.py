"""Tables to train on: their targets, the kinds of their columns, and the rows to use and to hold out."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from fastnet import data
from fastnet._core.annotations import Array
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import TableInputs, naming_lines
from fastnet.cli.leaks import leak_warnings
from fastnet.cli.samples import PreparedData, Samples, split_rows
from fastnet.cli.settings import TrainSettings
from fastnet.cli.targets import AnyTargetPreparation, classes_of, targets_of
from fastnet.data.arrays import fingerprint
from fastnet.data.cells import Cells, in_lines
from fastnet.data.dates import Dates
from fastnet.data.frames import require
from fastnet.data.values import as_numbers

__all__ = ["load_table", "select_rows", "target_text", "transformed", "with_targets"]

Columns: TypeAlias = "Any"              # what `fastnet.data.read_columns` returns: Cells, or {name: column}

_SHOWN = 10                             # with up to this many classes, their names are printed
_ORDERED = ("date", "number")           # kinds of columns that can order the rows in time


def load_table(path: str, settings: TrainSettings) -> PreparedData:
    """Load and prepare the table of `fastnet train`.

    Args:
        path: of a file, or "-".
        settings: see `settings_of`.

    Raises:
        ValueError, OSError, ImportError: a table that cannot be trained on; the message names the place.
    """
    table = data.read_columns(path, encoding=settings.get("encoding"))
    names = settings["target"] or [list(table)[-1]]
    require([*names, *settings.get("kinds", {}), *settings.get("leave_out", [])], table)
    if names[-1] in settings.get("leave_out", []):
        raise WrongUseError(f"--leave-out names {names[-1]!r}, the last column, which is the default target: "
                            "name the target with --target COLUMN")
    with naming_lines(path, table):
        table, dropped = with_targets(table, _unfitted_targets(names, settings), settings.get("drop_missing_target"))
    with naming_lines(path, table):                 # it may have fewer rows now
        prepared = _prepare(table, names, settings)
    last = "" if settings["target"] else " (the last column; --target names another)"
    prepared.notes = [f"target: {', '.join(names)}{last}; {target_text(prepared.target)}",
                      *getattr(table, "notes", ()),
                      *(f"column {name or names[0]!r} {note}" for name, part in targets_of(prepared.target).items()
                        for note in part.notes), *dropped, *prepared.notes]
    return prepared


def _prepare(table: Columns, names: list[str], settings: TrainSettings) -> PreparedData:
    """The prepared data of a table without missing targets."""
    values, features, mark = {name: table[name] for name in names}, _without(table, names), getattr(table, "mark", ".")
    target = _fitted(_target_of(names, settings), values, None, mark)
    y = transformed(target, values)
    by, times = _row_times(features, settings) if settings.get("split") == "time" else (None, None)
    rows, held_out = split_rows(y, settings, "test", times)
    if target.task == "regression":                 # its mean and scale are those of the rows to train on
        y = transformed(_fitted(target, values, rows, mark), values)
    preparation = data.TablePreparation(_kinds_without(settings.get("kinds", {}), names),
                                        settings.get("leave_out", ())).fit(features, rows)
    inputs = TableInputs(preparation)
    x, _ = inputs.prepare(features)                 # the columns' notes contain the lines about odd cells
    train = Samples.of(x[rows], y[rows])
    return PreparedData(inputs, target, train, Samples.of(x[held_out], y[held_out]), "rows",
                        fingerprint(*train.dataset.arrays),
                        [] if by is None else [f"held out: the latest rows by {by!r}"],
                        leak_warnings(select_rows(features, rows), preparation, y[rows], names),
                        names[0] if len(names) == 1 else names, preparation.describe(),
                        None if times is None else times[rows])


def select_rows(table: Columns, rows: Array) -> Columns:
    """The rows of a table with these indices.

    Args:
        table: what `fastnet.data.read_columns` returns.
        rows: an array of indices.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.tables import select_rows
        >>> select_rows({"size": np.array([1, 2, 3])}, np.array([0, 2]))
        {'size': array([1, 3])}
    """
    return table.take(rows) if isinstance(table, Cells) else {name: column[rows] for name, column in table.items()}


def _without(table: Columns, names: Collection[str]) -> Columns:
    others = [name for name in table if name not in names]
    if not others:
        raise ValueError(f"the table has no column other than the target {', '.join(map(repr, names))}: expected "
                         "columns to predict it from")
    return table.without(names) if isinstance(table, Cells) else {name: table[name] for name in others}


def _kinds_without(kinds: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: kind for name, kind in kinds.items() if name not in names}


# ---- targets --------------------------------------------------------------------------------------------------------

def _target_of(names: Sequence[str], settings: TrainSettings) -> Any:
    """The unfitted preparation of one target or of several."""
    task, kinds = settings["task"], settings.get("kinds", {})
    if len(names) == 1:
        return data.TargetPreparation(task, standardise=True, kind=kinds.get(names[0]))
    several: Any = "multilabel" if task == "classification" else task
    return data.MultiTargetPreparation(several, standardise=True, kinds={n: kinds[n] for n in names if n in kinds})


def _unfitted_targets(names: Iterable[str], settings: TrainSettings) -> dict[str, data.TargetPreparation]:
    kinds = settings.get("kinds", {})
    return {name: data.TargetPreparation(settings["task"], kind=kinds.get(name)) for name in names}


def with_targets(table: Columns, parts: Mapping[str, data.TargetPreparation],
                 drop: bool | None) -> tuple[Columns, list[str]]:
    """The rows that have all targets, and a note of the number of other rows.

    Args:
        table: what `fastnet.data.read_columns` returns.
        parts: {column: its TargetPreparation}, fitted or not.
        drop: whether to ignore rows without a target; otherwise they are an error.

    Raises:
        ValueError: a target is missing in a row, or in every row.
    """
    require(parts, table)
    incomplete = np.zeros(len(next(iter(table.values()))), np.bool_)
    for name, part in parts.items():
        missing = part.missing(table[name])
        if missing.any() and not drop:
            where = in_lines(f"row {int(missing.argmax())} (counted from 0)", table)
            raise ValueError(f"column {name!r}: the target is missing in {missing.sum()} of {len(missing)} rows, the "
                             f"first in {where}; use --drop-missing-target to ignore these rows")
        incomplete |= missing
    if not incomplete.any():
        return table, []
    if incomplete.all():
        raise ValueError(f"the target {', '.join(map(repr, parts))} is missing in every row")
    return select_rows(table, np.flatnonzero(~incomplete)), [
        f"{incomplete.sum()} of {len(incomplete)} rows have no target and are not used"]


def _fitted(target: Any, values: Mapping[str, Any], rows: Array | None, mark: str) -> Any:
    """A target's preparation, fitted to its column or columns."""
    try:
        return target.fit(values if len(values) > 1 else next(iter(values.values())), rows, mark)
    except ValueError as e:
        where, hint = ("", "; several targets must all be numbers, or all have two classes") if len(values) > 1 else (
            f"column {next(iter(values))!r}: ", "")
        raise ValueError(f"{where}{e}{hint}") from None


def transformed(target: Any, values: Mapping[str, Any]) -> Array:
    """The prepared targets of some rows.

    Args:
        target: the fitted preparation of the target or targets.
        values: {name: column}.
    """
    return target.transform(values if len(values) > 1 else next(iter(values.values())))


def target_text(target: AnyTargetPreparation) -> str:
    """A short description of the target or targets.

    Args:
        target: the fitted preparation of the target or targets.
    """
    if target.task == "multilabel":
        return f"{len(targets_of(target))} targets of two classes"
    if target.task == "regression":
        several = getattr(target, "targets", None)
        if several:
            return f"{len(several)} numbers to predict"
        form = getattr(target, "form", None)
        if isinstance(form, Dates):
            return f"a {'time of day' if form.times else 'date'} to predict, figures in days"
        return "a number to predict"
    classes = classes_of(target)
    names = ": " + ", ".join(map(str, classes)) if len(classes) <= _SHOWN else ""
    return f"{len(classes)} classes{names}"


# ---- held out by time -----------------------------------------------------------------------------------------------

def _row_times(features: Columns, settings: TrainSettings) -> tuple[str, Array]:
    """The column that --time names, or the only column of dates; and its values, float64."""
    name = settings.get("time")
    if name is not None:
        require([name], features)
    looked_at = features if name is None else _without(features, [other for other in features if other != name])
    encoders = data.TablePreparation(_kinds_without(settings.get("kinds", {}), set(features) - set(looked_at))).fit(
        looked_at).encoders
    kinds = ("date",) if name is None else _ORDERED
    found = [column for column, encoder in encoders.items()
             if encoder.kind in kinds and getattr(encoder, "days", True)]       # a time of day has no date
    if len(found) != 1:
        raise ValueError("--split time: " + (
            f"column {name!r} holds neither dates nor numbers" if name is not None else
            f"the columns {', '.join(map(repr, found))} hold dates: choose one with --time COLUMN" if found else
            "the table has no column of dates; name a column of numbers, such as years, with --time COLUMN"))
    values, _ = encoders[found[0]].read(features[found[0]])
    return found[0], as_numbers(values)
