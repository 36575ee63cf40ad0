"""Forecasts without a network, the errors of forecasts, and the comparison of both."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fastnet._core.annotations import Array

__all__ = ["LINEAR", "MOST_NUMBERS", "last_values", "linear_forecasts", "linear_weights", "seasonal_values",
           "verdict"]

LINEAR = "linear model"
_RIDGES = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)   # penalties, relative to the number of windows
MOST_NUMBERS = 2000                     # of a window for a linear model, whose time grows with the third power
_MARGIN = 0.95                          # an error below this share of another is a smaller one


def last_values(x: Array, targets: int, horizons: Sequence[int]) -> Array:
    """Forecasts that repeat the last value of each target, (N, horizons, targets).

    Args:
        x: inputs of windows, (N, length, columns), the targets first.
        targets: their number.
        horizons: steps after the last row.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.series.baselines import last_values
        >>> last_values(np.array([[[1.0], [3.0]]]), 1, [1, 2]).tolist()
        [[[3.0], [3.0]]]
    """
    return np.repeat(x[:, -1:, :targets], len(horizons), 1)


def seasonal_values(x: Array, targets: int, horizons: Sequence[int], season: int | None) -> Array | None:
    """Forecasts that repeat the values of the last season, (N, horizons, targets); None if a window is shorter.

    Args:
        x, targets, horizons: see `last_values`.
        season: rows.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.series.baselines import seasonal_values
        >>> seasonal_values(np.array([[[1.0], [3.0]]]), 1, [1, 2, 3], 2).tolist()
        [[[1.0], [3.0], [1.0]]]
    """
    if season is None or season > x.shape[1]:
        return None
    rows = [x.shape[1] - season + (h - 1) % season for h in horizons]
    return x[:, rows, :targets]


def linear_weights(train: tuple[Array, Array], validation: tuple[Array, Array], targets: int) -> Array:
    """The weights of a ridge regression on the differences to the last value: float64 (length * columns + 1, horizons *
    targets), the last row for the bias.

    The penalty is the best of a few on the validation windows.

    Args:
        train, validation: inputs (N, length, columns) and targets (N, horizons, targets) of windows.
        targets: their number.
    """
    features, last = _differences(train[0], targets)
    moment = features.T @ (train[1] - last).reshape(len(features), -1)
    gram, identity = features.T @ features, len(features) * np.eye(features.shape[1])
    found = [np.linalg.solve(gram + ridge * identity, moment) for ridge in _RIDGES]
    errors = [np.mean((linear_forecasts(validation[0], weights, targets) - validation[1]) ** 2) for weights in found]
    return found[int(np.argmin(errors))]


def linear_forecasts(x: Array, weights: Array, targets: int) -> Array:
    """Forecasts of a linear model, (N, horizons, targets).

    Args:
        x: inputs, (N, length, columns).
        weights: the result of `linear_weights`.
        targets: their number.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.series.baselines import linear_forecasts, linear_weights
        >>> x = np.arange(20.0)[:, None, None] + np.arange(3.0)[None, :, None]
        >>> weights = linear_weights((x, x[:, -1:] + 1), (x, x[:, -1:] + 1), 1)
        >>> linear_forecasts(x[:2], weights, 1).round(2).tolist()
        [[[3.0]], [[4.0]]]
    """
    rows, last = _differences(x, targets)
    return (rows @ weights).reshape(len(x), -1, targets) + last


def _differences(x: Array, targets: int) -> tuple[Array, Array]:
    """The inputs minus the last value of each target, as rows that end with 1; and these values."""
    last = x[:, -1:, :targets].astype(np.float64)
    moved = np.concatenate([x[..., :targets] - last, x[..., targets:]], 2).reshape(len(x), -1)
    return np.concatenate([moved, np.ones((len(x), 1))], 1), last


def verdict(error: float, baselines: Mapping[str, float], network: bool) -> str:
    """A comparison of the model's error with those of the baselines, in words.

    Args:
        error: of the model.
        baselines: {name: error}; "last value" is one of them.
        network: whether the model is a network, rather than linear.

    Example:
        >>> from fastnet.cli.series.baselines import verdict
        >>> verdict(0.5, {"last value": 2.0, "linear model": 1.0}, True)
        'the network beats the linear model: its error is 50% smaller'
        >>> verdict(1.02, {"last value": 1.0, "linear model": 1.01}, True)
        'there is nothing to learn: no forecast is better than the last value'
    """
    name = min(baselines, key=lambda key: baselines[key])
    best, naive = baselines[name], baselines["last value"]
    model = "network" if network else "model"
    if min(error, best) > _MARGIN * naive:
        return "there is nothing to learn: no forecast is better than the last value"
    if error < _MARGIN * best:
        return f"the {model} beats the {name}: its error is {1 - error / best:.0%} smaller"
    if best < _MARGIN * error:
        return f"the {name} beats the {model}: its error is {1 - best / error:.0%} smaller"
    if network and name == LINEAR:
        return "the network is no better than the linear model: there is nothing more to learn"
    return f"the {model} is no better than the {name}"
