"""What can be trained on or measured on: data sets, tables, folders of pictures, as arrays with their preparation."""
from dataclasses import dataclass, field

import numpy as np

from fastnet import data, datasets
from fastnet.cli.inputs import Drawings, Pictures, Pixels, Table, naming_lines
from fastnet.cli.settings import kind_of
from fastnet.data.dates import Dates

# Of each data set, how a digit lies in its pictures (see Drawings).
_DIGITS = {"digits": {"size": 8, "box": 8, "highest": 16}, "mnist": {"size": 28, "box": 20, "highest": 255}}
_SHOWN = 10                             # of so many classes the names are printed


@dataclass
class Source:
    """Data, prepared.

    Args:
        inputs: how it was: see `fastnet.cli.inputs`.
        target: a fitted TargetPreparation.
        train, test: (x, y), arrays; test may have no rows.
        what: what a sample is called, in the plural.
        notes: lines that say what was found in the data.
        target_name: of a table, the column that is predicted.
    """
    inputs: Pixels | Table
    target: data.TargetPreparation
    train: tuple
    test: tuple
    what: str
    notes: list = field(default_factory=list)
    target_name: str | None = None


def load_source(name, settings):
    """The data that `fastnet train` was given.

    Args:
        name: of a data set, a file or a folder.
        settings: see `settings_of`.

    Raises:
        ValueError, OSError, ImportError: data that cannot be trained on; the message says where.
    """
    load = {"table": _table, "folder": _folder}.get(kind_of(name), _digits)
    return load(name, settings)


def split(y, settings, purpose):
    """The rows to train on, and those that are held out, of each class its share.

    Args:
        y: (N,), int64 classes or float32 values.
        settings: see `settings_of`.
        purpose: of what is held out, "test" or "validation".

    Raises:
        ValueError: nothing can be held out; the message names the option.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.sources import split
        >>> rows, held_out = split(np.array([0, 0, 1, 1]), {"test_split": 0.5, "seed": 0}, "test")
        >>> len(rows), len(held_out)
        (2, 2)
    """
    labels = y if y.dtype.kind == "i" else np.zeros(len(y), np.int64)
    try:
        return data.stratified_split(labels, settings[f"{purpose}_split"], settings["seed"])
    except ValueError as e:
        raise ValueError(f"{e}; --{purpose} 0 holds out none") from None


# ---- data sets ------------------------------------------------------------------------------------------------------

def _digits(name, settings):
    (x, y), (x_test, y_test) = datasets.load(name)
    inputs = Drawings(mean=float(x.mean()), std=float(x.std()), **_DIGITS[name])
    target = data.TargetPreparation().fit(y)
    return Source(inputs, target, (inputs.prepare(x), y), (inputs.prepare(x_test), y_test), "pictures")


# ---- tables ---------------------------------------------------------------------------------------------------------

def _table(path, settings):
    table = data.read_columns(path)
    name = settings["target"]
    note = f"target: {name}"
    if name is None:
        name = list(table)[-1]
        note = f"target: {name} (the last column; --target names another)"
    features, values = data.split_target(table, name)
    preparation = data.TablePreparation()
    with naming_lines(path, table):
        target = _fitted_target(values, name, settings["task"])
        rows, test_rows = split(target.transform(values), settings, "test")
        y = target.fit(values, rows).transform(values)      # a mean and a scale are those of the rows to train on
        preparation.fit(features, rows)
    inputs = Table(preparation)
    x = inputs.prepare(features)
    notes = [f"{note}; {_kind_of_target(target)}", *getattr(table, "notes", [])]
    notes += [f"column {column!r} is not used: {reason}" for column, reason in preparation.left_out.items()]
    notes += preparation.notes
    train, test = ((x[part], y[part]) for part in (rows, test_rows))
    return Source(inputs, target, train, test, "rows", notes, name)


def _fitted_target(values, name, task):
    try:
        return data.TargetPreparation(task, standardise=True).fit(values)
    except ValueError as e:
        raise ValueError(f"column {name!r}: {e}") from None


def _kind_of_target(target):
    if target.task == "regression":
        return "a date to predict" if isinstance(target.form, Dates) else "a number to predict"
    names = ": " + ", ".join(map(str, target.classes)) if len(target.classes) <= _SHOWN else ""
    return f"{len(target.classes)} classes{names}"


# ---- folders of pictures --------------------------------------------------------------------------------------------

def _folder(path, settings):
    folder = data.ImageFolder(path, settings["size"])
    x, y = folder.arrays
    target = data.TargetPreparation().fit([folder.classes[i] for i in y])
    rows, test_rows = split(y, settings, "test")
    std = float(x[rows].std()) or 1.0
    inputs = Pictures(settings["size"], float(x[rows].mean()), std)
    train, test = ((inputs.prepare(x[part]), y[part]) for part in (rows, test_rows))
    return Source(inputs, target, train, test, "pictures", [_kind_of_target(target)])


# ---- what a saved model is measured on ------------------------------------------------------------------------------

def load_samples(name, inputs, target, target_name):
    """(x, y) of the data that `fastnet evaluate` was given, prepared as in training: the test set of a data set.

    Args:
        name: of a data set, a file or a folder.
        inputs, target, target_name: those of the model.

    Raises:
        ValueError, OSError: data of another kind than the model's, or labels that it does not know.
    """
    kind = kind_of(name)
    if kind in _DIGITS:
        _, (x, y) = datasets.load(name)
        if not isinstance(inputs, Drawings) or x.shape[1:] != inputs.shape:
            raise ValueError(f"the model takes {inputs.describe()}; {name} has pictures of "
                             f"{' x '.join(map(str, x.shape[1:]))}")
        return inputs.prepare(x), target.transform(y)
    if isinstance(inputs, Table) != (kind == "table") or isinstance(inputs, Drawings):
        raise ValueError(f"the model takes {inputs.describe()}, which {name} has not")
    if kind == "table":
        table = inputs.read_table(name)
        features, values = data.split_target(table, target_name)
        with naming_lines(name, table):
            return inputs.prepare_file(name, features), target.transform(values)
    folder = data.ImageFolder(name, inputs.size, classes=target.classes)
    return inputs.prepare(folder.arrays[0]), folder.targets
