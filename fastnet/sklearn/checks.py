"""What an estimator is given: its parameters, and its data."""
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import validate_data

from fastnet import nn
from fastnet._core.errors import one_of
from fastnet.sklearn.solvers import SOLVERS
from fastnet.training.weights import sample_weights

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
    "compile": _FLAG,
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
        made = X.astype(dtype)
    _require_finite(made, estimator, X)
    return made


def _require_finite(X, estimator, given=None):
    """Refuse NaN and infinity in X; `given` is what was cast to it, if anything was."""
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
    advice = ". A sklearn.impute.SimpleImputer in front fills in what is missing" if np.isnan(value) else ""
    raise ValueError(f"Input X contains {_kind(value, X.dtype)} in row {row}, column {column}{name}, counted from "
                     f"0{advice}")


def _kind(value, dtype):
    """What a value is that is not finite in a dtype."""
    if np.isnan(value):
        return "NaN"
    return "infinity" if np.isinf(value) else f"{value:g}, which is too large for {dtype},"


def require_finite_target(y):
    """Refuse a target with NaN, None or infinity.

    Args:
        y: anything that becomes an array; what does not become one of numbers is left to other checks.

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


def cast_target(target, dtype):
    """A target of floats in another dtype.

    Args:
        target: (N, ...), a NumPy array.
        dtype: float32 or float64.

    Raises:
        ValueError: naming the row in which is NaN, infinity, or a value too large for the dtype.
    """
    with np.errstate(over="ignore"):
        made = target.astype(dtype, copy=False)
    finite = np.isfinite(made)
    if not finite.all():
        place = tuple(np.argwhere(~finite)[0])
        raise ValueError(f"Input y contains {_kind(target[place], made.dtype)} in row {place[0]}, counted from 0")
    return made


def weights(target, sample_weight, by_class, dtype):
    """The weight of each sample, its own times its class's; None: all are 1.

    Args:
        target: of N samples.
        sample_weight, by_class: (N,), or None.
        dtype: of the result.

    Raises:
        ValueError: a weight that is negative or not finite, or weights that are all 0.
    """
    if sample_weight is not None and not np.asarray(sample_weight).any():       # scikit-learn asks for "zero"
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


def has_random_layers(network):
    """Whether training the network draws random numbers, as far as can be seen."""
    return any(isinstance(m, nn.Dropout) for m in network.modules())
