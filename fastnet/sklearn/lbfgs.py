"""L-BFGS by SciPy, on the loss of all samples. Liu and Nocedal 1989, https://doi.org/10.1007/BF01589116."""
from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import fastnet
from fastnet._core.annotations import Array
from fastnet.sklearn.network import decays

if TYPE_CHECKING:
    from fastnet.sklearn.base import MLP, TrainingData
    from fastnet.sklearn.rows import Rows
    from fastnet.training.losses import Loss

__all__ = ["Objective", "minimize"]


class Objective:
    """A network's loss with its L2 penalty, and its gradient, as functions of one float64 vector.

    Args:
        estimator: see `MLPClassifier`. The penalty is its alpha, divided by the total weight of all samples.
        rows: a `Rows`. Sparse rows are made dense here, unless they stay sparse.
        data: the targets and weights.
        loss: a `Loss`.
    """

    def __init__(self, estimator: MLP, rows: Rows, data: TrainingData, loss: Loss) -> None:
        self.network: Any = rows.network
        self.parameters: list[Any] = list(self.network.parameters())
        self.views: list[Array] = [p.detach().numpy() for p in self.parameters]
        self.decay: Any = estimator.alpha / (len(rows) if data.weight is None else data.weight.sum())
        self._inputs, self._target, self._loss = rows.all(), fastnet.from_numpy(data.target), loss
        self._weight = None if data.weight is None else fastnet.from_numpy(data.weight)
        self._step: Any = fastnet.compile(self._forward_and_backward, disable=not estimator.compile)

    def _forward_and_backward(self) -> Any:
        for p in self.parameters:
            p.grad = None
        loss = self._loss(self.network(self._inputs), self._target, self._weight)
        loss.backward()
        return loss.detach()

    def start(self) -> Array:
        """The current parameters as a vector."""
        return np.concatenate([view.ravel() for view in self.views]).astype(np.float64)

    def write(self, vector: Array) -> None:
        """Copy a vector into the network's parameters."""
        begin = 0
        for view in self.views:
            view[...] = vector[begin:begin + view.size].reshape(view.shape)
            begin += view.size

    def __call__(self, vector: Array) -> tuple[Any, Array]:
        """(loss, gradient) at a vector of parameters."""
        self.write(vector)
        loss, gradient = self._step().item(), []
        for p, view in zip(self.parameters, self.views):
            g = np.zeros(p.shape) if p.grad is None else p.grad.numpy().astype(np.float64)
            if decays(p):
                loss += self.decay / 2 * float(np.square(view, dtype=np.float64).sum())
                g += self.decay * view
            gradient.append(g.ravel())
        return loss, np.concatenate(gradient)


def minimize(estimator: MLP, objective: Objective) -> None:
    """Minimise an Objective with an estimator's parameters, and set its `loss_` and `n_iter_`.

    Args:
        estimator: see `MLPClassifier`.
        objective: its network receives the minimum.

    Raises:
        FloatingPointError: the minimum is not finite.
    """
    from scipy.optimize import minimize as scipy_minimize

    iterations = 0

    def print_iteration(intermediate_result: Any) -> None:      # SciPy passes the argument by this name
        nonlocal iterations
        iterations += 1
        print(f"Iteration {iterations}, loss = {intermediate_result.fun:.8f}")
    objective.network.train()
    try:
        found: Any = scipy_minimize(
            objective, objective.start(), method="L-BFGS-B", jac=True,
            callback=print_iteration if estimator.verbose else None,
            options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol})
    finally:
        objective.network.eval()
    if not (np.isfinite(found.x).all() and np.isfinite(found.fun)):
        raise FloatingPointError("L-BFGS found no finite minimum")
    objective.write(found.x)
    estimator.n_iter_, estimator.loss_ = min(found.nit, estimator.max_iter), float(found.fun)
    if found.status != 0:
        warnings.warn(f"lbfgs failed to converge after {found.nit} iteration(s): {found.message}\nIncrease max_iter or "
                      "max_fun, or scale the data.", ConvergenceWarning, stacklevel=5)
