"""Data that is ready to be trained on, and the rows of it that are held out."""
from dataclasses import dataclass, field

import numpy as np

from fastnet import data
from fastnet.cli.inputs import Pixels, Table


@dataclass
class Source:
    """Data, prepared.

    Args:
        inputs: how it was: see `fastnet.cli.inputs`.
        target: a fitted TargetPreparation or MultiTargetPreparation.
        train, test: (x, y), arrays; test may have no rows.
        what: what a sample is called, in the plural.
        notes: lines that say what was found in the data.
        warnings: lines that say what is probably wrong with it.
        target_name: of a table, the column that is predicted, or a list of several.
        columns: of a table, how each was read: ColumnReports.
        times: of the rows to train on, when each was, float64; None: rows are held out at random.
    """
    inputs: Pixels | Table
    target: data.TargetPreparation | data.MultiTargetPreparation
    train: tuple
    test: tuple
    what: str
    notes: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    target_name: str | list | None = None
    columns: list = field(default_factory=list)
    times: np.ndarray | None = None


def split(y, settings, purpose, times=None):
    """The rows to train on, and those that are held out: of each class its share, or the latest.

    Args:
        y: (N,), int64 classes or float32 values, or (N, targets).
        settings: see `settings_of`.
        purpose: of what is held out, "test" or "validation".
        times: (N,), when each row was; None: rows are chosen at random.

    Raises:
        ValueError: nothing can be held out; the message names the option.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.samples import split
        >>> rows, held_out = split(np.array([0, 0, 1, 1]), {"test_split": 0.5, "seed": 0}, "test")
        >>> len(rows), len(held_out)
        (2, 2)
        >>> split(np.array([0, 0, 1, 1]), {"test_split": 0.5}, "test", times=np.array([4.0, 1.0, 3.0, 2.0]))
        (array([1, 3]), array([0, 2]))
    """
    share = settings[f"{purpose}_split"]
    if times is not None:
        return latest(times, share)
    labels = y if y.dtype.kind == "i" else np.zeros(len(y), np.int64)
    try:
        return data.stratified_split(labels, share, settings["seed"])
    except ValueError as e:
        raise ValueError(f"{e}; --{purpose} 0 holds out none") from None


def latest(times, share):
    """The earlier rows, and the latest share of them, each in order; rows without a time are the earliest.

    Args:
        times: (N,), float64.
        share: 0 <= share < 1; above 0, one row at least is held out, and one is not.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.samples import latest
        >>> latest(np.array([3.0, np.nan, 1.0, 2.0]), 0.25)
        (array([1, 2, 3]), array([0]))
    """
    order = np.argsort(np.where(np.isnan(times), -np.inf, times), kind="stable")
    kept = len(order) - (min(max(round(len(order) * share), 1), len(order) - 1) if share else 0)
    return np.sort(order[:kept]), np.sort(order[kept:])
