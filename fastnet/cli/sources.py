"""Loading of data sets, tables and folders of images, as arrays with their preparation."""
from __future__ import annotations

from typing import Any

from fastnet import data, datasets
from fastnet._core.annotations import Array
from fastnet.cli.inputs import Drawings, Pictures, TableInputs, naming_lines
from fastnet.cli.samples import PreparedData, split_rows
from fastnet.cli.saved import Saved
from fastnet.cli.settings import TrainSettings, kind_of
from fastnet.cli.tables import load_table, target_text, transformed, with_targets
from fastnet.cli.targets import classes_of

__all__ = ["load_data", "load_samples"]

# {data set: how a digit fills its images (see Drawings)}
_DIGITS: dict[str, dict[str, int]] = {
    "digits": {"size": 8, "box": 8, "highest": 16}, "mnist": {"size": 28, "box": 20, "highest": 255}}


def load_data(name: str, settings: TrainSettings) -> PreparedData:
    """Load and prepare the data of `fastnet train`.

    Args:
        name: of a data set, a file or a folder.
        settings: see `settings_of`.

    Raises:
        ValueError, OSError, ImportError: data that cannot be trained on; the message names the place.
    """
    load = {"table": load_table, "folder": _load_folder}.get(kind_of(name), _load_digits)
    return load(name, settings)


# ---- data sets ------------------------------------------------------------------------------------------------------

def _load_digits(name: str, settings: TrainSettings) -> PreparedData:
    dataset: Any = name
    (x, y), (x_test, y_test) = datasets.load(dataset)
    inputs = Drawings(mean=float(x.mean()), std=float(x.std()), **_DIGITS[name])
    target = data.TargetPreparation().fit(y)
    return PreparedData(inputs, target, (inputs.prepare(x), y), (inputs.prepare(x_test), y_test), "images")


# ---- folders of images ----------------------------------------------------------------------------------------------

def _load_folder(path: str, settings: TrainSettings) -> PreparedData:
    folder = data.ImageFolder(path, settings["size"])
    x, y = folder.arrays
    target = data.TargetPreparation().fit([folder.classes[i] for i in y])
    rows, test_rows = split_rows(y, settings, "test")
    std = float(x[rows].std()) or 1.0
    inputs = Pictures(settings["size"], float(x[rows].mean()), std)
    train, test = ((inputs.prepare(x[part]), y[part]) for part in (rows, test_rows))
    return PreparedData(inputs, target, train, test, "images", [target_text(target)])


# ---- data of `fastnet evaluate` -------------------------------------------------------------------------------------

def load_samples(name: str, saved: Saved, drop_missing_target: bool = False,
                 encoding: str | None = None) -> tuple[Array, Array]:
    """Load the data of `fastnet evaluate`, (x, y), prepared as in the training; of a data set, its test set.

    Args:
        name: of a data set, a file or a folder.
        saved: the model.
        drop_missing_target: whether to ignore rows without a target; otherwise they are an error.
        encoding: of a CSV file; None: detect it.

    Raises:
        ValueError, OSError: data of another kind than the model's, or labels that the model does not know.
    """
    kind, inputs = kind_of(name), saved.inputs
    target: Any = saved.target
    if kind in _DIGITS:
        dataset: Any = name
        _, (x, y) = datasets.load(dataset)
        if not isinstance(inputs, Drawings) or x.shape[1:] != inputs.shape:
            raise ValueError(f"the model expects {inputs.describe()}; {name} has images of "
                             f"{' x '.join(map(str, x.shape[1:]))}")
        return inputs.prepare(x), target.transform(y)
    if isinstance(inputs, Drawings) or isinstance(inputs, TableInputs) != (kind == "table"):
        raise ValueError(f"the model expects {inputs.describe()}, got {name}")
    if isinstance(inputs, TableInputs):
        table = inputs.read_table(name, encoding)
        with naming_lines(name, table):
            parts = dict(zip(saved.target_names, saved.parts.values()))
            table, _ = with_targets(table, parts, drop_missing_target)
        with naming_lines(name, table):             # it may have fewer rows now
            y = transformed(target, {column: table[column] for column in parts})
        return inputs.prepare_file(name, table), y
    folder = data.ImageFolder(name, inputs.size, classes=classes_of(target))
    return inputs.prepare(folder.arrays[0]), folder.targets
