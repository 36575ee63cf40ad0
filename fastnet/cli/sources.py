"""Loading of data sets, tables and folders of images, as arrays with their preparation."""
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from fastnet import data, datasets
from fastnet._core.annotations import Array
from fastnet.audio import AudioFolder
from fastnet.cli.augmentation import is_late
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import Drawings, Photos, Pictures, Pixels, TableInputs, naming_lines
from fastnet.cli.recipes import NETWORKS, SOUNDS
from fastnet.cli.recordings import Recordings
from fastnet.cli.samples import PreparedData, Samples, split_rows
from fastnet.cli.saved import Saved
from fastnet.cli.settings import TrainSettings, kind_of
from fastnet.cli.tables import load_table, target_text, transformed, with_targets
from fastnet.cli.targets import classes_of
from fastnet.cli.terminal import note
from fastnet.data.arrays import fingerprint
from fastnet.data.text_lines import shown

__all__ = ["load_data", "load_samples", "skipped_lines"]

# {data set: how a digit fills its images (see Drawings)}
_DIGITS: dict[str, dict[str, int]] = {
    "digits": {"size": 8, "box": 8, "highest": 16}, "mnist": {"size": 28, "box": 20, "highest": 255}}
_MEASURED_IMAGES = 2000                 # of a folder that is not in memory, for the mean and standard deviation
_TEXT_ENDING = ".txt"                   # of tables, and of texts
_VALUES_AT_ONCE = 1 << 20               # of the inputs of a batch that is measured


def load_data(name: str, settings: TrainSettings) -> PreparedData:
    """Load and prepare the data of `fastnet train`.

    Args:
        name: of a data set, a file or a folder.
        settings: see `settings_of`.

    Raises:
        ValueError, OSError, ImportError: data that cannot be trained on; the message names the place.
    """
    load = {"table": load_table, "folder": _load_folder, "recordings": _load_recordings, "fsdd": _load_spoken}.get(
        kind_of(name), _load_images)
    try:
        return load(name, settings)
    except ValueError as e:
        if isinstance(e, WrongUseError) or Path(name).suffix.lower() != _TEXT_ENDING:
            raise
        raise ValueError(f"{e}; to train on a text rather than a table, use --model gpt") from None


# ---- data sets ------------------------------------------------------------------------------------------------------

def _load_images(name: str, settings: TrainSettings) -> PreparedData:
    dataset: Any = name
    (x, y), (x_test, y_test) = datasets.load(dataset)
    if name in _DIGITS:
        inputs: Pixels = Drawings(mean=float(x.mean()), std=float(x.std()), has_channel=settings["model"] in NETWORKS,
                                  **_DIGITS[name])
    else:
        inputs = _photos(x, x.shape[1])
    target = data.TargetPreparation().fit(_labels(name, y))
    train, test = (_samples(data.TensorDataset(*part), inputs, settings) for part in ((x, y), (x_test, y_test)))
    return PreparedData(inputs, target, train, test, "images", _checksum(train))


def _labels(name: str, y: Array) -> Any:
    """The labels of a data set, as names if its classes have some."""
    return [datasets.CIFAR10_CLASSES[i] for i in y] if name == "cifar10" else y


def _samples(dataset: Any, inputs: Pixels, settings: TrainSettings) -> Samples:
    """Images, prepared batch by batch if they are augmented as bytes; otherwise now."""
    if not is_late(settings):
        x, y = dataset.arrays if isinstance(dataset, data.TensorDataset) else dataset[:]
        return Samples.of(inputs.prepare(x[:]), y)
    return _late(dataset, inputs)


def _late(dataset: Any, inputs: Pixels) -> Samples:
    """Images that are prepared batch by batch."""
    return Samples(dataset, inputs.prepare_batch, min(1024, max(8, _VALUES_AT_ONCE // math.prod(inputs.shape))))


def _checksum(train: Samples) -> int:
    """Checksum of the samples to train on; of images that are not in memory, of a few and of all labels."""
    rows = np.arange(len(train)) if train.prepare is None else np.unique(
        np.linspace(0, len(train) - 1, _MEASURED_IMAGES).astype(np.int64))
    return fingerprint(*train.dataset.take(rows), train.y)


def _photos(x: Array, size: int) -> Photos:
    """The preparation of images whose channels have this mean and standard deviation."""
    axes = (0, 1, 2)
    mean, std = x.mean(axes, dtype=np.float64), x.std(axes, dtype=np.float64)
    std = np.where(std > 0, std, 1.0)
    return Photos(size, np.atleast_1d(mean).tolist(), np.atleast_1d(std).tolist(), grey=x.ndim == 3)


def _load_spoken(name: str, settings: TrainSettings) -> PreparedData:
    (x, y), (x_test, y_test) = datasets.fsdd()
    inputs = Recordings.measured(x, datasets.FSDD_RATE)
    target = data.TargetPreparation().fit(y)
    train, test = (_samples(data.TensorDataset(*part), inputs, settings) for part in ((x, y), (x_test, y_test)))
    return PreparedData(inputs, target, train, test, inputs.noun, _checksum(train))


# ---- folders of images and of recordings -----------------------------------------------------------------------------

def _load_folder(path: str, settings: TrainSettings) -> PreparedData:
    network = settings["model"] in NETWORKS
    folder = data.ImageFolder(path, settings["size"], crop=network,
                              skip_unreadable=settings.get("skip_unreadable", False))
    x, y = folder.arrays
    target = data.TargetPreparation().fit([folder.classes[i] for i in y])
    rows, test_rows = split_rows(y, settings, "test")
    some = rows[::max(1, len(rows) // _MEASURED_IMAGES)] if network else rows
    if "mean" in settings:              # those of the training that --pretrained continues
        inputs: Pixels = Photos(settings["size"], settings["mean"], settings["std"])
    else:
        inputs = _photos(x[some], settings["size"]) if network else Pictures(
            settings["size"], float(x[some].mean()), float(x[some].std()) or 1.0)
    train, test = (_samples(data.Subset(folder, part), inputs, settings) for part in (rows, test_rows))
    return PreparedData(inputs, target, train, test, "images", _checksum(train),
                        [target_text(target), *skipped_lines(folder)])


def _load_recordings(path: str, settings: TrainSettings) -> PreparedData:
    folder = AudioFolder(path, skip_unreadable=settings.get("skip_unreadable", False))
    x, y = folder.arrays
    target = data.TargetPreparation().fit([folder.classes[i] for i in y])
    rows, test_rows = split_rows(y, settings, "test")
    inputs = Recordings.measured(x[rows[::max(1, len(rows) // _MEASURED_IMAGES)]], folder.sample_rate)
    train, test = (_samples(data.Subset(folder, part), inputs, settings) for part in (rows, test_rows))
    return PreparedData(inputs, target, train, test, inputs.noun, _checksum(train),
                        [target_text(target), *skipped_lines(folder)])


def skipped_lines(folder: data.ImageFolder | AudioFolder) -> list[str]:
    """A line about the files of a folder that were left out, if there are any.

    Args:
        folder: of images or recordings.
    """
    if not folder.skipped:
        return []
    count, noun = len(folder.skipped), "recording" if isinstance(folder, AudioFolder) else "image"
    return [f"left out {count} {noun}{'s' * (count > 1)} that cannot be read, the first: "
            f"{next(iter(folder.skipped.values()))}"]


# ---- data of `fastnet evaluate` -------------------------------------------------------------------------------------

def load_samples(name: str, saved: Saved, drop_missing_target: bool = False, encoding: str | None = None,
                 skip_unreadable: bool = False, training: bool = False) -> Samples:
    """Load the data of `fastnet evaluate`, prepared as in the training; of a data set, its test set.

    Args:
        name: of a data set, a file or a folder.
        saved: the model.
        drop_missing_target: whether to ignore rows without a target; otherwise they are an error.
        encoding: of a CSV file; None: detect it.
        skip_unreadable: whether to leave out images that cannot be read, with a note; otherwise they are an error.
        training: of a data set, load the training set instead.

    Raises:
        ValueError, OSError: data of another kind than the model's, or labels that the model does not know.
    """
    kind, inputs = kind_of(name), saved.inputs
    target: Any = saved.target
    if kind in datasets.names():
        dataset: Any = name
        x, y = datasets.load(dataset)[0 if training else 1]
        if not isinstance(inputs, Pixels) or x.shape[1:] != inputs.stored_shape:
            noun = "recordings" if kind in SOUNDS else "images"
            raise ValueError(f"the model expects {inputs.describe()}; {name} has {noun} of "
                             f"{' x '.join(map(str, x.shape[1:]))}")
        return _late(data.TensorDataset(x, target.transform(_labels(name, y))), inputs)
    if (isinstance(inputs, Drawings) or isinstance(inputs, TableInputs) != (kind == "table")
            or isinstance(inputs, Recordings) != (kind == "recordings")):
        raise ValueError(f"the model expects {inputs.describe()}, got {name}")
    if isinstance(inputs, TableInputs):
        table = inputs.read_table(name, encoding)
        with naming_lines(name, table):
            parts = dict(zip(saved.target_names, saved.parts.values()))
            table, _ = with_targets(table, parts, drop_missing_target)
        with naming_lines(name, table):             # it may have fewer rows now
            y = transformed(target, {column: table[column] for column in parts})
        return Samples.of(inputs.prepare_file(name, table), y)
    folder = _folder_of(name, inputs, classes_of(target), skip_unreadable)
    for line in skipped_lines(folder):
        note(f"{shown(name)}: {line}")
    return _late(folder, inputs)


def _folder_of(name: str, inputs: Pixels, classes: Any, skip_unreadable: bool) -> data.ImageFolder | AudioFolder:
    """A folder of the images or recordings that a model takes."""
    if isinstance(inputs, Recordings):
        return AudioFolder(name, inputs.rate, inputs.samples, classes, skip_unreadable=skip_unreadable)
    return data.ImageFolder(name, inputs.size, classes=classes, skip_unreadable=skip_unreadable,
                            grey=len(inputs.stored_shape) == 2, crop=isinstance(inputs, Photos))
