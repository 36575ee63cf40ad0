"""Importance of the columns of a table by permutation."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

import fastnet
from fastnet._core.errors import given_text, one_of, whole_number
from fastnet.explain.prediction import predict
from fastnet.nn import Module
from fastnet.random import Generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike

__all__ = ["Importance", "permutation_importance"]

_SCORES = "accuracy", "r2", "neg_mean_squared_error"


class _Predictor(Protocol):
    def predict(self, x: Any, /) -> Any: ...


class Importance(NamedTuple):
    """How much worse a model's score is without the order of each column: see `permutation_importance`.

    Attributes:
        importances_mean: (features,), the mean over the repeats.
        importances_std: (features,), their standard deviation.
        importances: (features, repeats).
        score: of the model on the rows as they are.

    Example:
        >>> import numpy as np
        >>> from fastnet.explain import Importance
        >>> Importance(np.array([0.2]), np.array([0.0]), np.array([[0.2, 0.2]]), 0.9).score
        0.9
    """

    importances_mean: Array
    importances_std: Array
    importances: Array
    score: float


def permutation_importance(estimator: Callable[[Array], Any] | _Predictor, X: ArrayLike, y: ArrayLike, *,
                           scoring: str | Callable[[Array, Array], float] | None = None, n_repeats: int = 5,
                           feature_mask: Sequence[int] | None = None, seed: int = 0) -> Importance:
    """Compute how much worse a model predicts when a column of a table is in random order.

    Breiman 2001, "Random Forests", https://doi.org/10.1023/A:1010933404324. The names are those of
    `sklearn.inspection`.

    Args:
        estimator: a Module; a function of an array (rows, columns); or an object with the method `predict`, such as a
            Trainer or an estimator of scikit-learn. Of several outputs, the class is the largest one.
        X: (rows, columns), an array or a data frame. An estimator with `predict` gets data frames with their columns.
        y: (rows,), classes or values.
        scoring: "accuracy", "r2" or "neg_mean_squared_error", or a function of (y, predictions) that is larger for
            better ones. None: accuracy for integers, strings and booleans, r2 for other numbers.
        n_repeats: permutations of each column.
        feature_mask: (columns,), a number for each column: columns with the same number are permuted together, and
            the results have an entry for each number, in ascending order.
        seed: of the permutations; scikit-learn's random_state.

    Returns:
        An Importance.

    Raises:
        TypeError: estimator is none of these.
        ValueError: X is no table of at least two rows, y or feature_mask has another length, no repeats, an unknown
            scoring, or values y that are all equal, for which r2 is not defined.

    Example:
        >>> import numpy as np
        >>> from fastnet.explain import permutation_importance
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> found = permutation_importance(lambda X: 2 * X[:, 0] + X[:, 1], X, 2 * X[:, 0] + X[:, 1])
        >>> found.importances_mean.round(1), found.score
        (array([1.6, 0.3, 0. ]), 1.0)
    """
    keeps_columns = hasattr(X, "iloc") and not callable(estimator)
    table: Any = X if keeps_columns else np.asarray(X)
    actual = np.asarray(y)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"permutation_importance: expected X of shape (rows, columns) with at least two rows, got "
                         f"{table.shape}")
    if actual.shape[:1] != table.shape[:1]:
        raise ValueError(f"permutation_importance: expected y with {len(table)} rows, as X has, got {actual.shape}")
    whole_number("n_repeats", n_repeats, 1)
    numbers = np.arange(table.shape[1]) if feature_mask is None else np.asarray(feature_mask)
    if numbers.shape != table.shape[1:]:
        raise ValueError(f"permutation_importance: expected feature_mask with {table.shape[1]} entries, one for each "
                         f"column, got {numbers.shape}")
    score = _scorer(estimator, actual, scoring)
    whole, generator = score(table), Generator(seed)
    found = [[whole - score(_in_random_order(table, numbers == number, generator)) for _ in range(n_repeats)]
             for number in np.unique(numbers)]
    drops = np.array(found)
    return Importance(drops.mean(1), drops.std(1), drops, whole)


def _in_random_order(table: Any, columns: Array, generator: Generator) -> Any:
    changed = table.copy()
    order = fastnet.randperm(len(table), generator=generator).numpy()
    if isinstance(table, np.ndarray):
        changed[:, columns] = table[order][:, columns]
    else:                               # a data frame, whose columns keep their dtypes
        for i in np.flatnonzero(columns):
            changed.isetitem(i, table.iloc[order, i].array)
    return changed


def _scorer(estimator: Any, y: Array, scoring: Any) -> Callable[[Any], float]:
    """A function of a table: the score of the estimator's predictions for its rows."""
    predicts = estimator if callable(estimator) else getattr(estimator, "predict", None)
    if predicts is None:
        raise TypeError("permutation_importance: expected a Module, a function of a table, or an estimator with the "
                        f"method predict, got {given_text(estimator)}")
    name = scoring or ("r2" if y.dtype.kind == "f" else "accuracy")
    if not callable(name) and name not in _SCORES:
        raise one_of("scoring", name, _SCORES)

    if name == "r2" and not float(np.var(y)):
        raise ValueError("permutation_importance: expected different values y for r2, got equal ones; choose "
                         "scoring=\"neg_mean_squared_error\"")

    def predicted(table: Any) -> Array:
        found = predict(estimator, table) if isinstance(estimator, Module) else np.asarray(predicts(table))
        if found.ndim == y.ndim + 1:
            found = found.argmax(-1) if name == "accuracy" and found.shape[-1] > 1 else found[..., 0]
        return found

    def score(table: Any) -> float:
        found = predicted(table)
        if callable(name):
            return float(name(y, found))
        if name == "accuracy":
            return float(np.mean(found == y))
        error = float(np.mean((np.asarray(found, np.float64) - y) ** 2))
        return -error if name != "r2" else 1 - error / float(np.var(y))
    return score
