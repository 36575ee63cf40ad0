"""Parameters of the estimators: their types, and the checks at the beginning of each fit."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnet._core.errors import one_of
from fastnet.sklearn.bases import BaseEstimator
from fastnet.sklearn.solvers import SOLVERS

if TYPE_CHECKING:
    from fastnet import nn, optim
    from fastnet.callbacks import Callback
    from fastnet.training.annotations import LossFunction

__all__ = ["LEARNING_RATES", "RULES", "ActivationSpec", "ClassifierLoss", "ModuleSpec", "Parameters", "RandomState",
           "RegressorLoss", "SolverSpec", "check_parameters"]

LEARNING_RATES = ("constant", "invscaling", "adaptive")
DTYPES = ("auto", "float32", "float64")

ActivationSpec: TypeAlias = "str | nn.Module | Callable[[], nn.Module]"
ModuleSpec: TypeAlias = "nn.Module | Callable[[int, int], nn.Module]"
SolverSpec: TypeAlias = """(Literal["adam", "sgd", "adamw", "rmsprop", "adagrad", "lbfgs"]
                            | Callable[[Any], optim.Optimizer])"""
ClassifierLoss: TypeAlias = """(Literal["log_loss", "cross_entropy", "binary_cross_entropy_with_logits"]
                                | LossFunction)"""
RegressorLoss: TypeAlias = """(Literal["squared_error", "poisson", "absolute_error", "huber", "mse", "mae", "smooth_l1"]
                               | LossFunction)"""
RandomState: TypeAlias = "int | np.random.RandomState | None"


class Parameters(BaseEstimator):
    """The parameters that the estimators share, as attributes: see `MLPClassifier`."""

    hidden_layer_sizes: int | Iterable[int]
    activation: ActivationSpec | Sequence[ActivationSpec]
    solver: SolverSpec
    alpha: float
    batch_size: int | Literal["auto"]
    learning_rate: Literal["constant", "invscaling", "adaptive"]
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: RandomState
    tol: float
    verbose: bool
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    loss: Any
    dropout: float | Sequence[float]
    batch_norm: bool
    module: ModuleSpec | None
    max_grad_norm: float | None
    callbacks: Callback | Iterable[Callback] | None
    dtype: Literal["auto", "float32", "float64"]
    compile: bool

    def _keep(self, arguments: Mapping[str, Any]) -> None:
        """Store the constructor's arguments (its `locals()`) unchanged under their names, as scikit-learn requires."""
        self.__dict__.update((name, value) for name, value in arguments.items() if name != "self")


# {parameter: (test, description of the values that pass it)}
_Rule: TypeAlias = "tuple[Callable[[Any], Any], str]"


def _in_range(low: float, high: float = np.inf, kind: Any = Real, *, above: bool = False, below: bool = False) -> _Rule:
    """The rule for a number from `low` to `high`; `above` and `below` exclude these ends."""
    def test(value: Any) -> Any:
        return isinstance(value, kind) and not isinstance(value, bool) and (
            value > low if above else value >= low) and (value < high if below else value <= high)
    noun = "an integer" if kind is Integral else "a number"
    return test, f"{noun} {'above' if above else 'from'} {low}" + (
        "" if high == np.inf else f" to {'below ' if below else ''}{high}")


_FLAG: _Rule = (lambda value: isinstance(value, (bool, np.bool_)), "True or False")
_COUNT = _in_range(1, kind=Integral)
_FRACTION = _in_range(0, 1, below=True)
RULES: dict[str, _Rule] = {
    "alpha": _in_range(0), "learning_rate_init": _in_range(0, above=True), "power_t": _in_range(0), "max_iter": _COUNT,
    "shuffle": _FLAG, "tol": _in_range(0), "warm_start": _FLAG, "momentum": _in_range(0, 1),
    "nesterovs_momentum": _FLAG, "early_stopping": _FLAG, "validation_fraction": _FRACTION, "beta_1": _FRACTION,
    "beta_2": _FRACTION, "epsilon": _in_range(0, above=True), "max_fun": _COUNT, "batch_norm": _FLAG, "compile": _FLAG,
    "n_iter_no_change": (lambda value: _COUNT[0](value) or value == np.inf, "an integer from 1, or infinity"),
    "batch_size": (lambda value: value == "auto" or _COUNT[0](value), "'auto' or an integer from 1"),
    "max_grad_norm": (lambda value: value is None or _in_range(0, above=True)[0](value), "None or a number above 0"),
}


def check_parameters(estimator: Parameters) -> None:
    """Raise if a parameter is out of range.

    Args:
        estimator: see `MLPClassifier`.

    Raises:
        ValueError: of the first such parameter, with what was expected.
    """
    for name, (test, expected) in RULES.items():
        value = getattr(estimator, name)
        if not test(value):
            raise ValueError(f"The {name!r} parameter of {type(estimator).__name__} must be {expected}. Got {value!r} "
                             "instead.")
    for name, known in (("learning_rate", LEARNING_RATES), ("dtype", DTYPES), ("solver", SOLVERS)):
        value = getattr(estimator, name)
        if not (callable(value) and name == "solver") and not (isinstance(value, str) and value in known):
            raise one_of(name, value, known)
    if estimator.solver == "lbfgs":
        _check_deterministic(estimator)


def _check_deterministic(estimator: Parameters) -> None:
    """Raise if the loss would differ between calls: L-BFGS needs a deterministic function."""
    if np.any(estimator.dropout):
        raise ValueError("solver 'lbfgs' needs a deterministic loss, and dropout is random; choose 'adam'")
    for name in ("early_stopping", "max_grad_norm", "callbacks"):
        if getattr(estimator, name):
            raise ValueError(f"solver 'lbfgs' has no epochs and batches, which {name} needs; choose 'adam'")
