"""Checks and conversions of an estimator's data: inputs, targets and weights."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import validate_data

from fastnet import nn
from fastnet._core.annotations import Array, ArrayLike, DType
from fastnet.training.weights import sample_weights

if TYPE_CHECKING:
    from fastnet.sklearn.parameters import Parameters

__all__ = ["cast_inputs", "cast_target", "checked_inputs", "combined_weights", "has_random_layers",
           "require_finite_target"]


def checked_inputs(estimator: Parameters, X: Any, *y: Any, reset: bool) -> Any:
    """X, or (X, y), as arrays without NaN: X in float64 or float32, a sparse matrix in CSR format.

    Args:
        estimator: stores the features if `reset`, otherwise compares them.
        X: (N, features).
        y: the targets, if there are any to check.

    Raises:
        ValueError, TypeError: data that cannot be used. For NaN and infinity the message names row and column.
    """
    checked = validate_data(estimator, X, *y, accept_sparse="csr", dtype=[np.float64, np.float32],
                            ensure_all_finite=False, reset=reset, **({"multi_output": True} if y else {}))
    _require_finite(checked[0] if y else checked, estimator)
    return checked


def cast_inputs(estimator: Parameters, X: Any, dtype: DType) -> Any:
    """X in another dtype.

    Args:
        estimator: the one that checked X.
        X: the result of `checked_inputs`.
        dtype: float32 or float64.

    Raises:
        ValueError: a value is too large for the dtype.
    """
    if X.dtype == dtype:
        return X
    with np.errstate(over="ignore"):
        made = X.astype(dtype)
    _require_finite(made, estimator, X)
    return made


def _require_finite(X: Any, estimator: Parameters, given: Any = None) -> None:
    """Raise for NaN and infinity in X; `given` is the matrix that was cast to X, if any."""
    values = X.data if hasattr(X, "indptr") else X
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum()) or np.isfinite(values).all():
            return
    given = X if given is None else given
    if values is X:
        row, column = np.argwhere(~np.isfinite(X))[0]
        value = given[row, column]
    else:
        place = int(np.argmin(np.isfinite(values)))
        row, column = np.searchsorted(X.indptr, place, side="right") - 1, X.indices[place]
        value = given.data[place]
    names = getattr(estimator, "feature_names_in_", None)
    name = "" if names is None else f" ({names[column]!r})"
    advice = ". Fill in missing values with a sklearn.impute.SimpleImputer first" if np.isnan(value) else ""
    raise ValueError(f"Input X contains {_kind(value, X.dtype)} in row {row}, column {column}{name}, counted from "
                     f"0{advice}")


def _kind(value: Any, dtype: DType) -> str:
    """The description of a value that is not finite in a dtype."""
    if np.isnan(value):
        return "NaN"
    return "infinity" if np.isinf(value) else f"{value:g}, which is too large for {dtype},"


def require_finite_target(y: Any) -> None:
    """Raise for a target with NaN, None or infinity.

    Args:
        y: array-like. Values that are not numbers are left to other checks.

    Raises:
        ValueError: naming the row.
    """
    array = np.asarray(y)
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            return
    if array.dtype.kind == "f":
        cast_target(array, array.dtype)


def cast_target(target: Array, dtype: DType) -> Array:
    """A floating-point target in another dtype.

    Args:
        target: (N, ...).
        dtype: float32 or float64.

    Raises:
        ValueError: NaN, infinity or a value too large for the dtype; the message names the row.
    """
    with np.errstate(over="ignore"):
        made = target.astype(dtype, copy=False)
    finite = np.isfinite(made)
    if not finite.all():
        place = tuple(np.argwhere(~finite)[0])
        raise ValueError(f"Input y contains {_kind(target[place], made.dtype)} in row {place[0]}, counted from 0")
    return made


def combined_weights(target: Array, sample_weight: ArrayLike | None, by_class: Array | None,
                     dtype: DType) -> Array | None:
    """The weight of each sample, its own times that of its class; None if all are 1.

    Args:
        target: of N samples.
        sample_weight, by_class: (N,), or None.
        dtype: of the result.

    Raises:
        ValueError: weights that are negative, not finite, or all 0.
    """
    if sample_weight is not None and not np.asarray(sample_weight).any():       # scikit-learn expects the word "zero"
        raise ValueError("sample_weight is zero everywhere: no sample would count")
    weight = sample_weights(target, None, sample_weight)
    if by_class is not None:
        bad = ~np.isfinite(by_class) | (by_class < 0)
        if bad.any():
            raise ValueError(f"class_weight gives sample {bad.argmax()} the weight {by_class[bad.argmax()]}, expected "
                             "a finite number that is not negative")
        weight = by_class if weight is None else weight * by_class
    if weight is None:
        return None
    with np.errstate(over="ignore"):
        weight = weight.astype(dtype)
    wrong = f"too large for {dtype}" if not np.isfinite(weight).all() else (
        "" if weight.any() else "zero everywhere: no sample would count")
    if wrong:
        raise ValueError(f"the weights of the samples, sample_weight times class_weight, are {wrong}")
    return weight


def has_random_layers(network: nn.Module) -> bool:
    """Whether training the network draws random numbers, judged by fastnet's own layers."""
    return any(isinstance(m, nn.Dropout) for m in network.modules())
