"""Columns that alone tell the target: it is often known before they are, so that predictions will lack them."""
import shlex

import numpy as np

from fastnet.data.values import as_numbers

FEWEST, FEW = 40, 5                     # rows, and rows of a class, that a column may tell by chance
MOST_ROWS, MOST_COLUMNS = 20_000, 2_000     # that are looked at
RECALL, R2 = 0.98, 0.999                # from here on a column tells classes, or values


def telling_columns(table, preparation, y, names):
    """Lines of warning about columns that alone tell a target, such as the day of leaving of customers who left.

    A row is guessed from the rows of the same value in a column, or from its neighbours in the column's order. Classes
    are told if 98% of each are guessed right on average, values if R2 is 0.999. Text is not looked at, nor are tables
    of more than 2,000 columns, or of fewer than 40 rows; nor classes of fewer than 5.

    Args:
        table: {column: values} of the rows to train on.
        preparation: a TablePreparation, fitted to it.
        y: the prepared target: int64 classes (N,), values (N,) or (N, targets).
        names: of the targets.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet.cli.leaks import telling_columns
        >>> table = {"left_on": [None, 3.0] * 40, "age": np.arange(80.0) // 2}
        >>> preparation = fastnet.data.TablePreparation().fit(table)
        >>> telling_columns(fastnet.data.columns(table), preparation, np.array([0, 1] * 40), ["left"])
        ["column 'left_on' alone tells 'left', a possible leak: --leave-out left_on if it is unknown when you predict"]
    """
    rows = np.linspace(0, len(y) - 1, min(len(y), MOST_ROWS)).astype(np.int64)
    encoders = {name: encoder for name, encoder in preparation.encoders.items() if encoder.kind != "text"}
    if len(y) < FEWEST or len(encoders) > MOST_COLUMNS:
        return []
    targets = dict(zip(names, y[rows].reshape(len(rows), -1).T))
    found = []
    for name, encoder in encoders.items():
        codes, option = _codes(encoder, table[name][rows]), shlex.join(["--leave-out", name])
        found += [f"column {name!r} alone tells {target!r}, a possible leak: {option} if it is unknown when you predict"
                  for target, values in targets.items() if _tells(codes, values)]
    return found


def _codes(encoder, column):
    """Whole numbers in the order of the column's values, one for each; what is missing is a value, too."""
    values, _ = encoder.read(column)
    if encoder.kind == "category":
        places = {}
        return np.array([places.setdefault(value, len(places)) for value in values])
    return np.unique(as_numbers(values), return_inverse=True)[1]


def _tells(codes, values):
    if codes.max() == 0:
        return False
    if not (values == np.rint(values)).all():
        return _r2(_guessed_values(codes, values), values) >= R2
    classes, values = np.unique(values, return_inverse=True)
    right = _guessed_right(codes, values, len(classes))
    large = np.flatnonzero(np.bincount(values) >= FEW)
    return len(large) > 1 and np.mean([right[values == place].mean() for place in large]) >= RECALL


def _guessed_right(codes, values, classes):
    """Whether a row has the most frequent class of its code; of a code that one row has, that of a code beside it."""
    counts = np.zeros((codes.max() + 1, classes), np.int64)
    np.add.at(counts, (codes, values), 1)
    most = counts.argmax(1)
    before, after = np.concatenate([most[1:2], most[:-1]])[codes], np.concatenate([most[1:], most[-2:-1]])[codes]
    return np.where(counts.sum(1)[codes] > 1, most[codes] == values, (before == values) | (after == values))


def _guessed_values(codes, values):
    """The mean over the rows of the same code; of a code that one row has, that of the codes before and after."""
    sizes = np.bincount(codes)
    means = np.bincount(codes, values) / sizes
    around = np.concatenate([means[1:2], (means[:-2] + means[2:]) / 2, means[-2:-1]])
    return np.where(sizes > 1, means, around)[codes]


def _r2(guessed, values):
    spread = ((values - values.mean()) ** 2).sum()
    return 1 - ((values - guessed) ** 2).sum() / spread if spread else 0.0
