"""Warnings about columns that determine the target: often they are unknown at the time of a prediction."""
from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnet import data
from fastnet._core.annotations import Array
from fastnet.data.values import as_numbers

__all__ = ["leak_warnings"]

_MIN_ROWS, _MIN_CLASS_ROWS = 40, 5      # with fewer rows, a column can determine the target by chance
_MAX_ROWS, _MAX_COLUMNS = 20_000, 2_000     # rows that are examined; beyond so many columns, none is
_RECALL, _R2 = 0.98, 0.999              # at least this for a column to determine classes, or values


def leak_warnings(table: Mapping[str, Any], preparation: data.TablePreparation, y: Array,
                  names: Sequence[str]) -> list[str]:
    """Warnings about columns that determine a target, such as the leaving date of customers who left.

    The target of a row is guessed from the rows with the same value in a column, or from its neighbours in the column's
    order. A column determines classes if the mean recall of the guesses is 98%, and values if R2 is 0.999. Text columns
    are not examined, nor tables of more than 2,000 columns or fewer than 40 rows, nor classes with fewer than 5 rows.

    Args:
        table: {column: values} of the rows to train on.
        preparation: a TablePreparation, fitted to it.
        y: the prepared target: int64 classes (N,), values (N,) or (N, targets).
        names: of the targets.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet.cli.leaks import leak_warnings
        >>> table = {"left_on": [None, 3.0] * 40, "age": np.arange(80.0) // 2}
        >>> preparation = fastnet.data.TablePreparation().fit(table)
        >>> leak_warnings(fastnet.data.columns(table), preparation, np.array([0, 1] * 40), ["left"])
        ["column 'left_on' determines 'left', a possible leak: use --leave-out left_on if predictions lack it"]
    """
    rows = np.linspace(0, len(y) - 1, min(len(y), _MAX_ROWS)).astype(np.int64)
    encoders = {name: encoder for name, encoder in preparation.encoders.items() if encoder.kind != "text"}
    if len(y) < _MIN_ROWS or len(encoders) > _MAX_COLUMNS:
        return []
    targets = dict(zip(names, y[rows].reshape(len(rows), -1).T))
    found = []
    for name, encoder in encoders.items():
        codes, option = _codes(encoder, table[name][rows]), shlex.join(["--leave-out", name])
        found += [f"column {name!r} determines {target!r}, a possible leak: use {option} if predictions lack it"
                  for target, values in targets.items() if _determines(codes, values)]
    return found


def _codes(encoder: Any, column: Any) -> Array:
    """Integers in the order of the column's values, one per distinct value; a missing value counts as a value."""
    values, _ = encoder.read(column)
    if encoder.kind == "category":
        places: dict[Any, int] = {}
        return np.array([places.setdefault(value, len(places)) for value in values])
    return np.unique(as_numbers(values), return_inverse=True)[1]


def _determines(codes: Array, values: Array) -> bool:
    if codes.max() == 0:
        return False
    if not (values == np.rint(values)).all():
        return bool(_r2(_guessed_values(codes, values), values) >= _R2)
    classes, values = np.unique(values, return_inverse=True)
    right = _guessed_right(codes, values, len(classes))
    large = np.flatnonzero(np.bincount(values) >= _MIN_CLASS_ROWS)
    return len(large) > 1 and bool(np.mean([right[values == place].mean() for place in large]) >= _RECALL)


def _guessed_right(codes: Array, values: Array, classes: int) -> Array:
    """Whether a row has the most frequent class of its code; if its code is unique, that of an adjacent code."""
    counts = np.zeros((codes.max() + 1, classes), np.int64)
    np.add.at(counts, (codes, values), 1)
    most = counts.argmax(1)
    before, after = np.concatenate([most[1:2], most[:-1]])[codes], np.concatenate([most[1:], most[-2:-1]])[codes]
    return np.where(counts.sum(1)[codes] > 1, most[codes] == values, (before == values) | (after == values))


def _guessed_values(codes: Array, values: Array) -> Array:
    """The mean over the rows with the same code; if the code is unique, the mean of the adjacent codes."""
    sizes = np.bincount(codes)
    means = np.bincount(codes, values) / sizes
    around = np.concatenate([means[1:2], (means[:-2] + means[2:]) / 2, means[-2:-1]])
    return np.where(sizes > 1, means, around)[codes]


def _r2(guessed: Array, values: Array) -> Any:
    spread = ((values - values.mean()) ** 2).sum()
    return 1 - ((values - guessed) ** 2).sum() / spread if spread else 0.0
