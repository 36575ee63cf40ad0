"""Tables to train on: what is predicted, how columns are read, which rows are used and which are held out."""
from typing import Any

import numpy as np

from fastnet import data
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import Table, naming_lines
from fastnet.cli.leaks import telling_columns
from fastnet.cli.samples import Source, split
from fastnet.cli.saved import parts_of
from fastnet.data.cells import Cells, in_lines
from fastnet.data.dates import Dates
from fastnet.data.frames import require
from fastnet.data.values import as_numbers

_SHOWN = 10                             # of so many classes the names are printed
_ORDERED = ("date", "number")           # kinds of columns that can say when a row was


def load_table(path, settings):
    """The table that `fastnet train` was given.

    Args:
        path: of a file, or "-".
        settings: see `settings_of`.

    Raises:
        ValueError, OSError, ImportError: a table that cannot be trained on; the message says where.
    """
    table = data.read_columns(path, encoding=settings.get("encoding"))
    names = settings["target"] or [list(table)[-1]]
    require([*names, *settings.get("kinds", {}), *settings.get("leave_out", [])], table)
    if names[-1] in settings.get("leave_out", []):
        raise WrongUseError(f"--leave-out names {names[-1]!r}, the last column, which is predicted by default: "
                            "--target COLUMN says which column to predict")
    with naming_lines(path, table):
        table, dropped = with_targets(table, _targets(names, settings), settings.get("drop_missing_target"))
    with naming_lines(path, table):                 # whose rows may be fewer
        source = _source(table, names, settings)
    last = "" if settings["target"] else " (the last column; --target names another)"
    source.notes = [f"target: {', '.join(names)}{last}; {kind_of_target(source.target)}", *getattr(table, "notes", ()),
                    *(f"column {name or names[0]!r} {note}" for name, part in parts_of(source.target).items()
                      for note in part.notes), *dropped, *source.notes]
    return source


def _source(table, names, settings):
    """The Source of a table whose targets are all there."""
    values, features, mark = {name: table[name] for name in names}, _without(table, names), getattr(table, "mark", ".")
    target = _fitted(_target_of(names, settings), values, None, mark)
    y = transformed(target, values)
    by, times = _times(features, settings) if settings.get("split") == "time" else (None, None)
    rows, held_out = split(y, settings, "test", times)
    if target.task == "regression":                 # its mean and scale are those of the rows to train on
        y = transformed(_fitted(target, values, rows, mark), values)
    preparation = data.TablePreparation(_of_features(settings.get("kinds", {}), names),
                                        settings.get("leave_out", ())).fit(features, rows)
    inputs = Table(preparation)
    x, _ = inputs.prepare(features)                 # the lines about odd cells are among the columns' notes
    return Source(inputs, target, (x[rows], y[rows]), (x[held_out], y[held_out]), "rows",
                  [] if by is None else [f"held out: the latest rows by {by!r}"],
                  telling_columns(taken(features, rows), preparation, y[rows], names),
                  names[0] if len(names) == 1 else names, preparation.describe(),
                  None if times is None else times[rows])


def taken(table, rows):
    """The rows of a table at these places.

    Args:
        table: what `fastnet.data.read_columns` gives.
        rows: an array.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.tables import taken
        >>> taken({"size": np.array([1, 2, 3])}, np.array([0, 2]))
        {'size': array([1, 3])}
    """
    return table.take(rows) if isinstance(table, Cells) else {name: column[rows] for name, column in table.items()}


def _without(table, names):
    others = [name for name in table if name not in names]
    if not others:
        raise ValueError(f"the table has no column but the target {', '.join(map(repr, names))}: there is nothing to "
                         "predict it from")
    return table.without(names) if isinstance(table, Cells) else {name: table[name] for name in others}


def _of_features(kinds, names):
    return {name: kind for name, kind in kinds.items() if name not in names}


# ---- what is predicted ----------------------------------------------------------------------------------------------

def _target_of(names, settings):
    """The preparation of one target or of several, not fitted."""
    task, kinds = settings["task"], settings.get("kinds", {})
    if len(names) == 1:
        return data.TargetPreparation(task, standardise=True, kind=kinds.get(names[0]))
    several: Any = "multilabel" if task == "classification" else task
    return data.MultiTargetPreparation(several, standardise=True, kinds={n: kinds[n] for n in names if n in kinds})


def _targets(names, settings):
    kinds = settings.get("kinds", {})
    return {name: data.TargetPreparation(settings["task"], kind=kinds.get(name)) for name in names}


def with_targets(table, parts, drop):
    """The rows whose targets are all there, and notes of how many others there are.

    Args:
        table: what `fastnet.data.read_columns` gives.
        parts: {column: its TargetPreparation}, fitted or not.
        drop: whether the other rows are left out; else they are refused.

    Raises:
        ValueError: rows without a target, where they are refused, or no others.
    """
    require(parts, table)
    gone = np.zeros(len(next(iter(table.values()))), np.bool_)
    for name, part in parts.items():
        missing = part.missing(table[name])
        if missing.any() and not drop:
            where = in_lines(f"row {int(missing.argmax())} (counted from 0)", table)
            raise ValueError(f"column {name!r}: the target is missing in {missing.sum()} of {len(missing)} rows, the "
                             f"first in {where}; --drop-missing-target leaves such rows out")
        gone |= missing
    if not gone.any():
        return table, []
    if gone.all():
        raise ValueError(f"the target {', '.join(map(repr, parts))} is missing in every row")
    return taken(table, np.flatnonzero(~gone)), [
        f"{gone.sum()} of {len(gone)} rows have no target and are not used"]


def _fitted(target, values, rows, mark):
    """A target's preparation, fitted to its column or columns."""
    try:
        return target.fit(values if len(values) > 1 else next(iter(values.values())), rows, mark)
    except ValueError as e:
        where, hint = ("", "; several targets are all numbers, or all have two classes") if len(values) > 1 else (
            f"column {next(iter(values))!r}: ", "")
        raise ValueError(f"{where}{e}{hint}") from None


def transformed(target, values):
    """The prepared targets of some rows.

    Args:
        target: a fitted TargetPreparation or MultiTargetPreparation.
        values: {name: column}.
    """
    return target.transform(values if len(values) > 1 else next(iter(values.values())))


def kind_of_target(target):
    """In a few words, what is predicted.

    Args:
        target: a fitted TargetPreparation or MultiTargetPreparation.
    """
    if target.task == "multilabel":
        return f"{len(target.targets)} targets of two classes"
    if target.task == "regression":
        several = getattr(target, "targets", None)
        if several:
            return f"{len(several)} numbers to predict"
        if isinstance(target.form, Dates):
            return f"a {'time of day' if target.form.times else 'date'} to predict, figures in days"
        return "a number to predict"
    names = ": " + ", ".join(map(str, target.classes)) if len(target.classes) <= _SHOWN else ""
    return f"{len(target.classes)} classes{names}"


# ---- held out by time -----------------------------------------------------------------------------------------------

def _times(features, settings):
    """The column that --time names, else the one column of dates; and its values, float64."""
    name = settings.get("time")
    if name is not None:
        require([name], features)
    looked_at = features if name is None else _without(features, [other for other in features if other != name])
    encoders = data.TablePreparation(_of_features(settings.get("kinds", {}), set(features) - set(looked_at))).fit(
        looked_at).encoders
    kinds = ("date",) if name is None else _ORDERED
    found = [column for column, encoder in encoders.items()
             if encoder.kind in kinds and getattr(encoder, "days", True)]       # a time of day is of no day
    if len(found) != 1:
        raise ValueError("--split time: " + (
            f"column {name!r} holds neither dates nor numbers" if name is not None else
            f"the columns {', '.join(map(repr, found))} hold dates: --time COLUMN says by which" if found else
            "the table has no column of dates; --time COLUMN names one of numbers, such as years"))
    values, _ = encoders[found[0]].read(features[found[0]])
    return found[0], as_numbers(values)
