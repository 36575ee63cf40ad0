"""What an estimator is given: its parameters, and its data."""
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import validate_data

from fastnet import nn
from fastnet.errors import one_of
from fastnet.sklearn.solvers import SOLVERS

SCHEDULES = ("constant", "invscaling", "adaptive")
DTYPES = ("auto", "float32", "float64")


def _number(low, high=np.inf, kind=Real, *, above=False, below=False):
    """(test, description) of a number in a range, without its lower or its upper end."""
    def test(value):
        return isinstance(value, kind) and not isinstance(value, bool) and (
            value > low if above else value >= low) and (value < high if below else value <= high)
    noun = "a whole number" if kind is Integral else "a number"
    return test, f"{noun} {'above' if above else 'from'} {low}" + (
        "" if high == np.inf else f" to {'below ' if below else ''}{high}")


_FLAG = (lambda value: isinstance(value, (bool, np.bool_)), "True or False")
_COUNT = _number(1, kind=Integral)
_FRACTION = _number(0, 1, below=True)
RULES = {
    "alpha": _number(0), "learning_rate_init": _number(0, above=True), "power_t": _number(0), "max_iter": _COUNT,
    "shuffle": _FLAG, "tol": _number(0), "warm_start": _FLAG, "momentum": _number(0, 1), "nesterovs_momentum": _FLAG,
    "early_stopping": _FLAG, "validation_fraction": _FRACTION, "beta_1": _FRACTION, "beta_2": _FRACTION,
    "epsilon": _number(0, above=True), "max_fun": _COUNT, "batch_norm": _FLAG,
    "n_iter_no_change": (lambda value: _COUNT[0](value) or value == np.inf, "a whole number from 1, or infinity"),
    "batch_size": (lambda value: value == "auto" or _COUNT[0](value), "'auto' or a whole number from 1"),
    "max_grad_norm": (lambda value: value is None or _number(0, above=True)[0](value), "None or a number above 0"),
}


def check_parameters(estimator):
    """Refuse parameters out of range.

    Args:
        estimator: see `MLPClassifier`.

    Raises:
        ValueError: the first that is, with what was expected.
    """
    for name, (test, expected) in RULES.items():
        value = getattr(estimator, name)
        if not test(value):
            raise ValueError(f"The {name!r} parameter of {type(estimator).__name__} must be {expected}. Got {value!r} "
                             "instead.")
    for name, known in (("learning_rate", SCHEDULES), ("dtype", DTYPES), ("solver", SOLVERS)):
        value = getattr(estimator, name)
        if not (callable(value) and name == "solver") and not (isinstance(value, str) and value in known):
            raise one_of(name, value, known)
    if estimator.solver == "lbfgs":
        _check_deterministic(estimator)


def _check_deterministic(estimator):
    """L-BFGS compares values of one function; what changes at every call has no minimum to find."""
    if np.any(estimator.dropout):
        raise ValueError("solver 'lbfgs' cannot minimise a loss that dropout makes another at every call; choose "
                         "'adam'")
    for name in ("early_stopping", "max_grad_norm", "callbacks"):
        if getattr(estimator, name):
            raise ValueError(f"solver 'lbfgs' has no epochs and batches, which {name} is about; choose 'adam'")


def checked_inputs(estimator, X, *y, reset):
    """X, or (X, y), as arrays without NaN: X in float64 or float32, a sparse one in CSR form.

    Args:
        estimator: which remembers the features if `reset`, else compares them.
        X: (N, features).
        y: the targets, if there are any to check.

    Raises:
        ValueError, TypeError: data that cannot be used. NaN and infinity are told by row and column.
    """
    checked = validate_data(estimator, X, *y, accept_sparse="csr", dtype=[np.float64, np.float32],
                            ensure_all_finite=False, reset=reset, **({"multi_output": True} if y else {}))
    _require_finite(checked[0] if y else checked, estimator)
    return checked


def cast(estimator, X, dtype):
    """X in another dtype.

    Args:
        estimator: which has checked X.
        X: what `checked_inputs` gave.
        dtype: float32 or float64.

    Raises:
        ValueError: a value is too large for it.
    """
    if X.dtype == dtype:
        return X
    with np.errstate(over="ignore"):
        X = X.astype(dtype)
    _require_finite(X, estimator)
    return X


def _require_finite(X, estimator):
    values = X.data if hasattr(X, "indptr") else X
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum()) or np.isfinite(values).all():
            return
    if values is X:
        row, column = np.argwhere(~np.isfinite(X))[0]
        value = X[row, column]
    else:
        place = int(np.argmin(np.isfinite(values)))
        row, column = np.searchsorted(X.indptr, place, side="right") - 1, X.indices[place]
        value = values[place]
    names = getattr(estimator, "feature_names_in_", None)
    name = "" if names is None else f" ({names[column]!r})"
    what = "NaN" if np.isnan(value) else f"{value}: infinity or a value too large for {values.dtype},"
    raise ValueError(f"Input X contains {what} in row {row}, column {column}{name}, counted from 0. A "
                     "sklearn.impute.SimpleImputer in front fills in what is missing")


def require_finite_target(y):
    """Refuse a target with NaN or infinity.

    Args:
        y: anything that becomes an array.

    Raises:
        ValueError: naming the row.
    """
    array = np.asarray(y)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row, *_ = np.argwhere(~np.isfinite(array))[0]
        what = "NaN" if np.isnan(array[row]).any() else "infinity"
        raise ValueError(f"Input y contains {what} in row {row}, counted from 0")


def has_random_layers(network):
    """Whether training the network draws random numbers, as far as can be seen."""
    return any(isinstance(m, nn.Dropout) for m in network.modules())
