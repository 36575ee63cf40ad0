"""Prepared data of a training, and its split into rows to train on and held-out rows."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastnet import data
from fastnet._core.annotations import Array
from fastnet.cli.inputs import Pixels, TableInputs
from fastnet.cli.settings import TrainSettings
from fastnet.cli.targets import AnyTargetPreparation

__all__ = ["PreparedData", "Samples", "latest", "split_rows"]


@dataclass
class Samples:
    """Samples of a training, a test or an evaluation.

    Args:
        dataset: of (x, y); y is an array.
        prepare: from the images of a batch to the inputs of the model; None: the dataset holds these.
        batch_size: of measurements, without gradients.
    """
    dataset: Any
    prepare: Callable[..., Any] | None = None
    batch_size: int = 1024

    @classmethod
    def of(cls, x: Array, y: Array) -> Samples:
        """Prepared inputs and targets."""
        return cls(data.TensorDataset(x, y))

    @property
    def y(self) -> Array:
        """The targets."""
        return np.asarray(self.dataset.targets)

    def __len__(self) -> int:
        return len(self.dataset)

    def rows(self, rows: Array) -> Samples:
        """Some of the samples.

        Args:
            rows: their numbers.
        """
        return replace(self, dataset=data.Subset(self.dataset, rows))

    def loader(self) -> data.DataLoader:
        """Batches of all samples in order, to measure on."""
        return data.DataLoader(self.dataset, self.batch_size, transform=self.prepare, prefetch=int(bool(self.prepare)))

    def inputs(self) -> Iterator[Any]:
        """The inputs of each batch."""
        return (batch[0] for batch in self.loader())


@dataclass
class PreparedData:
    """Data, prepared for a training.

    Args:
        inputs: the preparation of the inputs, see `fastnet.cli.inputs`.
        target: the fitted preparation of the target or targets.
        train, test: test may have no rows.
        noun: name of the samples, in the plural.
        checksum: of the data to train on.
        notes: lines about what was found in the data.
        warnings: lines about probable mistakes in the data.
        target_name: for a table, the target column, or a list of several.
        columns: for a table, a ColumnReport of how each column was read.
        times: for --split time, the time of each row to train on, float64; None: rows are held out at random.
    """
    inputs: Pixels | TableInputs
    target: AnyTargetPreparation
    train: Samples
    test: Samples
    noun: str
    checksum: int
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    target_name: str | list[str] | None = None
    columns: list[Any] = field(default_factory=list)
    times: Array | None = None


def split_rows(y: Array, settings: TrainSettings, purpose: str, times: Array | None = None) -> tuple[Array, Array]:
    """The rows to train on and the held-out rows: the same share of each class, or the latest rows.

    Args:
        y: (N,), int64 classes or float32 values, or (N, targets).
        settings: see `settings_of`.
        purpose: of the held-out rows, "test" or "validation".
        times: (N,), the time of each row; None: choose rows at random.

    Raises:
        ValueError: nothing can be held out; the message names the option.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.samples import split_rows
        >>> rows, held_out = split_rows(np.array([0, 0, 1, 1]), {"test_split": 0.5, "seed": 0}, "test")
        >>> len(rows), len(held_out)
        (2, 2)
        >>> split_rows(np.array([0, 0, 1, 1]), {"test_split": 0.5}, "test", times=np.array([4.0, 1.0, 3.0, 2.0]))
        (array([1, 3]), array([0, 2]))
    """
    share = settings[f"{purpose}_split"]
    if times is not None:
        return latest(times, share)
    labels = y if y.dtype.kind == "i" else np.zeros(len(y), np.int64)
    try:
        return data.stratified_split(labels, share, settings["seed"])
    except ValueError as e:
        raise ValueError(f"{e}; use --{purpose} 0 to hold out nothing") from None


def latest(times: Array, share: float) -> tuple[Array, Array]:
    """The earlier rows and the latest rows, each in order; rows without a time count as the earliest.

    Args:
        times: (N,), float64.
        share: of the latest rows, 0 <= share < 1; above 0, neither part is empty.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.samples import latest
        >>> latest(np.array([3.0, np.nan, 1.0, 2.0]), 0.25)
        (array([1, 2, 3]), array([0]))
    """
    order = np.argsort(np.where(np.isnan(times), -np.inf, times), kind="stable")
    kept = len(order) - (min(max(round(len(order) * share), 1), len(order) - 1) if share else 0)
    return np.sort(order[:kept]), np.sort(order[kept:])
