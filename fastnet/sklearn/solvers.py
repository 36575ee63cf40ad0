"""The optimizers under scikit-learn's names and parameters, and the generator that an estimator draws from."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fastnet
from fastnet import nn, optim
from fastnet._core.locks import new_lock
from fastnet._core.state import Swapped
from fastnet.random import default_generator
from fastnet.sklearn.batches import parameter_groups

if TYPE_CHECKING:
    from fastnet.sklearn.parameters import Parameters

__all__ = ["SMALLEST_RATE", "SOLVERS", "lower_rate", "new_optimizer", "own_draws"]

SOLVERS: dict[str, Any] = {
    "adam": lambda e, params: optim.Adam(params, e.learning_rate_init, (e.beta_1, e.beta_2), e.epsilon),
    "sgd": lambda e, params: optim.SGD(params, e.learning_rate_init, e.momentum,
                                       nesterov=bool(e.nesterovs_momentum and e.momentum)),
    "adamw": lambda e, params: optim.AdamW(params, e.learning_rate_init, (e.beta_1, e.beta_2), e.epsilon),
    "rmsprop": lambda e, params: optim.RMSprop(params, e.learning_rate_init, eps=e.epsilon),
    "adagrad": lambda e, params: optim.Adagrad(params, e.learning_rate_init, eps=e.epsilon),
    "lbfgs": None,                      # minimises the loss of all samples at once: see lbfgs.py
}
SMALLEST_RATE = 1e-6                    # learning_rate="adaptive" stops here


def new_optimizer(estimator: Parameters, network: nn.Module) -> optim.Optimizer:
    """A new optimizer of a network's parameters.

    Args:
        estimator: see `MLPClassifier`.
        network: the estimator's.
    """
    solver: Any = estimator.solver
    groups = parameter_groups(network)
    return solver(groups) if callable(solver) else SOLVERS[solver](estimator, groups)


def lower_rate(optimizer: optim.Optimizer) -> bool:
    """Divide the learning rate by 5, unless it is already the smallest; return whether it was divided."""
    if optimizer.param_groups[0]["lr"] <= SMALLEST_RATE:
        return False
    for group in optimizer.param_groups:
        group["lr"] /= 5
    return True


_seed_lock = new_lock(reentrant=True)


def own_draws(seed: int) -> Swapped:
    """A context manager in which random numbers come from `seed`; afterwards fastnet's generator is restored.

    There is one generator, so threads that use this wait for each other.
    """
    return Swapped(default_generator, "__dict__", vars(fastnet.Generator(seed)), _seed_lock)
