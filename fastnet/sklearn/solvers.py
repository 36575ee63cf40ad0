"""The optimizers by scikit-learn's names and parameters, and two more places where they come in."""
from typing import Any

import fastnet
from fastnet import optim
from fastnet._core.locks import new_lock
from fastnet._core.state import Swapped
from fastnet.random import default_generator
from fastnet.sklearn.batches import groups

SOLVERS: dict[str, Any] = {
    "adam": lambda e, params: optim.Adam(params, e.learning_rate_init, (e.beta_1, e.beta_2), e.epsilon),
    "sgd": lambda e, params: optim.SGD(params, e.learning_rate_init, e.momentum,
                                       nesterov=bool(e.nesterovs_momentum and e.momentum)),
    "adamw": lambda e, params: optim.AdamW(params, e.learning_rate_init, (e.beta_1, e.beta_2), e.epsilon),
    "rmsprop": lambda e, params: optim.RMSprop(params, e.learning_rate_init, eps=e.epsilon),
    "adagrad": lambda e, params: optim.Adagrad(params, e.learning_rate_init, eps=e.epsilon),
    "lbfgs": None,                      # minimises the loss of all samples at once: see lbfgs.py
}
SMALLEST_RATE = 1e-6                    # where learning_rate="adaptive" ends


def optimizer_of(estimator, network):
    """A new optimizer over a network's parameters.

    Args:
        estimator: see `MLPClassifier`.
        network: its own.
    """
    solver = estimator.solver
    return solver(groups(network)) if callable(solver) else SOLVERS[solver](estimator, groups(network))


def lower_rate(optimizer):
    """A fifth of the learning rate; returns whether it was still worth it."""
    if optimizer.param_groups[0]["lr"] <= SMALLEST_RATE:
        return False
    for group in optimizer.param_groups:
        group["lr"] /= 5
    return True


_lock = new_lock(reentrant=True)


def own_draws(seed):
    """Let what is done inside draw from `seed`, and put fastnet's generator back after it.

    There is one generator, so that in several threads one has to wait for the other.
    """
    return Swapped(default_generator, "__dict__", vars(fastnet.Generator(seed)), _lock)
